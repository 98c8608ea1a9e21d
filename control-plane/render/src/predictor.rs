//! One predictor with all that its objects depend on: where each container runs, and what it is
//! called.

use hari_api::k8s_openapi::api::core::v1::Container;
use hari_api::path::field;
use hari_api::{Issue, PredictiveUnit, PredictorSpec, Protocol, SeldonPodSpec};
use hari_plan::catalogue;
use hari_plan::contract::annotation;
use hari_plan::{Component, NodePlan, Plan, PredictorPlan};

use crate::explainer;
use crate::names::{deployment_id, hashed, hashed_with};
use crate::refused;
use crate::settings::Settings;
use crate::storage;
use crate::surroundings::Surroundings;

/// Name of the orchestrator's container.
pub(crate) const ENGINE: &str = "seldon-container-engine";
/// Containers that have no part in the names of Deployments.
const UNNAMED: [&str; 2] = [ENGINE, "tfserving"];

/// Seconds that a pod has to end.
pub(crate) const GRACE: i64 = 20;

/// A predictor, as it was planned and as it was written with its defaults.
#[derive(Clone, Copy)]
pub(crate) struct Predictor<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) planned: &'a PredictorPlan,
    pub(crate) spec: &'a PredictorSpec,
    pub(crate) settings: &'a Settings,
    pub(crate) surroundings: &'a Surroundings,
}

/// What a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A built-in server, part of the orchestrator's container.
    Fused,
    /// A built-in server in a container of Hari's image that serves it alone.
    Alone,
    /// A unit in an image of its own.
    Own,
    /// No unit of the graph.
    Aside,
}

impl<'a> Predictor<'a> {
    pub(crate) fn all(
        plan: &'a Plan,
        settings: &'a Settings,
        surroundings: &'a Surroundings,
    ) -> impl Iterator<Item = Self> {
        let specs = plan.resource.spec.predictors.iter();
        plan.predictors
            .iter()
            .zip(specs)
            .map(move |(planned, spec)| Self {
                plan,
                planned,
                spec,
                settings,
                surroundings,
            })
    }

    /// The orchestrator gets a Deployment of its own: because the user says so, or because no unit
    /// is in the first pod.
    pub(crate) fn separate(&self) -> bool {
        let said = self
            .plan
            .resource
            .spec
            .annotations
            .get(annotation::SEPARATE_POD);
        let said = said.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        !self.without_engine() && (said || !self.first_pod_has_units())
    }

    /// The Service leads to the one unit.
    pub(crate) fn without_engine(&self) -> bool {
        let said = self.spec.annotations.get(annotation::NO_ENGINE);
        said.is_some_and(|value| value == "true")
    }

    /// Whether the orchestrator is a container of this pod.
    pub(crate) fn engine_in(&self, pod: usize) -> bool {
        pod == 0 && !self.separate() && !self.without_engine()
    }

    fn first_pod_has_units(&self) -> bool {
        let first = self.spec.component_specs.first();
        let containers = first.map_or(&[][..], SeldonPodSpec::containers);
        containers
            .iter()
            .any(|container| self.unit(&container.name).is_some())
    }

    /// The pods that have containers, by their number.
    pub(crate) fn pods(&self) -> impl Iterator<Item = (usize, &'a SeldonPodSpec)> + use<'a> {
        let pods = self.spec.component_specs.iter().enumerate();
        pods.filter(|(_, pod)| !pod.containers().is_empty())
    }

    /// The unit of a container.
    pub(crate) fn unit(&self, container: &str) -> Option<&'a PredictiveUnit> {
        self.spec.graph.walk().find(|unit| unit.name == container)
    }

