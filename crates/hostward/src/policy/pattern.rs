//! Patterns of names: text in which `*` stands for any run of characters, an empty one too.
//!
//! A pattern matches a name to the letter and in whole. What means the same in several spellings (images, capabilities) is brought
//! into one spelling before it is compared; what has none is refused by its rule.

use std::fmt;

/// A text in which `*` stands for anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(String);

/// Several patterns: what one of them matches, is matched, but for what one with a `!` in front of it matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patterns(Vec<Pattern>);

impl Pattern {
    /// The pattern of this text. Each text is one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches the whole of a text.
    ///
    /// ```
    /// use hostward::policy::pattern::Pattern;
    /// assert!(Pattern::new("ci-*-cache").matches("ci-main-cache"));
    /// assert!(!Pattern::new("ci-*").matches("CI-1"));
    /// ```
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        // Between two stars the first place is as good as any: what follows only needs to come later.
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }

    /// Whether it matches everything.
    pub fn is_everything(&self) -> bool {
        !self.0.is_empty() && self.0.bytes().all(|byte| byte == b'*')
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Patterns {
    /// Whether one of them matches the whole of a text.
    pub fn matches(&self, text: &str) -> bool {
        self.decide(|pattern| pattern.matches(text))
    }

    fn decide(&self, matches: impl Fn(&Pattern) -> bool) -> bool {
        let excluded = |pattern: &Pattern| pattern.0.strip_prefix('!').map(Pattern::new);
        self.0.iter().any(|pattern| !pattern.0.starts_with('!') && matches(pattern))
            && !self.0.iter().filter_map(excluded).any(|pattern| matches(&pattern))
    }

    /// Whether something is said by name: a pattern that only happens to match it does not count.
    pub fn names(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.as_str() == text)
    }

    /// Whether one of them matches `key=value`. One without `=` is of the key alone, with any value.
    pub fn matches_pair(&self, key: &str, value: &str) -> bool {
        // A `=` in the key would move the border between the two.
        !key.contains('=')
            && self.decide(|pattern| match pattern.as_str().split_once('=') {
                Some((of_key, of_value)) => {
                    Pattern::new(of_key).matches(key) && Pattern::new(of_value).matches(value)
                }
                None => pattern.matches(key),
            })
    }

    /// Whether there is none, so that nothing is matched.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter()
    }
}

impl<T: Into<String>> FromIterator<T> for Patterns {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        Self(texts.into_iter().map(Pattern::new).collect())
    }
}

impl fmt::Display for Patterns {
    /// As a sentence lists them; `nothing` where there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (at, pattern) in self.0.iter().enumerate() {
            write!(f, "{}{pattern}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_is_any_run_of_characters() {
        for (pattern, text, matches) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything/at:all", true),
            ("**", "x", true),
            ("a", "a", true),
            ("a", "A", false),
            ("a", "ab", false),
            ("a*", "a", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "abcabc", true),
            ("a*c", "abcd", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            // The end must not be what a star's neighbour has taken.
            ("ab*b", "ab", false),
            ("a*a", "a", false),
            ("*a*a*", "a", false),
            ("a?", "ab", false),
            ("[ab]", "a", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), matches, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn a_pair_is_matched_on_both_sides_of_its_sign() {
        let options: Patterns = ["max-size=*", "mode", "type=tmpfs"].into_iter().collect();
        for (key, value, matches) in [
            ("max-size", "10m", true),
            ("max-size", "", true),
            ("mode", "anything", true),
            ("type", "tmpfs", true),
            ("type", "tmpfs2", false),
            ("type", "TMPFS", false),
            ("Type", "tmpfs", false),
            ("type=tmpfs", "", false),
            ("mode=x", "", false),
        ] {
            assert_eq!(options.matches_pair(key, value), matches, "{key}={value}");
        }
    }

    #[test]
    fn a_mark_takes_out() {
        let patterns: Patterns = ["container.*", "!container.prune", "!x*"].into_iter().collect();
        for (text, matches) in
            [("container.create", true), ("container.prune", false), ("x", false), ("!x*", false)]
        {
            assert_eq!(patterns.matches(text), matches, "{text}");
        }
    }

    /// The same by trying every way.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=text.len()).any(|at| slowly(rest, &text[at..])),
            ([first, rest @ ..], [letter, more @ ..]) => first == letter && slowly(rest, more),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_is_what_trying_every_way_finds(pattern in "[ab*é]{0,7}", text in "[abé]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Pattern::new(&*pattern).matches(&text), slowly(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn a_text_without_a_star_matches_only_itself(pattern in "[^*]{0,9}", text in ".{0,9}") {
            prop_assert!(Pattern::new(&*pattern).matches(&pattern));
            prop_assert_eq!(Pattern::new(&*pattern).matches(&text), pattern == text);
        }
    }
}
