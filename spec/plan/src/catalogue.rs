//! What `implementation` may name: built-in units and prepackaged servers, with their parameters,
//! images and runtimes.

mod learners;
pub mod parameter;
mod servers;

use std::mem::discriminant;

use hari_api::{Protocol, UnitType};

use crate::bound::{Builtin, Runtime};
pub use parameter::{Check, ParameterSpec};
pub use servers::{BUILTINS, SERVERS};

/// `implementation` of a unit that is a container of the user's own.
pub const UNKNOWN_IMPLEMENTATION: &str = "UNKNOWN_IMPLEMENTATION";

/// `implementation` of a unit that is a Python class of the user's own.
pub const PYTHON: &str = "PYTHON";

/// A unit that is part of the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct BuiltinSpec {
    /// Value of `implementation`.
    pub implementation: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// The unit, with the defaults of its parameters.
    pub unit: Builtin,
    /// Type it has, whatever the resource says.
    pub kind: UnitType,
    /// What it takes.
    pub parameters: &'static [ParameterSpec],
}

/// A prepackaged server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServerSpec {
    /// Value of `implementation`.
    pub implementation: &'static str,
    /// What it serves.
    pub doc: &'static str,
    /// Image for each protocol of the graph, unless the installation names others.
    pub images: &'static [Image],
    /// The runtime of this build that serves the same models; `None` if not in this build.
    pub runtime: Option<Runtime>,
    /// What it takes, [`ServerSpec::parameters`] for all of it.
    pub own_parameters: &'static [ParameterSpec],
    /// Files or folders it looks for below `modelUri`; the first that is there is taken.
    pub artifacts: &'static [&'static str],
    /// Whether it can be part of a graph with `protocol: tensorflow`.
    pub speaks_tensorflow: bool,
    /// Whether it is a user's Python class, in worker processes of its own.
    pub python: bool,
    /// Whether it needs a `modelUri`.
    pub needs_model_uri: bool,
}

/// An image for one protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Protocol of the graph.
    pub protocol: Protocol,
    /// Image without its tag.
    pub image: &'static str,
    /// Its tag.
    pub version: &'static str,
}

impl ServerSpec {
    /// Every parameter it takes: its own, and those of all servers that run in this process.
    pub fn parameters(&self) -> impl Iterator<Item = &'static ParameterSpec> + use<> {
        let (engine, shared) = match self.runtime {
            Some(runtime) if runtime.is_neural() => (parameter::NEURAL, parameter::IN_PROCESS),
            Some(_) => (&[][..], parameter::IN_PROCESS),
            None => (&[][..], &[][..]),
        };
        self.own_parameters.iter().chain(shared).chain(engine)
    }

    /// Whether this build serves it, in its own process or in workers.
    #[must_use]
    pub const fn is_here(&self) -> bool {
        self.runtime.is_some() || self.python
    }
}

/// The prepackaged server of this name.
#[must_use]
pub fn server(implementation: &str) -> Option<&'static ServerSpec> {
    let named = |spec: &&ServerSpec| spec.implementation == implementation;
    SERVERS.iter().find(named)
}

/// The built-in unit of this name.
#[must_use]
pub fn builtin(implementation: &str) -> Option<&'static BuiltinSpec> {
    let named = |spec: &&BuiltinSpec| spec.implementation == implementation;
    BUILTINS.iter().find(named)
}

/// The value of `implementation` that names a built-in unit; none for what has no name.
#[must_use]
pub fn name_of(unit: &Builtin) -> Option<&'static str> {
    let alike = |spec: &&BuiltinSpec| match (&spec.unit, unit) {
        (Builtin::Learner(one), Builtin::Learner(other)) => {
            discriminant(&one.policy) == discriminant(&other.policy)
        }
        (one, other) => discriminant(one) == discriminant(other),
    };
    let found = BUILTINS.iter().find(alike);
    found.map(|spec| spec.implementation)
}

