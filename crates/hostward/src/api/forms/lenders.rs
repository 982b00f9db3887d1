//! `VolumesFrom`: a created container takes over the mounts of others (T20). There is nothing to tell of it: in an
//! answer these mounts are among all others.

use crate::api::draft::Draft;
use crate::api::found::MountHolder;
use crate::api::json::{BodyError, Value};
use crate::api::lenders::{Lender, Loan};
use crate::refusal::Refusal;

/// Reads the elements of a `VolumesFrom` that stands at `place`.
///
/// # Errors
/// Another shape than the API's.
pub(in crate::api) fn find(place: &str, array: Value<'_>) -> Result<Vec<Lender>, BodyError> {
    let elements = array.elements()?.ok_or_else(|| BodyError::Type(place.to_owned(), "an array"))?;
    let lender = |(index, value): (usize, Value<'_>)| {
        let text = value.string()?.ok_or_else(|| BodyError::Type(format!("{place}[{index}]"), "a string"))?;
        Ok(Lender::parse(&text))
    };
    elements.into_iter().enumerate().filter(|(_, value)| !value.is_null()).map(lender).collect()
}

/// Gives what stands beside the mounts that are taken from others, or for them.
///
/// # Errors
/// What cannot be spelled in an object of `Mounts`.
pub(in crate::api) fn give(
    loan: &Loan,
    holders: &[MountHolder],
    draft: &mut Draft<'_>,
) -> Result<(), Refusal> {
    let borrowers: Vec<_> = (0..holders.len()).filter(|&n| !holders[n].lenders.is_empty()).collect();
    let Some(&first) = borrowers.first() else { return Ok(()) };
    for (target, source, read_only) in &loan.mounts {
        if borrowers.iter().any(|&n| holders[n].targets.contains(target)) {
            continue;
        }
        let place = target.to_string();
        let object = draft.object(&target.clone().into(), source, &place, *read_only)?;
        draft.holders[first].added.push(object);
        if !loan.instead {
            draft.asked.note_beneath(place, source);
        }
    }
    if loan.instead {
        for span in borrowers.iter().filter_map(|&n| holders[n].volumes_from.clone()) {
            draft.edits.put(span, "null");
        }
    }
    Ok(())
}
