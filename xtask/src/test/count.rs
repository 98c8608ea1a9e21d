//! How many tests passed and failed, as the lines say that cargo and pytest end with.

use std::fmt;

/// Tests that passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) passed: usize,
    pub(super) failed: usize,
}

impl Count {
    /// Adds what a line of output says, if it is the last line of a test program.
    pub(super) fn read(&mut self, line: &str) {
        let plain = uncoloured(line);
        if let Some(counts) = closing(plain.trim()) {
            self.passed += number_before(counts, &["passed"]);
            self.failed += number_before(counts, &["failed", "error", "errors"]);
        }
    }

    /// A step that failed without a test that failed is itself one.
    pub(super) fn or_one(mut self, ok: bool) -> Self {
        if !ok && self.failed == 0 {
            self.failed = 1;
        }
        self
    }

    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    pub(super) fn any(self) -> bool {
        self != Self::default()
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The counts in a closing line: `test result: ok. 3 passed; ...` or `= 3 passed in 0.12s =`.
fn closing(line: &str) -> Option<&str> {
    if let Some(counts) = line.strip_prefix("test result:") {
        return Some(counts);
    }
    let (counts, time) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
    let seconds = time.split_whitespace().next()?.strip_suffix('s')?;
    let known = ["passed", "failed", "error", "errors", "skipped"];
    let last = counts.split_whitespace().next_back()?;
    let closes = seconds.parse::<f64>().is_ok() && known.iter().any(|word| last.starts_with(word));
    closes.then_some(counts)
}

/// The sum of the numbers that stand before one of `words`.
fn number_before(text: &str, words: &[&str]) -> usize {
    let tokens: Vec<&str> = text
        .split([' ', ';', ',', '.'])
        .filter(|token| !token.is_empty())
        .collect();
    let numbers = tokens.windows(2).filter(|pair| words.contains(&pair[1]));
    numbers
        .filter_map(|pair| pair[0].parse::<usize>().ok())
        .sum()
}

/// The line without the colours of a terminal.
fn uncoloured(line: &str) -> String {
    let mut pieces = line.split("\u{1b}[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.split_once(|c: char| c.is_ascii_alphabetic());
        plain.push_str(rest.map_or("", |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Count {
        let mut count = Count::default();
        lines.iter().for_each(|line| count.read(line));
        count
    }

    #[test]
    fn cargo_and_pytest_are_understood() {
        let cargo = "test result: FAILED. 41 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.21s";
        assert_eq!(
            of(&[cargo]),
            Count {
                passed: 41,
                failed: 2
            }
        );
        let loud = "======= 2 failed, 30 passed, 1 skipped, 1 error in 12.34s (0:00:12) =======";
        assert_eq!(
            of(&[loud]),
            Count {
                passed: 30,
                failed: 3
            }
        );
        assert_eq!(
            of(&["7 passed in 0.42s"]),
            Count {
                passed: 7,
                failed: 0
            }
        );
        assert_eq!(
            of(&[cargo, "1 passed in 1s"]),
            Count {
                passed: 42,
                failed: 2
            }
        );
    }

    #[test]
    fn colours_do_not_hide_a_number() {
        let line = "\u{1b}[32m\u{1b}[1m12 passed\u{1b}[0m, \u{1b}[33m1 skipped\u{1b}[0m\u{1b}[32m in 3.20s\u{1b}[0m";
        assert_eq!(
            of(&[line]),
            Count {
                passed: 12,
                failed: 0
            }
        );
    }

    #[test]
    fn other_lines_say_nothing() {
        let lines = [
            "running 3 tests",
            "test a ... ok",
            "5 passed the door in time",
            "3 passed",
        ];
        assert_eq!(of(&lines), Count::default());
    }

    #[test]
    fn a_step_without_tests_counts_when_it_fails() {
        assert_eq!(
            of(&[]).or_one(false),
            Count {
                passed: 0,
                failed: 1
            }
        );
        assert_eq!(of(&[]).or_one(true), Count::default());
        assert_eq!(of(&["1 failed in 1s"]).or_one(false).failed, 1);
    }
}