/// A parameter that a built-in unit or prepackaged server takes.
#[must_use]
pub fn parameter_of(implementation: &str, name: &str) -> Option<&'static ParameterSpec> {
    let of_builtin = builtin(implementation)
        .into_iter()
        .flat_map(|spec| spec.parameters);
    let of_server = server(implementation)
        .into_iter()
        .flat_map(ServerSpec::parameters);
    of_builtin.chain(of_server).find(|spec| spec.name == name)
}

/// Whether a value of `implementation` names a prepackaged server, known or not: anything that is
/// neither empty, nor unknown, nor built in.
#[must_use]
pub fn is_prepackaged(implementation: Option<&str>) -> bool {
    match implementation {
        None | Some("" | UNKNOWN_IMPLEMENTATION) => false,
        Some(name) => builtin(name).is_none(),
    }
}

/// Names of the servers that this build serves.
pub fn in_this_build() -> impl Iterator<Item = &'static str> {
    let here = |spec: &&ServerSpec| spec.is_here();
    SERVERS.iter().filter(here).map(|spec| spec.implementation)
}

/// Whether `implementation` is a user's Python class.
#[must_use]
pub fn is_python(implementation: Option<&str>) -> bool {
    implementation == Some(PYTHON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let names = || {
            let servers = SERVERS.iter().map(|spec| spec.implementation);
            servers.chain(BUILTINS.iter().map(|spec| spec.implementation))
        };
        for name in names() {
            assert_eq!(names().filter(|other| *other == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn servers_and_builtins_are_told_apart() {
        assert!(is_prepackaged(Some("SKLEARN_SERVER")));
        assert!(is_prepackaged(Some("MY_OWN_SERVER")));
        for other in [
            None,
            Some(""),
            Some("UNKNOWN_IMPLEMENTATION"),
            Some("RANDOM_ABTEST"),
        ] {
            assert!(!is_prepackaged(other), "{other:?}");
        }
    }

    #[test]
    fn only_servers_of_this_process_take_batching() {
        let takes = |name: &str| {
            let spec = server(name).unwrap();
            spec.parameters()
                .any(|parameter| parameter.name == parameter::MAX_BATCH_SIZE)
        };
        assert!(takes("TENSORFLOW_SERVER"));
        assert!(takes("ONNX_SERVER"));
        assert!(takes("XGBOOST_SERVER"));
        assert!(takes("SKLEARN_SERVER"));
        assert!(!takes("TEMPO_SERVER"));
    }

    #[test]
    fn only_neural_networks_have_an_engine() {
        assert!(parameter_of("ONNX_SERVER", parameter::ENGINE).is_some());
        assert!(parameter_of("XGBOOST_SERVER", parameter::ENGINE).is_none());
        assert!(parameter_of("XGBOOST_SERVER", "best_iteration").is_some());
        assert!(parameter_of("LIGHTGBM_SERVER", "best_iteration").is_none());
    }

    #[test]
    fn defaults_of_parameters_can_be_read() {
        let own = SERVERS.iter().flat_map(ServerSpec::parameters);
        for spec in own.chain(BUILTINS.iter().flat_map(|builtin| builtin.parameters)) {
            if let Some(default) = spec.default {
                assert!(spec.read(default).is_ok(), "{}", spec.name);
            }
        }
    }

    #[test]
    fn this_build_names_its_servers() {
        let names: Vec<_> = in_this_build().collect();
        let expected = [
            "TENSORFLOW_SERVER",
            "ONNX_SERVER",
            "SKLEARN_SERVER",
            "XGBOOST_SERVER",
            "LIGHTGBM_SERVER",
            "CATBOOST_SERVER",
            "MLFLOW_SERVER",
            "HUGGINGFACE_SERVER",
            "TRITON_SERVER",
            "PYTHON",
        ];
        assert_eq!(names, expected);
    }
}
