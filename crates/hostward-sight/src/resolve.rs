//! Where a path of a caller leads.

use hostward::path::AskedPath;
use hostward::reading::{self, Reading};
use hostward::refusal::Reason;
use hostward::walk::Resolved;

use crate::eyes::follow;
use crate::looks::Looks;
use crate::sight::Sight;

impl Sight {
    /// Where a path leads in the caller's view, be it the caller's own or the engine's already (T16): also one of which the caller
    /// has nothing, where it was shown it in an inspect (T26).
    ///
    /// # Errors
    /// A path that leads nowhere, cannot be looked at, or takes more looks than there are.
    pub fn resolve(&self, asked: &AskedPath, was_shown: bool, looks: &Looks) -> Result<Reading, Reason> {
        self.agrees_with_the_machine(asked, looks)?;
        reading::read(asked, &self.view, was_shown, |asked| match &self.eyes {
            Some(eyes) => looks.resolved(self.number, asked, || {
                if let Some(path) = eyes.at_once(asked, looks)? {
                    return Ok(Resolved::at(path, true));
                }
                follow(asked, |path| looks.entry(self.number, path, || eyes.look(path, looks)))
            }),
            None => Ok(Resolved::at(asked.clean(), true)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;
    use hostward::table::Table;

    #[test]
    fn the_own_process_can_be_seen() {
        let sight =
            Sight::of_process(std::process::id(), &Table::default(), Vec::new(), Machine::Unseen).unwrap();
        let resolved = sight
            .resolve(&AskedPath::parse(b"/proc/../usr").unwrap(), false, &Looks::default())
            .unwrap()
            .resolved;
        assert_eq!((resolved.path.as_bytes(), resolved.exists), (&b"/usr"[..], true));
    }

    #[test]
    fn without_eyes_a_path_is_taken_by_its_text() {
        let asked = AskedPath::parse(b"/a/../b").unwrap();
        let resolved = Sight::of_maps(Vec::new()).resolve(&asked, false, &Looks::default()).unwrap().resolved;
        assert_eq!((resolved.path.as_bytes(), resolved.exists), (&b"/b"[..], true));
    }
}
