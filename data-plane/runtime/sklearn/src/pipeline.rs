//! `sklearn.pipeline`: steps one after the other, or side by side.

use hari_error::{Error, Result};
use hari_pickle::Cursor;

use crate::estimator::{Accepts, Estimator, Form, Method, Width};
use crate::input::Kind;
use crate::reader::{Node, Reader};
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[
    ("sklearn.pipeline.FeatureUnion", FeatureUnion::read),
    ("sklearn.pipeline.Pipeline", Pipeline::read),
];

/// `Pipeline`: transformers, and what stands at the end.
#[derive(Debug)]
struct Pipeline {
    before: Vec<Node>,
    /// None where the last step is `passthrough`: the pipeline is its transformers.
    last: Option<Node>,
}

impl Pipeline {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let steps = cursor.attribute("steps")?.items()?;
        let mut nodes = Vec::with_capacity(steps.len());
        for step in &steps {
            nodes.push(optional(&step.item(1)?, reader)?);
        }
        let last = nodes.pop();
        let last = last.ok_or_else(|| cursor.refuse("a pipeline has no steps"))?;
        let before = nodes.into_iter().flatten().collect();
        Ok(Box::new(Self { before, last }))
    }

    fn steps(&self) -> impl Iterator<Item = &Node> {
        self.before.iter().chain(&self.last)
    }

    /// The rows that the last step gets.
    fn prepared(&self, rows: &Table) -> Result<Table> {
        self.before
            .iter()
            .try_fold(rows.clone(), |rows, step| step.transform(&rows))
    }

    fn last(&self) -> Result<&Node> {
        let last = self.last.as_ref();
        last.ok_or_else(|| Error::invalid("the last step of the pipeline does nothing"))
    }
}

/// An estimator, or nothing for `passthrough` and `None`.
fn optional(cursor: &Cursor<'_>, reader: &Reader) -> Result<Option<Node>> {
    let skipped = cursor.is_none() || cursor.text().is_ok_and(|text| text == "passthrough");
    if skipped {
        Ok(None)
    } else {
        reader.read(cursor).map(Some)
    }
}

impl Estimator for Pipeline {
    fn form(&self, method: Method) -> Option<Form> {
        match (&self.last, method) {
            (Some(last), _) => last.form(method),
            (None, Method::Transform) => match self.before.last() {
                Some(step) => step.form(method),
                None => Some(Form {
                    width: Width::Unknown,
                    ..Form::NUMBER
                }),
            },
            (None, _) => None,
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.steps()
            .next()
            .map_or(Kind::Number, |step| step.takes(column))
    }

    fn width(&self) -> Option<usize> {
        self.steps().next().and_then(Estimator::width)
    }

    fn names(&self) -> &[String] {
        self.steps().next().map_or(&[], Estimator::names)
    }

    fn classes(&self) -> &[Values] {
        self.last.as_ref().map_or(&[], Estimator::classes)
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        self.last()?.predict(&self.prepared(rows)?)
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        self.last()?.predict_proba(&self.prepared(rows)?)
    }

    fn predict_probas(&self, rows: &Table) -> Result<Vec<Matrix>> {
        self.last()?.predict_probas(&self.prepared(rows)?)
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        self.last()?.decision_function(&self.prepared(rows)?)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let rows = self.prepared(rows)?;
        self.last
            .as_ref()
            .map_or(Ok(rows.clone()), |last| last.transform(&rows))
    }

    fn inverse_transform(&self, rows: &Table) -> Result<Table> {
        let steps: Vec<_> = self.steps().collect();
        let back = steps.into_iter().rev();
        back.into_iter()
            .try_fold(rows.clone(), |rows, step| step.inverse_transform(&rows))
    }

    fn score_samples(&self, rows: &Table) -> Result<Vec<f64>> {
        self.last()?.score_samples(&self.prepared(rows)?)
    }

    fn memory_bytes(&self) -> usize {
        self.steps().map(Estimator::memory_bytes).sum()
    }
}

/// `FeatureUnion`: what several transformers make of the same rows, side by side.
#[derive(Debug)]
struct FeatureUnion {
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    /// None: the rows as they are.
    node: Option<Node>,
    weight: Option<f64>,
}

impl FeatureUnion {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let weights = weights(cursor)?;
        let mut parts = Vec::new();
        for entry in cursor.attribute("transformer_list")?.items()? {
            let (name, step) = (entry.item(0)?.text()?, entry.item(1)?);
            if step.text().is_ok_and(|text| text == "drop") {
                continue;
            }
            let weight = weights
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, weight)| *weight);
            parts.push(Part {
                node: optional(&step, reader)?,
                weight,
            });
        }
        Ok(Box::new(Self { parts }))
    }
}

