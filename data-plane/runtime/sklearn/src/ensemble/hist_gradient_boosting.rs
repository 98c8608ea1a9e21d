//! Histogram gradient boosting: trees over float64, with categories and missing values.

mod predictor;

use hari_error::{Error, Result};
use hari_pickle::Cursor;
use hari_trees::flat::{Builder, Ensemble, MAX_FEATURES, Rule};

use super::loss::Link;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::math;
use crate::reader::{Node, Reader};
use crate::table::{Matrix, Table};
use crate::tree::count_of;
use crate::values::Values;
use predictor::Categories;

/// The sums of the trees, before the link.
#[derive(Debug)]
struct Booster {
    /// Numbers categories, and puts them first: since 1.4, if there are categories.
    preprocessor: Option<Node>,
    categories: Categories,
    /// Where the sum of each target starts.
    baseline: Vec<f64>,
    trees: Ensemble<f64>,
}

impl Booster {
    fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Self> {
        let preprocessor = cursor.find_attribute("_preprocessor")?;
        let preprocessor = preprocessor.and_then(Cursor::optional);
        let preprocessor = preprocessor.map(|found| reader.read(&found)).transpose()?;
        let features = count_of(&cursor.attribute("_n_features")?)?;
        if features > MAX_FEATURES {
            return Err(cursor.refuse(format_args!("expected at most {MAX_FEATURES} features")));
        }
        let baseline = baseline(&cursor.attribute("_baseline_prediction")?)?;
        let categories = Categories::read(&cursor.attribute("_bin_mapper")?, features)?;
        let mut builder = Builder::new(Rule::AT_MOST, features, baseline.len());
        for round in cursor.attribute("_predictors")?.items()? {
            for (target, tree) in round.items()?.iter().enumerate() {
                let drafts = predictor::drafts(tree, &categories, reader)?;
                let built = builder.tree(drafts, target);
                built.map_err(|error| tree.refuse(error))?;
            }
        }
        Ok(Self {
            preprocessor,
            categories,
            baseline,
            trees: builder.finish(),
        })
    }

    /// `[rows, targets]`.
    fn sums(&self, rows: &Table) -> Result<Matrix> {
        let prepared = match &self.preprocessor {
            Some(preprocessor) => preprocessor.transform(rows)?,
            None => rows.clone(),
        };
        let mut rows = prepared.dense()?.into_owned();
        let (expected, found) = (self.trees.features(), rows.columns);
        if expected != found {
            return Err(Error::invalid(format!(
                "expected {expected} features, found {found}"
            )));
        }
        self.categories.forget_unknown(&mut rows);
        let mut sums = Matrix::new(
            rows.rows,
            self.baseline.len(),
            self.baseline.repeat(rows.rows),
        );
        self.trees.add(&rows.values, &mut sums.values);
        Ok(sums)
    }

    fn takes(&self, column: usize) -> Kind {
        let preprocessor = self.preprocessor.as_ref();
        preprocessor.map_or(Kind::Number, |found| found.takes(column))
    }

    fn memory_bytes(&self) -> usize {
        let preprocessor = self.preprocessor.as_ref();
        self.trees.memory_bytes() + preprocessor.map_or(0, Estimator::memory_bytes)
    }
}

/// A number for all, or one for each target, in whatever shape.
fn baseline(cursor: &Cursor<'_>) -> Result<Vec<f64>> {
    let found = match cursor.float() {
        Ok(one) => vec![one],
        Err(_) => cursor.numbers()?.values,
    };
    match found.is_empty() {
        true => Err(cursor.refuse("expected a number for each target")),
        false => Ok(found),
    }
}

/// `HistGradientBoostingRegressor`.
#[derive(Debug)]
pub(super) struct Regressor {
    booster: Booster,
    link: Link,
}

impl Regressor {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let loss = cursor.attribute("_loss")?;
        let name = loss.class()?;
        let link = Link::of_numbers(&name);
        let link = link.ok_or_else(|| loss.refuse(format_args!("`{name}` is no known loss")))?;
        let booster = Booster::read(cursor, reader)?;
        if booster.baseline.len() != 1 {
            return Err(cursor.refuse("expected one tree in a round"));
        }
        Ok(Box::new(Self { booster, link }))
    }
}

impl Estimator for Regressor {
    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::Predict).then_some(Form::NUMBER)
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.booster.takes(column)
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let sums = self.booster.sums(rows)?.values;
        let numbers = sums.into_iter().map(|sum| self.link.number(sum));
        Ok(Values::Floats(numbers.collect()))
    }

    fn memory_bytes(&self) -> usize {
        self.booster.memory_bytes()
    }
}

/// `HistGradientBoostingClassifier`.
#[derive(Debug)]
pub(super) struct Classifier {
    booster: Booster,
    link: Link,
    classes: [Values; 1],
}

impl Classifier {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let loss = cursor.attribute("_loss")?;
        let name = loss.class()?;
        let link = Link::of_classes(&name);
        let link = link.ok_or_else(|| loss.refuse(format_args!("`{name}` is no known loss")))?;
        let classes = Values::read(&cursor.attribute("classes_")?)?;
        let booster = Booster::read(cursor, reader)?;
        super::check_targets(cursor, &classes, booster.baseline.len())?;
        Ok(Box::new(Self {
            booster,
            link,
            classes: [classes],
        }))
    }
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        super::form_of_classifier(classes, method)
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, column: usize) -> Kind {
        self.booster.takes(column)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        Ok(classes.at(&math::decided(&self.booster.sums(rows)?)))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        Ok(self.link.shares(&self.booster.sums(rows)?))
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        self.booster.sums(rows)
    }

    fn memory_bytes(&self) -> usize {
        self.booster.memory_bytes()
    }
}
