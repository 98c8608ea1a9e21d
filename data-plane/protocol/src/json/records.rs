//! Rows written as objects of values by name: one tensor for each name.

use std::collections::HashMap;

use bytes::Bytes;
use hari_core::{Limits, NamedTensor};
use hari_error::{Error, Result};

use super::array::{self, Elements};
use super::{Reader, What};

/// What a row may leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Every row has the names of the first one, and no others.
    Same,
    /// A name that a row does not have is missing there, as in a data frame.
    Any,
}

/// What the first item of an array is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// An object, hence a row of values by name.
    Object,
    /// Anything else.
    Value,
}

/// What the first item of the array that stands next is; none if there is none. Nothing is
/// consumed. An object of the one member `b64` is a value.
///
/// # Errors
/// If no array stands next.
pub fn first(reader: &mut Reader<'_>) -> Result<Option<First>> {
    let mut first = None;
    // The error only stops the look ahead; what is wrong is found again by the reading proper.
    let _ = reader.clone().array(|ahead, _| {
        let object = ahead.peek()? == What::Object && !is_base64(ahead);
        first = Some(if object { First::Object } else { First::Value });
        Err(Error::invalid("seen enough"))
    });
    if first.is_none() {
        // Empty, or no JSON.
        reader.clone().skip()?;
    }
    Ok(first)
}

/// Whether the object that stands next is `{"b64": "..."}`, hence one element.
pub(crate) fn is_base64(reader: &Reader<'_>) -> bool {
    let mut ahead = reader.clone();
    let mut found = false;
    let read = ahead.object(|ahead, key| {
        if key != "b64" || ahead.peek()? != What::String {
            return Err(Error::invalid("not base64"));
        }
        found = true;
        ahead.skip()
    });
    found && read.is_ok()
}

/// Reads an array with one object for each row. The texts of each name are put together first, so
/// that one rule infers the type and checks the shape of whole tensors.
///
/// # Errors
/// `InvalidInput` with the row at fault, `TooLarge` for more names than a request may have
/// inputs.
pub fn read(
    reader: &mut Reader<'_>,
    elements: Elements,
    names: Names,
    limits: &Limits,
) -> Result<Vec<NamedTensor>> {
    let field = reader.path();
    let mut table = Table {
        columns: Vec::new(),
        places: HashMap::new(),
        names,
        most: limits.inputs,
        room: limits.tensor / size_of::<Bytes>(),
    };
    reader.array(|reader, row| table.row(reader, row))?;
    let columns = table.columns.into_iter();
    columns
        .map(|column| column.finish(&field, elements, limits))
        .collect()
}

struct Table {
    columns: Vec<Column>,
    places: HashMap<String, usize>,
    names: Names,
    /// Columns that there may be.
    most: usize,
    /// Values that rows may still leave out.
    room: usize,
}

/// The values of one name in every row, put together as one JSON array.
struct Column {
    name: String,
    text: Vec<u8>,
    rows: usize,
}

impl Table {
    fn row(&mut self, reader: &mut Reader<'_>, row: usize) -> Result<()> {
        let mut member = 0;
        reader.object(|reader, name| {
            let at = self.position(name, member);
            member += 1;
            let at = match at {
                None if row == 0 || self.names == Names::Any => {
                    Some(self.begin(name, row, reader)?)
                }
                at => at,
            };
            self.add(at, row, reader)
        })?;
        match self.names {
            Names::Any => self.fill(row + 1, reader),
            Names::Same if self.columns.iter().all(|one| one.rows > row) => Ok(()),
            Names::Same => Err(reader.error(self.differs())),
        }
    }

    /// Says that what columns are without, up to `rows`, is missing.
    fn fill(&mut self, rows: usize, reader: &Reader<'_>) -> Result<()> {
        for column in self.columns.iter_mut().filter(|one| one.rows < rows) {
            let missing = rows - column.rows;
            let left = self.room.checked_sub(missing);
            self.room = left.ok_or_else(|| {
                let error = reader.error("too many values are left out");
                Error::too_large(error.message().to_owned())
            })?;
            (0..missing).for_each(|_| column.push("null"));
        }
        Ok(())
    }

    /// Where the column of this name is; in most rows at the place where the first row has it.
    fn position(&self, name: &str, likely: usize) -> Option<usize> {
        let there = self
            .columns
            .get(likely)
            .is_some_and(|column| column.name == name);
        if there {
            return Some(likely);
        }
        self.places.get(name).copied()
    }

    /// A new column, that all rows up to `row` are without.
    fn begin(&mut self, name: &str, row: usize, reader: &Reader<'_>) -> Result<usize> {
        if self.columns.len() >= self.most {
            return Err(Error::too_large(format!("more than {} inputs", self.most)));
        }
        let at = self.columns.len();
        self.columns.push(Column::new(name));
        self.places.insert(name.to_owned(), at);
        self.fill(row, reader)?;
        Ok(at)
    }

