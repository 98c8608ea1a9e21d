//! What annotations say of payload logging: which share of the requests, and which values never
//! leave.

use crate::contract::annotation::{PAYLOAD_LOG_REDACT, PAYLOAD_LOG_SAMPLE, per_node};

/// How payload URLs begin.
pub(crate) const TARGETS: [&str; 6] = ["http://", "https://", "kafka://", "file:///", "/", "."];

/// Share of the requests that is logged at `node`, from 0 to 1: what is said of the node, else of
/// all, else all. `annotations` are those of the predictor.
#[must_use]
pub fn share(annotations: &std::collections::BTreeMap<String, String>, node: &str) -> f64 {
    let Some(text) = annotations.get(PAYLOAD_LOG_SAMPLE) else {
        return 1.0;
    };
    let own = shares(text).filter(|(name, _)| *name == Some(node)).last();
    let all = || shares(text).filter(|(name, _)| name.is_none()).last();
    own.or_else(all)
        .and_then(|(_, share)| fraction(share))
        .unwrap_or(1.0)
}

/// Names of tensors, columns, members and tags whose values never leave.
#[must_use]
pub fn redacted(annotations: &std::collections::BTreeMap<String, String>) -> Vec<String> {
    let text = annotations.get(PAYLOAD_LOG_REDACT);
    let names = text.into_iter().flat_map(|text| text.split(','));
    let names = names.map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// Each piece: the node, if it is of one, and what is said.
pub(crate) fn shares(text: &str) -> impl Iterator<Item = (Option<&str>, &str)> {
    per_node(text).map(|(name, share)| match share {
        "" => (None, name),
        share => (Some(name), share),
    })
}

/// A number from 0 to 1.
pub(crate) fn fraction(text: &str) -> Option<f64> {
    let number = text.parse::<f64>().ok()?;
    (0.0..=1.0).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, text: &str) -> std::collections::BTreeMap<String, String> {
        [(name.to_owned(), text.to_owned())].into()
    }

    #[test]
    fn a_node_is_told_apart_from_all() {
        let annotations = said(PAYLOAD_LOG_SAMPLE, "0.1, a=0.5,b=0");
        let shares = ["a", "b", "c"].map(|node| share(&annotations, node));
        assert_eq!(shares, [0.5, 0.0, 0.1]);
        assert_eq!(share(&said(PAYLOAD_LOG_SAMPLE, "a=0.5"), "c"), 1.0);
        assert_eq!(share(&Default::default(), "c"), 1.0);
    }

    #[test]
    fn names_are_separated_by_commas() {
        let names = redacted(&said(PAYLOAD_LOG_REDACT, " ssn, income,,"));
        assert_eq!(names, ["ssn", "income"]);
        assert!(redacted(&Default::default()).is_empty());
    }

    #[test]
    fn shares_are_fractions() {
        assert_eq!(fraction("0.25"), Some(0.25));
        for text in ["", "-0.1", "1.1", "10%", "NaN", "inf"] {
            assert_eq!(fraction(text), None, "{text}");
        }
    }
}
