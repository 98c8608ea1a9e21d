//! Voting: the majority, or the mean, of different estimators.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::estimator::{Accepts, Estimator, Form, Method, Width};
use crate::input::Kind;
use crate::math;
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};
use crate::values::Values;

/// Estimators that vote.
#[derive(Debug)]
struct Voters {
    nodes: Vec<Node>,
    /// One for each; none if all count alike.
    weights: Option<Vec<f64>>,
}

impl Voters {
    fn read(cursor: &Cursor<'_>, reader: &Reader, method: Method) -> Result<Self> {
        let nodes = reader.read_all(&cursor.attribute("estimators_")?)?;
        if nodes.is_empty() {
            return Err(cursor.refuse("there are no estimators"));
        }
        super::check_method(cursor, &nodes, method)?;
        let weights = weights(cursor, nodes.len())?;
        Ok(Self { nodes, weights })
    }

    fn first(&self) -> Option<&Node> {
        self.nodes.first()
    }

    fn weight(&self, voter: usize) -> f64 {
        let weights = self.weights.as_ref();
        weights.map_or(1.0, |all| all.get(voter).copied().unwrap_or(0.0))
    }

    /// The weighted mean of matrices of one shape.
    fn mean(&self, each: &[Matrix]) -> Matrix {
        let (rows, columns) = each.first().map_or((0, 0), |one| (one.rows, one.columns));
        let mut mean = Matrix::zeros(rows, columns);
        for (voter, one) in each.iter().enumerate() {
            let weight = self.weight(voter);
            for (sum, value) in mean.values.iter_mut().zip(&one.values) {
                *sum += value * weight;
            }
        }
        let weight: f64 = (0..each.len()).map(|voter| self.weight(voter)).sum();
        for sum in &mut mean.values {
            *sum /= weight;
        }
        mean
    }

    /// What each predicts, as numbers: a matrix of one column each.
    fn predictions(&self, rows: &Table) -> Result<Vec<Matrix>> {
        let each = self.nodes.iter();
        each.map(|node| Ok(Matrix::column_of(node.predict(rows)?.floats()?)))
            .collect()
    }

    fn takes(&self, column: usize) -> Kind {
        let kinds = self.nodes.iter().map(|node| node.takes(column));
        kinds
            .max_by_key(|&kind| kind == Kind::Text)
            .unwrap_or(Kind::Number)
    }

    fn memory_bytes(&self) -> usize {
        self.nodes.iter().map(Estimator::memory_bytes).sum()
    }
}

/// `weights` of the estimators that are not dropped.
fn weights(cursor: &Cursor<'_>, voters: usize) -> Result<Option<Vec<f64>>> {
    let Some(found) = cursor.attribute("weights")?.optional() else {
        return Ok(None);
    };
    let weights = match found.numbers() {
        Ok(array) => array.values,
        Err(_) => found
            .items()?
            .iter()
            .map(Cursor::float)
            .collect::<Result<_>>()?,
    };
    let mut kept = Vec::with_capacity(voters);
    let estimators = cursor.attribute("estimators")?.items()?;
    for (estimator, weight) in estimators.iter().zip(weights) {
        let estimator = estimator.item(1)?;
        if !estimator.text().is_ok_and(|text| text == "drop") {
            kept.push(weight);
        }
    }
    match kept.len() == voters {
        true => Ok(Some(kept)),
        false => Err(found.refuse(format_args!("expected a weight for each of {voters}"))),
    }
}

/// Matrices of the same rows, side by side.
fn beside(each: Vec<Matrix>) -> Result<Table> {
    Table::beside(each.into_iter().map(Table::from).collect(), false)
}

/// `VotingRegressor`: the mean.
#[derive(Debug)]
pub(super) struct Regressor(Voters);

impl Regressor {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        Ok(Box::new(Self(Voters::read(
            cursor,
            reader,
            Method::Predict,
        )?)))
    }
}

