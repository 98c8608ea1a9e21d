//! AdaBoost: votes with weights.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::math;
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};
use crate::values::Values;
use crate::version;

/// Estimators with their weights.
#[derive(Debug)]
struct Weighted {
    nodes: Vec<Node>,
    /// As many as there are estimators, or more.
    weights: Vec<f64>,
}

impl Weighted {
    fn read(cursor: &Cursor<'_>, reader: &Reader, method: Method) -> Result<Self> {
        let nodes = reader.read_all(&cursor.attribute("estimators_")?)?;
        let weights = cursor.attribute("estimator_weights_")?.numbers()?.values;
        if nodes.is_empty() || weights.len() < nodes.len() {
            let (estimators, weights) = (nodes.len(), weights.len());
            return Err(cursor.refuse(format_args!(
                "{estimators} estimators have {weights} weights"
            )));
        }
        super::check_method(cursor, &nodes, method)?;
        Ok(Self { nodes, weights })
    }

    fn takes(&self, column: usize) -> Kind {
        self.nodes
            .first()
            .map_or(Kind::Number, |node| node.takes(column))
    }

    fn memory_bytes(&self) -> usize {
        self.nodes.iter().map(Estimator::memory_bytes).sum()
    }
}

/// `AdaBoostRegressor`: the weighted median.
#[derive(Debug)]
pub(super) struct Regressor(Weighted);

impl Regressor {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        Ok(Box::new(Self(Weighted::read(
            cursor,
            reader,
            Method::Predict,
        )?)))
    }
}

/// The first value, from the smallest, up to which lies half of the weight.
fn median(pairs: &mut [(f64, f64)]) -> f64 {
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut below = 0.0;
    let sums: Vec<_> = pairs
        .iter()
        .map(|(_, weight)| {
            below += weight;
            below
        })
        .collect();
    let half = 0.5 * below;
    let at = sums.iter().position(|&sum| sum >= half).unwrap_or(0);
    pairs.get(at).map_or(f64::NAN, |(value, _)| *value)
}

impl Estimator for Regressor {
    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::Predict).then_some(Form::NUMBER)
    }

    fn takes(&self, column: usize) -> Kind {
        self.0.takes(column)
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let each = self.0.nodes.iter().map(|node| node.predict(rows)?.floats());
        let each: Vec<_> = each.collect::<Result<_>>()?;
        let mut pairs = Vec::with_capacity(each.len());
        let medians = (0..rows.rows()).map(|row| {
            pairs.clear();
            let values = each.iter().filter_map(|values| values.get(row).copied());
            pairs.extend(values.zip(self.0.weights.iter().copied()));
            median(&mut pairs)
        });
        Ok(Values::Floats(medians.collect()))
    }

    fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

/// How the votes of an `AdaBoostClassifier` are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Votes {
    /// SAMME: the weight for the class that an estimator predicts.
    ForOne,
    /// SAMME since 1.4: and as much, in all, against the others.
    ForAndAgainst,
    /// SAMME.R: logarithms of probabilities, centred.
    Probabilities,
}

/// `AdaBoostClassifier`.
#[derive(Debug)]
pub(super) struct Classifier {
    inner: Weighted,
    votes: Votes,
    classes: [Values; 1],
}

