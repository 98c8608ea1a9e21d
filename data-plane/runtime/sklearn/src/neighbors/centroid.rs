//! `NearestCentroid`: the class whose middle is nearest.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::{self, numbers_of, rows_of};
use crate::discriminant_analysis::differences;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::math::{argmax, argmax_rows};
use crate::metrics::distance::{Metric, squared};
use crate::naive_bayes::normalize_logs;
use crate::reader::Reader;
use crate::table::{Matrix, Table};
use crate::values::Values;

#[derive(Debug)]
pub(super) struct NearestCentroid {
    classes: [Values; 1],
    centroids: Matrix,
    metric: Metric,
    /// What files have since scikit-learn 1.6.
    scores: Option<Scores>,
}

/// How likely a class is, by the distance in units of the spread within classes.
#[derive(Debug)]
struct Scores {
    priors: Vec<f64>,
    /// What each column is divided by: 1 where there is no spread.
    spreads: Vec<f64>,
    /// Centroids, divided.
    centroids: Matrix,
}

impl NearestCentroid {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let classes = attributes::classes(cursor)?;
        let centroids = rows_of(cursor, "centroids_", classes.len())?;
        let metric = Metric::read(&cursor.attribute("metric")?, None, centroids.columns)?;
        let has_scores = cursor.find_attribute("class_prior_")?.is_some();
        let scores = has_scores.then(|| scores(cursor, &centroids)).transpose()?;
        Ok(Box::new(Self {
            classes: [classes],
            centroids,
            metric,
            scores,
        }))
    }

    /// The discriminant scores of each class: Hastie, Tibshirani and Friedman, "The Elements of
    /// Statistical Learning", equation 18.2.
    fn discriminants(&self, rows: &Table, scores: &Scores) -> Result<Matrix> {
        let rows = rows.dense()?;
        let mut scaled = vec![0.0; rows.columns];
        Ok(rows.map_rows(self.centroids.rows, |row, found| {
            scaled.clear();
            scaled.extend(
                row.iter()
                    .zip(&scores.spreads)
                    .map(|(x, spread)| x / spread),
            );
            let each = scores.centroids.iter_rows().zip(&scores.priors);
            for (to, (centroid, prior)) in found.iter_mut().zip(each) {
                *to = 2.0 * prior.ln() - squared(&scaled, centroid);
            }
        }))
    }

    fn euclidean_scores(&self) -> Option<&Scores> {
        let euclidean = matches!(self.metric, Metric::Euclidean);
        self.scores.as_ref().filter(|_| euclidean)
    }

    fn scored(&self, rows: &Table) -> Result<Matrix> {
        match &self.scores {
            Some(scores) => self.discriminants(rows, scores),
            None => Ok(Matrix::zeros(rows.rows(), self.centroids.rows)),
        }
    }
}

fn scores(cursor: &Cursor<'_>, centroids: &Matrix) -> Result<Scores> {
    let priors = numbers_of(cursor, "class_prior_", centroids.rows)?;
    let mut spreads = numbers_of(cursor, "within_class_std_dev_", centroids.columns)?;
    for spread in &mut spreads {
        if *spread == 0.0 {
            *spread = 1.0;
        }
    }
    let divided = centroids.map_rows(centroids.columns, |row, found| {
        for (to, (x, spread)) in found.iter_mut().zip(row.iter().zip(&spreads)) {
            *to = x / spread;
        }
    });
    Ok(Scores {
        priors,
        spreads,
        centroids: divided,
    })
}

impl Estimator for NearestCentroid {
    fn form(&self, method: Method) -> Option<Form> {
        let [classes] = &self.classes;
        let scored = self.euclidean_scores().is_some();
        match method {
            Method::Predict => Some(Form::label(classes)),
            Method::PredictProba if scored => Some(Form::numbers(classes.len())),
            Method::DecisionFunction if scored => Some(Form::decision(classes.len())),
            _ => None,
        }
    }

    fn accepts(&self) -> Accepts {
        match self.metric {
            Metric::NanEuclidean => Accepts::Missing,
            _ => Accepts::Finite,
        }
    }

    fn width(&self) -> Option<usize> {
        Some(self.centroids.columns)
    }

    fn classes(&self) -> &[Values] {
        &self.classes
    }

    fn predict(&self, rows: &Table) -> Result<Values> {
        let [classes] = &self.classes;
        let even = 1.0 / classes.len() as f64;
        let uneven = |scores: &&Scores| {
            let mut priors = scores.priors.iter();
            priors.any(|prior| (prior - even).abs() > 1e-8 + 1e-5 * even)
        };
        if let Some(scores) = self.scores.as_ref().filter(uneven) {
            return Ok(classes.at(&argmax_rows(&self.discriminants(rows, scores)?)));
        }
        let rows = rows.dense()?;
        let nearest = rows.iter_rows().map(|row| {
            let distances = self.centroids.iter_rows();
            let near: Vec<_> = distances
                .map(|centroid| -self.metric.reduced(row, centroid))
                .collect();
            argmax(&near)
        });
        Ok(classes.at(&nearest.collect::<Vec<_>>()))
    }

    fn predict_proba(&self, rows: &Table) -> Result<Matrix> {
        let mut found = self.scored(rows)?;
        (0..found.rows).for_each(|row| normalize_logs(found.row_mut(row)));
        Ok(found)
    }

    fn decision_function(&self, rows: &Table) -> Result<Matrix> {
        Ok(differences(self.scored(rows)?))
    }

    fn memory_bytes(&self) -> usize {
        self.centroids.values.len() * size_of::<f64>()
    }
}
