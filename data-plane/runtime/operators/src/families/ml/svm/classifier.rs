//! `SVMClassifier`: one score for each pair of classes, or for each class where it is linear.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::coupling::{couple, platt};
use super::{Likeness, Vectors};
use crate::attributes::Attributes;
use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, operator};
use crate::families::ml::INPUTS;
use crate::families::ml::labels::{Labels, largest};
use crate::families::ml::transform::{Second, Transform};
use crate::{Inputs, Operator, size};

struct Classifier {
    machine: Machine,
    labels: Labels,
    classes: usize,
    transform: Transform,
    positive: bool,
}

enum Machine {
    /// A weighted sum of the features for each class.
    Linear { weights: Vectors, offset: f64 },
    /// One machine for each pair of classes.
    Pairs(Pairs),
}

struct Pairs {
    likeness: Likeness,
    vectors: Vectors,
    /// How many of the vectors belong to each class.
    counts: Vec<usize>,
    /// One less row than there are classes, a column for each vector.
    coefficients: Vec<f32>,
    offsets: Vec<f32>,
    /// Platt's parameters of each pair.
    sigmoids: Option<Vec<(f32, f32)>>,
}

/// Scores of a row and the class that they choose.
struct Decision {
    scores: Vec<f32>,
    class: usize,
    /// The score of the choice; zero where votes made it.
    weight: f32,
}

pub(in crate::families::ml) fn classifier(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let labels = Labels::of(attributes, "classlabels_ints")?;
    let classes = labels.len();
    let coefficients = attributes.floats("coefficients")?.unwrap_or(&[]);
    let offsets = attributes.floats("rho")?.unwrap_or(&[]);
    let counts = size::sizes(attributes.ints("vectors_per_class")?.unwrap_or(&[]))?;
    let total = counts.iter().fold(0_usize, |sum, &n| sum.saturating_add(n));
    let machine = if total == 0 {
        Machine::Linear {
            weights: Vectors::new(coefficients, classes)?,
            offset: f64::from(offsets.first().copied().unwrap_or_default()),
        }
    } else {
        Machine::Pairs(Pairs::of(attributes, classes, counts, total)?)
    };
    operator(Classifier {
        machine,
        labels: if classes == 1 { labels.sides() } else { labels },
        classes,
        transform: Transform::of(attributes)?,
        positive: coefficients.iter().all(|&value| value >= 0.0),
    })
}

impl Pairs {
    fn of(
        attributes: Attributes<'_>,
        classes: usize,
        counts: Vec<usize>,
        total: usize,
    ) -> Result<Self> {
        let coefficients = attributes.floats("coefficients")?.unwrap_or(&[]).to_vec();
        let offsets = attributes.floats("rho")?.unwrap_or(&[]).to_vec();
        let pairs = classes.saturating_mul(classes.saturating_sub(1)) / 2;
        let wanted = classes.saturating_sub(1).saturating_mul(total);
        if counts.len() != classes || coefficients.len() < wanted || offsets.len() < pairs {
            return Err(Error::model(format!(
                "{classes} classes with {total} vectors need {wanted} coefficients and {pairs} \
                 offsets, found {} and {}",
                coefficients.len(),
                offsets.len()
            )));
        }
        Ok(Self {
            likeness: Likeness::of(attributes)?,
            vectors: Vectors::new(attributes.floats("support_vectors")?.unwrap_or(&[]), total)?,
            counts,
            coefficients,
            offsets,
            sigmoids: sigmoids(attributes, pairs)?,
        })
    }

    /// The score of each pair: (0, 1), (0, 2), ..., (1, 2), ...
    fn scores(&self, row: &[f32]) -> Vec<f64> {
        let alike = self.vectors.alike(row, self.likeness);
        let starts: Vec<usize> = self.counts.iter().scan(0, next).collect();
        let mut scores = Vec::with_capacity(self.offsets.len());
        for (i, &from_i) in starts.iter().enumerate() {
            for (j, &from_j) in starts.iter().enumerate().skip(i + 1) {
                let own = self.sum(&alike, j - 1, from_i, self.count(i));
                let other = self.sum(&alike, i, from_j, self.count(j));
                let offset = self.offsets.get(scores.len()).copied();
                scores.push(own + other + f64::from(offset.unwrap_or_default()));
            }
        }
        scores
    }

    fn count(&self, class: usize) -> usize {
        self.counts.get(class).copied().unwrap_or_default()
    }

    fn sum(&self, alike: &[f64], row: usize, from: usize, count: usize) -> f64 {
        let start = row * alike.len() + from;
        let weights = self.coefficients.get(start..start + count).unwrap_or(&[]);
        let alike = alike.get(from..from + count).unwrap_or(&[]);
        let products = weights.iter().zip(alike);
        products
            .map(|(&weight, alike)| f64::from(weight) * alike)
            .sum()
    }

