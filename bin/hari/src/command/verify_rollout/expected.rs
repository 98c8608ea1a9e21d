//! Which version an answer comes from.

use anyhow::Context as _;
use serde_json::Value;

/// Most versions that are told apart.
pub(super) const MOST: usize = 8;
/// What numbers may differ by, of themselves or of one: two machines may round differently.
const TOLERANCE: f64 = 1e-4;

/// What right answers look like; any answer is right if there is no version.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) versions: Vec<Version>,
    /// Those that may answer once the change is complete.
    pub(super) last: Vec<usize>,
}

/// What the answers of one version hold.
#[derive(Debug)]
pub(super) struct Version {
    /// Empty where there is only one.
    pub(super) name: String,
    holds: Value,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// Right, and of this version if there are versions.
    Right(Option<usize>),
    /// Of no version that is known.
    Unknown,
}

impl Version {
    /// Reads JSON, or a file of it.
    pub(super) fn read(name: &str, text: &str) -> anyhow::Result<Self> {
        let inline = text.trim_start().starts_with(['{', '[']);
        let text = match inline {
            true => text.to_owned(),
            false => {
                std::fs::read_to_string(text).with_context(|| format!("cannot read {text}"))?
            }
        };
        Ok(Self {
            name: name.to_owned(),
            holds: serde_json::from_str(&text).context("not JSON")?,
        })
    }
}

impl Expected {
    /// The first version whose answer this is.
    pub(super) fn judge(&self, body: &[u8]) -> Judged {
        if self.versions.is_empty() {
            return Judged::Right(None);
        }
        let Ok(found) = serde_json::from_slice::<Value>(body) else {
            return Judged::Unknown;
        };
        let at = self
            .versions
            .iter()
            .position(|version| holds(&version.holds, &found));
        at.map_or(Judged::Unknown, |at| Judged::Right(Some(at)))
    }

    /// Whether a request that was sent once the change was complete may be answered by `version`.
    pub(super) fn may_end_with(&self, version: Option<usize>) -> bool {
        version.is_none_or(|version| self.last.contains(&version))
    }
}

/// Whether `found` has everything of `wanted`: members that are not wanted may be anything.
fn holds(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted
            .iter()
            .all(|(name, value)| found.get(name).is_some_and(|found| holds(value, found))),
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(a, b)| holds(a, b))
        }
        (Value::Number(wanted), Value::Number(found)) => match (wanted.as_f64(), found.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE * a.abs().max(1.0),
            _ => wanted == found,
        },
        _ => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(versions: &[&str]) -> Expected {
        let read = |(at, text): (usize, &&str)| Version::read(&format!("v{at}"), text).unwrap();
        let versions: Vec<_> = versions.iter().enumerate().map(read).collect();
        Expected {
            last: versions.len().checked_sub(1).into_iter().collect(),
            versions,
        }
    }

    #[test]
    fn an_answer_is_of_the_version_whose_members_it_has() {
        let both = expected(&[r#"{"tags": {"v": 1}}"#, r#"{"data": [[0.1, 0.9]]}"#]);
        for (body, judged) in [
            (
                r#"{"tags": {"v": 1, "x": 2}, "data": []}"#,
                Judged::Right(Some(0)),
            ),
            (
                r#"{"data": [[0.10001, 0.90001]], "puid": "a"}"#,
                Judged::Right(Some(1)),
            ),
            (r#"{"data": [[0.2, 0.8]]}"#, Judged::Unknown),
            (r#"{"data": [[0.1, 0.9, 0.0]]}"#, Judged::Unknown),
            ("<html>", Judged::Unknown),
        ] {
            assert_eq!(both.judge(body.as_bytes()), judged, "{body}");
        }
        assert!(both.may_end_with(Some(1)) && !both.may_end_with(Some(0)));
    }

    #[test]
    fn without_versions_everything_is_right() {
        let none = expected(&[]);
        assert_eq!(none.judge(b"anything"), Judged::Right(None));
        assert!(none.may_end_with(None));
    }
}
