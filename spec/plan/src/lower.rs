//! A deployment that keeps every rule -> its plan, in types.

mod elsewhere;
mod learner;
pub(crate) mod python;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use hari_api::path::{field, item};
use hari_api::{
    Document, Method, Parameter, PredictiveUnit, PredictorSpec, SeldonDeployment,
    SeldonDeploymentSpec, ServerType, UnitType,
};

use crate::bound::{Builtin, Calls, ParameterValue, PythonSource};
use crate::catalogue::parameter::{RATIO_A, read};
use crate::catalogue::{self, is_prepackaged};
use crate::contract::annotation;
use crate::installation::Installation;
use crate::plan::{Component, Container, LoggerPlan, NodePlan, Plan, PredictorPlan, Server};
use elsewhere::NodeSettings;

/// Lowers a resource that was validated. What the rules refuse is read as absent.
///
/// `written` is what the user wrote, `resource` the same with its defaults.
pub(crate) fn lower(
    (written, resource): (&SeldonDeployment, SeldonDeployment),
    origin: Document,
    installation: &Installation,
) -> Plan {
    let spec = &resource.spec;
    let mut annotations = resource.metadata.annotations.clone().unwrap_or_default();
    annotations.extend(spec.annotations.clone());
    Plan {
        namespace: resource.namespace().to_owned(),
        name: resource.name().to_owned(),
        protocol: spec.protocol().unwrap_or_default(),
        transport: spec.transport().unwrap_or_default(),
        server_type: spec.server_type().unwrap_or_default(),
        annotations,
        predictors: predictors(written, &resource, installation),
        resource,
        origin,
    }
}

fn predictors(
    written: &SeldonDeployment,
    resource: &SeldonDeployment,
    installation: &Installation,
) -> Vec<PredictorPlan> {
    let spec = &resource.spec;
    let alone = spec
        .predictors
        .iter()
        .filter(|predictor| !predictor.is_shadow())
        .count()
        == 1;
    let pairs = written.spec.predictors.iter().zip(&spec.predictors);
    let lower = |(index, (written, predictor))| {
        let path = item("spec.predictors", index);
        Lowering {
            containers: containers(written, &path),
            predictor,
            spec,
            installation,
            path,
        }
        .predictor(&written.graph, alone)
    };
    pairs.enumerate().map(lower).collect()
}

/// The containers that the user wrote, by name; the last of a name counts, as for its ports.
fn containers(predictor: &PredictorSpec, path: &str) -> HashMap<String, Container> {
    let mut containers = HashMap::new();
    for (pod, spec) in predictor.component_specs.iter().enumerate() {
        let pod = item(&field(path, "componentSpecs"), pod);
        let path = field(&field(&pod, "spec"), "containers");
        for (index, container) in spec.containers().iter().enumerate() {
            let found = Container {
                image: container.image.clone().unwrap_or_default(),
                path: item(&path, index),
            };
            containers.insert(container.name.clone(), found);
        }
    }
    containers
}

/// One predictor on its way into the plan.
struct Lowering<'a> {
    predictor: &'a PredictorSpec,
    spec: &'a SeldonDeploymentSpec,
    installation: &'a Installation,
    path: String,
    containers: HashMap<String, Container>,
}

