//! The pod's annotations, as Kubernetes writes them into a file: `name="value"` a line.

use std::collections::BTreeMap;

use anyhow::Context as _;
use hari_plan::contract::annotation::{GRPC_TIMEOUT, REST_TIMEOUT};
use hari_settings as settings;

/// Bytes of the largest gRPC message.
const MESSAGE_SIZE: &str = "seldon.io/grpc-max-message-size";
/// Annotations of ours, which may concern nodes.
const OURS: &str = "hari.dev/";
/// All annotations of an object have at most 256 KiB; quoting makes them longer.
const MOST: u64 = 4 << 20;

/// What the pod says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Annotations(BTreeMap<String, String>);

impl Annotations {
    /// Those of this pod; none where there is no such file.
    pub(super) fn of_pod() -> anyhow::Result<Self> {
        let setting = settings::ANNOTATIONS_FILE;
        let named = setting.get();
        let path = named.as_deref().unwrap_or(setting.default);
        let size = match std::fs::metadata(path) {
            Ok(found) => found.len(),
            Err(_) if named.is_none() => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
        };
        anyhow::ensure!(
            size <= MOST,
            "{path} has {size} bytes: at most {MOST} are read"
        );
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
        Ok(Self::read(&text))
    }

    /// A line that is none is left out, and no other.
    fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let pairs = lines.filter_map(|line| {
            let pair = pair(line);
            if pair.is_none() {
                tracing::warn!(line, "an annotation of the pod cannot be read");
            }
            pair
        });
        Self(pairs.collect())
    }

    /// Those that a predictor is served by. A timeout for gRPC that is no number is left out.
    pub(super) fn of_predictor(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| {
            let kept = match name.as_str() {
                REST_TIMEOUT => true,
                GRPC_TIMEOUT => number(name, value).is_some(),
                name => name.starts_with(OURS),
            };
            kept.then_some((name.as_str(), value.as_str()))
        })
    }

    /// Bytes of the largest gRPC message.
    pub(super) fn message_size(&self) -> Option<usize> {
        usize::try_from(number(MESSAGE_SIZE, self.0.get(MESSAGE_SIZE)?)?).ok()
    }
}

fn number(name: &str, value: &str) -> Option<u64> {
    let number = value.trim().parse().ok();
    if number.is_none() {
        tracing::warn!(name, value, "an annotation of the pod is no number");
    }
    number
}

/// A name and what stands between the quotes.
fn pair(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
    Some((name.trim().to_owned(), unescaped(value)?))
}

/// Text in which Go has escaped what is not printable.
fn unescaped(text: &str) -> Option<String> {
    let mut letters = text.chars();
    let mut plain = String::with_capacity(text.len());
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => escape(&mut letters)?,
            letter => letter,
        });
    }
    Some(plain)
}

/// What an escape stands for, after its backslash.
fn escape(letters: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match letters.next()? {
        'x' => hex(letters, 2)?,
        'u' => hex(letters, 4)?,
        'U' => hex(letters, 8)?,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        quoted @ ('"' | '\'' | '\\') => quoted,
        _ => return None,
    })
}

fn hex(letters: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let (code, rest) = letters.as_str().split_at_checked(digits)?;
    *letters = rest.chars();
    char::from_u32(u32::from_str_radix(code, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        Annotations::read(text).0.into_iter().collect()
    }

    #[test]
    fn values_are_unquoted_and_may_hold_anything() {
        let text = r#"a="plain"
b="x=1,y=2"
c="{\"json\": \"a\\nb\"}\n"
d="\u00e9\x41\U0001f600\t"
e=""
"#;
        let expected = [
            ("a", "plain"),
            ("b", "x=1,y=2"),
            ("c", "{\"json\": \"a\\nb\"}\n"),
            ("d", "\u{e9}A\u{1f600}\t"),
            ("e", ""),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read(text), expected);
    }

    #[test]
    fn a_line_that_is_none_is_left_out_alone() {
        let text = "no\na=b\n\nb=\"\nc=\"\\q\"\nd=\"\\u00\"\nkept=\"1\"";
        assert_eq!(read(text), [("kept".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_predictor_gets_what_it_is_served_by() {
        let text = r#"kubernetes.io/config.seen="2026-01-01T00:00:00Z"
seldon.io/rest-timeout="soon"
seldon.io/grpc-timeout="soon"
seldon.io/grpc-max-message-size="104857600"
hari.dev/on-failure="a=continue"
"#;
        let annotations = Annotations::read(text);
        let kept: Vec<_> = annotations.of_predictor().collect();
        // The plan refuses the first; the original starts with the second.
        let expected = [
            ("hari.dev/on-failure", "a=continue"),
            ("seldon.io/rest-timeout", "soon"),
        ];
        assert_eq!(kept, expected);
        assert_eq!(annotations.message_size(), Some(104_857_600));
        assert_eq!(Annotations::default().message_size(), None);
    }
}
