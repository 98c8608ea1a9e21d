//! A text that must not be seen: it does not print.

use std::fmt;

/// A key, token or password. `Debug` shows three stars, there is no `Display`, and it is not
/// serialised.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the request that needs it. Never for a log, an error or a metric.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_print() {
        let secret = Secret::new("hunter2");
        assert_eq!(
            format!("{:?} {:#?}", Some(&secret), secret),
            "Some(***) ***"
        );
        assert_eq!(secret.expose(), "hunter2");
    }
}
