//! Categories that a file lists: values of a column that training has numbered.

use std::collections::HashMap;

use hari_error::Result;

use crate::Column;
use crate::document::Value;

/// Columns that are listed for a file that names none.
const FREE_COLUMNS: usize = 1 << 16;

/// The categories of each column, for columns that have any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Categories(HashMap<usize, Known>);

/// The number of each category.
#[derive(Clone, Debug)]
enum Known {
    Texts(HashMap<Box<[u8]>, u32>),
    /// By the bits of a value in float64.
    Numbers(HashMap<u64, u32>),
}

impl Categories {
    /// Texts of a column, in the order of their numbers.
    pub(crate) fn texts<'a>(&mut self, column: usize, texts: impl Iterator<Item = &'a [u8]>) {
        let numbered = texts.zip(0..).map(|(text, number)| (text.into(), number));
        self.0.insert(column, Known::Texts(numbered.collect()));
    }

    /// Values of a column, in the order of their numbers.
    pub(crate) fn numbers(&mut self, column: usize, values: impl Iterator<Item = f64>) {
        let numbered = values.zip(0..).map(|(value, number)| (bits(value), number));
        self.0.insert(column, Known::Numbers(numbered.collect()));
    }

    /// Values of a column as JSON lists them: texts, numbers or truth values.
    ///
    /// # Errors
    /// `Model` if they are of several kinds.
    pub(crate) fn listed(&mut self, column: usize, values: &Value<'_>) -> Result<()> {
        match values {
            Value::Numbers(numbers) => {
                let values = numbers.doubles().or_else(|_| {
                    let truths = numbers.ints()?.into_iter();
                    Ok::<_, hari_error::Error>(truths.map(|truth| truth as f64).collect())
                })?;
                self.numbers(column, values.into_iter());
            }
            values => {
                let texts = values.all_texts()?;
                self.texts(column, texts.iter().map(|text| text.as_bytes()));
            }
        }
        Ok(())
    }

    /// Whether numbers of a row are categories that have to be numbered.
    pub(crate) fn has_numbers(&self) -> bool {
        let mut known = self.0.values();
        known.any(|known| matches!(known, Known::Numbers(_)))
    }

    /// Columns with these names, as many as there are features. None if nothing is known of them
    /// and there are more than a file may declare for nothing.
    pub(crate) fn columns(&self, names: &[String], features: usize) -> Vec<Column> {
        if names.is_empty() && self.0.is_empty() && features > FREE_COLUMNS {
            return Vec::new();
        }
        let columns = (0..features).map(|at| {
            let name = names.get(at).map_or("", String::as_str);
            let categorical = matches!(self.0.get(&at), Some(Known::Texts(_)));
            Column::new(at, name, categorical)
        });
        columns.collect()
    }

    /// The number of a category; none if training has not seen it. An empty text is missing, NaN,
    /// unless it is a category.
    pub(crate) fn code(&self, column: usize, text: &[u8]) -> Option<f64> {
        let code = match self.0.get(&column) {
            Some(Known::Texts(known)) => known.get(text),
            _ => None,
        };
        match code {
            Some(&code) => Some(f64::from(code)),
            None => text.is_empty().then_some(f64::NAN),
        }
    }

    /// Puts numbers of categories where `rows`, `[count, features]`, has their values. NaN stays;
    /// `unknown` says what becomes of a column's value that training has not seen.
    ///
    /// # Errors
    /// Those of `unknown`.
    pub(crate) fn encode(
        &self,
        rows: &mut [f64],
        features: usize,
        unknown: impl Fn(usize, f64) -> Result<f64>,
    ) -> Result<()> {
        for (&column, known) in &self.0 {
            let Known::Numbers(known) = known else {
                continue;
            };
            for value in rows.iter_mut().skip(column).step_by(features.max(1)) {
                *value = match known.get(&bits(*value)) {
                    Some(&code) => f64::from(code),
                    None if value.is_nan() => f64::NAN,
                    None => unknown(column, *value)?,
                };
            }
        }
        Ok(())
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let known = self.0.values().map(|known| match known {
            Known::Texts(texts) => texts.keys().map(|text| text.len() + 24).sum(),
            Known::Numbers(numbers) => numbers.len() * 16,
        });
        known.sum()
    }
}

/// The bits of a value, of which zero has one form.
fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Categories {
        let mut known = Categories::default();
        known.texts(0, ["b", "a"].iter().map(|text| text.as_bytes()));
        known.numbers(2, [5.0, -0.0, 100.0].into_iter());
        known
    }

    #[test]
    fn texts_have_numbers_in_their_order() {
        let known = known();
        let code = |column, text: &str| known.code(column, text.as_bytes());
        assert_eq!((code(0, "b"), code(0, "a")), (Some(0.0), Some(1.0)));
        assert_eq!((code(0, "c"), code(1, "b")), (None, None));
        assert!(code(0, "").is_some_and(f64::is_nan));
        let columns = known.columns(&["x".to_owned()], 2);
        assert_eq!((&*columns[0].name, columns[0].categorical), ("x", true));
        assert_eq!((&*columns[1].name, columns[1].categorical), ("1", false));
        let unknown = Categories::default();
        assert_eq!(unknown.columns(&[], 3).len(), 3);
        assert!(unknown.columns(&[], 1 << 27).is_empty());
    }

    #[test]
    fn values_are_replaced_by_their_numbers() {
        let known = known();
        let mut rows = [
            9.0,
            9.0,
            100.0,
            9.0,
            9.0,
            0.0,
            9.0,
            9.0,
            7.0,
            9.0,
            9.0,
            f64::NAN,
        ];
        known.encode(&mut rows, 3, |_, _| Ok(-1.0)).unwrap();
        assert_eq!(rows[..6], [9.0, 9.0, 2.0, 9.0, 9.0, 1.0]);
        assert_eq!(rows[6..9], [9.0, 9.0, -1.0]);
        assert!(rows[11].is_nan() && known.has_numbers());
        let refused = known.encode(&mut [0.0, 0.0, 7.5], 3, |column, value| {
            Err(hari_error::Error::invalid(format!("{column}: {value}")))
        });
        assert_eq!(refused.unwrap_err().message(), "2: 7.5");
        assert!(known.memory_bytes() > 0);
    }
}
