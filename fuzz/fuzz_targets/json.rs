//! A body of any bytes: what is taken for JSON is JSON to another reader too, and each value in it stands where that one has it.
#![no_main]

use hostward::api::json::{DEEPEST, Value};
use libfuzzer_sys::fuzz_target;
use reader::Tree;

#[allow(dead_code, reason = "what a profile forbids is for the target that judges")]
#[path = "../../crates/hostward/tests/judged/reader.rs"]
mod reader;

fuzz_target!(|body: &[u8]| {
    let Ok(value) = Value::of(body) else { return };
    assert_eq!(&body[value.span()], value.text().as_bytes());
    assert!(body.len() <= DEEPEST || value.text().len() <= body.len());
    // The other one calls itself for each level.
    if let Some(tree) = reader::first(body) {
        alike(body, value, &tree);
    }
});

fn alike(body: &[u8], value: Value<'_>, tree: &Tree) {
    assert_eq!(&body[value.span()], value.text().as_bytes());
    match tree {
        Tree::Null => assert!(value.is_null()),
        Tree::Bool(flag) => assert_eq!(value.text(), flag.to_string()),
        Tree::Number(_) => assert!(value.text().starts_with(|c: char| c == '-' || c.is_ascii_digit())),
        Tree::Text(text) => assert_eq!(value.string().expect("it was read").as_deref(), Some(&text[..])),
        Tree::List(trees) => {
            let Ok(elements) = value.elements() else { return };
            let elements = elements.expect("it is an array");
            assert_eq!(elements.len(), trees.len());
            for (element, tree) in elements.into_iter().zip(trees) {
                alike(body, element, tree);
            }
        }
        Tree::Object(trees) => {
            let Ok(members) = value.members() else { return };
            let members = members.expect("it is an object");
            assert_eq!(members.len(), trees.len());
            for ((name, member), (other, tree)) in members.into_iter().zip(trees) {
                assert_eq!(name, *other);
                alike(body, member, tree);
            }
        }
    }
}
