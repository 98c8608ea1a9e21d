//! Fitted objects of some classes, and what breaks each.

use super::Given::{self, Flag, Float, Integer, Itself, List, Name, Object, Text};
use super::{Class, floats, integers, pickle, row};

/// A class, attributes that fit, and for each of some attributes a value that does not.
pub(crate) struct Subject {
    pub(crate) class: Class,
    pub(crate) attributes: Attributes,
    pub(crate) broken: Attributes,
}

impl Subject {
    /// The file, with one attribute in the place of the one that fits.
    pub(crate) fn file(&self, instead: Option<&(&'static str, Given)>) -> Vec<u8> {
        let mut attributes = self.attributes.clone();
        if let Some((name, value)) = instead {
            attributes.retain(|(known, _)| known != name);
            attributes.push((name, value.clone()));
        }
        pickle(&Object(self.class, attributes))
    }
}

fn naive_bayes() -> Vec<Subject> {
    let gaussian = Subject {
        class: ("sklearn.naive_bayes", "GaussianNB"),
        attributes: vec![
            ("classes_", integers(&[0, 1])),
            ("theta_", floats(&[2, 2])),
            ("var_", floats(&[2, 2])),
            ("class_prior_", row(&[0.5, 0.5])),
        ],
        broken: vec![
            ("classes_", integers(&[])),
            ("theta_", floats(&[3, 2])),
            ("theta_", floats(&[2, 0])),
            ("var_", floats(&[2, 3])),
            ("var_", Text("none")),
            ("class_prior_", row(&[1.0])),
        ],
    };
    let linear = |name, broken| Subject {
        class: ("sklearn.naive_bayes", name),
        attributes: vec![
            ("classes_", integers(&[0, 1])),
            ("feature_log_prob_", floats(&[2, 2])),
            ("class_log_prior_", row(&[-0.7, -0.7])),
            ("binarize", Float(0.0)),
        ],
        broken,
    };
    let categorical = Subject {
        class: ("sklearn.naive_bayes", "CategoricalNB"),
        attributes: vec![
            ("classes_", integers(&[0, 1])),
            (
                "feature_log_prob_",
                List(vec![floats(&[2, 3]), floats(&[2, 2])]),
            ),
            ("class_log_prior_", row(&[-0.7, -0.7])),
        ],
        broken: vec![
            ("feature_log_prob_", List(vec![floats(&[3, 3])])),
            ("feature_log_prob_", floats(&[2, 3])),
            ("class_log_prior_", row(&[-0.7])),
        ],
    };
    vec![
        gaussian,
        categorical,
        linear("MultinomialNB", vec![("class_log_prior_", row(&[0.0; 3]))]),
        linear("ComplementNB", vec![("feature_log_prob_", floats(&[1, 2]))]),
        linear("BernoulliNB", vec![("binarize", Text("half"))]),
    ]
}

type Attributes = Vec<(&'static str, Given)>;

/// A class with the rows that it looks for neighbours in.
fn searched(class: Class, more: Attributes, broken: Attributes) -> Subject {
    let mut attributes = vec![
        ("_fit_X", floats(&[4, 2])),
        ("effective_metric_", Text("euclidean")),
        ("n_neighbors", Integer(2)),
    ];
    attributes.extend(more);
    Subject {
        class,
        attributes,
        broken,
    }
}

fn neighbours() -> Vec<Subject> {
    let classifier = searched(
        ("sklearn.neighbors._classification", "KNeighborsClassifier"),
        vec![
            ("weights", Text("distance")),
            ("classes_", integers(&[0, 1])),
            ("_y", integers(&[0, 1, 1, 0])),
            ("outputs_2d_", Flag(false)),
        ],
        vec![
            ("n_neighbors", Integer(5)),
            ("n_neighbors", Integer(0)),
            ("n_neighbors", Integer(-1)),
            ("_y", integers(&[0, 1, 2, 0])),
            ("_y", integers(&[0, 1, -1, 0])),
            ("_y", integers(&[0, 1])),
            ("weights", Name("numpy", "sum")),
            ("effective_metric_", Text("moon")),
            ("effective_metric_", Name("numpy", "sum")),
            ("effective_metric_", Text("seuclidean")),
            ("_tree", Text("oak")),
        ],
    );
    let precomputed = searched(
        ("sklearn.neighbors._graph", "KNeighborsTransformer"),
        vec![
            ("effective_metric_", Text("precomputed")),
            ("mode", Text("distance")),
            ("n_samples_fit_", Integer(1 << 50)),
        ],
        vec![("n_neighbors", Integer(1 << 50))],
    );
    let regressor = searched(
        ("sklearn.neighbors._regression", "KNeighborsRegressor"),
        vec![("weights", Given::None), ("_y", row(&[0.0, 1.0, 2.0, 3.0]))],
        vec![("_y", floats(&[3, 2])), ("_y", floats(&[2, 2, 1]))],
    );
    vec![classifier, precomputed, regressor]
}

fn envelope() -> Subject {
    Subject {
        class: ("sklearn.covariance._elliptic_envelope", "EllipticEnvelope"),
        attributes: vec![
            ("location_", floats(&[2])),
            ("precision_", floats(&[2, 2])),
            ("offset_", Float(-3.0)),
        ],
        broken: vec![
            ("precision_", floats(&[2, 3])),
            ("precision_", Given::None),
            ("offset_", Text("far")),
        ],
    }
}

fn outliers() -> Vec<Subject> {
    let factor = searched(
        ("sklearn.neighbors._lof", "LocalOutlierFactor"),
        vec![
            ("novelty", Flag(true)),
            ("n_neighbors_", Integer(2)),
            ("_distances_fit_X_", floats(&[4, 2])),
            ("_lrd", row(&[1.0; 4])),
            ("offset_", Float(-1.5)),
        ],
        vec![
            ("novelty", Flag(false)),
            ("_lrd", row(&[1.0; 3])),
            ("_distances_fit_X_", floats(&[4, 3])),
            ("n_neighbors_", Integer(1 << 60)),
        ],
    );
    vec![factor, envelope()]
}

fn networks() -> Vec<Subject> {
    let binarizer = |classes: &[i64], kind| {
        let attributes = vec![("classes_", integers(classes)), ("y_type_", Text(kind))];
        Object(
            ("sklearn.preprocessing._label", "LabelBinarizer"),
            attributes,
        )
    };
    let layers = |sizes: &[usize]| {
        let pairs = sizes.windows(2);
        List(pairs.map(floats).collect())
    };
    let classifier = Subject {
        class: (
            "sklearn.neural_network._multilayer_perceptron",
            "MLPClassifier",
        ),
        attributes: vec![
            ("coefs_", layers(&[2, 4, 3])),
            ("intercepts_", List(vec![floats(&[4]), floats(&[3])])),
            ("activation", Text("relu")),
            ("out_activation_", Text("softmax")),
            ("_label_binarizer", binarizer(&[0, 1, 2], "multiclass")),
        ],
        broken: vec![
            ("coefs_", List(vec![floats(&[2, 4]), floats(&[5, 3])])),
            ("coefs_", List(vec![])),
            ("coefs_", layers(&[2, 4])),
            ("intercepts_", List(vec![floats(&[4]), floats(&[2])])),
            ("activation", Text("magic")),
            ("_label_binarizer", binarizer(&[0, 1], "multiclass")),
            ("_label_binarizer", binarizer(&[0, 1, 2], "binary")),
        ],
    };
    let boltzmann = Subject {
        class: ("sklearn.neural_network._rbm", "BernoulliRBM"),
        attributes: vec![
            ("components_", floats(&[3, 2])),
            ("intercept_hidden_", row(&[0.0; 3])),
        ],
        broken: vec![("intercept_hidden_", row(&[0.0; 2]))],
    };
    vec![classifier, boltzmann]
}

fn discriminants() -> Vec<Subject> {
    let quadratic = Subject {
        class: (
            "sklearn.discriminant_analysis",
            "QuadraticDiscriminantAnalysis",
        ),
        attributes: vec![
            ("classes_", integers(&[0, 1])),
            ("means_", floats(&[2, 2])),
            ("priors_", row(&[0.5, 0.5])),
            ("rotations_", List(vec![floats(&[2, 2]); 2])),
            ("scalings_", List(vec![floats(&[2]); 2])),
        ],
        broken: vec![
            ("rotations_", List(vec![floats(&[3, 2]); 2])),
            ("rotations_", List(vec![floats(&[2, 2])])),
            ("scalings_", List(vec![floats(&[3]); 2])),
            ("priors_", row(&[1.0])),
        ],
    };
    let linear = Subject {
        class: (
            "sklearn.discriminant_analysis",
            "LinearDiscriminantAnalysis",
        ),
        attributes: vec![
            ("classes_", integers(&[0, 1, 2])),
            ("coef_", floats(&[3, 2])),
            ("intercept_", floats(&[3])),
            ("solver", Text("svd")),
            ("scalings_", floats(&[2, 2])),
            ("_max_components", Integer(1 << 40)),
            ("xbar_", floats(&[2])),
        ],
        broken: vec![
            ("coef_", floats(&[1, 2])),
            ("intercept_", floats(&[1])),
            ("scalings_", floats(&[3, 2])),
            ("_max_components", Integer(-1)),
            ("xbar_", floats(&[3])),
        ],
    };
    vec![quadratic, linear]
}

fn mixtures() -> Vec<Subject> {
    let mixture = Subject {
        class: ("sklearn.mixture._gaussian_mixture", "GaussianMixture"),
        attributes: vec![
            ("means_", floats(&[2, 2])),
            ("weights_", row(&[0.5, 0.5])),
            ("covariance_type", Text("full")),
            ("precisions_cholesky_", floats(&[2, 2, 2])),
        ],
        broken: vec![
            ("weights_", row(&[1.0])),
            ("covariance_type", Text("round")),
            ("covariance_type", Text("diag_")),
            ("precisions_cholesky_", floats(&[2, 3, 2])),
            ("precisions_cholesky_", floats(&[8])),
        ],
    };
    vec![mixture]
}

fn clusters() -> Vec<Subject> {
    let node = |attributes| {
        Object(
            ("sklearn.cluster._bisect_k_means", "_BisectingTree"),
            attributes,
        )
    };
    let leaf = |label| {
        node(vec![
            ("center", floats(&[2])),
            ("left", Given::None),
            ("label", Integer(label)),
        ])
    };
    let cut = |left: Given, right: Given| {
        node(vec![
            ("center", floats(&[2])),
            ("left", left),
            ("right", right),
        ])
    };
    let bisecting = Subject {
        class: ("sklearn.cluster._bisect_k_means", "BisectingKMeans"),
        attributes: vec![
            ("cluster_centers_", floats(&[2, 2])),
            ("_bisecting_tree", cut(leaf(0), leaf(1))),
        ],
        broken: vec![
            ("_bisecting_tree", cut(Itself, Itself)),
            (
                "_bisecting_tree",
                cut(cut(leaf(0), leaf(1)), cut(leaf(2), leaf(3))),
            ),
            ("_X_mean", floats(&[3])),
        ],
    };
    let birch = Subject {
        class: ("sklearn.cluster._birch", "Birch"),
        attributes: vec![
            ("subcluster_centers_", floats(&[3, 2])),
            ("subcluster_labels_", integers(&[0, 1, 0])),
        ],
        broken: vec![("subcluster_labels_", integers(&[0, 1]))],
    };
    let features = Subject {
        class: ("sklearn.cluster._agglomerative", "FeatureAgglomeration"),
        attributes: vec![
            ("labels_", integers(&[0, 1, 0])),
            ("pooling_func", Name("numpy", "mean")),
        ],
        broken: vec![
            ("labels_", integers(&[0, 2, 0])),
            ("labels_", integers(&[0, 1, 9])),
            ("labels_", integers(&[0, 1, -1])),
            ("pooling_func", Name("numpy", "exp")),
        ],
    };
    vec![bisecting, birch, features]
}

fn kernels() -> Vec<Subject> {
    let kernel = |name, attributes| Object(("sklearn.gaussian_process.kernels", name), attributes);
    let rbf = |scale| kernel("RBF", vec![("length_scale", scale)]);
    let sum = |k1, k2| kernel("Sum", vec![("k1", k1), ("k2", k2)]);
    let deep = (0..100).fold(rbf(Float(1.0)), |inner, _| sum(inner, rbf(Float(1.0))));
    let process = Subject {
        class: ("sklearn.gaussian_process._gpr", "GaussianProcessRegressor"),
        attributes: vec![
            ("X_train_", floats(&[3, 2])),
            ("alpha_", floats(&[3])),
            ("kernel_", sum(rbf(Float(1.0)), rbf(floats(&[2])))),
            ("_y_train_mean", row(&[0.0])),
            ("_y_train_std", Integer(1)),
        ],
        broken: vec![
            ("alpha_", floats(&[2])),
            ("kernel_", rbf(floats(&[3]))),
            ("kernel_", sum(Itself, Itself)),
            ("kernel_", deep),
            (
                "kernel_",
                Object(("sklearn.naive_bayes", "GaussianNB"), vec![]),
            ),
            ("_y_train_mean", row(&[0.0, 0.0])),
        ],
    };
    let ridge = Subject {
        class: ("sklearn.kernel_ridge", "KernelRidge"),
        attributes: vec![
            ("X_fit_", floats(&[3, 2])),
            ("dual_coef_", floats(&[3])),
            ("kernel", Text("rbf")),
        ],
        broken: vec![
            ("dual_coef_", floats(&[2])),
            ("dual_coef_", floats(&[3, 0])),
            ("kernel", Text("corn")),
            ("kernel", Name("numpy", "sum")),
        ],
    };
    vec![process, ridge]
}

fn approximations() -> Vec<Subject> {
    let sketch = Subject {
        class: ("sklearn.kernel_approximation", "PolynomialCountSketch"),
        attributes: vec![
            ("n_components", Integer(4)),
            ("degree", Integer(2)),
            ("gamma", Float(1.0)),
            ("coef0", Float(1.0)),
            ("bitHash_", floats(&[2, 3])),
            (
                "indexHash_",
                Given::Integers(vec![2, 3], vec![0, 1, 2, 3, 0, 1]),
            ),
        ],
        broken: vec![
            ("n_components", Integer(1 << 40)),
            ("n_components", Integer(0)),
            ("n_components", Integer(3)),
            ("degree", Integer(3)),
            ("indexHash_", integers(&[0, 1])),
        ],
    };
    let sampler = Subject {
        class: ("sklearn.kernel_approximation", "AdditiveChi2Sampler"),
        attributes: vec![("sample_steps", Integer(2)), ("n_features_in_", Integer(2))],
        broken: vec![
            ("sample_steps", Integer(1 << 40)),
            ("sample_steps", Integer(0)),
            ("sample_steps", Integer(4)),
            ("n_features_in_", Integer(1 << 47)),
        ],
    };
    let nystroem = Subject {
        class: ("sklearn.kernel_approximation", "Nystroem"),
        attributes: vec![
            ("components_", floats(&[3, 2])),
            ("normalization_", floats(&[3, 3])),
            ("kernel", Text("linear")),
        ],
        broken: vec![("normalization_", floats(&[2, 3]))],
    };
    vec![sketch, sampler, nystroem]
}

/// All of them.
pub(crate) fn subjects() -> Vec<Subject> {
    let all = [
        naive_bayes(),
        neighbours(),
        outliers(),
        networks(),
        discriminants(),
        mixtures(),
        clusters(),
        kernels(),
        approximations(),
    ];
    all.into_iter().flatten().collect()
}
