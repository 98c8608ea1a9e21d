//! How much each neighbour counts.

use hari_error::Result;
use hari_pickle::Cursor;

use super::heap::Neighbour;
use super::index::Index;
use crate::attributes;

/// `weights`: all alike, or the nearer the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weights {
    Uniform,
    Distance,
}

impl Weights {
    pub(super) fn read(cursor: &Cursor<'_>) -> Result<Self> {
        let at = cursor.attribute("weights")?;
        if at.is_none() {
            return Ok(Self::Uniform);
        }
        match at.text().as_deref() {
            Ok("uniform") => Ok(Self::Uniform),
            Ok("distance") => Ok(Self::Distance),
            _ => Err(at.refuse("expected `uniform` or `distance`: a function cannot be read")),
        }
    }

    /// A weight for each neighbour. Where some are no distance away, they alone count.
    pub(super) fn of(self, neighbours: &[Neighbour]) -> Vec<f64> {
        if self == Self::Uniform {
            return vec![1.0; neighbours.len()];
        }
        let inverse = neighbours.iter().map(|(distance, _)| 1.0 / distance);
        let mut found: Vec<_> = inverse.collect();
        if found.iter().any(|weight| weight.is_infinite()) {
            for weight in &mut found {
                *weight = f64::from(u8::from(weight.is_infinite()));
            }
        }
        found
    }
}

/// Which rows are asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reach {
    Nearest(usize),
    Within(f64),
}

impl Reach {
    /// Distances and places of the rows that are asked about a row.
    pub(super) fn of(self, index: &Index, row: &[f64]) -> Vec<Neighbour> {
        match self {
            Self::Nearest(size) => index.nearest(row, size),
            Self::Within(radius) => index.within(row, radius),
        }
    }
}

/// An index with the rows that are asked, and how much each counts.
#[derive(Debug)]
pub(super) struct Neighbourhood {
    pub(super) index: Index,
    pub(super) reach: Reach,
    weights: Weights,
}

impl Neighbourhood {
    pub(super) fn nearest(cursor: &Cursor<'_>) -> Result<Self> {
        let index = Index::read(cursor)?;
        let reach = Reach::Nearest(index.neighbours(cursor, "n_neighbors")?);
        let weights = Weights::read(cursor)?;
        Ok(Self {
            index,
            reach,
            weights,
        })
    }

    pub(super) fn within(cursor: &Cursor<'_>) -> Result<Self> {
        let index = Index::read(cursor)?;
        let radius = attributes::number(cursor, "radius")?;
        let radius = radius.ok_or_else(|| cursor.refuse("there is no `radius`"))?;
        let weights = Weights::read(cursor)?;
        Ok(Self {
            index,
            reach: Reach::Within(radius),
            weights,
        })
    }

    /// Places and weights of the neighbours of a row.
    pub(super) fn of(&self, row: &[f64]) -> Vec<(usize, f64)> {
        let found = self.reach.of(&self.index, row);
        let weights = self.weights.of(&found);
        let places = found.into_iter().map(|(_, place)| place);
        places.zip(weights).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_no_distance_away_counts_alone() {
        let far = [(2.0, 0), (4.0, 1)];
        assert_eq!(Weights::Uniform.of(&far), [1.0, 1.0]);
        assert_eq!(Weights::Distance.of(&far), [0.5, 0.25]);
        assert_eq!(Weights::Distance.of(&[(0.0, 0), (4.0, 1)]), [1.0, 0.0]);
    }
}
