//! The picture of a path's way: the engine's machine, the container that asks, the container that it creates.
//!
//! Side by side where that fits, else one above the other. Nothing is said by colour.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

/// One box of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panel {
    pub(crate) title: String,
    /// A directory, and what is looked at beneath it.
    pub(crate) base: String,
    pub(crate) rest: String,
}

/// What stands between a box and the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// The file is seen in both.
    Arrow,
    /// It is not.
    Broken,
}

const GAP: usize = 8;
const INDENT: usize = 2;

/// Draws the boxes with the links between them, in at most `width` columns if that can be.
pub(crate) fn draw(panels: &[Panel], links: &[Link], width: usize) -> String {
    let widths: Vec<_> = panels.iter().map(inner_width).collect();
    let total = INDENT + widths.iter().map(|inner| inner + 4).sum::<usize>() + GAP * links.len();
    if total <= width { side_by_side(panels, links, &widths) } else { stacked(panels, links) }
}

impl Panel {
    /// The text rows of the box: the base, and the rest a step in.
    fn rows(&self) -> [String; 2] {
        let rest = if self.rest.is_empty() { String::new() } else { format!("  {}", self.rest) };
        [self.base.clone(), rest]
    }
}

/// As wide as its longest row; the title stands above, outside the frame.
fn inner_width(panel: &Panel) -> usize {
    panel.rows().iter().map(|row| columns(row)).chain([columns(&panel.title)]).max().unwrap_or(0)
}

/// As a terminal shows it: characters of CJK scripts take two columns, and combining ones none.
fn columns(text: &str) -> usize {
    text.width()
}

fn side_by_side(panels: &[Panel], links: &[Link], widths: &[usize]) -> String {
    let arrow_row = arrow_rows(panels);
    let mut rows = vec![" ".repeat(INDENT); 5];
    for (at, (panel, &inner)) in panels.iter().zip(widths).enumerate() {
        let pad = |text: &str| format!("{text}{}", " ".repeat(inner - columns(text)));
        let bar = "─".repeat(inner + 2);
        let [base, rest] = panel.rows();
        let cells = [
            format!("  {}  ", pad(&panel.title)),
            format!("┌{bar}┐"),
            frame(&pad(&base)),
            frame(&pad(&rest)),
            format!("└{bar}┘"),
        ];
        for (row, (line, cell)) in rows.iter_mut().zip(cells).enumerate() {
            line.push_str(&cell);
            let Some(&link) = links.get(at) else { continue };
            line.push_str(if row == arrow_row { shaft(link) } else { "        " });
        }
    }
    if arrow_row == 2 {
        // No box has anything there.
        rows.remove(3);
    }
    rows.iter().fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

/// The row that names the file itself: the rest where any box has one.
fn arrow_rows(panels: &[Panel]) -> usize {
    if panels.iter().any(|panel| !panel.rest.is_empty()) { 3 } else { 2 }
}

fn frame(text: &str) -> String {
    format!("│ {text} │")
}

fn shaft(link: Link) -> &'static str {
    match link {
        Link::Arrow => " ─────► ",
        Link::Broken => " ──╳─── ",
    }
}

fn stacked(panels: &[Panel], links: &[Link]) -> String {
    let mut text = String::new();
    for (at, panel) in panels.iter().enumerate() {
        let rows = panel.rows().into_iter().filter(|row| !row.is_empty());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}", panel.title);
        for row in rows {
            let _ = writeln!(text, "  │ {row}");
        }
        match links.get(at) {
            Some(Link::Arrow) => text.push_str("  │\n  ▼\n"),
            Some(Link::Broken) => text.push_str("  │\n  ╳\n"),
            None => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(title: &str, base: &str, rest: &str) -> Panel {
        Panel { title: title.to_owned(), base: base.to_owned(), rest: rest.to_owned() }
    }

    #[test]
    fn boxes_stand_side_by_side_where_they_fit() {
        let panels = [
            panel("HOST", "/srv/storage", "f.py"),
            panel("CONTAINER web", "/app", "f.py"),
            panel("NEW", "/", "f.py"),
        ];
        let picture = draw(&panels, &[Link::Arrow, Link::Broken], 80);
        assert_eq!(
            picture,
            "    HOST                    CONTAINER web            NEW
  ┌──────────────┐        ┌───────────────┐        ┌────────┐
  │ /srv/storage │        │ /app          │        │ /      │
  │   f.py       │ ─────► │   f.py        │ ──╳─── │   f.py │
  └──────────────┘        └───────────────┘        └────────┘
"
        );
    }

    #[test]
    fn frames_are_straight_around_wide_and_combining_characters() {
        for text in ["/資料/ファイル", "/e\u{301}te\u{301}", "/数据", "/data"] {
            let picture = draw(&[panel("HOST", "/srv", text), panel("YOU", text, "")], &[Link::Arrow], 80);
            let widths: Vec<_> = picture.lines().skip(1).map(UnicodeWidthStr::width).collect();
            assert!(widths.iter().all(|width| *width == widths[0]), "{picture}{widths:?}");
        }
    }

    #[test]
    fn boxes_stand_one_above_the_other_where_they_do_not() {
        let panels = [panel("HOST", "/srv/storage", "f.py"), panel("NEW", "/f.py", "")];
        let picture = draw(&panels, &[Link::Arrow], 20);
        assert_eq!(picture, "  HOST\n  │ /srv/storage\n  │   f.py\n  │\n  ▼\n  NEW\n  │ /f.py\n");
    }
}
