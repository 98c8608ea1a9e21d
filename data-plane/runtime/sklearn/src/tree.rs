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
    ("sklearn.tree._classes.DecisionTreeClassifier", |tree, _| {
        Classifier::read(tree, slice::from_ref(tree))
    }),
    ("sklearn.tree._classes.DecisionTreeRegressor", |tree, _| {
        Regressor::read(tree, slice::from_ref(tree))
    }),
    ("sklearn.tree._classes.ExtraTreeClassifier", |tree, _| {
        Classifier::read(tree, slice::from_ref(tree))
    }),
    ("sklearn.tree._classes.ExtraTreeRegressor", |tree, _| {
        Regressor::read(tree, slice::from_ref(tree))
    }),
];
