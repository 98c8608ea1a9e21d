//! How important a fitted model finds each column.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::attributes::text;

/// The importances of an estimator: the norm of its coefficients, or what its trees gain.
///
/// # Errors
/// `Model` for an estimator that has neither, or a function of Python.
pub(super) fn importances(
    estimator: &Cursor<'_>,
    getter: &Cursor<'_>,
    order: f64,
) -> Result<Vec<f64>> {
    let name = getter.text().map_err(|_| {
        getter.refuse("expected the name of an attribute: functions of Python are not run")
    })?;
    let wanted = match name.as_str() {
        "auto" => ["coef_", "feature_importances_"].as_slice(),
        "coef_" => &["coef_"],
        "feature_importances_" => &["feature_importances_"],
        other => {
            return Err(getter.refuse(format_args!(
                "expected `coef_` or `feature_importances_`, found `{other}`"
            )));
        }
    };
    if wanted.contains(&"coef_")
        && let Some(found) = estimator.find_attribute("coef_")?
    {
        return norms(&found, order);
    }
    gains(estimator)
}

/// The norm of the coefficients of each column, over outputs.
fn norms(coefficients: &Cursor<'_>, order: f64) -> Result<Vec<f64>> {
    let matrix = crate::attributes::rows_dense_or_sparse(coefficients);
    let Ok(matrix) = matrix else {
        let values = coefficients.numbers()?.values;
        return Ok(values.into_iter().map(f64::abs).collect());
    };
    let norm = |column: usize| {
        let values = matrix.column(column).into_iter().map(f64::abs);
        match order {
            1.0 => values.sum(),
            2.0 => values.map(|value| value * value).sum::<f64>().sqrt(),
            f64::INFINITY => values.fold(0.0, f64::max),
            _ => values
                .map(|value| value.powf(order))
                .sum::<f64>()
                .powf(1.0 / order),
        }
    };
    Ok((0..matrix.columns).map(norm).collect())
}

/// What each column gains in a tree, or in many.
fn gains(estimator: &Cursor<'_>) -> Result<Vec<f64>> {
    if let Some(tree) = estimator.find_attribute("tree_")? {
        return Ok(shares(gains_of_tree(&tree)?));
    }
    let class = estimator.class()?;
    let list = estimator.attribute("estimators_")?;
    let boosted = class.contains("GradientBoosting");
    let mut sum: Vec<f64> = Vec::new();
    for item in list.items()? {
        let tree = item.attribute("tree_")?;
        let gains = gains_of_tree(&tree)?;
        let gains = if boosted { gains } else { shares(gains) };
        if sum.is_empty() {
            sum.resize(gains.len(), 0.0);
        }
        for (sum, gain) in sum.iter_mut().zip(gains) {
            *sum += gain;
        }
    }
    Ok(shares(sum))
}

/// The same so that their sum is 1; zeros stay.
fn shares(gains: Vec<f64>) -> Vec<f64> {
    let sum: f64 = gains.iter().sum();
    match sum > 0.0 {
        true => gains.into_iter().map(|gain| gain / sum).collect(),
        false => gains,
    }
}

/// How much impurity the splits on each column take away.
fn gains_of_tree(tree: &Cursor<'_>) -> Result<Vec<f64>> {
    let width = tree.argument(0)?;
    let width = usize::try_from(width.integer()?).unwrap_or(0);
    let nodes = tree.attribute("nodes")?;
    let places = |name: &str| nodes.column::<i64>(name).map(|found| found.values);
    let (left, right, features) = (
        places("left_child")?,
        places("right_child")?,
        places("feature")?,
    );
    let impurity = nodes.column::<f64>("impurity")?.values;
    let weights = nodes.column::<f64>("weighted_n_node_samples")?.values;
    let all = features
        .iter()
        .copied()
        .filter_map(|at| usize::try_from(at).ok());
    if all.max().is_some_and(|most| most >= width) || width > features.len().max(1 << 20) {
        return Err(nodes.refuse(format_args!("a split is on a column beyond the {width}")));
    }
    let weight = |node: i64| {
        let node = usize::try_from(node).ok()?;
        Some(weights.get(node)? * impurity.get(node)?)
    };
    let mut gains = vec![0.0; width];
    for (node, ((left, right), feature)) in left.iter().zip(&right).zip(&features).enumerate() {
        let feature = usize::try_from(*feature)
            .ok()
            .and_then(|at| gains.get_mut(at));
        let all = weight(node as i64).zip(weight(*left)).zip(weight(*right));
        if let (Some(gain), Some(((own, left), right))) = (feature, all) {
            *gain += own - left - right;
        }
    }
    let root = weights.first().copied().unwrap_or(1.0);
    Ok(gains.into_iter().map(|gain| gain / root).collect())
}

/// The threshold of a selector: a number, or one by the importances.
///
/// # Errors
/// `Model` for a threshold that is not known.
pub(super) fn threshold(
    cursor: &Cursor<'_>,
    estimator: &Cursor<'_>,
    importances: &[f64],
) -> Result<f64> {
    let given = cursor.attribute("threshold")?;
    if given.is_none() {
        return match is_sparse(estimator)? {
            true => Ok(1e-5),
            false => Ok(mean(importances)),
        };
    }
    let Ok(words) = given.text() else {
        return given.float();
    };
    let (scale, name) = match words.split_once('*') {
        Some((scale, name)) => (scale.trim().parse().ok(), name.trim()),
        None => (Some(1.0), words.as_str()),
    };
    let reference = match name {
        "mean" => Some(mean(importances)),
        "median" => Some(super::univariate::quantile(importances, 0.5)),
        _ => None,
    };
    let found = scale
        .zip(reference)
        .map(|(scale, reference): (f64, f64)| scale * reference);
    found.ok_or_else(|| given.refuse("expected a number, `mean` or `median`, with a factor or not"))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Whether the estimator was fitted with the L1 norm as its penalty.
fn is_sparse(estimator: &Cursor<'_>) -> Result<bool> {
    let class = estimator.class()?;
    let name = class.rsplit('.').next().unwrap_or_default();
    let ratio = match name {
        "ElasticNet" | "LogisticRegression" => "l1_ratio",
        "ElasticNetCV" | "LogisticRegressionCV" => "l1_ratio_",
        _ => "",
    };
    let near_one = |at: Cursor<'_>| match at.numbers() {
        Ok(found) => found.values.iter().all(|one| (one - 1.0).abs() <= 1e-5),
        Err(_) => at.float().is_ok_and(|one| (one - 1.0).abs() <= 1e-5),
    };
    let lasso = name.contains("Lasso");
    let penalised = text(estimator, "penalty").is_ok_and(|penalty| penalty == "l1");
    let ratio = !ratio.is_empty() && estimator.find_attribute(ratio)?.is_some_and(near_one);
    Ok(lasso || penalised || ratio)
}
