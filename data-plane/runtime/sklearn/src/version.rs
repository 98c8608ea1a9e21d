//! The version of scikit-learn that saved an object, where the file has nothing else that tells.

use hari_pickle::Cursor;

/// Major and minor version of the object's `_sklearn_version`; the oldest if it has none, as
/// objects inside others had before 0.24.
pub(crate) fn of(cursor: &Cursor<'_>) -> (u32, u32) {
    let found = cursor.find_attribute("_sklearn_version").ok().flatten();
    let text = found.and_then(|found| found.text().ok());
    parsed(text.as_deref().unwrap_or_default())
}

fn parsed(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| {
        let digits = part.find(|letter: char| !letter.is_ascii_digit());
        let digits = part.get(..digits.unwrap_or(part.len()));
        digits.and_then(|part| part.parse().ok()).unwrap_or(0)
    });
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_and_minor_are_read() {
        assert_eq!(parsed("0.24.2"), (0, 24));
        assert_eq!(parsed("1.9rc1"), (1, 9));
        assert_eq!(parsed("1.10.dev0"), (1, 10));
        assert_eq!(parsed(""), (0, 0));
        assert!(parsed("1.10.0") > parsed("1.9.1"));
    }
}
