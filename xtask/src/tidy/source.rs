//! A file of a crate, as the tidy checks read it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hostward_testkit::{Error, Result};
use syn::{Attribute, Item, ItemMod};

/// A file of a crate, without its tests.
pub(super) struct Source {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The names of its module, from the crate's root: none for `lib.rs` and `main.rs`.
    pub(super) module: Vec<String>,
    /// What it defines.
    pub(super) items: Vec<Item>,
    text: String,
}

/// All files of a crate but those that hold tests alone.
///
/// # Errors
/// A file that is not read, or is no Rust.
pub(super) fn read(folder: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    read_into(&mut sources, folder, folder)?;
    let declared: BTreeSet<Vec<String>> = sources.iter().flat_map(Source::declared).collect();
    // What its parent declares for tests alone is declared no more.
    sources.retain(|source| source.module.is_empty() || declared.contains(&source.module));
    Ok(sources)
}

fn read_into(sources: &mut Vec<Source>, root: &Path, folder: &Path) -> Result<()> {
    let mut paths: Vec<_> =
        fs::read_dir(folder).map_err(unread(folder))?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_into(sources, root, &path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).map_err(unread(&path))?;
            let file = syn::parse_file(&text)
                .map_err(|error| Error::State(format!("{}: {error}", path.display())))?;
            let items = without_tests(file.items);
            sources.push(Source { module: module(root, &path), path, items, text });
        }
    }
    Ok(())
}

/// What went wrong with a file that is not read.
pub(super) fn unread(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { aim: format!("read {}", path.display()), source }
}

/// `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module(root: &Path, path: &Path) -> Vec<String> {
    let within = path.strip_prefix(root).unwrap_or(path).with_extension("");
    let mut names: Vec<_> = within.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if names
        .last()
        .is_some_and(|last| last == "mod" || names.len() == 1 && ["lib", "main"].contains(&&**last))
    {
        names.pop();
    }
    names
}

fn without_tests(items: Vec<Item>) -> Vec<Item> {
    let kept = items.into_iter().filter(|item| !attributes(item).iter().any(is_for_tests));
    kept.map(|item| match item {
        Item::Mod(ItemMod {
            content: Some((brace, items)),
            attrs,
            vis,
            unsafety,
            mod_token,
            ident,
            semi,
        }) => {
            let content = Some((brace, without_tests(items)));
            Item::Mod(ItemMod { content, attrs, vis, unsafety, mod_token, ident, semi })
        }
        other => other,
    })
    .collect()
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// `#[cfg(test)]`.
fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
}

impl Source {
    /// Its lines of code: no comment, no blank, and nothing of the tests, which stand last in a file.
    pub(super) fn lines_of_code(&self) -> usize {
        let code = self.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
        code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
    }

    /// The modules that have files of their own, as it declares them.
    fn declared(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.items.iter().filter_map(|item| match item {
            Item::Mod(ItemMod { content: None, ident, .. }) => {
                Some([&self.module[..], &[ident.to_string()]].concat())
            }
            _ => None,
        })
    }

    /// The names of the types and traits that it defines.
    pub(super) fn types(&self) -> impl Iterator<Item = String> + '_ {
        types(&self.items).into_iter()
    }
}

fn types(items: &[Item]) -> Vec<String> {
    items
        .iter()
        .flat_map(|item| match item {
            Item::Enum(item) => vec![item.ident.to_string()],
            Item::Struct(item) => vec![item.ident.to_string()],
            Item::Trait(item) => vec![item.ident.to_string()],
            Item::Type(item) => vec![item.ident.to_string()],
            Item::Union(item) => vec![item.ident.to_string()],
            Item::Mod(ItemMod { content: Some((_, items)), .. }) => types(items),
            _ => Vec::new(),
        })
        .collect()
}
