//! The tables of built-in units and prepackaged servers.

use hari_api::ParameterType::{Bool, Float, Int, String as Text};
use hari_api::{Protocol, UnitType};

use super::learners;
use super::parameter::{Check, ParameterSpec, RATIO_A, TRUSTED as TRUSTED_NAME};
use super::{BuiltinSpec, Image, PYTHON, ServerSpec};
use crate::bound::{Builtin, Runtime};

/// Units that are part of the engine.
pub const BUILTINS: &[BuiltinSpec] = &[
    BuiltinSpec {
        implementation: "SIMPLE_MODEL",
        doc: "answers a constant of three classes",
        unit: Builtin::SimpleModel,
        kind: UnitType::Model,
        parameters: &[],
    },
    BuiltinSpec {
        implementation: "SIMPLE_ROUTER",
        doc: "routes to the first child",
        unit: Builtin::SimpleRouter,
        kind: UnitType::Router,
        parameters: &[],
    },
    BuiltinSpec {
        implementation: "RANDOM_ABTEST",
        doc: "routes to one of two children at random",
        unit: Builtin::RandomAbTest { ratio_a: 0.5 },
        kind: UnitType::Router,
        parameters: &[
            ParameterSpec::new(RATIO_A, Float, "probability of the first child")
                .or("0.5")
                .check(Check::Between(0.0, 1.0)),
        ],
    },
    BuiltinSpec {
        implementation: "AVERAGE_COMBINER",
        doc: "answers the mean of what its children answer",
        unit: Builtin::AverageCombiner,
        kind: UnitType::Combiner,
        parameters: &[],
    },
    learners::EPSILON_GREEDY,
    learners::THOMPSON_SAMPLING,
    learners::UCB,
];

/// Injected by the operator; accepted where someone writes it.
const MODEL_URI: ParameterSpec = ParameterSpec::new(
    "model_uri",
    Text,
    "where the model's files are, set by the operator",
);

/// What a server is before its own row says more.
const SERVER: ServerSpec = ServerSpec {
    implementation: "",
    doc: "",
    images: &[],
    runtime: None,
    own_parameters: &[],
    artifacts: &[],
    speaks_tensorflow: true,
    python: false,
    needs_model_uri: true,
};

/// Whether code that comes with a model may run.
const TRUSTED: ParameterSpec = ParameterSpec::new(
    TRUSTED_NAME,
    Bool,
    "whether a model that is not read as data may be loaded by Python, which runs the code in it",
)
.or("false");

const fn image(protocol: Protocol, image: &'static str, version: &'static str) -> Image {
    Image {
        protocol,
        image,
        version,
    }
}

/// Every prepackaged server.
pub const SERVERS: &[ServerSpec] = &[
    TENSORFLOW,
    ONNX,
    SKLEARN,
    XGBOOST,
    LIGHTGBM,
    CATBOOST,
    MLFLOW,
    HUGGINGFACE,
    TRITON,
    TEMPO,
    PYTHON_CLASS,
];

const TENSORFLOW: ServerSpec = ServerSpec {
    implementation: "TENSORFLOW_SERVER",
    doc: "TensorFlow SavedModels",
    images: &[
        image(Protocol::Seldon, "seldonio/tfserving-proxy", "1.19.0-dev"),
        image(Protocol::Tensorflow, "tensorflow/serving", "2.1.0"),
    ],
    runtime: Some(Runtime::Tensorflow),
    own_parameters: &[
        ParameterSpec::new("signature_name", Text, "signature that predicts").or("serving_default"),
        ParameterSpec::new(
            "model_name",
            Text,
            "name of the model; the unit's name by default",
        ),
        ParameterSpec::new("model_input", Text, "input that a lone tensor is meant for"),
        ParameterSpec::new(
            "model_output",
            Text,
            "output that is answered where one is wanted",
        ),
        ParameterSpec::new(
            "rest_endpoint",
            Text,
            "TensorFlow Serving over REST; not needed here",
        ),
        ParameterSpec::new(
            "grpc_endpoint",
            Text,
            "TensorFlow Serving over gRPC; not needed here",
        ),
    ],
    artifacts: &["saved_model.pb"],
    ..SERVER
};

