//! `sklearn.neighbors`: what the nearest rows of the training data say.

mod centroid;
mod classification;
mod density;
mod graph;
mod heap;
mod index;
mod outliers;
mod regression;
mod tree;
mod weights;

pub(crate) use index::Index;

use crate::projection;
use crate::registry::Entry;

pub(crate) const CLASSES: &[Entry] = &[
    (
        "sklearn.neighbors._classification.KNeighborsClassifier",
        classification::nearest,
    ),
    (
        "sklearn.neighbors._classification.RadiusNeighborsClassifier",
        classification::within,
    ),
    (
        "sklearn.neighbors._graph.KNeighborsTransformer",
        graph::nearest,
    ),
    (
        "sklearn.neighbors._graph.RadiusNeighborsTransformer",
        graph::within,
    ),
    (
        "sklearn.neighbors._kde.KernelDensity",
        density::KernelDensity::read,
    ),
    (
        "sklearn.neighbors._lof.LocalOutlierFactor",
        outliers::LocalOutlierFactor::read,
    ),
    (
        "sklearn.neighbors._nca.NeighborhoodComponentsAnalysis",
        projection::components,
    ),
    (
        "sklearn.neighbors._nearest_centroid.NearestCentroid",
        centroid::NearestCentroid::read,
    ),
    (
        "sklearn.neighbors._regression.KNeighborsRegressor",
        regression::nearest,
    ),
    (
        "sklearn.neighbors._regression.RadiusNeighborsRegressor",
        regression::within,
    ),
];
