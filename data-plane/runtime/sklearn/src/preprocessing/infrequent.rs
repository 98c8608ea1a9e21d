//! Categories that were seen too seldom are one.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::places_of;

use super::categories::Categories;

/// How the places of one column's categories change.
#[derive(Debug)]
pub(super) struct Grouping {
    /// The new place of each place.
    places: Vec<usize>,
    /// What stands for a value that is not known: the first that was seen too seldom.
    pub(super) unknown: usize,
}

impl Grouping {
    /// One for each column that has categories seen too seldom; none for an encoder without.
    ///
    /// # Errors
    /// `Model` for places beyond the categories.
    pub(super) fn read_all(
        cursor: &Cursor<'_>,
        categories: &[Categories],
    ) -> Result<Vec<Option<Self>>> {
        let none = || categories.iter().map(|_| None).collect();
        let enabled = cursor.find_attribute("_infrequent_enabled")?;
        if !enabled.map_or(Ok(false), |at| at.boolean())? {
            return Ok(none());
        }
        let indices = cursor.attribute("_infrequent_indices")?.items()?;
        let mappings = cursor
            .attribute("_default_to_infrequent_mappings")?
            .items()?;
        if indices.len() != categories.len() || mappings.len() != categories.len() {
            return Err(cursor.refuse("`_infrequent_indices` are not as many as `categories_`"));
        }
        let each = indices.iter().zip(&mappings).zip(categories);
        each.map(|((indices, mapping), categories)| match mapping.is_none() {
            true => Ok(None),
            false => Self::read(indices, mapping, categories.count()).map(Some),
        })
        .collect()
    }

    fn read(indices: &Cursor<'_>, mapping: &Cursor<'_>, count: usize) -> Result<Self> {
        let places = places_of(mapping, None, count)?;
        let first = places_of(indices, None, places.len())?.first().copied();
        let unknown = first.ok_or_else(|| indices.refuse("it is empty"))?;
        Ok(Self { places, unknown })
    }

    /// The new place; the old one for a place that is not regrouped.
    pub(super) fn place(&self, place: usize) -> usize {
        self.places.get(place).copied().unwrap_or(place)
    }

    /// How many places there are now.
    pub(super) fn count(&self) -> usize {
        self.places.iter().max().map_or(0, |last| last + 1)
    }
}