const ONNX: ServerSpec = ServerSpec {
    implementation: "ONNX_SERVER",
    doc: "ONNX files",
    runtime: Some(Runtime::Onnx),
    artifacts: &["model.onnx"],
    ..SERVER
};

const SKLEARN: ServerSpec = ServerSpec {
    implementation: "SKLEARN_SERVER",
    doc: "scikit-learn estimators",
    images: &[
        image(Protocol::Seldon, "seldonio/sklearnserver", "1.19.0-dev"),
        image(Protocol::V2, "seldonio/mlserver", "1.7.1-sklearn"),
    ],
    runtime: Some(Runtime::Sklearn),
    own_parameters: &[
        ParameterSpec::new(
            "method",
            Text,
            "predict_proba, predict, decision_function, transform or score_samples; by default \
             predict_proba where Seldon's protocol is spoken and the model has it, otherwise \
             predict, or transform for a transformer",
        ),
        TRUSTED,
        MODEL_URI,
    ],
    artifacts: &["model.joblib", "model.pkl", "model.pickle", "model.skops"],
    speaks_tensorflow: false,
    ..SERVER
};

const XGBOOST: ServerSpec = ServerSpec {
    implementation: "XGBOOST_SERVER",
    doc: "XGBoost boosters",
    images: &[
        image(Protocol::Seldon, "seldonio/xgboostserver", "1.19.0-dev"),
        image(Protocol::V2, "seldonio/mlserver", "1.7.1-xgboost"),
    ],
    runtime: Some(Runtime::Xgboost),
    own_parameters: &[
        ParameterSpec::new(
            "best_iteration",
            Bool,
            "predict with the trees up to the best iteration of early stopping, as scikit-learn's \
             interface does, rather than with all",
        )
        .or("false"),
        MODEL_URI,
    ],
    artifacts: &["model.json", "model.ubj", "model.bst"],
    speaks_tensorflow: false,
    ..SERVER
};

const LIGHTGBM: ServerSpec = ServerSpec {
    implementation: "LIGHTGBM_SERVER",
    doc: "LightGBM boosters",
    runtime: Some(Runtime::Lightgbm),
    own_parameters: &[MODEL_URI],
    artifacts: &["model.txt"],
    ..SERVER
};

const CATBOOST: ServerSpec = ServerSpec {
    implementation: "CATBOOST_SERVER",
    doc: "CatBoost models",
    runtime: Some(Runtime::Catboost),
    own_parameters: &[MODEL_URI],
    artifacts: &["model.cbm", "model.json"],
    ..SERVER
};

const MLFLOW: ServerSpec = ServerSpec {
    implementation: "MLFLOW_SERVER",
    doc: "MLflow models: scikit-learn, XGBoost, LightGBM, CatBoost, ONNX, TensorFlow",
    images: &[
        image(Protocol::Seldon, "seldonio/mlflowserver", "1.19.0-dev"),
        image(Protocol::V2, "seldonio/mlserver", "1.7.1-mlflow"),
    ],
    runtime: Some(Runtime::Mlflow),
    own_parameters: &[
        ParameterSpec::new(
            "xtype",
            Text,
            "ndarray, where columns may be without names; or anything else for a data frame, \
             whose names have to be the model's",
        )
        .or("ndarray"),
        TRUSTED,
        MODEL_URI,
    ],
    artifacts: &["MLmodel"],
    speaks_tensorflow: false,
    ..SERVER
};

const HUGGINGFACE: ServerSpec = ServerSpec {
    implementation: "HUGGINGFACE_SERVER",
    doc: "folders of Hugging Face transformers and sentence-transformers",
    images: &[image(
        Protocol::V2,
        "seldonio/mlserver",
        "1.7.1-huggingface",
    )],
    runtime: Some(Runtime::Transformers),
    own_parameters: PIPELINE,
    artifacts: &["config.json", "modules.json"],
    speaks_tensorflow: false,
    needs_model_uri: false,
    ..SERVER
};

