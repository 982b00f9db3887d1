//! Files that import each other, directly or by way of others: neither can be read first.
//!
//! A file imports the file that defines what it names, by a `use` or by a path in its code. A name that a file hands on
//! (`pub use`) is the name of the file that it comes from, and handing it on is no import.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Item, ItemMod, ItemUse, Macro, Path, UseTree, Visibility};

use super::source::Source;

type Module = Vec<String>;

/// The circles of a crate, each as the files on its way.
pub(super) fn find(sources: &[Source]) -> Vec<String> {
    let modules: BTreeSet<&Module> = sources.iter().map(|source| &source.module).collect();
    let handed_on: BTreeMap<&Module, Vec<(String, Module)>> =
        sources.iter().map(|source| (&source.module, handed_on(source))).collect();
    let crate_ = Crate { modules, handed_on };
    let imports: BTreeMap<&Module, BTreeSet<Module>> = sources
        .iter()
        .map(|source| {
            let named = names(source);
            let files = named.iter().map(|path| crate_.file_of(path));
            (&source.module, files.filter(|file| *file != source.module).collect())
        })
        .collect();
    circles(&imports)
}

struct Crate<'a> {
    modules: BTreeSet<&'a Module>,
    /// What each file hands on: the name, and the path that it has in the crate.
    handed_on: BTreeMap<&'a Module, Vec<(String, Module)>>,
}

impl Crate<'_> {
    /// The file that defines what is at a path.
    fn file_of(&self, path: &[String]) -> Module {
        self.file_within(path, 8)
    }

    fn file_within(&self, path: &[String], depth: usize) -> Module {
        let file = (0..=path.len()).rev().map(|len| path[..len].to_vec());
        let file = file.into_iter().find(|file| self.modules.contains(file)).unwrap_or_default();
        let Some(name) = path.get(file.len()) else { return file };
        let known = self.handed_on.get(&file).into_iter().flatten();
        let from = known.filter(|(known, _)| known == name || known == "*").map(|(known, from)| {
            let rest = if known == "*" { &path[file.len()..] } else { &path[file.len() + 1..] };
            [from, rest].concat()
        });
        match from.into_iter().next() {
            Some(from) if depth > 0 => self.file_within(&from, depth - 1),
            _ => file,
        }
    }
}

/// What a file hands on of the same crate.
fn handed_on(source: &Source) -> Vec<(String, Module)> {
    let mut all = Vec::new();
    for item in &source.items {
        if let Item::Use(item) = item
            && is_handing_on(item)
        {
            let mut leaves = Vec::new();
            self::leaves(&item.tree, Vec::new(), &mut leaves);
            all.extend(leaves.into_iter().filter_map(|(name, path)| {
                Some((name, within(&path, &source.module).or_else(|| child(&path, source))?))
            }));
        }
    }
    all
}

fn is_handing_on(item: &ItemUse) -> bool {
    !matches!(item.vis, Visibility::Inherited)
}

/// A path that begins with a module of the file's own.
fn child(path: &[String], source: &Source) -> Option<Module> {
    let declared = source.items.iter().any(|item| matches!(item, Item::Mod(item) if item.ident == path[0]));
    declared.then(|| [&source.module, path].concat())
}

/// A path of this crate from its root, where it is said to be of this crate.
fn within(path: &[String], module: &[String]) -> Option<Module> {
    let supers = path.iter().take_while(|name| *name == "super").count();
    match path.first().map(String::as_str)? {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => Some([&module[..module.len().checked_sub(supers)?], &path[supers..]].concat()),
        _ => None,
    }
}

/// The names at the ends of a `use`, each with its whole path.
fn leaves(tree: &UseTree, before: Module, into: &mut Vec<(String, Module)>) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, [before, vec![path.ident.to_string()]].concat(), into),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, before.clone(), into)),
        UseTree::Name(name) if name.ident == "self" => {
            into.push((before.last().cloned().unwrap_or_default(), before));
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            into.push((name.clone(), [before, vec![name]].concat()));
        }
        UseTree::Rename(renamed) => {
            let path = [before, vec![renamed.ident.to_string()]].concat();
            into.push((renamed.rename.to_string(), path));
        }
        UseTree::Glob(_) => into.push(("*".to_owned(), before)),
    }
}