impl Classifier {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let algorithm = cursor.find_attribute("algorithm")?;
        let real = algorithm.is_some_and(|name| name.text().is_ok_and(|name| name == "SAMME.R"));
        let votes = match version::of(cursor) {
            _ if real => Votes::Probabilities,
            version if version >= (1, 4) => Votes::ForAndAgainst,
            _ => Votes::ForOne,
        };
        let method = match votes {
            Votes::Probabilities => Method::PredictProba,
            Votes::ForOne | Votes::ForAndAgainst => Method::Predict,
        };
        let inner = Weighted::read(cursor, reader, method)?;
        let classes = Values::read(&cursor.attribute("classes_")?)?;
        if classes.len() == 0 {
            return Err(cursor.refuse("there are no classes"));
        }
        Ok(Box::new(Self {
            inner,
            votes,
            classes: [classes],
        }))
    }

    fn count(&self) -> usize {
        let [classes] = &self.classes;
        classes.len()
    }

    /// `[rows, classes]`, before two classes become one number.
    fn votes(&self, rows: &Table) -> Result<Matrix> {
        let mut votes = Matrix::zeros(rows.rows(), self.count());
        for (node, &weight) in self.inner.nodes.iter().zip(&self.inner.weights) {
            match self.votes {
                Votes::Probabilities => add_probabilities(node, rows, &mut votes)?,
                Votes::ForOne => self.add_votes(node, rows, (weight, 0.0), &mut votes)?,
                Votes::ForAndAgainst => {
                    let against = -1.0 / (self.count() as f64 - 1.0) * weight;
                    self.add_votes(node, rows, (weight, against), &mut votes)?;
                }
            }
        }
        let weight: f64 = self.inner.weights.iter().sum();
        for vote in &mut votes.values {
            *vote /= weight;
        }
        Ok(votes)
    }

    fn add_votes(
        &self,
        node: &Node,
        rows: &Table,
        (vote, against): (f64, f64),
        votes: &mut Matrix,
    ) -> Result<()> {
        let [classes] = &self.classes;
        let found = super::places_of(&node.predict(rows)?, classes);
        for (row, place) in found.into_iter().enumerate() {
            for (at, sum) in votes.row_mut(row).iter_mut().enumerate() {
                *sum += if Some(at) == place { vote } else { against };
            }
        }
        Ok(())
    }
}

/// Adds the centred logarithms of what an estimator thinks of each class.
fn add_probabilities(node: &Node, rows: &Table, votes: &mut Matrix) -> Result<()> {
    let found = node.predict_proba(rows)?;
    let classes = votes.columns as f64;
    for row in 0..votes.rows {
        let logs: Vec<_> = found
            .row(row)
            .iter()
            .map(|share| share.max(f64::EPSILON).ln())
            .collect();
        let mean = 1.0 / classes * logs.iter().sum::<f64>();
        for (sum, log) in votes.row_mut(row).iter_mut().zip(&logs) {
            *sum += (classes - 1.0) * (log - mean);
        }
    }
    Ok(())
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match (method, classes.len()) {
            (Method::DecisionFunction, 1) => Some(Form::numbers(1)),
            _ => super::form_of_classifier(classes, method),
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Finite
    }

    fn takes(&self, column: usize) -> Kind {
        self.inner.takes(column)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        let decisions = self.decision_function(rows)?;
        let places = match self.count() {
            1 => vec![0; rows.rows()],
            _ => math::decided(&decisions),
        };
        Ok(classes.at(&places))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let decisions = self.decision_function(rows)?;
        let classes = self.count();
        Ok(decisions.map_rows(classes, |decision, shares| {
            if let ([decision], [first, second]) = (decision, &mut *shares) {
                (*first, *second) = (-decision / 2.0, decision / 2.0);
            } else {
                let scale = (classes as f64 - 1.0).max(1.0);
                for (share, decision) in shares.iter_mut().zip(decision) {
                    *share = decision / scale;
                }
            }
            math::softmax(shares);
        }))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        match self.count() {
            1 => Ok(Matrix::zeros(rows.rows(), 1)),
            2 => Ok(self.votes(rows)?.map_rows(1, |votes, decision| {
                if let ([first, second], [decision]) = (votes, decision) {
                    *decision = -first + second;
                }
            })),
            _ => self.votes(rows),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.inner.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_where_half_of_the_weight_lies() {
        assert_eq!(median(&mut [(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)]), 2.0);
        assert_eq!(median(&mut [(3.0, 5.0), (1.0, 1.0), (2.0, 1.0)]), 3.0);
        assert_eq!(median(&mut [(3.0, 1.0), (1.0, 1.0)]), 1.0);
        assert!(median(&mut []).is_nan());
    }
}
