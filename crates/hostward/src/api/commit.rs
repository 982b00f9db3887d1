//! `POST /commit`: an image made of a container has the container's labels, and may be pushed to where nobody is to read the
//! host's paths.

use super::query::{pair, pairs, with_pairs};
use std::borrow::Cow;

/// The target of a commit whose image has nothing in these labels, which Hostward has written on the container.
///
/// No engine takes a label away there. All set one to nothing by a change (a line of a Dockerfile; seen on 20.10, 26 and 28), and
/// nothing else of the image changes by that, as it would by a body: with one, what the container runs with is not all taken over.
/// It stands before the client's own changes: behind one that ends with a backslash it would be a part of that.
pub fn without_labels(target: &[u8], labels: &[&str]) -> Vec<u8> {
    let labels: Vec<_> = labels.iter().map(|label| format!("{label}=\"\"")).collect();
    let change = Cow::Owned(pair("changes", &format!("LABEL {}", labels.join(" "))));
    let all: Vec<_> = [change].into_iter().chain(pairs(target).map(|pair| Cow::Borrowed(pair.raw))).collect();
    with_pairs(target, &all)
}

/// The container that a commit is of, as its target names it.
pub fn container(target: &[u8]) -> Option<String> {
    let named = pairs(target).find(|pair| *pair.key == *b"container")?;
    String::from_utf8(named.value.into_owned()).ok().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::ownership::Ownership;
    use crate::seal::LABEL;

    #[test]
    fn the_labels_are_set_to_nothing_before_all_other_changes() {
        let target = b"/v1.41/commit?container=web&repo=i&changes=ENV+a%3Db&changes=CMD%20x";
        assert_eq!(
            String::from_utf8(without_labels(target, &[LABEL])).unwrap(),
            "/v1.41/commit?changes=LABEL%20hostward.asked%3D%22%22&container=web&repo=i&changes=ENV+a%3Db&changes=CMD%20x"
        );
        assert_eq!(
            without_labels(b"/commit", &[LABEL, Ownership::LABEL]),
            b"/commit?changes=LABEL%20hostward.asked%3D%22%22%20hostward.owner%3D%22%22"
        );
    }

    #[test]
    fn a_commit_names_its_container() {
        for (target, name) in [
            ("/commit?repo=i&container=w%65b", Some("web")),
            ("/commit?container=a&container=b", Some("a")),
            ("/commit?container=", None),
            ("/commit", None),
        ] {
            assert_eq!(container(target.as_bytes()).as_deref(), name, "{target}");
        }
    }
}