    /// The node of a container.
    pub(crate) fn node(&self, container: &str) -> Option<&'a NodePlan> {
        self.planned
            .graph
            .walk()
            .find(|node| node.name == container)
    }

    pub(crate) fn role(&self, pod: usize, container: &str) -> Role {
        let Some(node) = self.node(container) else {
            return Role::Aside;
        };
        match self.is_here(node) {
            true if self.engine_in(pod) => Role::Fused,
            true => Role::Alone,
            false => Role::Own,
        }
    }

    /// The pod of a unit's container.
    pub(crate) fn pod_of(&self, unit: &str) -> Option<usize> {
        let has = |pod: &SeldonPodSpec| pod.containers().iter().any(|found| found.name == unit);
        self.spec.component_specs.iter().position(has)
    }

    /// Value of `seldon-deployment-id`.
    pub(crate) fn id(&self) -> String {
        deployment_id(&self.plan.name)
    }

    /// Name of the predictor's Service.
    pub(crate) fn service(&self) -> String {
        match self.spec.annotations.get(annotation::SERVICE_NAME) {
            Some(name) if !name.is_empty() => name.clone(),
            _ => hashed(self.prefixed("")),
        }
    }

    /// Name of the Service of a unit's container.
    pub(crate) fn container_service(&self, container: &str) -> String {
        hashed(self.prefixed(&format!("-{container}")))
    }

    /// Name of the explainer's Deployment, Service and container.
    pub(crate) fn explainer(&self) -> String {
        hashed(self.prefixed("-explainer"))
    }

    /// Whether the server of a unit reads `modelUri` itself, and nothing is downloaded before.
    pub(crate) fn fetches_itself(&self, unit: &PredictiveUnit) -> bool {
        let annotations = &self.plan.resource.spec.annotations;
        let said = annotations.get("seldon.io/no-storage-initializer");
        let claim = unit.model_uri.as_deref().is_some_and(storage::is_claim);
        said.is_some_and(|value| value == "true")
            && unit.implementation.as_deref() == Some("TRITON_SERVER")
            && !claim
    }

    /// Seconds that a pod has to end; the orchestrator's own for none.
    pub(crate) fn grace(&self, pod: Option<usize>) -> i64 {
        let written = pod.and_then(|number| self.spec.component_specs.get(number));
        let spec = written.and_then(|written| written.spec.as_ref());
        let grace = spec.and_then(|spec| spec.termination_grace_period_seconds);
        grace.unwrap_or(GRACE)
    }

    /// Name of the orchestrator's own Deployment.
    pub(crate) fn engine_deployment(&self) -> String {
        self.deployment_name(self.prefixed("-svc-orch"))
    }

    /// Name of the Deployment of a pod.
    pub(crate) fn deployment(&self, number: usize, pod: &SeldonPodSpec) -> String {
        let given = pod
            .metadata
            .as_ref()
            .and_then(|metadata| metadata.name.clone());
        let given = given.filter(|name| !name.is_empty());
        let joined = || {
            let names = pod.containers().iter().map(|container| &*container.name);
            let names = names.filter(|name| !UNNAMED.contains(name));
            names.collect::<Vec<_>>().join("-")
        };
        let last = given.unwrap_or_else(joined);
        self.deployment_name(self.prefixed(&format!("-{number}-{last}")))
    }

    fn deployment_name(&self, full: String) -> String {
        match self.settings.name_as_prefix {
            true => hashed_with(&self.plan.name, full),
            false => hashed(full),
        }
    }

    fn prefixed(&self, rest: &str) -> String {
        format!("{}-{}{rest}", self.plan.name, self.planned.name)
    }

    /// Host of a Service, as all of the cluster knows it.
    pub(crate) fn host(&self, service: &str) -> String {
        format!("{service}.{}.svc.cluster.local", self.plan.namespace)
    }

    /// Where a unit's container listens: HTTP, gRPC.
    pub(crate) fn ports(&self, container: &str) -> (i32, i32) {
        let endpoint = self.unit(container).and_then(|unit| unit.endpoint.as_ref());
        let port = |number: Option<i32>| number.unwrap_or_default();
        endpoint.map_or((0, 0), |endpoint| {
            (port(endpoint.http_port), port(endpoint.grpc_port))
        })
    }

    /// What cannot be run in a cluster.
    pub(crate) fn issues(&self) -> Vec<Issue> {
        let nodes = self.planned.graph.walk();
        let nodes = nodes.filter_map(|node| self.without_image(node).or_else(|| self.proxy(node)));
        nodes.chain(explainer::issue(self)).collect()
    }

    /// Whether Hari's image serves the node: a server of this build whose image nobody chose.
    fn is_here(&self, node: &NodePlan) -> bool {
        let Component::Server(server) = &node.component else {
            return false;
        };
        if server.overlay.is_some() {
            return false;
        }
        if server.python.is_some() {
            return self.settings.python_image.is_some();
        }
        let spec = catalogue::server(&server.implementation);
        spec.is_some_and(|spec| spec.runtime.is_some())
    }

    /// The container of a unit; the last of a name counts.
    pub(crate) fn container(&self, unit: &str) -> Option<&'a Container> {
        let containers = self.pods().flat_map(|(_, pod)| pod.containers());
        containers.filter(|found| found.name == unit).last()
    }

    /// The image of a container of Hari's that serves these units.
    pub(crate) fn image(&self, units: &[&str]) -> &'a str {
        let is_python = |unit: &&str| {
            let node = self.node(unit).map(|node| &node.component);
            matches!(node, Some(Component::Server(server)) if server.python.is_some())
        };
        let python = self.settings.python_image.as_deref();
        let python = python.filter(|_| units.iter().any(is_python));
        python.unwrap_or(&self.settings.image)
    }

    /// A unit in a container of its own that has no image.
    fn without_image(&self, node: &NodePlan) -> Option<Issue> {
        let container = self.container(&node.name)?;
        let image = container.image.as_deref().unwrap_or_default();
        if self.is_here(node) || !image.is_empty() {
            return None;
        }
        let (path, message) = match &node.component {
            Component::Container(container) => (field(&container.path, "image"), "no image"),
            Component::Server(server) if server.python.is_some() => (
                field(&node.path, "implementation"),
                "a Python class needs an image with Python, and the installation has none",
            ),
            _ => (
                field(&node.path, "implementation"),
                "the server is not part of this build, and the installation has no image of it",
            ),
        };
        Some(Issue::error(refused::NO_IMAGE, path, message).with_hint(format!(
            "name the `image` that serves `{}` in the container of that name in `componentSpecs`",
            node.name
        )))
    }

    /// The proxy of the original before TensorFlow Serving, which takes two containers.
    fn proxy(&self, node: &NodePlan) -> Option<Issue> {
        let Component::Server(server) = &node.component else {
            return None;
        };
        let proxied = server.implementation == "TENSORFLOW_SERVER" && !self.is_here(node);
        let path = field(&node.path, "implementation");
        let message = "an image of one's own needs `protocol: tensorflow`";
        (proxied && self.plan.protocol != Protocol::Tensorflow).then(|| {
            Issue::error(refused::NO_IMAGE, path, message)
                .with_hint("remove the `image` of the unit's container: the model is served here")
        })
    }
}

/// The containers of a pod that have a role.
pub(crate) fn with_role<'a>(
    predictor: &Predictor<'a>,
    number: usize,
    pod: &'a SeldonPodSpec,
    role: Role,
) -> Vec<&'a Container> {
    let containers = pod.containers().iter();
    containers
        .filter(|container| predictor.role(number, &container.name) == role)
        .collect()
}
