//! `sklearn.multioutput`: an estimator for each output, side by side or one after the other.

use hari_core::DataType;
use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{places_of, text};
use crate::estimator::{Accepts, Estimator, Form, Method, Width};
use crate::reader::{Node, Reader};
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

mod chain;

pub(crate) const CLASSES: &[Entry] = &[
    ("sklearn.multioutput.ClassifierChain", chain::Chain::read),
    ("sklearn.multioutput.MultiOutputClassifier", Outputs::read),
    ("sklearn.multioutput.MultiOutputRegressor", Outputs::read),
    ("sklearn.multioutput.RegressorChain", chain::Chain::read),
];

/// `MultiOutputClassifier` and `MultiOutputRegressor`: side by side.
#[derive(Debug)]
struct Outputs {
    nodes: Vec<Node>,
    classes: Vec<Values>,
    dtype: DataType,
}

impl Outputs {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let nodes = nodes(cursor, reader)?;
        let dtypes = nodes.iter().filter_map(|node| node.form(Method::Predict));
        let dtypes: Vec<_> = dtypes.map(|form| form.dtype).collect();
        let text = |dtype: &DataType| *dtype == DataType::Bytes;
        if dtypes.iter().any(text) && !dtypes.iter().all(text) {
            return Err(cursor.refuse(
                "labels of some outputs are text, of others numbers: fit them with one type",
            ));
        }
        let dtype = match dtypes.as_slice() {
            [first, rest @ ..] if rest.iter().all(|one| one == first) => *first,
            _ => DataType::Fp64,
        };
        Ok(Box::new(Self {
            classes: classes_of(&nodes),
            dtype,
            nodes,
        }))
    }
}

/// `estimators_`: at least one, each with one value for a row.
fn nodes(cursor: &Cursor<'_>, reader: &Reader) -> Result<Vec<Node>> {
    let at = cursor.attribute("estimators_")?;
    let found = reader.read_all(&at)?;
    let one = |node: &Node| node.form(Method::Predict).map(|form| form.width) == Some(Width::One);
    if found.is_empty() || !found.iter().all(one) {
        return Err(at.refuse("expected estimators that predict one value for a row"));
    }
    Ok(found)
}

/// The classes of each output; none if one of them has none.
fn classes_of(nodes: &[Node]) -> Vec<Values> {
    let each = nodes.iter().map(|node| match node.classes() {
        [classes] => Some(classes.clone()),
        _ => None,
    });
    each.collect::<Option<_>>().unwrap_or_default()
}

impl Estimator for Outputs {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Predict => Some(Form {
                dtype: self.dtype,
                ..Form::numbers(self.nodes.len())
            }),
            Method::PredictProba => {
                let columns = self
                    .nodes
                    .iter()
                    .map(|node| match node.form(method)?.width {
                        Width::Columns(columns) => Some(columns),
                        _ => None,
                    });
                Some(Form {
                    dtype: DataType::Fp64,
                    width: Width::Many(columns.collect::<Option<_>>()?),
                })
            }
            _ => None,
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> crate::input::Kind {
        self.nodes
            .first()
            .map_or(crate::input::Kind::Number, |node| node.takes(column))
    }

    fn width(&self) -> Option<usize> {
        self.nodes.iter().find_map(Estimator::width)
    }

    fn names(&self) -> &[String] {
        self.nodes.first().map_or(&[], Estimator::names)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let each = self.nodes.iter().map(|node| node.predict(rows));
        Ok(Values::beside(&each.collect::<Result<Vec<_>>>()?))
    }

    fn predict_probas(&self, rows: &Table) -> Result<Vec<Matrix>> {
        self.nodes
            .iter()
            .map(|node| node.predict_proba(rows))
            .collect()
    }

    fn memory_bytes(&self) -> usize {
        self.nodes.iter().map(Estimator::memory_bytes).sum()
    }
}

/// `order_`: the output of each estimator.
fn order(cursor: &Cursor<'_>, count: usize) -> Result<Vec<usize>> {
    let at = cursor.attribute("order_")?;
    let found = match at.any_array() {
        Ok(_) => places_of(&at, Some(count), count)?,
        Err(_) => at
            .items()?
            .iter()
            .map(|item| {
                let place = usize::try_from(item.integer()?).ok();
                place
                    .filter(|&place| place < count)
                    .ok_or_else(|| item.refuse("expected the number of an output"))
            })
            .collect::<Result<Vec<_>>>()?,
    };
    let mut sorted = found.clone();
    sorted.sort_unstable();
    if sorted.into_iter().eq(0..count) {
        return Ok(found);
    }
    Err(at.refuse(format_args!("expected each output from 0 to {count} once")))
}

/// `chain_method_`: what later estimators get from earlier ones.
fn chain_method(cursor: &Cursor<'_>) -> Result<Method> {
    if cursor.find_attribute("chain_method_")?.is_none() {
        return Ok(Method::Predict);
    }
    let name = text(cursor, "chain_method_")?;
    match Method::named(&name) {
        Some(method @ (Method::Predict | Method::PredictProba | Method::DecisionFunction)) => {
            Ok(method)
        }
        _ => Err(cursor.refuse(format_args!("`chain_method_` is `{name}`"))),
    }
}
