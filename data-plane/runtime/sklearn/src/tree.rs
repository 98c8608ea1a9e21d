//! `sklearn.tree`: decision trees, and what forests are made of.

mod estimators;
mod forest;
mod records;

use std::slice;

pub(crate) use estimators::{Classifier, Regressor, features};
pub(crate) use forest::{Forest, Planter};
pub(crate) use records::{Records, count_of, value};

use crate::registry::Entry;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.tree._classes.DecisionTreeClassifier",
        |tree, reader| Classifier::read(tree, slice::from_ref(tree), reader),
    ),
    (
        "sklearn.tree._classes.DecisionTreeRegressor",
        |tree, reader| Regressor::read(tree, slice::from_ref(tree), reader),
    ),
    (
        "sklearn.tree._classes.ExtraTreeClassifier",
        |tree, reader| Classifier::read(tree, slice::from_ref(tree), reader),
    ),
    (
        "sklearn.tree._classes.ExtraTreeRegressor",
        |tree, reader| Regressor::read(tree, slice::from_ref(tree), reader),
    ),
];
