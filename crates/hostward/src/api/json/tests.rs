//! Reading as Go reads, and edits to the byte.

use super::*;

#[test]
fn names_match_as_go_matches_them() {
    let body = r#"{"hO\u017ftConfig": 1, "\u212a": 2}"#.replace("\\\\", "\\");
    let members = Value::of(body.as_bytes()).unwrap().members().unwrap().unwrap();
    assert_eq!(member(&members, "HostConfig").unwrap().unwrap().text(), "1");
    assert_eq!(member(&members, "K").unwrap().unwrap().text(), "2");
    assert!(member(&members, "Binds").unwrap().is_none());
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    let members = Value::of(br#"{"Binds":[],"binds":null}"#).unwrap().members().unwrap().unwrap();
    assert!(matches!(member(&members, "Binds"), Err(BodyError::Duplicate(_))));
}

#[test]
fn values_know_where_they_stand() {
    let body = br#" { "a" : [ 1 , "x" ] } "#;
    let members = Value::of(body).unwrap().members().unwrap().unwrap();
    let elements = members[0].1.elements().unwrap().unwrap();
    assert_eq!(&body[elements[1].span()], br#""x""#);
    assert_eq!(elements[1].string().unwrap().unwrap(), "x");
}

fn edited(body: &str, edit: impl Fn(Value<'_>, &mut Edits)) -> String {
    let mut edits = Edits::default();
    edit(Value::of(body.as_bytes()).unwrap(), &mut edits);
    String::from_utf8(edits.apply(body.as_bytes())).unwrap()
}

#[test]
fn elements_are_taken_out_with_their_commas() {
    for (removed, left) in [
        (&[0][..], "[ 2 , 3 ]"),
        (&[1], "[ 1 , 3 ]"),
        (&[2], "[ 1 , 2 ]"),
        (&[0, 1], "[ 3 ]"),
        (&[1, 2], "[ 1 ]"),
        (&[0, 2], "[ 2 ]"),
        (&[0, 1, 2], "[  ]"),
    ] {
        let seen = edited("[ 1 , 2 , 3 ]", |array, edits| {
            let elements = array.elements().unwrap().unwrap();
            let spans: Vec<_> = elements.iter().map(Value::span).collect();
            edits.remove_elements(&spans, |n| removed.contains(&n));
        });
        assert_eq!(seen, left, "{removed:?}");
    }
}

#[test]
fn members_are_taken_out_and_put_in_with_their_commas() {
    let body = r#"{ "a" : 1 , "b" : {"x{":2} , "c" : 3 }"#;
    for (keys, left) in [
        ("a", r#"{ "b" : {"x{":2} , "c" : 3 }"#),
        ("b", r#"{ "a" : 1 , "c" : 3 }"#),
        ("c", r#"{ "a" : 1 , "b" : {"x{":2} }"#),
        ("ab", r#"{ "c" : 3 }"#),
        ("bc", r#"{ "a" : 1 }"#),
        ("ac", r#"{ "b" : {"x{":2} }"#),
        ("abc", "{ }"),
    ] {
        let seen = edited(body, |map, edits| {
            let (stale, stays) = stale_members(map, |key| keys.contains(key)).unwrap();
            assert_eq!(stays, keys.len() < 3);
            for one in stale {
                edits.put(one.whole, "");
            }
        });
        assert_eq!(seen, left, "{keys}");
    }
    let add = |object: Value<'_>, edits: &mut Edits| {
        edits.add_members(End::of(object), &[("n\"", "[]"), ("m", "1")]);
    };
    assert_eq!(edited("{ }", add), r#"{ "n\"":[],"m":1}"#);
    assert_eq!(edited(r#"{"a":1}"#, add), r#"{"a":1,"n\"":[],"m":1}"#);
}

#[test]
fn nesting_takes_no_stack_and_long_objects_and_arrays_have_an_end() {
    let deep = format!(r#"{{"Mounts":[{}{}]}}"#, "[".repeat(1 << 20), "]".repeat(1 << 20));
    let members = Value::of(deep.as_bytes()).unwrap().members().unwrap().unwrap();
    assert_eq!(array(&members, "mounts").unwrap().unwrap().len(), 1);
    let long = format!("[{}0]", "0,".repeat(MOST_ELEMENTS));
    let too_long = Value::of(long.as_bytes()).unwrap().elements();
    assert!(matches!(too_long, Err(BodyError::Many { most: MOST_ELEMENTS, .. })), "{too_long:?}");
    let wide = format!(r#"{{{}"a":0}}"#, r#""a":0,"#.repeat(MOST_MEMBERS));
    let value = Value::of(wide.as_bytes()).unwrap();
    assert!(matches!(value.members(), Err(BodyError::Many { most: MOST_MEMBERS, .. })));
    let mut seen = 0;
    assert!(
        value
            .each_member(|_, _| {
                seen += 1;
                Ok(())
            })
            .unwrap()
    );
    assert_eq!(seen, MOST_MEMBERS + 1);
}

#[test]
fn what_is_no_json_is_an_error() {
    assert!(matches!(Value::of(b"{}{}"), Err(BodyError::Syntax(_))));
    assert!(matches!(Value::of(b"{\"a\":\"\xff\"}"), Err(BodyError::Encoding(6))));
    assert!(matches!(Value::of(b""), Err(BodyError::Syntax(_))));
}
