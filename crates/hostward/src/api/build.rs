//! `POST /build`: an image that a caller under a profile builds says whose it is, so that the same caller may build it again under
//! the same name, and nobody else.

use super::query::{pair, pairs, with_pairs};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The target of a build whose image has one more label; `None` where the labels that it asks for cannot be read.
pub fn with_label(target: &[u8], key: &str, value: &str) -> Option<Vec<u8>> {
    let (mut labels, mut others) = (BTreeMap::<String, String>::new(), Vec::new());
    for one in pairs(target) {
        if *one.key == *b"labels" {
            if !one.value.is_empty() {
                labels = serde_json::from_slice(&one.value).ok()?;
            }
        } else {
            others.push(Cow::Borrowed(one.raw));
        }
    }
    labels.insert(key.to_owned(), value.to_owned());
    others.push(Cow::Owned(pair("labels", &serde_json::to_string(&labels).ok()?)));
    Some(with_pairs(target, &others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_added_to_those_that_are_asked_for() {
        let seen = |target: &str| {
            with_label(target.as_bytes(), "k", "v w").map(|target| String::from_utf8(target).unwrap())
        };
        let only = "labels=%7B%22k%22%3A%22v%20w%22%7D";
        assert_eq!(seen("/v1.41/build?t=app").as_deref(), Some(&*format!("/v1.41/build?t=app&{only}")));
        assert_eq!(seen("/build?labels=&t=app").as_deref(), Some(&*format!("/build?t=app&{only}")));
        let both = "/build?t=app&labels=%7B%22a%22%3A%221%22%2C%22k%22%3A%22v%20w%22%7D";
        assert_eq!(seen("/build?labels=%7B%22a%22:%221%22%7D&t=app").as_deref(), Some(both));
        assert_eq!(seen("/build?labels=x"), None);
    }
}
