//! The shape of nested lists, found while they are read from front to back.

use std::fmt::{Display, Write as _};

use hari_core::Limits;
use hari_error::{Error, Kind, Result};

/// Follows the brackets of nested lists and refuses rows that differ in length or depth.
#[derive(Debug)]
pub(crate) struct Nest {
    /// What the errors start with.
    path: String,
    /// For each level, the length of its lists; none before the first of them is closed.
    dims: Vec<Option<usize>>,
    /// For each open list, how many of its elements are complete.
    counts: Vec<usize>,
    /// The depth at which single values stand, once one was seen.
    leaf: Option<usize>,
    max_rank: usize,
}

impl Nest {
    /// Nothing read yet. `path` is what the errors start with.
    pub(crate) fn new(path: String, limits: &Limits) -> Self {
        Self {
            path,
            dims: Vec::new(),
            counts: Vec::new(),
            leaf: None,
            max_rank: limits.rank,
        }
    }

    /// A list begins.
    pub(crate) fn open(&mut self) -> Result<()> {
        let depth = self.counts.len();
        if self.leaf.is_some_and(|leaf| depth >= leaf) {
            return Err(self.error("expected a single value as in the first row, found an array"));
        }
        if depth >= self.max_rank {
            let message = format!("more than {} dimensions", self.max_rank);
            return Err(self.error_of(Kind::TooLarge, message));
        }
        if depth == self.dims.len() {
            self.dims.push(None);
        }
        self.counts.push(0);
        Ok(())
    }

    /// A single value stands here.
    #[inline]
    pub(crate) fn scalar(&mut self) -> Result<()> {
        let depth = self.counts.len();
        if self.leaf == Some(depth) {
            return Ok(());
        }
        if self.leaf.is_none() && self.dims.len() == depth {
            self.leaf = Some(depth);
            return Ok(());
        }
        Err(self.error("expected an array as in the first row, found a single value"))
    }

    /// The element that was begun last, value or list, is complete; false if it was the outermost.
    #[inline]
    pub(crate) fn complete(&mut self) -> bool {
        match self.counts.last_mut() {
            Some(count) => {
                *count += 1;
                true
            }
            None => false,
        }
    }

    /// The innermost open list ends.
    pub(crate) fn close(&mut self) -> Result<()> {
        let Some(found) = self.counts.pop() else {
            return Ok(());
        };
        let Some(dim) = self.dims.get_mut(self.counts.len()) else {
            return Ok(());
        };
        match *dim.get_or_insert(found) {
            expected if expected == found => Ok(()),
            expected => Err(self.error(format!(
                "expected {expected} elements as in the first row, found {found}"
            ))),
        }
    }

    /// The shape of what was read.
    pub(crate) fn shape(&self) -> Vec<usize> {
        self.dims.iter().map(|dim| dim.unwrap_or(0)).collect()
    }

    /// The caller's fault at the element that is being read.
    pub(crate) fn error(&self, message: impl Display) -> Error {
        self.error_of(Kind::InvalidInput, message)
    }

    /// A fault of any kind at the element that is being read.
    pub(crate) fn error_of(&self, kind: Kind, message: impl Display) -> Error {
        let mut at = self.path.clone();
        for index in &self.counts {
            // Writing to a string cannot fail.
            _ = write!(at, "[{index}]");
        }
        if at.is_empty() {
            return Error::new(kind, message.to_string());
        }
        Error::new(kind, format!("{at}: {message}"))
    }
}

/// The most lists that are written for a tensor without elements.
const MAX_EMPTY_LISTS: usize = 1 << 16;

/// Checks that a tensor of `shape` can be written as nested lists. One without elements may still
/// stand for any number of empty lists.
///
/// # Errors
/// `TooLarge` for more lists than there is a use for.
pub(crate) fn writable(shape: &[usize]) -> Result<()> {
    if !shape.contains(&0) {
        return Ok(());
    }
    let outer = shape.iter().take_while(|&&dim| dim != 0);
    let lists = outer.fold(1_usize, |lists, &dim| lists.saturating_mul(dim));
    if lists <= MAX_EMPTY_LISTS {
        return Ok(());
    }
    Err(Error::too_large(format!(
        "shape {shape:?} stands for {lists} empty lists"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows `[`, `]` and `x` for a value.
    fn follow(text: &str) -> Result<Vec<usize>> {
        let mut nest = Nest::new(
            "x".into(),
            &Limits {
                rank: 4,
                ..Limits::default()
            },
        );
        for letter in text.chars() {
            match letter {
                '[' => nest.open()?,
                ']' => {
                    nest.close()?;
                    nest.complete();
                }
                _ => {
                    nest.scalar()?;
                    nest.complete();
                }
            }
        }
        Ok(nest.shape())
    }

    #[test]
    fn shapes_are_read_off_the_brackets() {
        for (text, shape) in [
            ("x", &[][..]),
            ("[]", &[0]),
            ("[xxx]", &[3]),
            ("[[xx][xx][xx]]", &[3, 2]),
            ("[[][]]", &[2, 0]),
            ("[[[x]][[x]]]", &[2, 1, 1]),
        ] {
            assert_eq!(follow(text).unwrap(), shape, "{text}");
        }
    }

    #[test]
    fn rows_that_differ_are_refused_with_their_position() {
        for (text, message) in [
            (
                "[[xx][x]]",
                "x[1]: expected 2 elements as in the first row, found 1",
            ),
            (
                "[[][x]]",
                "x[1]: expected 0 elements as in the first row, found 1",
            ),
            (
                "[[[x]][]]",
                "x[1]: expected 1 elements as in the first row, found 0",
            ),
            (
                "[x[x]]",
                "x[1]: expected a single value as in the first row, found an array",
            ),
            (
                "[[]x]",
                "x[1]: expected an array as in the first row, found a single value",
            ),
            (
                "[[x]x]",
                "x[1]: expected an array as in the first row, found a single value",
            ),
            ("[[[[[", "x[0][0][0][0]: more than 4 dimensions"),
        ] {
            assert_eq!(follow(text).unwrap_err().message(), message, "{text}");
        }
    }

    #[test]
    fn a_tensor_without_elements_is_no_flood_of_lists() {
        for shape in [&[][..], &[0], &[0, usize::MAX, 2], &[65536, 0], &[1 << 40]] {
            assert!(writable(shape).is_ok(), "{shape:?}");
        }
        for shape in [&[65537, 0][..], &[usize::MAX, usize::MAX, 0]] {
            assert_eq!(
                writable(shape).unwrap_err().kind(),
                Kind::TooLarge,
                "{shape:?}"
            );
        }
    }
}
