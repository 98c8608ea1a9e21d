//! A deployment of one node, for a model that has no YAML.

use hari_api::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use hari_api::{
    ApiVersion, KIND, Parameter, PredictiveUnit, PredictorSpec, SeldonDeployment,
    SeldonDeploymentSpec, UnitType,
};

/// Name of the one predictor.
pub const PREDICTOR: &str = "default";

/// A deployment with one predictor, whose graph is one prepackaged server.
///
/// `name` names deployment and unit: see [`crate::names::to_label`] for text that is no name.
/// `implementation` is one of [`crate::catalogue::SERVERS`]. The result is checked like any other,
/// by [`crate::plan_resource`].
#[must_use]
pub fn single_node(
    name: &str,
    implementation: &str,
    model_uri: &str,
    parameters: Vec<Parameter>,
) -> SeldonDeployment {
    let graph = PredictiveUnit {
        name: name.to_owned(),
        type_: Some(UnitType::Model.to_string()),
        implementation: Some(implementation.to_owned()),
        model_uri: Some(model_uri.to_owned()),
        parameters,
        ..PredictiveUnit::default()
    };
    let predictor = PredictorSpec {
        name: PREDICTOR.to_owned(),
        graph,
        ..PredictorSpec::default()
    };
    SeldonDeployment {
        api_version: ApiVersion::V1.to_string(),
        kind: KIND.to_owned(),
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        spec: SeldonDeploymentSpec {
            predictors: vec![predictor],
            ..SeldonDeploymentSpec::default()
        },
        status: None,
    }
}

/// A parameter of `hari serve --parameter name=value`: declared with the type that the server
/// takes it with, else as text.
#[must_use]
pub fn parameter(implementation: &str, name: &str, value: &str) -> Parameter {
    let server = crate::catalogue::server(implementation);
    let spec = server.and_then(|server| server.parameters().find(|spec| spec.name == name));
    let kind = spec.map_or(hari_api::ParameterType::String, |spec| spec.kind);
    Parameter {
        name: name.to_owned(),
        value: value.to_owned(),
        type_: kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bound::{Placement, Runtime};
    use crate::{Installation, PlacementPolicy, bind, plan_resource};

    #[test]
    fn one_node_is_planned_and_bound() {
        let parameters = vec![parameter("ONNX_SERVER", "max_batch_size", "8")];
        let resource = single_node("digits", "ONNX_SERVER", "models/digits.onnx", parameters);
        let (plan, issues) = plan_resource(&resource, &Installation::default());
        assert_eq!(issues, []);
        let bound = bind(&plan.unwrap(), &PlacementPolicy::ThisProcess).unwrap();
        let [predictor] = bound.predictors.as_slice() else {
            panic!("{bound:?}")
        };
        assert_eq!(
            (predictor.name.as_str(), predictor.traffic),
            ("default", 100)
        );
        let Placement::InProcess(source) = &predictor.graph.placement else {
            panic!("{predictor:?}")
        };
        assert_eq!(source.runtime, Runtime::Onnx);
        assert_eq!(source.model_uri, "models/digits.onnx");
        assert_eq!(source.batching.map(|batching| batching.max_rows), Some(8));
    }

    #[test]
    fn an_unknown_server_is_refused_with_the_nearest() {
        let resource = single_node("digits", "TENSORFLOW_SERVRE", "m", Vec::new());
        let (plan, issues) = plan_resource(&resource, &Installation::default());
        assert_eq!(plan, None);
        let [issue] = issues.as_slice() else {
            panic!("{issues:?}")
        };
        assert!(
            issue
                .hint
                .as_deref()
                .unwrap()
                .contains("did you mean `TENSORFLOW_SERVER`?")
        );
    }

    #[test]
    fn parameters_are_declared_as_the_server_takes_them() {
        let kind = |name| parameter("TENSORFLOW_SERVER", name, "1").type_;
        assert_eq!(kind("max_batch_size"), "INT");
        assert_eq!(kind("batch_window_ms"), "FLOAT");
        assert_eq!(kind("anything"), "STRING");
    }
}