/// `transformer_weights`: a factor for the output of a transformer, by its name.
pub(crate) fn weights(cursor: &Cursor<'_>) -> Result<Vec<(String, f64)>> {
    let Some(found) = cursor
        .find_attribute("transformer_weights")?
        .and_then(Cursor::optional)
    else {
        return Ok(Vec::new());
    };
    let entries = found.entries()?;
    entries
        .iter()
        .map(|(name, weight)| Ok((name.text()?, weight.float()?)))
        .collect()
}

/// The table with every number multiplied.
pub(crate) fn weighted(table: Table, weight: Option<f64>) -> Table {
    let Some(weight) = weight else {
        return table;
    };
    let scale = |values: Vec<f64>| values.into_iter().map(|value| value * weight).collect();
    match table {
        Table::Dense(matrix) => Table::Dense(Matrix {
            values: scale(matrix.values),
            ..matrix
        }),
        Table::Sparse(mut matrix) => {
            matrix.values = scale(matrix.values);
            Table::Sparse(matrix)
        }
        other @ Table::Columns(_) => other,
    }
}

/// How many columns the outputs of transformers have side by side, if each says.
pub(crate) fn beside(forms: impl Iterator<Item = Option<Form>>) -> Form {
    let mut columns = 0;
    for form in forms {
        match form.map(|form| form.width) {
            Some(Width::Columns(more)) => columns += more,
            Some(Width::One) => columns += 1,
            _ => {
                return Form {
                    width: Width::Unknown,
                    ..Form::NUMBER
                };
            }
        }
    }
    Form::numbers(columns)
}

impl Estimator for FeatureUnion {
    fn form(&self, method: Method) -> Option<Form> {
        let forms = self
            .parts
            .iter()
            .map(|part| part.node.as_ref()?.form(Method::Transform));
        (method == Method::Transform).then(|| beside(forms))
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        let nodes = self.parts.iter().filter_map(|part| part.node.as_ref());
        let text = nodes
            .into_iter()
            .any(|node| node.takes(column) == Kind::Text);
        if text { Kind::Text } else { Kind::Number }
    }

    fn width(&self) -> Option<usize> {
        self.parts
            .iter()
            .find_map(|part| part.node.as_ref()?.width())
    }

    fn names(&self) -> &[String] {
        let nodes = self.parts.iter().filter_map(|part| part.node.as_ref());
        nodes
            .map(Estimator::names)
            .find(|names| !names.is_empty())
            .unwrap_or_default()
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let tables = self.parts.iter().map(|part| {
            let table = match &part.node {
                Some(node) => node.transform(rows)?,
                None => rows.clone(),
            };
            Ok(weighted(table, part.weight))
        });
        let tables: Vec<_> = tables.collect::<Result<_>>()?;
        let sparse = tables.iter().any(|table| matches!(table, Table::Sparse(_)));
        match tables.is_empty() {
            true => Ok(Matrix::zeros(rows.rows(), 0).into()),
            false => Table::beside(tables, sparse),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.parts
            .iter()
            .filter_map(|part| part.node.as_ref())
            .map(Estimator::memory_bytes)
            .sum()
    }
}