impl Estimator for Regressor {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Predict => Some(Form::NUMBER),
            Method::Transform => Some(Form::numbers(self.0.nodes.len())),
            _ => None,
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.0.takes(column)
    }

    fn width(&self) -> Option<usize> {
        self.0.first().and_then(Estimator::width)
    }

    fn names(&self) -> &[String] {
        self.0.first().map_or(&[], Estimator::names)
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let mean = self.0.mean(&self.0.predictions(rows)?);
        Ok(Values::Floats(mean.values))
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        beside(self.0.predictions(rows)?)
    }

    fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

/// `VotingClassifier`: its voters know classes by their numbers.
#[derive(Debug)]
pub(super) struct Classifier {
    voters: Voters,
    /// Whether probabilities are averaged, rather than votes counted.
    soft: bool,
    /// Whether `transform` puts probabilities side by side; else they have a dimension more.
    flat: bool,
    classes: [Values; 1],
}

impl Classifier {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let voting = cursor.attribute("voting")?;
        let soft = match voting.text()?.as_str() {
            "soft" => true,
            "hard" => false,
            other => {
                return Err(voting.refuse(format_args!("expected `hard` or `soft`, not `{other}`")));
            }
        };
        let method = if soft {
            Method::PredictProba
        } else {
            Method::Predict
        };
        let voters = Voters::read(cursor, reader, method)?;
        let classes = Values::read(&cursor.attribute("classes_")?)?;
        let count = classes.len();
        let alike = |node: &Node| matches!(node.classes(), [one] if one.len() == count);
        if count == 0 || !voters.nodes.iter().all(alike) {
            return Err(cursor.refuse(format_args!(
                "expected classifiers of {count} classes, one at least"
            )));
        }
        Ok(Box::new(Self {
            voters,
            soft,
            flat: cursor.attribute("flatten_transform")?.boolean()?,
            classes: [classes],
        }))
    }

    fn probabilities(&self, rows: &Table) -> Result<Vec<Matrix>> {
        let nodes = self.voters.nodes.iter();
        nodes.map(|node| node.predict_proba(rows)).collect()
    }

    /// Weights of the votes for each class.
    fn votes(&self, rows: &Table) -> Result<Matrix> {
        let [classes] = &self.classes;
        let mut votes = Matrix::zeros(rows.rows(), classes.len());
        for (voter, node) in self.voters.nodes.iter().enumerate() {
            let found = node.predict(rows)?;
            let known = node.classes().first().unwrap_or(classes);
            for (row, place) in super::places_of(&found, known).into_iter().enumerate() {
                let vote = place.and_then(|place| votes.row_mut(row).get_mut(place));
                if let Some(vote) = vote {
                    *vote += self.voters.weight(voter);
                }
            }
        }
        Ok(votes)
    }
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        let voters = self.voters.nodes.len();
        match method {
            Method::Predict => Some(Form::label(classes)),
            Method::PredictProba if self.soft => Some(Form::numbers(classes.len())),
            Method::Transform if !self.soft => Some(Form::numbers(voters)),
            Method::Transform if self.flat => Some(Form {
                width: Width::Columns(voters.saturating_mul(classes.len())),
                ..Form::NUMBER
            }),
            _ => None,
        }
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.voters.takes(column)
    }

    fn width(&self) -> Option<usize> {
        self.voters.first().and_then(Estimator::width)
    }

    fn names(&self) -> &[String] {
        self.voters.first().map_or(&[], Estimator::names)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        let counted = match self.soft {
            true => self.predict_proba(rows)?,
            false => self.votes(rows)?,
        };
        Ok(classes.at(&math::argmax_rows(&counted)))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        Ok(self.voters.mean(&self.probabilities(rows)?))
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        match self.soft {
            true => beside(self.probabilities(rows)?),
            false => beside(self.voters.predictions(rows)?),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.voters.memory_bytes()
    }
}
