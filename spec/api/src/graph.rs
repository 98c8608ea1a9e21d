//! The graph of a predictor: units, their parameters, endpoints and loggers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::vocabulary::read_optional;
use crate::{EndpointType, LoggerMode, Method, ParameterType, UnitType, UnknownValue};

/// A node of the graph: a model, transformer, router or combiner, with what comes after it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PredictiveUnit {
    /// Name of the unit: the name of its container, and of the model where the protocol has one.
    pub name: String,
    /// `MODEL`, `ROUTER`, `COMBINER`, `TRANSFORMER`, `OUTPUT_TRANSFORMER` or `UNKNOWN_TYPE`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// A built-in unit (`SIMPLE_MODEL`, `SIMPLE_ROUTER`, `RANDOM_ABTEST`, `AVERAGE_COMBINER`), the
    /// name of a prepackaged server, or `UNKNOWN_IMPLEMENTATION`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub implementation: Option<String>,
    /// What the unit is called for, where `type` does not say it: `TRANSFORM_INPUT`,
    /// `TRANSFORM_OUTPUT`, `ROUTE`, `AGGREGATE`, `SEND_FEEDBACK`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Where the unit answers; filled in by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Parameters of the implementation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// Where the model's files are: a path or a URI such as `gs://`, `s3://`, `https://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_uri: Option<String>,
    /// Service account whose credentials read `modelUri`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// Secret whose entries are the environment of the download.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_secret_ref_name: Option<String>,
    /// Image that downloads `modelUri`, instead of the installation's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_initializer_image: Option<String>,
    /// Where requests and responses of the unit are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logger: Option<Logger>,
    /// The units after this one, in the order of a router's branches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<PredictiveUnit>,
}

/// A parameter of a unit: the value is text, `type` says how to read it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Parameter {
    /// Name of the parameter.
    pub name: String,
    /// Value of the parameter, as text.
    pub value: String,
    /// `INT`, `FLOAT`, `DOUBLE`, `STRING` or `BOOL`.
    #[serde(rename = "type")]
    pub type_: String,
}

/// Where a unit answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// Host name of the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_host: Option<String>,
    /// Port of the unit for the transport in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_port: Option<i32>,
    /// `REST` or `GRPC`; `spec.transport` is the better place.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// Port of the unit for REST.
    #[serde(default, rename = "httpPort", skip_serializing_if = "Option::is_none")]
    pub http_port: Option<i32>,
    /// Port of the unit for gRPC.
    #[serde(default, rename = "grpcPort", skip_serializing_if = "Option::is_none")]
    pub grpc_port: Option<i32>,
}

/// Where requests and responses of a unit are recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Logger {
    /// Receiver of the records; the installation's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What is recorded: `all`, `request` or `response`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

impl PredictiveUnit {
    /// The type, where one is written.
    ///
    /// # Errors
    /// When `type` names none that is known.
    pub fn unit_type(&self) -> Result<Option<UnitType>, UnknownValue> {
        read_optional(self.type_.as_deref())
    }

    /// The methods, in the order written.
    ///
    /// # Errors
    /// At the first of `methods` that is not known.
    pub fn unit_methods(&self) -> Result<Vec<Method>, UnknownValue> {
        self.methods.iter().map(|name| name.parse()).collect()
    }

    /// The unit and all units below it, each before its children.
    pub fn walk(&self) -> impl Iterator<Item = &PredictiveUnit> {
        let mut stack = vec![self];
        std::iter::from_fn(move || {
            let unit = stack.pop()?;
            stack.extend(unit.children.iter().rev());
            Some(unit)
        })
    }
}

impl Parameter {
    /// How `value` is to be read.
    ///
    /// # Errors
    /// When `type` names none that is known.
    pub fn parameter_type(&self) -> Result<ParameterType, UnknownValue> {
        self.type_.parse()
    }
}

impl Endpoint {
    /// The transport of the endpoint, where one is written.
    ///
    /// # Errors
    /// When `type` names none that is known.
    pub fn endpoint_type(&self) -> Result<Option<EndpointType>, UnknownValue> {
        read_optional(self.type_.as_deref())
    }
}

impl Logger {
    /// What is recorded, where it is written.
    ///
    /// # Errors
    /// When `mode` names none that is known.
    pub fn logger_mode(&self) -> Result<Option<LoggerMode>, UnknownValue> {
        read_optional(self.mode.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_walk_meets_parents_before_children_in_order() {
        let leaf = |name: &str| json!({"name": name});
        let inner = json!({"name": "b", "children": [leaf("c"), leaf("d")]});
        let root = json!({"name": "a", "children": [inner, leaf("e")]});
        let root: PredictiveUnit = serde_json::from_value(root).unwrap();
        let names: Vec<_> = root.walk().map(|unit| unit.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn words_are_read() {
        let unit = json!({"name": "a", "type": "ROUTER", "methods": ["ROUTE", "SEND_FEEDBACK"]});
        let unit: PredictiveUnit = serde_json::from_value(unit).unwrap();
        assert_eq!(unit.unit_type(), Ok(Some(UnitType::Router)));
        assert_eq!(
            unit.unit_methods(),
            Ok(vec![Method::Route, Method::SendFeedback])
        );
        let logger = Logger {
            mode: Some("both".to_owned()),
            url: None,
        };
        assert!(logger.logger_mode().is_err());
        let endpoint = Endpoint::default();
        assert_eq!(endpoint.endpoint_type(), Ok(None));
        let parameter = Parameter {
            type_: "DOUBLE".to_owned(),
            ..Parameter::default()
        };
        assert_eq!(parameter.parameter_type(), Ok(ParameterType::Double));
    }
}