    /// Adds the value that stands next to a column, as its element of this row.
    fn add(&mut self, at: Option<usize>, row: usize, reader: &mut Reader<'_>) -> Result<()> {
        let text = reader.raw()?;
        match at.and_then(|at| self.columns.get_mut(at)) {
            None => Err(reader.error(self.differs())),
            Some(column) if column.rows > row => {
                Err(reader.error(format!("`{}` is given twice", column.name)))
            }
            Some(column) => {
                column.push(text);
                Ok(())
            }
        }
    }

    fn differs(&self) -> String {
        let names = self.columns.iter();
        let names: Vec<_> = names.map(|column| format!("`{}`", column.name)).collect();
        format!(
            "expected the names of the first instance, {}, and no others",
            names.join(", ")
        )
    }
}

impl Column {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: b"[".to_vec(),
            rows: 0,
        }
    }

    fn push(&mut self, value: &str) {
        if self.rows > 0 {
            self.text.push(b',');
        }
        self.text.extend_from_slice(value.as_bytes());
        self.rows += 1;
    }

    /// The tensor; errors name the row behind the name: `signal[3]`.
    fn finish(mut self, field: &str, elements: Elements, limits: &Limits) -> Result<NamedTensor> {
        self.text.push(b']');
        let mut reader = Reader::of_field(&self.text, &self.name, limits)?;
        let read = array::read_cells(&mut reader, elements, limits);
        let (tensor, cells) = read.map_err(|error| match field {
            "" => error,
            field => error.context(format!("{field}, by name")),
        })?;
        Ok(NamedTensor {
            cells,
            ..NamedTensor::inferred(self.name, tensor)
        })
    }
}

#[cfg(test)]
mod tests {
    use hari_core::{Cell, is_missing_text};

    use super::*;

    fn table(text: &str, names: Names) -> Result<Vec<NamedTensor>> {
        let limits = Limits {
            inputs: 2,
            ..Limits::default()
        };
        let mut reader = Reader::of_field(text.as_bytes(), "rows", &limits)?;
        read(&mut reader, Elements::INFERRED, names, &limits)
    }

    #[test]
    fn each_name_is_a_column() {
        let text = r#"[{"a":1,"b":"x"},{"b":null,"a":2}]"#;
        let columns = table(text, Names::Same).unwrap();
        assert_eq!((&*columns[0].name, &*columns[1].name), ("a", "b"));
        assert_eq!(columns[0].tensor.to_f64().unwrap(), [1.0, 2.0]);
        assert!(is_missing_text(&columns[1].tensor.strings().unwrap()[1]));
        let cells = columns[1].cells.as_deref().unwrap();
        assert_eq!(cells, [Cell::Text, Cell::Missing]);
    }

    #[test]
    fn what_a_row_leaves_out_is_missing_or_refused() {
        let text = r#"[{"a":1},{"b":2}]"#;
        let columns = table(text, Names::Any).unwrap();
        let b = columns[1].tensor.to_f64().unwrap();
        assert!(b[0].is_nan() && b[1] == 2.0);
        assert!(columns[0].tensor.to_f64().unwrap()[1].is_nan());
        let error = table(text, Names::Same).unwrap_err();
        assert!(
            error.message().starts_with("rows[1].b: expected the names"),
            "{error}"
        );
        let error = table(r#"[{"a":1,"b":2,"c":3}]"#, Names::Any).unwrap_err();
        assert_eq!(error.kind(), hari_error::Kind::TooLarge);
        let error = table(r#"[{"a":[1]},{"a":[1,2]}]"#, Names::Same).unwrap_err();
        assert!(
            error.message().starts_with("rows, by name: a[1]"),
            "{error}"
        );
    }

    #[test]
    fn what_is_left_out_does_not_grow_without_end() {
        let limits = Limits {
            tensor: 10 * size_of::<Bytes>(),
            ..Limits::default()
        };
        let of = |rows: usize| {
            let text = format!(r#"[{{"a":1}}{}]"#, ",{}".repeat(rows));
            let mut reader = Reader::of_field(text.as_bytes(), "rows", &limits).unwrap();
            read(&mut reader, Elements::INFERRED, Names::Any, &limits)
        };
        assert_eq!(of(5).unwrap()[0].tensor.len(), 6);
        let error = of(11).unwrap_err();
        assert_eq!(error.kind(), hari_error::Kind::TooLarge);
        assert!(error.message().starts_with("rows[11]"), "{error}");
    }

    #[test]
    fn the_first_item_tells_rows_from_values() {
        let look = |text: &str| {
            let limits = Limits::default();
            first(&mut Reader::new(text.as_bytes(), &limits).unwrap()).unwrap()
        };
        assert_eq!(look(r#"[{"a":1}]"#), Some(First::Object));
        assert_eq!(look(r#"[{"b64":"aGk="}]"#), Some(First::Value));
        assert_eq!(look("[[1]]"), Some(First::Value));
        assert_eq!(look("[]"), None);
    }
}