/// What `HUGGINGFACE_SERVER` takes: how the folder is loaded, then what its pipeline does where a
/// request does not say.
const PIPELINE: &[ParameterSpec] = &[
    ParameterSpec::new(
        "task",
        Text,
        "what the pipeline does; the architecture says it by default",
    ),
    ParameterSpec::new(
        "pretrained_model",
        Text,
        "name of the model on the Hub; `modelUri` wins",
    ),
    ParameterSpec::new(
        "pretrained_tokenizer",
        Text,
        "folder in the model's that has the tokenizer; the model's own by default",
    ),
    ParameterSpec::new(
        "optimum_model",
        Bool,
        "whether the model is in ONNX form; either form is found by itself",
    ),
    ParameterSpec::new(
        "file_name",
        Text,
        "file of the network, such as `model_quantized.onnx`",
    ),
    ParameterSpec::new("top_k", Int, "answers for each text"),
    ParameterSpec::new(
        "function_to_apply",
        Text,
        "what makes scores of logits: sigmoid, softmax or none",
    ),
    ParameterSpec::new("return_all_scores", Bool, "whether every label is answered"),
    ParameterSpec::new("text_pair", Text, "a second text for every text"),
    ParameterSpec::new(
        "truncation",
        Bool,
        "whether a text that is too long is cut rather than refused",
    ),
    ParameterSpec::new("max_length", Int, "tokens that a text is cut at"),
    ParameterSpec::new(
        "aggregation_strategy",
        Text,
        "how tokens become entities: none, simple, first, average or max",
    ),
    ParameterSpec::new(
        "ignore_labels",
        Text,
        "labels of tokens that are left out, with commas",
    )
    .or("O"),
    ParameterSpec::new("stride", Int, "tokens that parts of a long text share"),
    ParameterSpec::new(
        "doc_stride",
        Int,
        "tokens that parts of a long context share",
    ),
    ParameterSpec::new("max_answer_len", Int, "most tokens of an answer").or("15"),
    ParameterSpec::new(
        "max_seq_len",
        Int,
        "tokens of a question and a part of its context",
    ),
    ParameterSpec::new(
        "max_question_len",
        Int,
        "for compatibility; a question is never cut",
    ),
    ParameterSpec::new(
        "handle_impossible_answer",
        Bool,
        "whether a question may have no answer",
    ),
    ParameterSpec::new("align_to_words", Bool, "whether answers are whole words").or("true"),
    ParameterSpec::new("targets", Text, "a word for the mask to choose"),
    ParameterSpec::new(
        "candidate_labels",
        Text,
        "labels to choose from, with commas",
    ),
    ParameterSpec::new(
        "hypothesis_template",
        Text,
        "a sentence with {} for the label",
    )
    .or("This example is {}."),
    ParameterSpec::new("multi_label", Bool, "whether several labels may be right"),
    ParameterSpec::new("normalize", Bool, "whether embeddings get length one"),
    ParameterSpec::new(
        "pooling",
        Text,
        "how tokens become one vector where the folder does not say: mean, cls or max",
    )
    .or("mean"),
];

const TRITON: ServerSpec = ServerSpec {
    implementation: "TRITON_SERVER",
    doc: "a Triton model repository",
    images: &[image(
        Protocol::V2,
        "nvcr.io/nvidia/tritonserver",
        "21.08-py3",
    )],
    runtime: Some(Runtime::Triton),
    own_parameters: &[
        ParameterSpec::new("model_control_mode", Text, "which models are loaded when"),
        ParameterSpec::new("load_model", Text, "a model to load; may be repeated")
            .check(Check::Repeated),
        ParameterSpec::new(
            "strict_model_config",
            Text,
            "whether models need a configuration",
        ),
    ],
    artifacts: &["config.pbtxt"],
    ..SERVER
};

const TEMPO: ServerSpec = ServerSpec {
    implementation: "TEMPO_SERVER",
    doc: "Tempo pipelines",
    images: &[image(Protocol::V2, "seldonio/mlserver", "1.7.1-slim")],
    ..SERVER
};

const PYTHON_CLASS: ServerSpec = ServerSpec {
    implementation: PYTHON,
    doc: "a Python class of your own, in worker processes; parameters are arguments of its constructor",
    python: true,
    artifacts: &["Model.py", "requirements.txt"],
    ..SERVER
};
