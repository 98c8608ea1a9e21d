//! Names that Kubernetes takes, and those made from a deployment's.

/// Longest label, and longest name of a Service or container.
pub const MAX_LABEL: usize = 63;
/// Longest name of a resource.
pub const MAX_NAME: usize = 253;

/// Whether Kubernetes takes the text as a label (DNS-1123): up to 63 of `a-z`, `0-9` and `-`,
/// with a letter or digit at both ends.
#[must_use]
pub fn is_label(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(is_letter_or_digit);
    text.len() <= MAX_LABEL
        && text.chars().all(|c| is_letter_or_digit(c) || c == '-')
        && ends(text.chars().next())
        && ends(text.chars().next_back())
}

/// Whether Kubernetes takes the text as a name of a resource: labels joined by dots.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let label = |part: &str| is_label(part) || (part.len() > MAX_LABEL && is_long_label(part));
    text.len() <= MAX_NAME && text.split('.').all(label)
}

/// A name as a whole may have 253 characters, dots or not.
fn is_long_label(text: &str) -> bool {
    let inner = |c: char| is_letter_or_digit(c) || c == '-';
    text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether a Service can have a name that begins so: a label that begins with a letter.
#[must_use]
pub fn begins_a_service(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.contains('.')
}

const fn is_letter_or_digit(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

/// The nearest label to any text: `My model_v2.onnx` becomes `my-model-v2-onnx`; `model` where
/// nothing is left.
#[must_use]
pub fn to_label(text: &str) -> String {
    let mut label = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        match is_letter_or_digit(c) {
            true => label.push(c),
            false if label.ends_with('-') || label.is_empty() => {}
            false => label.push('-'),
        }
    }
    label.truncate(MAX_LABEL);
    match label.trim_end_matches('-') {
        "" => "model".to_owned(),
        label => label.to_owned(),
    }
}

/// Name of the Service of a unit's container; `None` where it would be too long, so that it has to
/// be hashed.
#[must_use]
pub fn container_service(deployment: &str, predictor: &str, container: &str) -> Option<String> {
    let name = format!("{deployment}-{predictor}-{container}");
    (name.len() <= MAX_LABEL).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels() {
        for label in ["a", "0", "my-model-2", &"x".repeat(63)] {
            assert!(is_label(label), "{label}");
        }
        for other in ["", "-a", "a-", "A", "a_b", "a.b", "é", &"x".repeat(64)] {
            assert!(!is_label(other), "{other}");
        }
    }

    #[test]
    fn resource_names() {
        assert!(is_name("v1.my-model"));
        assert!(is_name(&"x".repeat(200)));
        for other in ["", "a..b", "a.", "A", &"x".repeat(254)] {
            assert!(!is_name(other), "{other}");
        }
    }

    #[test]
    fn names_of_services() {
        assert!(begins_a_service("iris"));
        assert!(!begins_a_service("2nd"));
        assert!(!begins_a_service("a.b"));
        assert_eq!(container_service("d", "p", "c").as_deref(), Some("d-p-c"));
        assert_eq!(container_service(&"d".repeat(60), "p", "c"), None);
    }

    #[test]
    fn text_becomes_a_label() {
        assert_eq!(to_label("My model_v2.onnx"), "my-model-v2-onnx");
        assert_eq!(to_label("__"), "model");
        assert_eq!(to_label("-é-"), "model");
    }

    proptest! {
        #[test]
        fn any_text_becomes_a_label(text in "\\PC{0,100}") {
            prop_assert!(is_label(&to_label(&text)));
        }
    }
}
