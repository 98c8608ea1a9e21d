//! Columns chosen by a score or a p-value each.

use hari_error::Result;
use hari_pickle::Cursor;

use super::Selection;
use crate::attributes::{numbers, text};
use crate::estimator::{Accepts, Estimator};
use crate::reader::Reader;

/// How columns are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    /// So many of the highest scores; none: all.
    Best(Option<usize>),
    /// So many of a hundred.
    Percentile(f64),
    /// p-values below.
    FalsePositives(f64),
    /// p-values by the procedure of Benjamini and Hochberg.
    FalseDiscoveries(f64),
    /// p-values below a share for each column.
    FamilyWise(f64),
}

/// `SelectKBest`.
pub(super) fn best(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    select(cursor, Rule::Best(most(&cursor.attribute("k")?)?))
}

/// `SelectPercentile`.
pub(super) fn percentile(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    select(
        cursor,
        Rule::Percentile(cursor.attribute("percentile")?.float()?),
    )
}

/// `SelectFpr`.
pub(super) fn false_positives(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    select(
        cursor,
        Rule::FalsePositives(cursor.attribute("alpha")?.float()?),
    )
}

/// `SelectFdr`.
pub(super) fn false_discoveries(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    select(
        cursor,
        Rule::FalseDiscoveries(cursor.attribute("alpha")?.float()?),
    )
}

/// `SelectFwe`.
pub(super) fn family_wise(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    select(
        cursor,
        Rule::FamilyWise(cursor.attribute("alpha")?.float()?),
    )
}

/// `GenericUnivariateSelect`.
pub(super) fn generic(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
    let param = cursor.attribute("param")?;
    let mode = text(cursor, "mode")?;
    let rule = match mode.as_str() {
        "percentile" => Rule::Percentile(param.float()?),
        "k_best" => Rule::Best(most(&param)?),
        "fpr" => Rule::FalsePositives(param.float()?),
        "fdr" => Rule::FalseDiscoveries(param.float()?),
        "fwe" => Rule::FamilyWise(param.float()?),
        other => return Err(cursor.refuse(format_args!("the mode `{other}` is not known"))),
    };
    select(cursor, rule)
}

fn most(cursor: &Cursor<'_>) -> Result<Option<usize>> {
    if cursor.text().is_ok_and(|text| text == "all") {
        return Ok(None);
    }
    let found = usize::try_from(cursor.integer()?);
    found
        .map(Some)
        .map_err(|_| cursor.refuse("expected no negative number"))
}

fn select(cursor: &Cursor<'_>, rule: Rule) -> Result<Box<dyn Estimator>> {
    let values = match rule {
        Rule::Best(_) | Rule::Percentile(_) => cleaned(numbers(cursor, "scores_")?),
        _ => numbers(cursor, "pvalues_")?,
    };
    let mask = rule.mask(&values);
    Ok(Box::new(Selection::of(&mask, Accepts::Finite)))
}

/// No score is lower than NaN.
fn cleaned(mut scores: Vec<f64>) -> Vec<f64> {
    for score in scores.iter_mut().filter(|score| score.is_nan()) {
        *score = f64::MIN;
    }
    scores
}

impl Rule {
    fn mask(self, values: &[f64]) -> Vec<bool> {
        let count = values.len();
        let below = |limit: f64| values.iter().map(|value| *value < limit).collect();
        match self {
            Self::Best(None) => vec![true; count],
            Self::Best(Some(most)) => highest(values, most),
            Self::Percentile(share) => at_percentile(values, share),
            Self::FalsePositives(alpha) => below(alpha),
            Self::FamilyWise(alpha) => below(alpha / count as f64),
            Self::FalseDiscoveries(alpha) => {
                let mut sorted = values.to_vec();
                sorted.sort_by(f64::total_cmp);
                let limits = (1..=count).map(|at| alpha / count as f64 * at as f64);
                let kept = sorted
                    .iter()
                    .zip(limits)
                    .filter(|(value, limit)| **value <= *limit);
                let last = kept.map(|(value, _)| *value).reduce(f64::max);
                let chosen = |value: &f64| last.is_some_and(|last| *value <= last);
                values.iter().map(chosen).collect()
            }
        }
    }
}

/// The highest scores; of equal ones, those that come last.
fn highest(values: &[f64], most: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let score = |at: &usize| values.get(*at).copied().unwrap_or(f64::MIN);
    order.sort_by(|a, b| score(a).total_cmp(&score(b)));
    let mut mask = vec![false; values.len()];
    for at in order.into_iter().rev().take(most) {
        if let Some(chosen) = mask.get_mut(at) {
            *chosen = true;
        }
    }
    mask
}

/// The scores above a percentile; of those that are just there, the first.
fn at_percentile(values: &[f64], share: f64) -> Vec<bool> {
    if share == 100.0 || share == 0.0 {
        return vec![share == 100.0; values.len()];
    }
    let threshold = quantile(values, (100.0 - share) / 100.0);
    let mut mask: Vec<bool> = values.iter().map(|value| *value > threshold).collect();
    let most = (values.len() as f64 * share / 100.0) as usize;
    let mut left = most.saturating_sub(mask.iter().filter(|chosen| **chosen).count());
    for (chosen, value) in mask.iter_mut().zip(values) {
        if left > 0 && *value == threshold {
            *chosen = true;
            left -= 1;
        }
    }
    mask
}

/// `numpy.quantile`, between neighbours.
pub(super) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * (sorted.len().saturating_sub(1)) as f64;
    let at = |place: f64| sorted.get(place as usize).copied().unwrap_or(f64::NAN);
    let (low, high, part) = (at(place.floor()), at(place.ceil()), place.fract());
    match part >= 0.5 {
        true => high - (high - low) * (1.0 - part),
        false => low + (high - low) * part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(rule: Rule, values: &[f64]) -> Vec<usize> {
        let mask = rule.mask(values);
        (0..mask.len()).filter(|&at| mask[at]).collect()
    }

    #[test]
    fn scores_are_chosen_with_their_ties() {
        let scores = [1.0, 3.0, 3.0, 2.0];
        assert_eq!(places(Rule::Best(Some(1)), &scores), [2]);
        assert_eq!(places(Rule::Best(None), &scores), [0, 1, 2, 3]);
        assert_eq!(places(Rule::Best(Some(9)), &scores), [0, 1, 2, 3]);
        assert_eq!(places(Rule::Percentile(25.0), &scores), [1]);
        assert_eq!(cleaned(vec![f64::NAN]), [f64::MIN]);
        assert_eq!(quantile(&[4.0, 1.0, 2.0], 0.5), 2.0);
    }

    #[test]
    fn p_values_are_chosen() {
        let p = [0.01, 0.04, 0.03, 0.5];
        assert_eq!(places(Rule::FalsePositives(0.035), &p), [0, 2]);
        assert_eq!(places(Rule::FamilyWise(0.05), &p), [0]);
        assert_eq!(places(Rule::FalseDiscoveries(0.06), &p), [0, 1, 2]);
        assert!(places(Rule::FalseDiscoveries(0.0), &p).is_empty());
    }
}
