//! The nearest name to a misspelt one.

/// So many letters of a name may be other ones, for it to be meant.
const NEAR: usize = 4;

/// The known name that was most likely meant, in whichever letter case.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let spelled = name.to_lowercase();
    let far = |known: &str| strsim::damerau_levenshtein(&spelled, &known.to_lowercase());
    known
        .map(|known| (far(known), known))
        .min_by_key(|(far, _)| *far)
        .filter(|(far, known)| *far <= NEAR.min(known.len() / 2))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_most_of_its_letters() {
        let near = |name| nearest(name, ["connections", "paths", "for"].into_iter());
        assert_eq!(near("conections"), Some("connections"));
        assert_eq!(near("Paths"), Some("paths"));
        assert_eq!(near("fro"), Some("for"));
        assert_eq!(near("colour"), None);
    }
}