impl Lowering<'_> {
    fn predictor(&self, written: &PredictiveUnit, alone: bool) -> PredictorPlan {
        let predictor = self.predictor;
        let mut annotations = self.spec.annotations.clone();
        annotations.extend(predictor.annotations.clone());
        let timeout = |name| timeout(self.annotation(name, &annotations)?);
        let settings = NodeSettings::read(|name| self.annotation(name, &annotations));
        let graph = self.node(
            (written, &predictor.graph),
            field(&self.path, "graph"),
            &settings,
        );
        PredictorPlan {
            name: predictor.name.clone(),
            path: self.path.clone(),
            traffic: traffic(predictor, alone),
            shadow: predictor.is_shadow(),
            labels: predictor.labels.clone(),
            rest_timeout: timeout(annotation::REST_TIMEOUT),
            grpc_timeout: timeout(annotation::GRPC_TIMEOUT),
            annotations,
            kafka: self.kafka(),
            graph,
        }
    }

    /// What the predictor says of its topics, if it reads any.
    fn kafka(&self) -> Option<BTreeMap<String, String>> {
        if self.spec.server_type() != Ok(ServerType::Kafka) {
            return None;
        }
        let orchestrator = self.predictor.svc_orch_spec.as_ref();
        let entries = orchestrator.map_or(&[][..], |spec| &spec.env);
        let said = entries.iter().filter_map(|entry| {
            let value = entry.value.clone()?;
            Some((entry.name.clone(), value))
        });
        Some(said.collect())
    }

    /// An annotation of the pod: the template of the first pod goes before the rest.
    fn annotation<'b>(
        &'b self,
        name: &str,
        annotations: &'b BTreeMap<String, String>,
    ) -> Option<&'b str> {
        let pod = self.predictor.component_specs.first();
        let metadata = pod.and_then(|pod| pod.metadata.as_ref());
        let of_pod = metadata.and_then(|metadata| metadata.annotations.as_ref()?.get(name));
        of_pod.or_else(|| annotations.get(name)).map(String::as_str)
    }

    fn node(
        &self,
        (written, unit): (&PredictiveUnit, &PredictiveUnit),
        path: String,
        settings: &NodeSettings<'_>,
    ) -> NodePlan {
        let below = field(&path, "children");
        let child = |(index, pair)| self.node(pair, item(&below, index), settings);
        let children = written.children.iter().zip(&unit.children);
        let endpoint = elsewhere::endpoint(written);
        let parameters = parameters(unit);
        let component = self.component(unit, &parameters, settings, endpoint.is_some());
        let component = self.pinned(component, &path);
        NodePlan {
            name: unit.name.clone(),
            calls: match &component {
                Component::Builtin(builtin) => builtin_calls(builtin),
                Component::Server(_) | Component::Container(_) | Component::Elsewhere => {
                    unit_calls(unit)
                }
            },
            component,
            parameters,
            logger: logger(unit),
            endpoint,
            address: elsewhere::endpoint(unit),
            protocol: settings
                .protocol(unit)
                .unwrap_or(self.spec.protocol().unwrap_or_default()),
            transport: settings
                .transport(unit)
                .unwrap_or(self.spec.transport().unwrap_or_default()),
            tls: settings.tls(unit),
            on_failure: settings.on_failure(unit),
            children: children.enumerate().map(child).collect(),
            path,
        }
    }

    /// A server whose image the installation chose, as if the user had.
    fn pinned(&self, component: Component, path: &str) -> Component {
        let Component::Server(server) = component else {
            return component;
        };
        let protocol = self.spec.protocol().unwrap_or_default();
        let pinned = || {
            let image = self.installation.pinned(&server.implementation, protocol)?;
            Some(Container {
                image,
                path: field(path, "implementation"),
            })
        };
        Component::Server(Server {
            overlay: server.overlay.clone().or_else(pinned),
            ..server
        })
    }

    fn component(
        &self,
        unit: &PredictiveUnit,
        parameters: &BTreeMap<String, ParameterValue>,
        settings: &NodeSettings<'_>,
        elsewhere: bool,
    ) -> Component {
        let implementation = unit.implementation.as_deref().unwrap_or_default();
        let container = self.containers.get(&unit.name).cloned();
        if let Some(builtin) = builtin(implementation, parameters) {
            return Component::Builtin(builtin);
        }
        match (is_prepackaged(Some(implementation)), container) {
            (true, overlay) => Component::Server(Server {
                implementation: implementation.to_owned(),
                model_uri: unit.model_uri.clone().unwrap_or_default(),
                overlay: overlay.filter(|overlay| !overlay.image.is_empty()),
                python: catalogue::is_python(Some(implementation))
                    .then(|| self.python(unit, parameters, settings)),
            }),
            (false, Some(container)) if unit_calls(unit) != Calls::default() => {
                Component::Container(container)
            }
            (false, None) if elsewhere && unit_calls(unit) != Calls::default() => {
                Component::Elsewhere
            }
            (false, _) => Component::Builtin(Builtin::PassThrough),
        }
    }
}

impl Lowering<'_> {
    /// The class that a unit is, with what its container says.
    fn python(
        &self,
        unit: &PredictiveUnit,
        parameters: &BTreeMap<String, ParameterValue>,
        settings: &NodeSettings<'_>,
    ) -> PythonSource {
        let overlay = python::Overlay::of(self.predictor, &unit.name);
        let class = overlay.class().or_else(|| settings.python_class(unit));
        PythonSource {
            model_uri: unit.model_uri.clone().unwrap_or_default(),
            class: class.unwrap_or(python::CLASS).to_owned(),
            parameters: parameters.clone(),
            workers: overlay.workers().ok().flatten().unwrap_or(1),
            env: overlay.env(),
            memory: overlay.memory().ok().flatten(),
        }
    }
}

