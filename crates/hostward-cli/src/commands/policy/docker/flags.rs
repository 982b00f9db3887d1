//! The words of a command, taken apart as the docker CLI does, and put into a query.

use crate::report::Failure;

/// The words of a command.
#[derive(Debug)]
pub(super) struct CommandWords<'w> {
    /// The flags by name, without dashes, each with its value. A switch without one has `true`.
    pub(super) flags: Vec<(&'w str, String)>,
    /// The first word that is no flag, and all behind it.
    pub(super) names: Vec<&'w str>,
}

/// Takes the words of a command apart. Flags end at the first word that is none.
///
/// # Errors
/// A flag that is not among these, and one whose value is missing.
pub(super) fn given<'w>(
    command: &str,
    words: &[&'w str],
    switches: &[&str],
    values: &[&str],
) -> Result<CommandWords<'w>, Failure> {
    let mut given = CommandWords { flags: Vec::new(), names: Vec::new() };
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
            given.names.push(word);
            break;
        };
        if flag == "-" {
            break;
        }
        let missing = |name: &str| Failure::usage(format_args!("{command} {name}: its value is missing"));
        if let Some(long) = flag.strip_prefix('-') {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let value = match value {
                Some(value) if switches.contains(&name) || values.contains(&name) => value,
                None if switches.contains(&name) => "true".to_owned(),
                None if values.contains(&name) => words.next().ok_or_else(|| missing(word))?.to_owned(),
                _ => return Err(unknown(&format!("{command} --{name}"))),
            };
            given.flags.push((name, value));
            continue;
        }
        // Several switches may be one word, and the last of them may have a value: -itv /a:/b, -p80:80.
        for (at, letter) in flag.char_indices() {
            let name = &flag[at..at + letter.len_utf8()];
            let rest = &flag[at + letter.len_utf8()..];
            if switches.contains(&name) {
                given.flags.push((name, "true".to_owned()));
                continue;
            }
            if !values.contains(&name) {
                return Err(unknown(&format!("{command} -{name}")));
            }
            let value = match rest.strip_prefix('=').unwrap_or(rest) {
                "" => words.next().ok_or_else(|| missing(word))?,
                value => value,
            };
            given.flags.push((name, value.to_owned()));
            break;
        }
    }
    given.names.extend(words);
    Ok(given)
}

/// What is said of a command or flag that is not among those that are known here.
pub(super) fn unknown(what: &str) -> Failure {
    let failure =
        Failure::usage(format_args!("{what} is not among the docker commands and flags that are known here"));
    failure.hint("record the request in a file: its first line, headers, an empty line, and the body")
}

/// A text as it is in a query.
pub(super) fn escaped(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    let one = |b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(one).collect::<Vec<_>>().concat()
}
