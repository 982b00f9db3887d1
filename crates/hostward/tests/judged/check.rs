//! A create under a profile that allows nothing but the image: it is refused, or holds nothing else.

use crate::reader::{Tree, first, forbidden, hostile, sources};
use hostward::api::endpoint::Endpoint;
use hostward::api::read::{Read, Terms};
use hostward::api::{claims, operations};
use hostward::policy::action::Action;
use hostward::policy::profile::Profile;

/// A profile under which a container may be made of any image, and have nothing of the host.
fn strict() -> Profile {
    let text = "name = \"strict\"\noperations = [\"*\"]\nimages = [\"*\"]\ncontainer_names = [\"*\"]\nlabels = [\"*\"]\n";
    Profile::parse(text).expect("a profile")
}

/// A profile, and what a create that it lets pass does not hold.
pub(crate) struct Law {
    profile: Profile,
    forbidden: fn(&Tree) -> Option<String>,
}

/// The strict profile first, and then the presets that judge anything.
pub(crate) fn laws() -> Vec<Law> {
    let preset = |name| Law { profile: Profile::preset(name).expect("a preset"), forbidden: hostile };
    vec![Law { profile: strict(), forbidden }, preset("ci"), preset("executor"), preset("observer")]
}

/// Whether a create passes. Its paths are judged by themselves.
///
/// # Panics
/// Where it passes and holds what the profile forbids.
pub(crate) fn passes(law: &Law, body: &[u8]) -> bool {
    let Law { profile, forbidden } = law;
    let target = b"/v1.41/containers/create?name=x";
    let found = operations::find(b"POST", target).expect("it is an operation");
    let Ok(claims) = claims::read(&found, target, Some(b"application/json"), Some(body)) else {
        return false;
    };
    let action = Action { operation: found.operation.name, claims: &claims };
    if profile.judge(action).is_err() {
        return false;
    }
    let Ok(read) = Read::of(Endpoint::ContainerCreate, body.to_vec(), Terms::default()) else { return false };
    let shown = String::from_utf8_lossy(body);
    let tree = first(body).unwrap_or_else(|| panic!("it is no JSON: {shown}"));
    if let Some(what) = forbidden(&tree) {
        panic!("{what} under {} in {shown}", profile.name);
    }
    // What a path is, is judged where it is read, and none may be overlooked there. Volumes are judged by their names.
    for source in
        sources(&tree).into_iter().filter(|source| source.starts_with('/') || profile.volumes.is_empty())
    {
        let is_read = read.sites().any(|site| site.asked.as_bytes() == source.as_bytes());
        assert!(is_read, "{source} is mounted, and nobody judges it: {shown}");
    }
    true
}
