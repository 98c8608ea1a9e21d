//! `OneVsOneClassifier`.

use hari_error::Result;
use hari_pickle::Cursor;

use super::one_versus_rest;
use super::team::{Team, beside, score};
use crate::attributes::{classes, places_of};
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::math::argmax_rows;
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

/// `OneVsOneClassifier`: an estimator for each pair of classes.
#[derive(Debug)]
pub(super) struct OneVsOne {
    classes: [Values; 1],
    team: Team,
    /// For kernels that are given: which of the fitted rows each estimator was fitted with.
    columns: Vec<Vec<usize>>,
    width: Option<usize>,
    /// Of two classes, the second one is predicted above this.
    threshold: f64,
}

impl OneVsOne {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let classes = classes(cursor)?;
        let pairs = classes.len() * (classes.len() - 1) / 2;
        let team = Team::read(cursor, reader, Some(pairs))?;
        let (columns, width) = pairwise(cursor, &team)?;
        Ok(Box::new(Self {
            // Until 1.0 votes alone counted, whatever the estimators give.
            threshold: match crate::version::of(cursor) < (1, 1) {
                true => 0.0,
                false => team.threshold(),
            },
            classes: [classes],
            team,
            columns,
            width,
        }))
    }

    fn decisions(&self, rows: &Table) -> Result<Matrix> {
        let count = self.team.0.len();
        let (mut predictions, mut scores) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (at, node) in self.team.0.iter().enumerate() {
            let selected = self.columns.get(at).map(|columns| rows.select(columns));
            let rows = selected.as_ref().unwrap_or(rows);
            predictions.push(node.predict(rows)?.floats()?);
            scores.push(score(node, rows)?);
        }
        let [classes] = &self.classes;
        Ok(one_versus_rest(
            &beside(rows.rows(), &predictions),
            &beside(rows.rows(), &scores),
            classes.len(),
        ))
    }
}

/// `pairwise_indices_`, checked against the width of the rows; nothing where all columns count.
fn pairwise(cursor: &Cursor<'_>, team: &Team) -> Result<(Vec<Vec<usize>>, Option<usize>)> {
    let indices = cursor
        .find_attribute("pairwise_indices_")?
        .and_then(Cursor::optional);
    let Some(indices) = indices else {
        return Ok((Vec::new(), team.0.iter().find_map(Estimator::width)));
    };
    let width = crate::attributes::count(cursor, "n_features_in_")?;
    let items = indices.items()?;
    if items.len() != team.0.len() {
        return Err(indices.refuse("expected places for each estimator"));
    }
    let places = items.iter().map(|item| places_of(item, None, width));
    Ok((places.collect::<Result<_>>()?, Some(width)))
}

impl Estimator for OneVsOne {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match method {
            Method::Predict => Some(Form::label(classes)),
            Method::DecisionFunction => Some(Form::decision(classes.len())),
            _ => None,
        }
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
        self.width
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        let decisions = self.decisions(rows)?;
        if classes.len() != 2 {
            return Ok(classes.at(&argmax_rows(&decisions)));
        }
        let second = decisions.column(1);
        let place = |value: &f64| usize::from(*value > self.threshold);
        Ok(classes.at(&second.iter().map(place).collect::<Vec<_>>()))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        let [classes] = &self.classes;
        let decisions = self.decisions(rows)?;
        match classes.len() {
            2 => Ok(Matrix::column_of(decisions.column(1))),
            _ => Ok(decisions),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.team.memory_bytes()
    }
}
