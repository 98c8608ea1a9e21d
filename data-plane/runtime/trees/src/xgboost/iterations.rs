//! Which trees are asked: all of them, or those up to the best iteration.

use hari_error::{Error, Result};

/// How many trees one round of boosting made.
pub(super) struct Rounds {
    /// Where the trees of each round start, and where the last ends; empty if the file has none.
    pub(super) starts: Vec<i64>,
    /// Trees of a round where `starts` is empty.
    pub(super) per_round: usize,
}

impl Rounds {
    /// The number of trees in the first `rounds` rounds.
    ///
    /// # Errors
    /// If there are not so many rounds.
    pub(super) fn trees(&self, rounds: usize) -> Result<usize> {
        if self.starts.is_empty() {
            return Ok(rounds.saturating_mul(self.per_round));
        }
        let end = self.starts.get(rounds).copied();
        end.and_then(|end| usize::try_from(end).ok())
            .ok_or_else(|| {
                let last = self.starts.len() - 1;
                Error::model(format!(
                    "the best iteration is number {rounds}, but there are {last}"
                ))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_have_as_many_trees_as_the_file_says() {
        let even = Rounds {
            starts: Vec::new(),
            per_round: 3,
        };
        assert_eq!(even.trees(4).unwrap(), 12);
        let uneven = Rounds {
            starts: vec![0, 1, 5, -1],
            per_round: 0,
        };
        assert_eq!(uneven.trees(2).unwrap(), 5);
        assert!(uneven.trees(3).is_err() && uneven.trees(4).is_err());
    }
}
