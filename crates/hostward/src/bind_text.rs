//! The text of one bind, `SOURCE:TARGET[:OPTIONS]`, in its parts. There is no other place that splits one.

/// A text of `Binds`, in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BindText<'t> {
    /// A path or a volume's name; `None` for an anonymous volume, whose text is its target alone.
    pub(crate) source: Option<&'t str>,
    /// All that follows the source and its colon.
    pub(crate) rest: &'t str,
    /// Where it is mounted.
    pub(crate) target: &'t str,
    /// What follows the target and its colon.
    pub(crate) options: Option<&'t str>,
    /// Whether the text has more parts than these: a path in it holds a colon, or it is no bind.
    pub(crate) has_more: bool,
}

impl<'t> BindText<'t> {
    /// Parts a text as dockerd does on Linux, at every colon (`volume/mounts/linux_parser.go`).
    pub(crate) fn of(text: &'t str) -> Self {
        Self::parted(text, 0)
    }

    /// Parts a text as its user meant it: the colon of a Windows drive belongs to the source. Docker Desktop shows such texts.
    pub(crate) fn of_user(text: &'t str) -> Self {
        Self::parted(text, if has_drive(text) { 2 } else { 0 })
    }

    /// The source's colon is the first one behind `begin`.
    fn parted(text: &'t str, begin: usize) -> Self {
        let Some(colon) = text[begin..].find(':').map(|colon| begin + colon) else {
            return Self { source: None, rest: text, target: text, options: None, has_more: false };
        };
        let (source, rest) = (&text[..colon], &text[colon + 1..]);
        let mut parts = rest.split(':');
        Self {
            source: Some(source),
            rest,
            target: parts.next().unwrap_or_default(),
            options: parts.next(),
            has_more: parts.next().is_some(),
        }
    }
}

/// Whether a path begins with a drive of Windows: `C:\` or `C:/`.
pub(crate) fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic())
}

/// Whether the options of a mount name other paths, as an overlay's `lowerdir=` does.
pub(crate) fn names_a_path(options: &str) -> bool {
    options.contains("=/") || options.contains("dir=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_parted_at_every_colon() {
        let parts = |text: &'static str| {
            let BindText { source, rest, target, options, has_more } = BindText::of(text);
            (source, rest, target, options, has_more)
        };
        assert_eq!(parts("/a:/c:ro,z"), (Some("/a"), "/c:ro,z", "/c", Some("ro,z"), false));
        assert_eq!(parts("/a:/c:"), (Some("/a"), "/c:", "/c", Some(""), false));
        assert_eq!(parts("/a:/c"), (Some("/a"), "/c", "/c", None, false));
        assert_eq!(parts("/c"), (None, "/c", "/c", None, false));
        assert_eq!(parts("/a:b:/c:ro"), (Some("/a"), "b:/c:ro", "b", Some("/c"), true));
        assert_eq!(parts(""), (None, "", "", None, false));
    }

    #[test]
    fn a_users_text_is_parted_behind_its_drive() {
        let parts = |text: &'static str| {
            let text = BindText::of_user(text);
            (text.source, text.target, text.options)
        };
        assert_eq!(parts(r"C:\Users\me:/app:rw"), (Some(r"C:\Users\me"), "/app", Some("rw")));
        assert_eq!(parts(r"C:\Users\me"), (None, r"C:\Users\me", None));
        assert_eq!(parts("/srv/app:/app"), (Some("/srv/app"), "/app", None));
        assert_eq!(parts("/app").0, None);
    }
}
