//! Whose a container, a volume or a network is: what a caller under a profile makes belongs to the caller, and what it makes in its
//! turn belongs to that same owner, under the same profile.
//!
//! The engine keeps that in a label, signed with Hostward's key. Whoever can read a label can copy it, so it counts on a container
//! alone that has it from its own creation: an image can have been labelled by anybody
//! ([`Container::ownership`](crate::inspect::Container::ownership)).

use crate::seal::Key;
use serde::{Deserialize, Serialize};

/// Who owns something, and by which profile its owner is judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The container that has asked first: its full id. A process of the host is `host`, and nobody that is known is `unknown`.
    pub owner: String,
    /// The profile's name.
    pub profile: String,
}

/// What is signed.
#[derive(Serialize, Deserialize)]
struct Signed {
    #[serde(flatten)]
    ownership: Ownership,
    /// Different each time, so that no two labels are the same: what an image has was copied from somewhere.
    made: String,
}

impl Ownership {
    /// The label in which it is written.
    pub const LABEL: &str = "hostward.owner";

    /// What `made` is for volumes and networks. These have no labels but those that they were made with, and by the same value of
    /// all an engine finds those of one owner.
    pub const THING: &str = "thing";

    /// The label's value. For what has labels of an image, `made` must never have been used before.
    pub fn seal(&self, key: &Key, made: &str) -> String {
        let signed = Signed { ownership: self.clone(), made: made.to_owned() };
        // Texts alone: nothing of it can fail.
        key.seal(&serde_json::to_string(&signed).unwrap_or_default())
    }

    /// Reads a label; none where Hostward has not signed it.
    pub fn open(label: &str, key: &Key) -> Option<Self> {
        let signed: Signed = serde_json::from_str(key.open(label)?).ok()?;
        Some(signed.ownership)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_read_back_by_the_same_key_alone() {
        let ownership = Ownership { owner: "0b1c".to_owned(), profile: "ci \"x\"".to_owned() };
        let key = Key::new([7; Key::LEN]);
        let label = ownership.seal(&key, "1");
        assert_eq!(Ownership::open(&label, &key), Some(ownership.clone()));
        assert_ne!(label, ownership.seal(&key, "2"));
        assert_eq!(Ownership::open(&label, &Key::new([8; Key::LEN])), None);
        let (_, text) = label.split_once(' ').unwrap();
        assert_eq!(Ownership::open(text, &key), None);
        // What was signed for another purpose is not this.
        assert_eq!(Ownership::open(&key.seal(r#"{"caller":"0b1c","mounts":{}}"#), &key), None);
    }
}
