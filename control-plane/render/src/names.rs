//! Names of objects, short enough for Kubernetes.

use std::fmt::Write as _;

use hari_plan::names::MAX_LABEL;
use md5::{Digest as _, Md5};

/// The value of the label `seldon-deployment-id` on all that is of the deployment of this name.
#[must_use]
pub fn deployment_id(name: &str) -> String {
    hashed(name.to_owned())
}

/// The text, or `seldon-` and its MD5 in hexadecimal where it is longer than 63.
pub(crate) fn hashed(full: String) -> String {
    hashed_with("seldon", full)
}

/// As [`hashed`], behind a prefix of the caller's where the whole still fits.
pub(crate) fn hashed_with(prefix: &str, full: String) -> String {
    if full.len() <= MAX_LABEL {
        return full;
    }
    let digest = digest(&full);
    let prefixed = format!("{prefix}-{digest}");
    match prefixed.len() <= MAX_LABEL {
        true => prefixed,
        false => format!("seldon-{digest}"),
    }
}

/// The first 63 characters, without hyphens at the end.
pub(crate) fn truncated(full: &str) -> String {
    let kept: String = full.chars().take(MAX_LABEL).collect();
    kept.trim_end_matches('-').to_owned()
}

fn digest(text: &str) -> String {
    let mut hex = String::new();
    for byte in Md5::digest(text.as_bytes()) {
        // A String takes any text: writing to it does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_fit_stay() {
        let fits = "x".repeat(63);
        assert_eq!(hashed(fits.clone()), fits);
        assert_eq!(truncated(&fits), fits);
    }

    #[test]
    fn names_that_do_not_fit_are_hashed() {
        // `printf 'x%.0s' {1..64} | md5sum`
        let expected = "c1bb4f81d892b2d57947682aeb252456";
        assert_eq!(hashed("x".repeat(64)), format!("seldon-{expected}"));
        assert_eq!(
            hashed_with("iris", "x".repeat(64)),
            format!("iris-{expected}")
        );
        let long = "p".repeat(40);
        assert_eq!(
            hashed_with(&long, "x".repeat(64)),
            format!("seldon-{expected}")
        );
    }

    #[test]
    fn truncated_names_end_well() {
        assert_eq!(truncated(&format!("{}-b", "a".repeat(62))), "a".repeat(62));
    }
}
