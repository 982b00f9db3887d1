//! The profiles in force: those of the file, or the one that flags and variables make.

use hostward::policy::profile::{AllowedRoot, Profile};

use crate::args::PolicyArgs;
use crate::config::file::ConfigurationFile;
use crate::report::Failure;
use crate::variables;

/// The profiles. `--preset` is one for every container, in the place of those of the file.
///
/// # Errors
/// A preset that there is not, and roots that would have no effect.
pub(crate) fn settle(args: &PolicyArgs, file: &ConfigurationFile) -> Result<Vec<Profile>, Failure> {
    Ok(of_flags(args)?.map_or_else(|| file.profiles.clone(), |profile| vec![profile]))
}

/// The profile that flags and variables make, if they do.
pub(crate) fn of_flags(args: &PolicyArgs) -> Result<Option<Profile>, Failure> {
    let lines = args.allow_root.iter().flat_map(|value| value.lines()).filter(|line| !line.is_empty());
    let roots: Vec<_> = lines.map(AllowedRoot::parse).collect::<Result<_, _>>().map_err(Failure::usage)?;
    let Some(name) = args.preset.as_deref().filter(|name| !name.is_empty()) else {
        if roots.is_empty() {
            return Ok(None);
        }
        let failure =
            Failure::usage("--allow-root says what may be mounted under --preset, which is missing");
        return Err(failure
            .hint("hostward proxy --preset ci --allow-root PATH; or `roots` in a [[profile]] of the file"));
    };
    let mut profile = Profile::preset_with(name, &variables::plain).map_err(Failure::usage)?;
    if profile.unrestricted && !roots.is_empty() {
        let why = format!("--allow-root has no effect with --preset {name}, which allows everything");
        return Err(Failure::usage(why));
    }
    profile.roots.extend(roots);
    Ok(Some(profile))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(preset: Option<&str>, roots: &[&str]) -> Result<Option<Profile>, String> {
        let args = PolicyArgs {
            preset: preset.map(str::to_owned),
            allow_root: roots.iter().map(ToString::to_string).collect(),
        };
        of_flags(&args).map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn a_preset_has_the_roots_that_are_given() {
        let profile = made(Some("ci"), &["/builds", "/cache:ro\n/more"]).unwrap().unwrap();
        let roots: Vec<_> = profile.roots.iter().map(AllowedRoot::text).collect();
        assert_eq!(roots, ["/builds", "/cache:ro", "/more"]);
        assert_eq!(made(None, &[]), Ok(None));
        assert_eq!(made(Some(""), &[]), Ok(None));
    }

    #[test]
    fn roots_without_an_effect_are_told() {
        assert!(made(None, &["/builds"]).unwrap_err().contains("--preset"));
        assert!(made(Some("trusted"), &["/builds"]).unwrap_err().contains("no effect"));
        assert!(made(Some("ci"), &["builds"]).unwrap_err().contains("absolute"));
        assert!(made(Some("root"), &[]).unwrap_err().contains("unknown preset"));
    }
}