/// Percent of the requests: all, where there is no one to share them with.
fn traffic(predictor: &PredictorSpec, alone: bool) -> u32 {
    let written = u32::try_from(predictor.traffic.unwrap_or_default()).unwrap_or_default();
    match (predictor.is_shadow(), alone) {
        // A shadow that says nothing sees everything.
        (true, _) if written == 0 => 100,
        (false, true) => 100,
        _ => written,
    }
}

/// Milliseconds; none or 0 is no limit.
fn timeout(text: &str) -> Option<Duration> {
    let milliseconds = annotation::number(text).filter(|number| *number > 0)?;
    Some(Duration::from_millis(milliseconds))
}

fn logger(unit: &PredictiveUnit) -> Option<LoggerPlan> {
    let logger = unit.logger.as_ref()?;
    Some(LoggerPlan {
        url: logger.url.clone().filter(|url| !url.is_empty()),
        mode: logger.logger_mode().ok()??,
    })
}

/// Typed parameters by name: typed as the implementation takes them, else as declared.
fn parameters(unit: &PredictiveUnit) -> BTreeMap<String, ParameterValue> {
    let implementation = unit.implementation.as_deref().unwrap_or_default();
    let typed = |parameter: &Parameter| {
        let value = match catalogue::parameter_of(implementation, &parameter.name) {
            Some(spec) => spec.read(&parameter.value).ok()?,
            None => read(parameter.parameter_type().ok()?, &parameter.value)?,
        };
        Some((parameter.name.clone(), value))
    };
    let mut parameters = BTreeMap::new();
    for (name, value) in unit.parameters.iter().filter_map(typed) {
        let value = match (parameters.remove(&name), value) {
            // One that may be repeated (the others are refused) becomes a list.
            (Some(ParameterValue::String(before)), ParameterValue::String(more)) => {
                ParameterValue::String(format!("{before},{more}"))
            }
            (_, value) => value,
        };
        parameters.insert(name, value);
    }
    parameters
}

/// The built-in unit of this name, with its parameters.
fn builtin(implementation: &str, parameters: &BTreeMap<String, ParameterValue>) -> Option<Builtin> {
    let unit = &catalogue::builtin(implementation)?.unit;
    Some(match (unit, parameters.get(RATIO_A)) {
        (Builtin::RandomAbTest { .. }, Some(ParameterValue::Float(ratio))) => {
            Builtin::RandomAbTest { ratio_a: *ratio }
        }
        (Builtin::Learner(row), _) => Builtin::Learner(learner::with_parameters(row, parameters)),
        _ => unit.clone(),
    })
}

/// Built-in units are called for what they do, whatever the resource says.
fn builtin_calls(builtin: &Builtin) -> Calls {
    let none = Calls::default();
    match builtin {
        Builtin::SimpleModel => Calls {
            predict: true,
            ..none
        },
        Builtin::SimpleRouter | Builtin::RandomAbTest { .. } => Calls {
            route: true,
            ..none
        },
        Builtin::Learner(_) => Calls {
            route: true,
            feedback: true,
            ..none
        },
        Builtin::AverageCombiner => Calls {
            aggregate: true,
            ..none
        },
        Builtin::PassThrough => none,
    }
}

/// Type and methods put together: either asks for a call.
fn unit_calls(unit: &PredictiveUnit) -> Calls {
    let kind = unit.unit_type().ok().flatten();
    let methods = unit.unit_methods().unwrap_or_default();
    let is = |wanted| kind == Some(wanted);
    let has = |method| methods.contains(&method);
    Calls {
        predict: is(UnitType::Model),
        transform_input: is(UnitType::Transformer) || has(Method::TransformInput),
        transform_output: is(UnitType::OutputTransformer) || has(Method::TransformOutput),
        route: is(UnitType::Router) || has(Method::Route),
        aggregate: is(UnitType::Combiner) || has(Method::Aggregate),
        feedback: is(UnitType::Model) || is(UnitType::Router) || has(Method::SendFeedback),
    }
}

#[cfg(test)]
mod tests;
