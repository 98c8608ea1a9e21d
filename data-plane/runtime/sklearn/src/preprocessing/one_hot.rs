//! `OneHotEncoder`: a column for each category.

use hari_error::Result;
use hari_pickle::Cursor;

use super::categories::{Categories, encode_all};
use super::infrequent::Grouping;
use crate::attributes::text;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::reader::Reader;
use crate::table::{Csr, Table};

#[derive(Debug)]
pub(super) struct OneHot {
    categories: Vec<Categories>,
    layouts: Vec<Layout>,
    /// Columns of the output.
    outputs: usize,
    refuse_unknown: bool,
    sparse: bool,
}

/// Where the output of one column lies.
#[derive(Debug)]
struct Layout {
    /// The first output column.
    start: usize,
    grouping: Option<Grouping>,
    /// Whether an unknown value counts as one that was seen too seldom.
    unknown_is_infrequent: bool,
    /// The category, after grouping, that has no output column.
    dropped: Option<usize>,
}

impl OneHot {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let categories = Categories::read_all(cursor)?;
        let groupings = Grouping::read_all(cursor, &categories)?;
        let unknown = text(cursor, "handle_unknown")?;
        let (mut layouts, mut outputs) = (Vec::new(), 0);
        let dropped = dropped(cursor, &categories)?;
        for ((categories, grouping), dropped) in categories.iter().zip(groupings).zip(dropped) {
            let count = match &grouping {
                Some(grouping) => grouping.count(),
                None => categories.count(),
            };
            let dropped = dropped.filter(|&place| place < count);
            layouts.push(Layout {
                start: outputs,
                grouping,
                unknown_is_infrequent: unknown == "infrequent_if_exist" || unknown == "warn",
                dropped,
            });
            outputs += count - usize::from(dropped.is_some());
        }
        Ok(Box::new(Self {
            categories,
            layouts,
            outputs,
            refuse_unknown: unknown == "error",
            sparse: sparse(cursor)?,
        }))
    }
}

/// `sparse_output`, which was called `sparse`.
fn sparse(cursor: &Cursor<'_>) -> Result<bool> {
    match cursor.find_attribute("sparse_output")? {
        Some(found) => found.boolean(),
        None => cursor.attribute("sparse")?.boolean(),
    }
}

/// The place of the dropped category of each column.
fn dropped(cursor: &Cursor<'_>, categories: &[Categories]) -> Result<Vec<Option<usize>>> {
    let found = match cursor.find_attribute("_drop_idx_after_grouping")? {
        Some(found) => found,
        None => cursor.attribute("drop_idx_")?,
    };
    let Some(found) = found.optional() else {
        return Ok(vec![None; categories.len()]);
    };
    if let Ok(places) = found.integers() {
        let place = |place: i64| usize::try_from(place).ok();
        return checked(&found, places.values.into_iter().map(place), categories);
    }
    let items = found.items()?;
    let place = |item: &Cursor<'_>| match item.is_none() {
        true => Ok(None),
        false => Ok(usize::try_from(item.integer()?).ok()),
    };
    let places: Vec<_> = items.iter().map(place).collect::<Result<_>>()?;
    checked(&found, places.into_iter(), categories)
}

fn checked(
    cursor: &Cursor<'_>,
    places: impl Iterator<Item = Option<usize>>,
    categories: &[Categories],
) -> Result<Vec<Option<usize>>> {
    let places: Vec<_> = places.collect();
    match places.len() == categories.len() {
        true => Ok(places),
        false => Err(cursor.refuse("it is not as long as `categories_`")),
    }
}

impl Layout {
    /// The output column of a category; none where there is none.
    fn output(&self, place: Option<usize>) -> Option<usize> {
        let grouped = match (&self.grouping, place) {
            (Some(grouping), Some(place)) => grouping.place(place),
            (Some(grouping), None) if self.unknown_is_infrequent => {
                grouping.place(grouping.unknown)
            }
            (None, Some(place)) => place,
            (_, None) => return None,
        };
        match self.dropped {
            Some(dropped) if grouped == dropped => None,
            Some(dropped) if grouped > dropped => Some(self.start + grouped - 1),
            _ => Some(self.start + grouped),
        }
    }
}

impl Estimator for OneHot {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.outputs)
    }

    fn accepts(&self) -> Accepts {
        Accepts::Missing
    }

    fn takes(&self, column: usize) -> Kind {
        self.categories
            .get(column)
            .map_or(Kind::Number, Categories::kind)
    }

    fn width(&self) -> Option<usize> {
        Some(self.categories.len())
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let places = encode_all(&self.categories, rows, self.refuse_unknown)?;
        let mut found = Csr {
            columns: self.outputs,
            starts: vec![0],
            ..Csr::default()
        };
        for row in 0..rows.rows() {
            for (layout, places) in self.layouts.iter().zip(&places) {
                if let Some(output) = layout.output(places.get(row).copied().flatten()) {
                    found.indices.push(output as u32);
                    found.values.push(1.0);
                }
            }
            found.starts.push(found.values.len());
        }
        let table = Table::from(found);
        match self.sparse {
            true => Ok(table),
            false => Ok(Table::Dense(table.dense()?.into_owned())),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.categories.iter().map(Categories::memory_bytes).sum()
    }
}
