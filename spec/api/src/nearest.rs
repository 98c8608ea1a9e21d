//! The known name that was probably meant by an unknown one.

/// Longest name compared; anything longer is not a slip of the pen.
const LONGEST: usize = 64;

/// The candidate closest to `name`, if it is close: at most a third of its letters differ,
/// case aside.
///
/// ```
/// let known = ["replicas", "traffic", "modelUri"];
/// assert_eq!(hari_api::nearest("model_uri", known), Some("modelUri"));
/// assert_eq!(hari_api::nearest("colour", known), None);
/// ```
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() || name.len() > LONGEST {
        return None;
    }
    let wanted = name.to_lowercase();
    let distance =
        |candidate: &str| strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase());
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| distance * 3 <= candidate.len().max(wanted.len()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KNOWN: [&str; 4] = [
        "TENSORFLOW_SERVER",
        "SKLEARN_SERVER",
        "XGBOOST_SERVER",
        "TRITON_SERVER",
    ];

    #[test]
    fn a_slip_is_mended() {
        assert_eq!(
            nearest("TENSORFLOW_SERVRE", KNOWN),
            Some("TENSORFLOW_SERVER")
        );
        assert_eq!(nearest("sklearn_server", KNOWN), Some("SKLEARN_SERVER"));
    }

    #[test]
    fn the_closest_wins() {
        assert_eq!(nearest("XGBOST_SERVER", KNOWN), Some("XGBOOST_SERVER"));
    }

    #[test]
    fn another_word_is_left_alone() {
        assert_eq!(nearest("banana", KNOWN), None);
        assert_eq!(nearest("", KNOWN), None);
        assert_eq!(nearest(&"x".repeat(100), ["x"]), None);
    }
}