/// The paths of this crate that a file names.
fn names(source: &Source) -> BTreeSet<Module> {
    let mut names = Names { source, module: source.module.clone(), found: BTreeSet::new() };
    source.items.iter().for_each(|item| names.visit_item(item));
    names.found
}

struct Names<'a> {
    source: &'a Source,
    /// The module within the file.
    module: Module,
    found: BTreeSet<Module>,
}

impl Names<'_> {
    fn note(&mut self, path: &[String]) {
        if let Some(path) = within(path, &self.module).or_else(|| child(path, self.source)) {
            self.found.insert(path);
        }
    }

    /// Paths in the text of a macro's call, which is no syntax tree.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Module = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if path.is_empty() || colons == 2 => {
                    path.push(ident.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(ident) => {
                    self.end_of(&mut path);
                    path.push(ident.to_string());
                    colons = 0;
                    continue;
                }
                _ => {}
            }
            self.end_of(&mut path);
            colons = 0;
        }
        self.end_of(&mut path);
    }

    fn end_of(&mut self, path: &mut Module) {
        if path.len() > 1 {
            self.note(path);
        }
        path.clear();
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_handing_on(item) {
            let mut leaves = Vec::new();
            self::leaves(&item.tree, Vec::new(), &mut leaves);
            for (_, path) in &leaves {
                self.note(path);
            }
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Module = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            self.note(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.tokens(call.tokens.clone());
    }
}

/// One way round for each group of files that import each other.
fn circles(imports: &BTreeMap<&Module, BTreeSet<Module>>) -> Vec<String> {
    let mut found = Vec::new();
    let mut on_a_circle = BTreeSet::new();
    for start in imports.keys() {
        if on_a_circle.contains(*start) {
            continue;
        }
        if let Some(way) = way_back(start, imports) {
            on_a_circle.extend(way.iter().cloned());
            let way: Vec<_> = way.iter().map(shown).collect();
            found.push(format!("an import cycle: {}", way.join(" → ")));
        }
    }
    found
}

/// The shortest way from a file by imports back to it.
fn way_back(start: &Module, imports: &BTreeMap<&Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    let mut ways = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in imports.get(way.last()?).into_iter().flatten() {
                if next == start {
                    return Some([way, vec![start.clone()]].concat());
                }
                if seen.insert(next.clone()) {
                    longer.push([way.clone(), vec![next.clone()]].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

fn shown(file: &Module) -> String {
    if file.is_empty() { "the crate's root".to_owned() } else { file.join("::") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        find(&super::super::source::read(folder.path()).unwrap())
    }

    #[test]
    fn a_circle_is_found_by_any_kind_of_path() {
        for in_a in [
            "use crate::c::X;",
            "use super::c::{self, X};",
            "fn f() { crate::c::g(); }",
            "fn f(x: super::c::X) {}",
            "fn f() { g!(1, crate::c::X); }",
        ] {
            let files = [
                ("lib.rs", "mod a; mod b; mod c;"),
                ("a.rs", in_a),
                ("b.rs", "use crate::a::Y;"),
                ("c.rs", "use crate::b::Z;"),
            ];
            assert_eq!(found(&files), ["an import cycle: a → c → b → a"], "{in_a}");
        }
    }

    #[test]
    fn what_is_handed_on_is_of_the_file_that_has_it() {
        let parent = ("a/mod.rs", "mod b; mod c; pub use b::X; use c::Y;");
        // `X` is b's: c imports b by way of its parent, and the parent imports c.
        let files = [("lib.rs", "mod a;"), parent, ("a/b.rs", ""), ("a/c.rs", "use super::X;")];
        assert_eq!(found(&files), [""; 0]);
        let files = [("lib.rs", "mod a;"), parent, ("a/b.rs", ""), ("a/c.rs", "use super::Own;")];
        assert_eq!(found(&files), ["an import cycle: a → a::c → a"]);
    }

    #[test]
    fn tests_do_not_count() {
        let b = "#[cfg(test)]\nmod tests {\n    use crate::a::Y;\n}\n";
        assert_eq!(found(&[("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::Z;"), ("b.rs", b)]), [""; 0]);
        let lib = ("lib.rs", "mod a; #[cfg(test)] mod b;");
        assert_eq!(found(&[lib, ("a.rs", "use crate::b::Z;"), ("b.rs", "use crate::a::Y;")]), [""; 0]);
    }
}
