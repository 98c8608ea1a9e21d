//! Boosters of other libraries in their scikit-learn classes: XGBoost, LightGBM and CatBoost.
//!
//! A pickle of `XGBClassifier` or `LGBMRegressor` holds the booster as the bytes that its own
//! library saves; `hari-trees` reads them. The classes add labels, and early stopping.

mod catboost;
mod lightgbm;
mod xgboost;

use hari_error::{Error, Result};
use hari_pickle::Cursor;
use hari_trees::Column as TreeColumn;

use crate::estimator::Form;
use crate::input::Kind;
use crate::registry::Entry;
use crate::table::{Column, Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[
    ("catboost.core.CatBoost", catboost::read_raw),
    ("catboost.core.CatBoostClassifier", catboost::read),
    ("catboost.core.CatBoostRanker", catboost::read_raw),
    ("catboost.core.CatBoostRegressor", catboost::read),
    ("lightgbm.basic.Booster", lightgbm::read_booster),
    ("lightgbm.sklearn.LGBMClassifier", lightgbm::read_classifier),
    ("lightgbm.sklearn.LGBMRanker", lightgbm::read_regressor),
    ("lightgbm.sklearn.LGBMRegressor", lightgbm::read_regressor),
    ("xgboost.core.Booster", xgboost::read_booster),
    ("xgboost.sklearn.XGBClassifier", xgboost::read_classifier),
    ("xgboost.sklearn.XGBRFClassifier", xgboost::read_classifier),
    ("xgboost.sklearn.XGBRFRegressor", xgboost::read_regressor),
    ("xgboost.sklearn.XGBRanker", xgboost::read_regressor),
    ("xgboost.sklearn.XGBRegressor", xgboost::read_regressor),
];

/// The columns that a booster takes.
#[derive(Debug)]
struct Columns {
    columns: Vec<TreeColumn>,
    /// Empty if the file has none.
    names: Vec<String>,
}

impl Columns {
    /// Columns without a name of their own are named by their numbers, or `Column_0` by LightGBM.
    fn new(columns: Vec<TreeColumn>) -> Self {
        let own = |(at, column): (usize, &TreeColumn)| {
            let name = column.name.as_str();
            name != at.to_string() && name != format!("Column_{at}") && name != format!("f{at}")
        };
        let named = columns.iter().enumerate().any(own);
        let all = columns.iter().map(|column| column.name.clone());
        let names = if named { all.collect() } else { Vec::new() };
        Self { columns, names }
    }

    fn takes(&self, column: usize) -> Kind {
        match self.columns.get(column) {
            Some(found) if found.categorical => Kind::Text,
            _ => Kind::Number,
        }
    }

    /// The rows as numbers; `code` gives that of a category.
    fn matrix(
        &self,
        rows: &Table,
        code: impl Fn(usize, Option<&[u8]>) -> Result<f64>,
    ) -> Result<Matrix> {
        let (expected, found) = (self.columns.len(), rows.width());
        if expected != found {
            return Err(Error::invalid(format!(
                "expected {expected} features, found {found}"
            )));
        }
        let Table::Columns(columns) = rows else {
            return Ok(rows.dense()?.into_owned());
        };
        let mut matrix = Matrix::zeros(rows.rows(), columns.len());
        for (at, column) in columns.iter().enumerate() {
            let numbers = match column {
                Column::Numbers(numbers) => numbers.clone(),
                Column::Texts(texts) => {
                    let coded = texts
                        .iter()
                        .map(|text| code(at, text.as_ref().map(|text| text.as_bytes())));
                    coded.collect::<Result<_>>()?
                }
            };
            for (row, number) in numbers.into_iter().enumerate() {
                if let Some(cell) = matrix.row_mut(row).get_mut(at) {
                    *cell = number;
                }
            }
        }
        Ok(matrix)
    }
}

/// What a booster answers: numbers, `width` for each row, or one without a dimension of its own.
fn form_of_numbers(width: Option<usize>) -> Form {
    width.map_or(Form::NUMBER, Form::numbers)
}

/// Labels of a classifier: those of its encoder, its own, or the numbers of its classes.
fn labels(cursor: &Cursor<'_>, own: &str, count: &str) -> Result<Values> {
    let encoder = cursor.find_attribute("_le")?.and_then(Cursor::optional);
    if let Some(encoder) = encoder {
        return Values::read(&encoder.attribute("classes_")?);
    }
    if let Some(found) = cursor.find_attribute(own)?.and_then(Cursor::optional) {
        return Values::read(&found);
    }
    let count = cursor.attribute(count)?;
    let numbers = count.integer()?;
    // A booster of so many classes has as many trees in a round; this is checked by the caller.
    match numbers {
        1..=100_000 => Ok(Values::Integers((0..numbers).collect())),
        _ => Err(count.refuse("expected the number of classes")),
    }
}

/// Refuses a classifier whose booster answers with another number of values.
fn check_labels(cursor: &Cursor<'_>, classes: &Values, width: Option<usize>) -> Result<()> {
    let fits = match width {
        None => (1..=2).contains(&classes.len()),
        Some(width) => width == classes.len(),
    };
    match fits {
        true => Ok(()),
        false => Err(cursor.refuse(format_args!(
            "the booster answers with {} values, but there are {} classes",
            width.unwrap_or(1),
            classes.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Columns {
        let column = |name: &&str| TreeColumn {
            name: (*name).to_owned(),
            categorical: *name == "kind",
        };
        Columns::new(names.iter().map(column).collect())
    }

    #[test]
    fn numbers_are_no_names() {
        assert!(columns(&["0", "1"]).names.is_empty());
        assert!(columns(&["Column_0", "Column_1"]).names.is_empty());
        assert_eq!(columns(&["size", "1"]).names, ["size", "1"]);
    }

    #[test]
    fn categories_are_coded_and_rows_have_a_width() {
        let columns = columns(&["size", "kind"]);
        assert_eq!(
            (columns.takes(0), columns.takes(1)),
            (Kind::Number, Kind::Text)
        );
        let texts = vec![Some("b".into()), None];
        let rows = Table::Columns(vec![Column::Numbers(vec![1.0, 2.0]), Column::Texts(texts)]);
        let code = |_, text: Option<&[u8]>| Ok(text.map_or(-1.0, |text| text.len() as f64));
        let found = columns.matrix(&rows, code).unwrap();
        assert_eq!(found.values, [1.0, 1.0, 2.0, -1.0]);
        let narrow = Table::Dense(Matrix::zeros(2, 1));
        assert!(columns.matrix(&narrow, code).is_err());
    }
}
