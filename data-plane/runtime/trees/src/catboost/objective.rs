//! From sums to answers, as `predict` and `predict_proba` of CatBoost give them.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::parts::{About, Label};

/// What a model is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Prediction {
    /// What users of the framework's classes take: `predict_proba` of a classifier, and `predict`
    /// of a regressor or a ranker, which is the exponent for Poisson and Tweedie.
    #[default]
    Natural,
    /// Sums of trees (`RawFormulaVal`), which `CatBoost.predict` gives.
    Raw,
    /// `predict` of a classifier: labels. The same as `Natural` for other models.
    Class,
}

/// Labels that a file may have without a sum for each.
const FREE_LABELS: usize = 1024;

/// What becomes of the sums of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Same,
    /// One sum is the logarithm of the odds of the second class.
    Binary,
    Softmax,
    /// Each sum is the logarithm of odds by itself.
    EachSigmoid,
    Exponent,
    /// A mean, and half the logarithm of a variance.
    Uncertainty,
}

/// The answers of a model.
#[derive(Clone, Debug)]
pub(super) struct Objective {
    link: Link,
    prediction: Prediction,
    /// Sums of a row.
    targets: usize,
    labels: Vec<Label>,
    /// The label of each sum.
    seen: Vec<usize>,
    /// The sum from which on the second of two classes is taken.
    border: f64,
    /// Whether each label is answered by itself.
    several: bool,
}

impl Objective {
    /// # Errors
    /// `Model` if labels do not fit the sums.
    pub(super) fn new(about: &About, targets: usize, prediction: Prediction) -> Result<Self> {
        let link = link(about, targets);
        let classifies = matches!(link, Link::Binary | Link::Softmax | Link::EachSigmoid);
        let outputs = if link == Link::Binary { 2 } else { targets };
        let mut labels = about.classes.clone();
        if labels.is_empty() && classifies {
            labels = (0..outputs as i64).map(Label::Int).collect();
        }
        let mut seen = about.seen.clone();
        if seen.is_empty() || link == Link::Binary {
            seen = (0..targets).collect();
        }
        let fit = seen.len() == targets && seen.iter().all(|&label| label < labels.len());
        if classifies && !(fit && labels.len() >= outputs) {
            return Err(Error::model(format!(
                "`class_params`: {} labels do not fit {outputs} classes",
                labels.len()
            )));
        }
        if labels.len() > FREE_LABELS.max(outputs.saturating_mul(16)) {
            return Err(Error::model(format!(
                "`class_params`: {} labels for {outputs} classes",
                labels.len()
            )));
        }
        let threshold = about.threshold.unwrap_or(0.5);
        Ok(Self {
            link,
            prediction,
            targets,
            labels,
            seen,
            border: if threshold == 0.5 {
                0.0
            } else {
                -(1.0 / threshold - 1.0).ln()
            },
            several: matches!(&*about.loss, "MultiLogloss" | "MultiCrossEntropy"),
        })
    }

    /// Whether the answer is a label for each row.
    fn labelled(&self) -> bool {
        let classifies = matches!(self.link, Link::Binary | Link::Softmax | Link::EachSigmoid);
        self.prediction == Prediction::Class && classifies && !self.several
    }

    /// Numbers of an answer for each row; none if it is one without a dimension of its own.
    pub(super) fn width(&self) -> Option<usize> {
        match (self.prediction, self.link) {
            _ if self.labelled() => None,
            (_, Link::Softmax | Link::EachSigmoid) => Some(self.labels.len()),
            (Prediction::Natural | Prediction::Class, Link::Binary) => Some(2),
            _ => (self.targets > 1).then_some(self.targets),
        }
    }

    pub(super) fn dtype(&self) -> DataType {
        match (self.labelled(), self.labels.first()) {
            (true, Some(Label::Int(_))) => DataType::Int64,
            (true, Some(Label::Text(_))) => DataType::Bytes,
            _ if self.several && self.prediction == Prediction::Class => DataType::Int64,
            _ => DataType::Fp64,
        }
    }

    /// Labels as texts, one for each column of probabilities.
    pub(super) fn columns(&self) -> Vec<String> {
        let each = self.width() == Some(self.labels.len());
        if !each || self.prediction == Prediction::Class {
            return Vec::new();
        }
        self.labels.iter().map(Label::text).collect()
    }