    fn decide(&self, row: &[f32]) -> Decision {
        let scores = self.scores(row);
        let mut votes = vec![0.0_f32; self.counts.len()];
        let pairs = (0..votes.len()).flat_map(|i| (i + 1..votes.len()).map(move |j| (i, j)));
        for ((i, j), &score) in pairs.collect::<Vec<_>>().into_iter().zip(&scores) {
            if let Some(vote) = votes.get_mut(if score > 0.0 { i } else { j }) {
                *vote += 1.0;
            }
        }
        let scores: Vec<f32> = scores.iter().map(|&score| score as f32).collect();
        Decision {
            class: largest(&votes),
            weight: 0.0,
            scores: match &self.sigmoids {
                None => scores,
                Some(sigmoids) => {
                    let pairs = scores.iter().zip(sigmoids);
                    let pairs = pairs.map(|(&score, &(a, b))| platt(score, a, b));
                    couple(self.counts.len(), &pairs.collect::<Vec<_>>())
                }
            },
        }
    }
}

/// Where each class starts, from how many vectors it has.
fn next(start: &mut usize, count: &usize) -> Option<usize> {
    let from = *start;
    *start = from.checked_add(*count)?;
    Some(from)
}

fn sigmoids(attributes: Attributes<'_>, pairs: usize) -> Result<Option<Vec<(f32, f32)>>> {
    let a = attributes.floats("prob_a")?.unwrap_or(&[]);
    let b = attributes.floats("prob_b")?.unwrap_or(&[]);
    if a.is_empty() && b.is_empty() {
        return Ok(None);
    }
    if a.len() != b.len() || a.len() < pairs {
        return Err(Error::model(format!(
            "{pairs} pairs of classes need as many of `prob_a` and `prob_b`, found {} and {}",
            a.len(),
            b.len()
        )));
    }
    Ok(Some(a.iter().copied().zip(b.iter().copied()).collect()))
}

impl Classifier {
    fn probable(&self) -> bool {
        matches!(&self.machine, Machine::Pairs(pairs) if pairs.sigmoids.is_some())
    }

    /// How the only score of two classes becomes two.
    fn second(&self) -> Second {
        match (&self.machine, self.transform) {
            (Machine::Linear { .. }, _) => Second::No,
            (Machine::Pairs(_), Transform::None) => Second::Opposite,
            (Machine::Pairs(_), _) => Second::Complement,
        }
    }

    /// Of two classes, the second is chosen by a positive score, and by a probable one where
    /// nothing is negative.
    fn chosen(&self, decision: &Decision) -> usize {
        if self.classes > 2 || (self.classes == 2 && self.probable()) {
            return decision.class;
        }
        let weight = decision.weight;
        let second = if self.classes < 2 {
            weight > 0.0
        } else if self.positive {
            weight >= 0.5
        } else {
            weight > 0.0
        };
        if second || self.classes < 2 {
            usize::from(second)
        } else {
            decision.class
        }
    }

    fn decide(&self, x: &Tensor) -> Result<Vec<Decision>> {
        match &self.machine {
            Machine::Pairs(pairs) => pairs.vectors.rows(x, |row| Ok(pairs.decide(row))),
            Machine::Linear { weights, offset } => weights.rows(x, |row| {
                let sums = weights.alike(row, Likeness::linear()).into_iter();
                let scores: Vec<f32> = sums.map(|sum| (sum + offset) as f32).collect();
                let class = largest(&scores);
                Ok(Decision {
                    weight: scores.get(class).copied().unwrap_or_default(),
                    class,
                    scores,
                })
            }),
        }
    }

    /// Columns of the scores.
    fn columns(&self) -> usize {
        match &self.machine {
            Machine::Pairs(_) if !self.probable() && self.classes > 2 => {
                self.classes * (self.classes - 1) / 2
            }
            Machine::Pairs(_) if !self.probable() => 2,
            _ => self.classes,
        }
    }
}

impl Kernel for Classifier {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, INPUTS)?;
        Ok(vec![Some(self.labels.dtype()), Some(DataType::Fp32)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let decisions = self.decide(inputs.tensor(0)?)?;
        let picks: Vec<usize> = decisions.iter().map(|one| self.chosen(one)).collect();
        let columns = self.columns();
        let mut made = Vec::with_capacity(decisions.len() * columns);
        for decision in &decisions {
            let mut scores: Vec<f64> = decision.scores.iter().map(|&s| f64::from(s)).collect();
            self.transform.finish(&mut scores, self.second());
            scores.resize(columns, 0.0);
            made.extend(scores.iter().map(|&score| score as f32));
        }
        Ok(vec![
            self.labels.pick(&picks)?,
            Tensor::from_vec([decisions.len(), columns], made)?,
        ])
    }
}
