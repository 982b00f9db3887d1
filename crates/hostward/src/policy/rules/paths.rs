//! Paths that are mounted: what symlinks lead to, in the caller's view, is under one of the profile's roots.

use crate::path::CallerPath;
use crate::policy::access::MountAccess;
use crate::policy::denial::Denial;
use crate::policy::profile::{AllowedRoot, Profile};

/// How a path may be mounted.
pub(in crate::policy) fn mount(
    profile: &Profile,
    path: &CallerPath,
    is_machine: bool,
) -> Result<MountAccess, Denial> {
    let roots = if is_machine { &profile.host_paths } else { &profile.roots };
    // The deepest one: a read-only root within a writable one holds for what is in it, and the other way round.
    let covers = roots.iter().filter(|root| path.below(&root.path).is_some());
    match covers.max_by_key(|root| root.path.as_bytes().len()) {
        // A read-only root beneath would come along with what is mounted, and be writable.
        Some(AllowedRoot { read_only: false, .. }) if !has_read_only_below(roots, path) => {
            Ok(MountAccess::AsAsked)
        }
        Some(_) => Ok(MountAccess::ReadOnly),
        None => Err(denial(profile, path, roots, is_machine)),
    }
}

fn has_read_only_below(roots: &[AllowedRoot], path: &CallerPath) -> bool {
    roots.iter().any(|root| root.read_only && root.path.below(path).is_some())
}

fn denial(profile: &Profile, path: &CallerPath, roots: &[AllowedRoot], is_machine: bool) -> Denial {
    let path = String::from_utf8_lossy(path.as_bytes());
    let allowed: Vec<_> = roots.iter().map(AllowedRoot::text).collect();
    let allowed = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
    let name = &profile.name;
    if is_machine {
        let what = format!(
            "cannot mount {path}: of the host's own paths, the profile {name:?} allows {allowed} to be mounted"
        );
        return Denial::new("host-path", what, "leave it out, or add it to `host_paths` of the profile");
    }
    let what = format!("cannot mount {path}: the profile {name:?} allows {allowed} to be mounted");
    Denial::new("mount", what, "use a directory below one of these, or add it to `roots` of the profile")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(roots: &[&str], path: &str) -> Result<MountAccess, &'static str> {
        let roots = roots.iter().map(|text| AllowedRoot::parse(text).unwrap()).collect();
        let profile = Profile { roots, ..Profile::default() };
        let path = CallerPath::parse(path.as_bytes()).unwrap();
        // Paths of the host have a list of their own.
        assert_eq!(mount(&profile, &path, true).unwrap_err().rule, "host-path");
        mount(&profile, &path, false).map_err(|denial| denial.rule)
    }

    #[test]
    fn a_path_is_mounted_below_a_root() {
        use MountAccess::{AsAsked, ReadOnly};
        for (roots, path, expected) in [
            (&["/app"][..], "/app", Ok(AsAsked)),
            (&["/app"], "/app/storage/x", Ok(AsAsked)),
            (&["/app"], "/app2", Err("mount")),
            (&["/app"], "/", Err("mount")),
            (&["/app/storage"], "/app", Err("mount")),
            (&["/"], "/anything", Ok(AsAsked)),
            (&["/cache:ro"], "/cache/x", Ok(ReadOnly)),
            (&[], "/app", Err("mount")),
            (&["/app", "/app/fixed:ro"], "/app/fixed/x", Ok(ReadOnly)),
            (&["/app", "/app/fixed:ro"], "/app/other", Ok(AsAsked)),
            (&["/app", "/app/fixed:ro"], "/app", Ok(ReadOnly)),
            (&["/app:ro", "/app/out"], "/app/out/x", Ok(AsAsked)),
            (&["/app:ro", "/app/out"], "/app", Ok(ReadOnly)),
        ] {
            assert_eq!(access(roots, path), expected, "{roots:?} {path}");
        }
    }

    #[test]
    fn a_root_is_plain_and_absolute() {
        for wrong in ["app", "", ":ro", "/app/../etc", "/./app"] {
            AllowedRoot::parse(wrong).unwrap_err();
        }
        assert_eq!(AllowedRoot::parse("/cache/:ro").unwrap().text(), "/cache:ro");
    }
}
