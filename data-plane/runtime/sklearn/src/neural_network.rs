//! `sklearn.neural_network`: perceptrons of several layers, and the restricted Boltzmann machine.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{matrix, matrix_at, numbers_at, numbers_of, text};
use crate::estimator::{Estimator, Form, Method, Width};
use crate::math::{affine, argmax, expit, softmax};
use crate::reader::Reader;
use crate::registry::Entry;
use crate::table::{Matrix, Table};
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
        Classifier::read,
    ),
    (
        "sklearn.neural_network._multilayer_perceptron.MLPRegressor",
        regressor,
    ),
    ("sklearn.neural_network._rbm.BernoulliRBM", Boltzmann::read),
];

/// What a layer does to its sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activation {
    Identity,
    Logistic,
    Tanh,
    Relu,
    Softmax,
    Exponential,
}

impl Activation {
    fn read(cursor: &Cursor<'_>, name: &str) -> Result<Self> {
        Ok(match text(cursor, name)?.as_str() {
            "identity" => Self::Identity,
            "logistic" => Self::Logistic,
            "tanh" => Self::Tanh,
            "relu" => Self::Relu,
            "softmax" => Self::Softmax,
            "exp" => Self::Exponential,
            other => {
                let at = cursor.attribute(name)?;
                return Err(at.refuse(format_args!("there is no activation `{other}`")));
            }
        })
    }

    fn apply(self, row: &mut [f64]) {
        let each: fn(f64) -> f64 = match self {
            Self::Identity => return,
            Self::Softmax => return softmax(row),
            Self::Logistic => expit,
            Self::Tanh => f64::tanh,
            Self::Relu => |x| x.max(0.0),
            Self::Exponential => f64::exp,
        };
        row.iter_mut().for_each(|x| *x = each(*x));
    }
}

#[derive(Debug)]
struct Layer {
    /// `[outputs, inputs]`.
    weights: Matrix,
    offsets: Vec<f64>,
    activation: Activation,
}

/// Layers, each as wide as the next one takes.
#[derive(Debug)]
struct Network {
    layers: Vec<Layer>,
    outputs: usize,
}

impl Network {
    fn read(cursor: &Cursor<'_>) -> Result<Self> {
        let weights = cursor.attribute("coefs_")?.items()?;
        let offsets = cursor.attribute("intercepts_")?.items()?;
        if weights.len() != offsets.len() || weights.is_empty() {
            return Err(cursor.refuse("`coefs_` and `intercepts_` differ in length, or are empty"));
        }
        let (hidden, last) = (
            Activation::read(cursor, "activation")?,
            Activation::read(cursor, "out_activation_")?,
        );
        let mut layers: Vec<Layer> = Vec::with_capacity(weights.len());
        for (at, (weight, offset)) in weights.iter().zip(&offsets).enumerate() {
            let found = matrix_at(weight)?;
            if layers
                .last()
                .is_some_and(|before| before.weights.rows != found.rows)
            {
                return Err(weight.refuse("the layer does not fit the one before it"));
            }
            let is_last = at + 1 == weights.len();
            layers.push(Layer {
                offsets: numbers_at(offset, found.columns)?,
                weights: found.transposed(),
                activation: if is_last { last } else { hidden },
            });
        }
        let outputs = layers.last().map_or(0, |layer| layer.weights.rows);
        Ok(Self { layers, outputs })
    }

    /// What the last layer gives: `[rows, outputs]`.
    fn run(&self, rows: &Table) -> Result<Matrix> {
        let mut found: Option<Table> = None;
        for layer in &self.layers {
            let given = found.as_ref().unwrap_or(rows);
            let mut sums = affine(given, &layer.weights, &layer.offsets)?;
            (0..sums.rows).for_each(|row| layer.activation.apply(sums.row_mut(row)));
            found = Some(sums.into());
        }
        match found {
            Some(Table::Dense(found)) => Ok(found),
            _ => Ok(Matrix::default()),
        }
    }

    fn width(&self) -> Option<usize> {
        self.layers.first().map(|layer| layer.weights.columns)
    }

    fn memory_bytes(&self) -> usize {
        let layers = self.layers.iter().map(|layer| layer.weights.values.len());
        layers.sum::<usize>() * size_of::<f64>()
    }
}

