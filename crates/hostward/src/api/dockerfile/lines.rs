//! From text to instructions: parser directives, comments, and lines that are continued.

use super::error::Unclear;

/// How a version of the parser reads lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// The character that continues a line, and that takes the next one's meaning away.
    pub(super) escape: char,
    /// Whether a line goes on where two of them end it: to old versions it does, to those of Docker 20.10 and later it does not.
    doubled_continues: bool,
}

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instruction<'a> {
    /// The line that it begins in, from 1 on.
    pub(super) number: usize,
    pub(super) name: &'a str,
    /// What follows the name.
    pub(super) rest: &'a str,
}

/// An instruction's text, of one line or several.
#[derive(Debug)]
pub(super) struct InstructionLines(Vec<(usize, String)>);

impl Dialect {
    /// All ways in which engines read this text. `is_file` where nothing can be before it.
    pub(super) fn of(text: &str, is_file: bool) -> Vec<Self> {
        let mut all = Vec::new();
        for escape in escapes(text, is_file) {
            let doubled = [escape, escape].iter().collect::<String>();
            let differs = text.lines().any(|line| line.trim_end_matches([' ', '\t']).ends_with(&doubled));
            all.push(Self { escape, doubled_continues: false });
            if differs {
                all.push(Self { escape, doubled_continues: true });
            }
        }
        all
    }

    /// What is before the character that continues a line; none where the line ends.
    fn continued(self, line: &str) -> Option<&str> {
        let before = line.trim_end_matches([' ', '\t']).strip_suffix(self.escape)?;
        (self.doubled_continues || !before.ends_with(self.escape)).then_some(before)
    }
}

/// Which characters can be the one that continues lines. `# escape=` counts in the first line to all engines, and behind other
/// directives to some.
fn escapes(text: &str, is_file: bool) -> Vec<char> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let directive = |line: &str| {
        let (name, value) = line.trim().strip_prefix('#')?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("escape").then(|| value.trim().to_owned())
    };
    let mut leading = text.lines().take_while(|line| line.trim().is_empty() || line.trim().starts_with('#'));
    let first = leading.next().and_then(directive);
    match first.as_deref() {
        Some("`") if is_file => vec!['`'],
        Some("\\") => vec!['\\'],
        _ if first.as_ref().is_some_and(|value| value.starts_with('`')) => vec!['\\', '`'],
        _ if leading.filter_map(directive).any(|value| value.starts_with('`')) => vec!['\\', '`'],
        _ => vec!['\\'],
    }
}

/// The instructions of a text.
pub(super) fn instructions(text: &str, dialect: Dialect) -> Result<InstructionLines, (usize, Unclear)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut all = Vec::new();
    // The instruction that goes on.
    let mut open: Option<(usize, String)> = None;
    for (n, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.contains('\r') {
            return Err((n + 1, Unclear::Return));
        }
        let trimmed = line.trim_start();
        // Neither ends what goes on.
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let (number, mut whole, line) = match open.take() {
            Some((number, whole)) => (number, whole, line),
            None => (n + 1, String::new(), trimmed),
        };
        if let Some(before) = dialect.continued(line) {
            whole.push_str(before);
            open = Some((number, whole));
        } else {
            whole.push_str(line);
            all.push((number, whole));
        }
    }
    all.extend(open);
    Ok(InstructionLines(all))
}

impl InstructionLines {
    /// Each of them, with its name apart.
    pub(super) fn iter(&self) -> impl Iterator<Item = Instruction<'_>> {
        self.0.iter().map(|(number, text)| {
            let text = text.trim();
            let (name, rest) = text.split_once(super::words::is_blank).unwrap_or((text, ""));
            Instruction { number: *number, name, rest: rest.trim_start_matches(super::words::is_blank) }
        })
    }
}
