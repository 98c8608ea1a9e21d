//! `sklearn.ensemble`: forests, boosters, and estimators that ask several others.

mod bagging;
mod forest;
mod gradient_boosting;
mod hist_gradient_boosting;
mod isolation_forest;
mod loss;
mod stacking;
mod voting;
mod weight_boosting;

use hari_error::Result;
use hari_pickle::Cursor;

use crate::estimator::{Form, Method, Width};
use crate::reader::Node;
use crate::registry::Entry;
use crate::values::Values;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.ensemble._bagging.BaggingClassifier",
        bagging::Classifier::read,
    ),
    (
        "sklearn.ensemble._bagging.BaggingRegressor",
        bagging::Regressor::read,
    ),
    (
        "sklearn.ensemble._forest.ExtraTreesClassifier",
        forest::classifier,
    ),
    (
        "sklearn.ensemble._forest.ExtraTreesRegressor",
        forest::regressor,
    ),
    (
        "sklearn.ensemble._forest.RandomForestClassifier",
        forest::classifier,
    ),
    (
        "sklearn.ensemble._forest.RandomForestRegressor",
        forest::regressor,
    ),
    (
        "sklearn.ensemble._forest.RandomTreesEmbedding",
        forest::Embedding::read,
    ),
    (
        "sklearn.ensemble._gb.GradientBoostingClassifier",
        gradient_boosting::Classifier::read,
    ),
    (
        "sklearn.ensemble._gb.GradientBoostingRegressor",
        gradient_boosting::Regressor::read,
    ),
    (
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        hist_gradient_boosting::Classifier::read,
    ),
    (
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
        hist_gradient_boosting::Regressor::read,
    ),
    (
        "sklearn.ensemble._iforest.IsolationForest",
        isolation_forest::IsolationForest::read,
    ),
    (
        "sklearn.ensemble._stacking.StackingClassifier",
        stacking::Classifier::read,
    ),
    (
        "sklearn.ensemble._stacking.StackingRegressor",
        stacking::Regressor::read,
    ),
    (
        "sklearn.ensemble._voting.VotingClassifier",
        voting::Classifier::read,
    ),
    (
        "sklearn.ensemble._voting.VotingRegressor",
        voting::Regressor::read,
    ),
    (
        "sklearn.ensemble._weight_boosting.AdaBoostClassifier",
        weight_boosting::Classifier::read,
    ),
    (
        "sklearn.ensemble._weight_boosting.AdaBoostRegressor",
        weight_boosting::Regressor::read,
    ),
];

/// What a classifier of one output with probabilities and decisions answers.
fn form_of_classifier(classes: &Values, method: Method) -> Option<Form> {
    match method {
        Method::Predict => Some(Form::label(classes)),
        Method::PredictProba => Some(Form::numbers(classes.len())),
        Method::DecisionFunction => Some(Form::decision(classes.len())),
        Method::Transform | Method::ScoreSamples => None,
    }
}

/// A booster has one sum for two classes, else one for each.
fn check_targets(cursor: &Cursor<'_>, classes: &Values, targets: usize) -> Result<()> {
    let fits = match classes.len() {
        0 | 1 => false,
        2 => targets == 1,
        more => targets == more,
    };
    let classes = classes.len();
    match fits {
        true => Ok(()),
        false => Err(cursor.refuse(format_args!(
            "{classes} classes have {targets} trees in a round"
        ))),
    }
}

/// Refuses estimators of which one has not the method that is asked of all.
fn check_method(cursor: &Cursor<'_>, nodes: &[Node], method: Method) -> Result<()> {
    match nodes.iter().find(|node| !node.has(method)) {
        None => Ok(()),
        Some(node) => Err(cursor.refuse(format_args!(
            "`{}`, one of the estimators, has no method `{}`",
            node.class(),
            method.name()
        ))),
    }
}

/// Numbers of columns.
fn places(cursor: &Cursor<'_>) -> Result<Vec<usize>> {
    let numbers = cursor.integers()?.values.into_iter();
    let places = numbers.map(|number| {
        usize::try_from(number).map_err(|_| cursor.refuse("expected numbers of columns"))
    });
    places.collect()
}

/// The place of each label among the classes.
fn places_of(labels: &Values, classes: &Values) -> Vec<Option<usize>> {
    fn each<T: PartialEq>(labels: &[T], classes: &[T]) -> Vec<Option<usize>> {
        let place = |label: &T| classes.iter().position(|class| class == label);
        labels.iter().map(place).collect()
    }
    match (labels, classes) {
        (Values::Texts(labels), Values::Texts(classes)) => each(labels, classes),
        (Values::Integers(labels), Values::Integers(classes)) => each(labels, classes),
        _ => match (labels.floats(), classes.floats()) {
            (Ok(labels), Ok(classes)) => each(&labels, &classes),
            _ => vec![None; labels.len()],
        },
    }
}

/// How many values a row gets; 1 if that is not known.
fn columns_of(form: &Form) -> usize {
    match form.width {
        Width::Columns(columns) => columns,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_among_classes() {
        let classes = Values::Integers(vec![0, 2]);
        let found = places_of(&Values::Integers(vec![2, 0, 1]), &classes);
        assert_eq!(found, [Some(1), Some(0), None]);
        let found = places_of(&Values::Floats(vec![2.0, 0.5]), &classes);
        assert_eq!(found, [Some(1), None]);
        let texts = Values::Texts(vec!["2".into()]);
        assert_eq!(places_of(&texts, &classes), [None]);
        assert_eq!(places_of(&texts, &texts), [Some(0)]);
    }
}
