//! Gradient boosting: trees on top of what a simple estimator says.

use hari_error::Result;
use hari_pickle::Cursor;

use super::loss::Link;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::math;
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};
use crate::tree::{Forest, Planter, Records, features, value};
use crate::values::Values;
use crate::version;

/// The sums of a booster of trees, before any link.
#[derive(Debug)]
struct Booster {
    /// None starts with zeros.
    init: Option<Node>,
    link: Link,
    /// Probabilities of `init` are kept this far from 0 and 1.
    margin: f64,
    forest: Forest,
    targets: usize,
}

impl Booster {
    fn read(cursor: &Cursor<'_>, reader: &Reader, link: Link) -> Result<Self> {
        let init = cursor.attribute("init_")?;
        let init = match init.text() {
            Ok(name) if name == "zero" => None,
            _ => Some(reader.read(&init)?),
        };
        let wanted = match link {
            Link::Identity => Method::Predict,
            _ => Method::PredictProba,
        };
        if let Some(init) = init.as_ref().filter(|init| !init.has(wanted)) {
            let (class, name) = (init.class(), wanted.name());
            return Err(cursor.refuse(format_args!("`init_`: `{class}` has no method `{name}`")));
        }
        let margin = match version::of(cursor) >= (1, 8) {
            true => f64::EPSILON,
            false => f64::from(f32::EPSILON),
        };
        let (forest, targets) = trees(cursor, reader)?;
        Ok(Self {
            init,
            link,
            margin,
            forest,
            targets,
        })
    }

    /// `[rows, targets]`.
    fn sums(&self, rows: &Table) -> Result<Matrix> {
        let rows = self.forest.rows(rows)?;
        let mut sums = self.start(&rows)?;
        self.forest.add(&rows, &mut sums);
        Ok(sums)
    }

    /// What the trees add to.
    fn start(&self, rows: &Matrix) -> Result<Matrix> {
        let mut start = Matrix::zeros(rows.rows, self.targets);
        let Some(init) = &self.init else {
            return Ok(start);
        };
        let rows = Table::Dense(rows.clone());
        if self.link == Link::Identity {
            let found = init.predict(&rows)?.floats()?;
            for (start, found) in start.values.iter_mut().zip(found) {
                *start = found;
            }
            return Ok(start);
        }
        let found = init.predict_proba(&rows)?;
        for row in 0..start.rows {
            let shares = found.row(row);
            let shares = match self.targets {
                1 => shares.get(1..2).unwrap_or_default(),
                _ => shares,
            };
            let kept = shares
                .iter()
                .map(|share| share.clamp(self.margin, 1.0 - self.margin));
            self.link.raw(&kept.collect::<Vec<_>>(), start.row_mut(row));
        }
        Ok(start)
    }

    fn memory_bytes(&self) -> usize {
        let init = self.init.as_ref().map_or(0, Estimator::memory_bytes);
        self.forest.memory_bytes() + init
    }
}

/// `estimators_`, `[rounds, targets]`: each leaf says its value times the learning rate.
fn trees(cursor: &Cursor<'_>, reader: &Reader) -> Result<(Forest, usize)> {
    let found = cursor.attribute("estimators_")?;
    let trees = found.items()?;
    let [_, targets] = *found.any_array()?.shape() else {
        return Err(found.refuse("expected an array of rank 2"));
    };
    let rate = cursor.attribute("learning_rate")?.float()?;
    let mut planter = Planter::new(reader, features(cursor, &trees)?, targets);
    for (at, tree) in trees.iter().enumerate() {
        let leaf = |records: &Records<'_>, at| rate * value(records, at);
        planter.numbers(tree, at % targets.max(1), |feature| feature, leaf)?;
    }
    Ok((planter.finish(), targets))
}

/// The attribute that holds the loss: it has had two names.
fn loss(cursor: &Cursor<'_>) -> Result<String> {
    let old = cursor.find_attribute("loss_")?;
    match old {
        Some(found) => found.class(),
        None => cursor.attribute("_loss")?.class(),
    }
}

/// `GradientBoostingRegressor`.
#[derive(Debug)]
pub(super) struct Regressor(Booster);

impl Regressor {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let booster = Booster::read(cursor, reader, Link::Identity)?;
        if booster.targets != 1 {
            return Err(cursor.refuse("expected one tree in a round"));
        }
        Ok(Box::new(Self(booster)))
    }
}

impl Estimator for Regressor {
    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::Predict).then_some(Form::NUMBER)
    }

    fn accepts(&self) -> Accepts {
        Accepts::Finite
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        Ok(Values::Floats(self.0.sums(rows)?.values))
    }

    fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

/// `GradientBoostingClassifier`.
#[derive(Debug)]
pub(super) struct Classifier {
    booster: Booster,
    classes: [Values; 1],
    /// Whether a sum of exactly 0 is the second class: not so for the oldest binomial deviance,
    /// which looks for the larger probability.
    zero_is_positive: bool,
}

impl Classifier {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let loss = loss(cursor)?;
        let link = Link::of_classes(&loss);
        let link = link.ok_or_else(|| cursor.refuse(format_args!("`{loss}` is no known loss")))?;
        let classes = Values::read(&cursor.attribute("classes_")?)?;
        let booster = Booster::read(cursor, reader, link)?;
        super::check_targets(cursor, &classes, booster.targets)?;
        let init = booster
            .init
            .as_ref()
            .and_then(|init| init.classes().first());
        if init.is_some_and(|labels| labels.len() != classes.len()) {
            return Err(cursor.refuse("`init_` knows other classes"));
        }
        Ok(Box::new(Self {
            booster,
            classes: [classes],
            zero_is_positive: !loss.ends_with("BinomialDeviance"),
        }))
    }
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        super::form_of_classifier(classes, method)
    }

    fn accepts(&self) -> Accepts {
        Accepts::Finite
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        let sums = self.booster.sums(rows)?;
        let positive = |&sum: &f64| usize::from(sum > 0.0 || self.zero_is_positive && sum == 0.0);
        let places = match sums.columns {
            1 => sums.values.iter().map(positive).collect(),
            _ => math::argmax_rows(&sums),
        };
        Ok(classes.at(&places))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        Ok(self.booster.link.shares(&self.booster.sums(rows)?))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        self.booster.sums(rows)
    }

    fn memory_bytes(&self) -> usize {
        self.booster.memory_bytes()
    }
}
