//! The generated part of docs/performance.md, between two marks.

use std::fs;
use std::path::Path;

use hostward_testkit::{Error, Result};

use crate::process::io;
use crate::run::Results;
use crate::svg;

/// Puts a text between the marks of this name on the page.
pub(crate) fn put(page: &Path, name: &str, text: &str) -> Result<()> {
    let old = fs::read_to_string(page).map_err(io(format!("read {}", page.display())))?;
    let new = replaced(&old, name, text)
        .ok_or_else(|| Error::State(format!("{} has no part {name}", page.display())))?;
    fs::write(page, new).map_err(io(format!("write {}", page.display())))
}

/// The pictures, in this folder.
pub(crate) fn draw(folder: &Path, results: &Results) -> Result<()> {
    fs::create_dir_all(folder).map_err(io(format!("make {}", folder.display())))?;
    for curve in &results.curves {
        let file = folder.join(format!("{}.svg", curve.name));
        fs::write(&file, svg::draw(curve)).map_err(io(format!("write {}", file.display())))?;
    }
    Ok(())
}

fn replaced(page: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n\n{end}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = "# A\n\n<!-- figures -->\nold\n<!-- end of figures -->\n\nB\n";
        let new = replaced(page, "figures", "new\n").unwrap();
        assert_eq!(new, "# A\n\n<!-- figures -->\n\nnew\n\n<!-- end of figures -->\n\nB\n");
        assert_eq!(replaced(&new, "figures", "new\n"), Some(new.clone()));
        assert_eq!(replaced(page, "core", "new"), None);
    }
}
