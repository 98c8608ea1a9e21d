//! Whether a command printed what the page says it prints.

/// Whether `printed` is `expected`, where `...` in `expected` stands for anything, line ends
/// included. White space at the ends of lines does not count.
pub(super) fn matches(expected: &str, printed: &str) -> bool {
    let (expected, printed) = (plain(expected), plain(printed));
    let mut pieces = expected.split("...");
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

fn plain(text: &str) -> String {
    text.trim()
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_dots_is_compared_whole() {
        assert!(matches("a\nb\n", "a  \nb"));
        assert!(!matches("a\nb", "a\nb\nc"));
        assert!(!matches("a\nb", "a"));
    }

    #[test]
    fn dots_stand_for_anything() {
        assert!(matches(
            "{\"id\": \"...\", \"n\": 1}",
            "{\"id\": \"x-y\", \"n\": 1}"
        ));
        assert!(matches("first\n...\nlast", "first\n1\n2\nlast"));
        assert!(matches("...7...", "a\n7\nb"));
        assert!(!matches("first\n...\nlast", "first\n1\n2\n"));
        assert!(!matches("...7...", "a\n8\nb"));
        assert!(matches("a...", "a"));
    }
}