/// `MLPRegressor`.
#[derive(Debug)]
struct Regressor {
    network: Network,
}

fn regressor(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let network = Network::read(cursor)?;
    Ok(Box::new(Regressor { network }))
}

impl Estimator for Regressor {
    fn form(&self, method: Method) -> Option<Form> {
        let form = match self.network.outputs {
            1 => Form::NUMBER,
            outputs => Form::numbers(outputs),
        };
        (method == Method::Predict).then_some(form)
    }

    fn width(&self) -> Option<usize> {
        self.network.width()
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        Ok(Values::Floats(self.network.run(rows)?.values))
    }

    fn memory_bytes(&self) -> usize {
        self.network.memory_bytes()
    }
}

/// `MLPClassifier`.
#[derive(Debug)]
struct Classifier {
    network: Network,
    classes: [Values; 1],
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// One output: the probability of the second class.
    Binary,
    /// An output for each class.
    Classes,
    /// An output for each label, of which a row may have several.
    Labels,
}

impl Classifier {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let network = Network::read(cursor)?;
        let binarizer = cursor.attribute("_label_binarizer")?;
        let classes = Values::read(&binarizer.attribute("classes_")?)?;
        let target = match text(&binarizer, "y_type_")?.as_str() {
            "multilabel-indicator" => Target::Labels,
            "multiclass" => Target::Classes,
            _ => Target::Binary,
        };
        let expected = match target {
            Target::Binary => 1,
            _ => classes.len(),
        };
        if network.outputs != expected || classes.len() == 0 {
            return Err(cursor.refuse(format_args!(
                "expected {expected} outputs for {} classes, found {}",
                classes.len(),
                network.outputs
            )));
        }
        Ok(Box::new(Self {
            network,
            classes: [classes],
            target,
        }))
    }

    fn label(&self, row: &[f64]) -> usize {
        let [classes] = &self.classes;
        let place = match (self.target, row) {
            (Target::Binary, &[chance]) => usize::from(chance > 0.5),
            _ => argmax(row),
        };
        place.min(classes.len().saturating_sub(1))
    }
}

impl Estimator for Classifier {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        match (method, self.target) {
            (Method::Predict, Target::Labels) => Some(Form {
                width: Width::Columns(classes.len()),
                ..Form::INTEGER
            }),
            (Method::Predict, _) => Some(Form::label(classes)),
            (Method::PredictProba, Target::Binary) => Some(Form::numbers(2)),
            (Method::PredictProba, _) => Some(Form::numbers(classes.len())),
            _ => None,
        }
    }

    fn width(&self) -> Option<usize> {
        self.network.width()
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let found = self.network.run(rows)?;
        if self.target == Target::Labels {
            let flags = found.values.iter().map(|&chance| i64::from(chance > 0.5));
            return Ok(Values::Integers(flags.collect()));
        }
        let [classes] = &self.classes;
        let places: Vec<_> = found.iter_rows().map(|row| self.label(row)).collect();
        Ok(classes.at(&places))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let found = self.network.run(rows)?;
        if self.target != Target::Binary {
            return Ok(found);
        }
        Ok(found.map_rows(2, |row, to| {
            let chance = row.first().copied().unwrap_or(f64::NAN);
            to.copy_from_slice(&[1.0 - chance, chance]);
        }))
    }

    fn memory_bytes(&self) -> usize {
        self.network.memory_bytes()
    }
}

/// `BernoulliRBM`: how likely each hidden unit is on.
#[derive(Debug)]
struct Boltzmann {
    weights: Matrix,
    offsets: Vec<f64>,
}

impl Boltzmann {
    fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let weights = matrix(cursor, "components_")?;
        let offsets = numbers_of(cursor, "intercept_hidden_", weights.rows)?;
        Ok(Box::new(Self { weights, offsets }))
    }
}

impl Estimator for Boltzmann {
    fn form(&self, method: Method) -> Option<Form> {
        (method == Method::Transform).then(|| Form::numbers(self.weights.rows))
    }

    fn width(&self) -> Option<usize> {
        Some(self.weights.columns)
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let mut found = affine(rows, &self.weights, &self.offsets)?;
        found.values.iter_mut().for_each(|x| *x = expit(*x));
        Ok(found.into())
    }

    fn memory_bytes(&self) -> usize {
        self.weights.values.len() * size_of::<f64>()
    }
}
