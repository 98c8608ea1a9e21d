//! `IterativeImputer`: each column is predicted from the others, round by round.

use hari_error::Result;
use hari_pickle::Cursor;

use super::missing::{Indicator, Missing};
use super::simple::SimpleImputer;
use crate::attributes::{flag, numbers, places_of};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};

#[derive(Debug)]
pub(super) struct IterativeImputer {
    missing: Missing,
    width: usize,
    /// What everything starts with.
    initial: SimpleImputer,
    /// The columns of the answer.
    columns: Vec<usize>,
    /// Of these, those that had no values: they stay as they start.
    empty: Vec<bool>,
    steps: Vec<Step>,
    indicator: Option<Indicator>,
}

/// A column is predicted from others. Columns are numbered among those of the answer.
#[derive(Debug)]
struct Step {
    column: usize,
    others: Vec<usize>,
    model: Node,
    least: f64,
    most: f64,
}

impl IterativeImputer {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        if flag(cursor, "sample_posterior")? {
            return Err(cursor.refuse(
                "`sample_posterior` draws random numbers: expected an imputer that predicts",
            ));
        }
        let initial = SimpleImputer::of(&cursor.attribute("initial_imputer_")?)?;
        let width = initial.width().unwrap_or(0);
        let columns = initial.kept_columns();
        let empty = empty(cursor, width)?;
        let steps = match cursor.attribute("n_iter_")?.integer()? {
            0 => Vec::new(),
            _ => steps(cursor, reader, columns.len())?,
        };
        let is_empty = |column: &usize| empty.get(*column).copied().unwrap_or(false);
        Ok(Box::new(Self {
            missing: Missing::read(cursor)?,
            width,
            empty: columns.iter().map(is_empty).collect(),
            columns,
            steps,
            indicator: Indicator::of_imputer(cursor, width)?,
            initial,
        }))
    }
}

/// Which columns had no values, where they are kept.
fn empty(cursor: &Cursor<'_>, width: usize) -> Result<Vec<bool>> {
    if !flag(cursor, "keep_empty_features")? {
        return Ok(vec![false; width]);
    }
    match cursor.find_attribute("_is_empty_feature")? {
        Some(found) => Ok(found.array::<bool>()?.values),
        None => Err(cursor.refuse(
            "`keep_empty_features` is read from scikit-learn 1.6 on: fit the imputer with a newer \
             version",
        )),
    }
}

fn steps(cursor: &Cursor<'_>, reader: &Reader, width: usize) -> Result<Vec<Step>> {
    let (least, most) = (
        numbers(cursor, "_min_value")?,
        numbers(cursor, "_max_value")?,
    );
    let triplets = cursor.attribute("imputation_sequence_")?.items()?;
    let step = |triplet: &Cursor<'_>| {
        let place = triplet.argument(0)?;
        let column = usize::try_from(place.integer()?).ok();
        let column = column.filter(|&column| column < width);
        let column = column.ok_or_else(|| place.refuse("there is no such column"))?;
        let others = places_of(&triplet.argument(1)?, None, width)?;
        let model = reader.read(&triplet.argument(2)?)?;
        if !model.has(Method::Predict) || model.width().is_some_and(|width| width != others.len()) {
            return Err(triplet.refuse(format_args!(
                "expected a model that predicts from {} columns",
                others.len()
            )));
        }
        Ok(Step {
            column,
            others,
            model,
            least: least.get(column).copied().unwrap_or(f64::NEG_INFINITY),
            most: most.get(column).copied().unwrap_or(f64::INFINITY),
        })
    };
    triplets.iter().map(step).collect()
}

impl Step {
    /// Predicts the column where it is missing.
    fn apply(&self, rows: &mut Matrix, mask: &[bool]) -> Result<()> {
        let places: Vec<usize> = (0..rows.rows)
            .filter(|&row| mask.get(row).copied().unwrap_or(false))
            .collect();
        if places.is_empty() {
            return Ok(());
        }
        let values = places.iter().flat_map(|&row| {
            let row = rows.row(row);
            let value = |&column: &usize| row.get(column).copied().unwrap_or(f64::NAN);
            self.others.iter().map(value)
        });
        let others = Matrix::new(places.len(), self.others.len(), values.collect());
        let found = self.model.predict(&others.into())?.floats()?;
        for (row, value) in places.into_iter().zip(found) {
            if let Some(cell) = rows.row_mut(row).get_mut(self.column) {
                *cell = if value.is_nan() {
                    value
                } else {
                    value.max(self.least).min(self.most)
                };
            }
        }
        Ok(())
    }
}

impl Estimator for IterativeImputer {
    fn form(&self, method: Method) -> Option<Form> {
        let indicated = self.indicator.as_ref().map_or(0, Indicator::count);
        Form::transformed(method, self.columns.len() + indicated)
    }

    fn accepts(&self) -> Accepts {
        self.missing.accepts()
    }

    fn width(&self) -> Option<usize> {
        Some(self.width)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let masks = self.missing.masks(rows);
        let mut filled = self.initial.transform(rows)?.dense()?.into_owned();
        let mask = |(column, empty): (&usize, &bool)| match empty {
            true => vec![false; filled.rows],
            false => masks.get(*column).cloned().unwrap_or_default(),
        };
        let kept: Vec<Vec<bool>> = self.columns.iter().zip(&self.empty).map(mask).collect();
        // Where nothing at all is known, there is nothing to predict from.
        if !kept.iter().flatten().all(|&missing| missing) {
            for step in &self.steps {
                step.apply(
                    &mut filled,
                    kept.get(step.column).map_or(&[], Vec::as_slice),
                )?;
            }
        }
        match &self.indicator {
            Some(indicator) => {
                Table::beside(vec![filled.into(), indicator.flags(&masks)?.into()], false)
            }
            None => Ok(filled.into()),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.steps
            .iter()
            .map(|step| step.model.memory_bytes())
            .sum()
    }
}