    /// The answer for sums, `[rows, targets]`.
    pub(super) fn answer(&self, sums: &[f64]) -> Result<Tensor> {
        let rows = sums.len() / self.targets;
        let shape: Vec<_> = std::iter::once(rows).chain(self.width()).collect();
        if self.labelled() {
            let classes = sums.chunks_exact(self.targets).map(|sums| self.class(sums));
            return self.named(shape, classes);
        }
        if self.several && self.prediction == Prediction::Class {
            let each = sums.iter().map(|&sum| i64::from(sum > self.border));
            return Tensor::from_vec(shape, each.collect());
        }
        let mut values = Vec::with_capacity(rows * self.width().unwrap_or(1));
        for sums in sums.chunks_exact(self.targets) {
            match (self.prediction, self.link) {
                (Prediction::Raw, Link::Softmax | Link::EachSigmoid) => {
                    values.extend(self.placed(sums));
                }
                (Prediction::Raw, _) => values.extend_from_slice(sums),
                _ => self.natural(sums, &mut values),
            }
        }
        Tensor::from_vec(shape, values)
    }

    fn natural(&self, sums: &[f64], values: &mut Vec<f64>) {
        match self.link {
            Link::Same => values.extend_from_slice(sums),
            Link::Exponent => values.extend(sums.iter().map(|sum| sum.exp())),
            Link::Binary => {
                let second = sigmoid(sums.first().copied().unwrap_or_default());
                values.extend([1.0 - second, second]);
            }
            Link::Uncertainty => {
                let mean = sums.first().copied().unwrap_or_default();
                values.push(mean);
                values.extend(sums.iter().skip(1).map(|sum| (sum * 2.0).exp()));
            }
            Link::EachSigmoid => {
                values.extend(self.placed(sums).into_iter().map(sigmoid));
            }
            Link::Softmax => {
                let mut placed = self.placed(sums);
                softmax(&mut placed);
                values.extend(placed);
            }
        }
    }

    /// Sums in the order of the labels; what training has not seen is impossible.
    fn placed(&self, sums: &[f64]) -> Vec<f64> {
        let mut placed = vec![f64::NEG_INFINITY; self.labels.len()];
        for (&label, &sum) in self.seen.iter().zip(sums) {
            if let Some(slot) = placed.get_mut(label) {
                *slot = sum;
            }
        }
        placed
    }

    /// The number of the label that is answered.
    fn class(&self, sums: &[f64]) -> usize {
        if let (Link::Binary, &[sum]) = (self.link, sums) {
            return usize::from(sum > self.border);
        }
        let placed = self.placed(sums);
        let mut best = 0;
        for (at, sum) in placed.iter().enumerate() {
            if placed.get(best).is_some_and(|top| sum > top) {
                best = at;
            }
        }
        best
    }

    fn named(&self, shape: Vec<usize>, classes: impl Iterator<Item = usize>) -> Result<Tensor> {
        let labels = classes.filter_map(|class| self.labels.get(class));
        match self.dtype() {
            DataType::Int64 => {
                let int = |label: &Label| match label {
                    Label::Int(int) => *int,
                    Label::Float(_) | Label::Text(_) => 0,
                };
                Tensor::from_vec(shape, labels.map(int).collect())
            }
            DataType::Bytes => {
                let texts = labels.map(|label| Bytes::from(label.text()));
                Tensor::from_strings(shape, texts.collect())
            }
            _ => {
                let float = |label: &Label| match label {
                    Label::Float(float) => *float,
                    Label::Int(_) | Label::Text(_) => f64::NAN,
                };
                Tensor::from_vec(shape, labels.map(float).collect())
            }
        }
    }
}

impl Label {
    fn text(&self) -> String {
        match self {
            Self::Int(int) => int.to_string(),
            Self::Float(float) => float.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

fn link(about: &About, targets: usize) -> Link {
    match (&*about.loss, targets) {
        ("MultiClassOneVsAll" | "MultiLogloss" | "MultiCrossEntropy", _) => Link::EachSigmoid,
        ("Poisson" | "Tweedie", 1) => Link::Exponent,
        ("RMSEWithUncertainty", 2) => Link::Uncertainty,
        ("Logloss" | "CrossEntropy" | "Focal", 1) => Link::Binary,
        ("MultiClass", _) => Link::Softmax,
        // A loss of the user's own, or none that the file names: labels tell a classifier.
        _ if about.classes.is_empty() => Link::Same,
        (_, 1) => Link::Binary,
        _ => Link::Softmax,
    }
}

fn sigmoid(sum: f64) -> f64 {
    1.0 / (1.0 + (-sum).exp())
}

fn softmax(sums: &mut [f64]) {
    let top = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    for sum in sums.iter_mut() {
        // CatBoost's exponential ends here, so that what cannot be has a probability all the same.
        *sum = (*sum - top).exp().max(f64::MIN_POSITIVE);
        total += *sum;
    }
    for sum in sums {
        *sum /= total;
    }
}
