//! `OutputCodeClassifier`.

use hari_error::Result;
use hari_pickle::Cursor;

use super::team::Team;
use crate::attributes::{classes, matrix};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::math::{argmax_rows, dot};
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

/// `OutputCodeClassifier`: the class whose code is nearest to what the estimators say.
#[derive(Debug)]
pub(super) struct OutputCode {
    classes: [Values; 1],
    team: Team,
    /// `[classes, estimators]`.
    codes: Matrix,
}

impl OutputCode {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let classes = classes(cursor)?;
        let codes = matrix(cursor, "code_book_")?;
        if codes.rows != classes.len() {
            return Err(cursor.refuse("expected a row in `code_book_` for each class"));
        }
        Ok(Box::new(Self {
            team: Team::read(cursor, reader, Some(codes.columns))?,
            classes: [classes],
            codes,
        }))
    }
}

impl Estimator for OutputCode {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        (method == Method::Predict).then(|| Form::label(classes))
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.team.takes(column)
    }

    fn names(&self) -> &[String] {
        self.team.names()
    }

    fn width(&self) -> Option<usize> {
        self.team.0.iter().find_map(Estimator::width)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        let scores = self.team.scores(rows)?;
        // The row's own square is the same for every code.
        let near = scores.map_rows(self.codes.rows, |row, found| {
            for (to, code) in found.iter_mut().zip(self.codes.iter_rows()) {
                *to = 2.0 * dot(row, code) - dot(code, code);
            }
        });
        Ok(classes.at(&argmax_rows(&near)))
    }

    fn memory_bytes(&self) -> usize {
        self.team.memory_bytes() + size_of_val(self.codes.values.as_slice())
    }
}
