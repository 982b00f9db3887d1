//! What users call a directory that the engine has by another path. Docker Desktop's engine runs in a virtual machine, and
//! `/Users/me` or `C:\Users\me` has a path of its own there.

use crate::bind_text::has_drive;
use crate::path::{CallerPath, EnginePath};
use std::collections::BTreeMap;

/// A directory or file by two paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The engine's.
    pub engine: EnginePath,
    /// The user's, who mounted it.
    pub user: String,
}

impl Alias {
    /// The alias of a bind, where its user has another path than the engine. The first that tells: a label that Docker
    /// Desktop gives the container, the sources and targets that were asked for, the form of the engine's path.
    pub(crate) fn of<'a>(
        engine: &EnginePath,
        destination: &CallerPath,
        labels: &'a BTreeMap<String, String>,
        mut asked: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Option<Self> {
        let other = |user: &&str| !EnginePath::parse(user.as_bytes()).is_ok_and(|user| user.is_same(engine));
        let mut asked = || asked.find(|(_, target)| is_at(target, destination)).map(|(source, _)| source);
        let told = labelled(labels, destination).filter(other).or_else(|| asked().filter(other));
        let user = told.filter(|user| is_path(user)).map(str::to_owned).or_else(|| of_form(engine))?;
        Some(Self { engine: engine.clone(), user })
    }

    /// The user's path of what the engine has at this one.
    pub fn user(&self, path: &EnginePath) -> Option<String> {
        let rest = path.below(&self.engine)?.to_string();
        let slash = if self.user.contains('\\') { "\\" } else { "/" };
        Some(match rest.as_str() {
            "" => self.user.clone(),
            rest => format!("{}{slash}{}", self.user.trim_end_matches(slash), rest.replace('/', slash)),
        })
    }

    /// The engine's path of what the user calls this.
    pub fn engine(&self, path: &EnginePath) -> Option<EnginePath> {
        let user = EnginePath::parse(self.user.as_bytes()).ok()?;
        Some(self.engine.join(&path.below(&user)?))
    }
}

/// Docker Desktop notes `desktop.docker.io/binds/0/Source` and `…/Target`, and the same of `mounts`.
fn labelled<'a>(labels: &'a BTreeMap<String, String>, destination: &CallerPath) -> Option<&'a str> {
    let base = labels.iter().find_map(|(name, target)| {
        let base = name.strip_suffix("/Target")?;
        (base.starts_with("desktop.docker.io/") && is_at(target, destination)).then_some(base)
    })?;
    // Some versions note a number of their own there.
    labels.get(&format!("{base}/Source")).map(String::as_str).filter(|source| is_path(source))
}

fn is_at(target: &str, destination: &CallerPath) -> bool {
    CallerPath::parse(target.as_bytes()).is_ok_and(|target| target == *destination)
}

fn is_path(source: &str) -> bool {
    source.starts_with('/') || has_drive(source)
}

/// What the form of Docker Desktop's path says by itself.
fn of_form(engine: &EnginePath) -> Option<String> {
    let path = engine.as_str()?;
    let drives = path.strip_prefix("/run/desktop/mnt/host").or_else(|| path.strip_prefix("/host_mnt"));
    drives.and_then(on_drive).or_else(|| {
        let path = path.strip_prefix("/host_mnt")?;
        path.starts_with('/').then(|| path.to_owned())
    })
}

/// `C:\Users` for `/c/Users`.
fn on_drive(path: &str) -> Option<String> {
    let (drive, rest) = path.strip_prefix('/')?.split_at_checked(1)?;
    let letter = drive.bytes().all(|b| b.is_ascii_lowercase());
    (letter && (rest.is_empty() || rest.starts_with('/'))).then(|| {
        format!("{}:\\{}", drive.to_ascii_uppercase(), rest.trim_start_matches('/').replace('/', "\\"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(text: &str) -> EnginePath {
        EnginePath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn docker_desktops_paths_say_whose_they_are() {
        for (path, user) in [
            ("/host_mnt/Users/me", Some("/Users/me")),
            ("/host_mnt/c/Users/me", Some(r"C:\Users\me")),
            ("/run/desktop/mnt/host/d", Some(r"D:\")),
            ("/run/desktop/mnt/host/wsl/docker-desktop-bind-mounts/Ubuntu/1f", None),
            ("/host_mntx/Users", None),
            ("/home/me", None),
        ] {
            assert_eq!(of_form(&engine(path)).as_deref(), user, "{path}");
        }
    }

    #[test]
    fn an_alias_leads_both_ways() {
        let mac = Alias { engine: engine("/host_mnt/Users/me"), user: "/Users/me".into() };
        assert_eq!(mac.user(&engine("/host_mnt/Users/me/a/b")).as_deref(), Some("/Users/me/a/b"));
        assert_eq!(mac.engine(&engine("/Users/me/a")), Some(engine("/host_mnt/Users/me/a")));
        assert_eq!(mac.engine(&engine("/Users/mean")), None);
        let drive = Alias { engine: engine("/run/desktop/mnt/host/c"), user: r"C:\".into() };
        assert_eq!(drive.user(&engine("/run/desktop/mnt/host/c/a/b")).as_deref(), Some(r"C:\a\b"));
        assert_eq!(drive.engine(&engine("/c/a")), None);
        let slashes = Alias { user: "C:/Users".into(), ..drive };
        assert_eq!(slashes.user(&engine("/run/desktop/mnt/host/c/a")).as_deref(), Some("C:/Users/a"));
    }
}
