//! The explainer beside a predictor: its Deployment, its Service, and the way to it from outside.

use hari_api::k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use hari_api::k8s_openapi::api::core::v1::{Container, PodSpec, Service};
use hari_api::path::field;
use hari_api::{EndpointType, Explainer, ExplainerType, Issue, Protocol};
use hari_plan::contract::{path, port};
use serde_json::{Value, json};

use crate::container::{self, set_if_absent};
use crate::labels::{self, Map, map};
use crate::object::Object;
use crate::predictor::Predictor;
use crate::storage::{self, Model, Reader};
use crate::{ambassador, deployment, refused, security, service, tls};

/// Port of an explainer that names none.
const PORT: i32 = 9000;
const LABEL: (&str, &str) = ("seldon.io/explainer", "true");
const RUNTIME: &str = "mlserver_alibi_explain.AlibiExplainRuntime";

/// An explainer with the predictor that it explains.
#[derive(Clone, Copy)]
pub(crate) struct Explained<'a> {
    pub(crate) predictor: Predictor<'a>,
    written: &'a Explainer,
    kind: ExplainerType,
}

impl<'a> Explained<'a> {
    /// The explainer of a predictor, if it has one.
    pub(crate) fn of(predictor: &Predictor<'a>) -> Option<Self> {
        let written = predictor.spec.explainer.as_ref()?;
        Some(Self {
            predictor: *predictor,
            written,
            kind: written.explainer_type().ok().flatten()?,
        })
    }

    /// Name of its Deployment and Service, and of its container unless the user names that.
    pub(crate) fn name(&self) -> String {
        self.predictor.explainer()
    }

    /// Where it listens: where the user's container says, or its endpoint.
    pub(crate) fn port(&self) -> i32 {
        let container = self.written.container_spec.as_ref();
        let ports = container.and_then(|container| container.ports.as_deref());
        let mut ports = ports.unwrap_or_default().iter();
        let http = ports.find(|found| found.name.as_deref() == Some(port::HTTP_NAME));
        let endpoint = self.written.endpoint.as_ref();
        let asked = endpoint.and_then(|endpoint| endpoint.service_port);
        http.map(|found| found.container_port)
            .or_else(|| asked.filter(|port| *port > 0))
            .unwrap_or(PORT)
    }

    /// `/seldon/<namespace>/<name>-explainer/<predictor>`, without a slash at the end.
    pub(crate) fn path(&self) -> String {
        let plan = self.predictor.plan;
        let predictor = &self.predictor.planned.name;
        format!(
            "/seldon/{}/{}-explainer/{predictor}",
            plan.namespace, plan.name
        )
    }

    fn image(&self) -> Option<String> {
        let images = &self.predictor.settings.explainer;
        let usual = match self.predictor.plan.protocol {
            Protocol::V2 => &images.image_v2,
            Protocol::Seldon | Protocol::Tensorflow => &images.image,
        };
        let container = self.written.container_spec.as_ref();
        let written = container.and_then(|container| container.image.clone());
        let written = written.filter(|image| !image.is_empty());
        written.or_else(|| usual.clone())
    }

    fn container(&self) -> Container {
        let mut container = self.written.container_spec.clone().unwrap_or_default();
        if container.name.is_empty() {
            container.name = self.name();
        }
        container.image = self.image();
        let say = |field: &mut Option<String>, value: &str| {
            field.get_or_insert_with(|| value.to_owned());
        };
        say(&mut container.image_pull_policy, "IfNotPresent");
        say(
            &mut container.termination_message_path,
            path::TERMINATION_LOG,
        );
        say(
            &mut container.termination_message_policy,
            security::LAST_WORDS,
        );
        container::add_port(&mut container, port::HTTP_NAME, self.port());
        container::watch(&mut container, &container::listens(self.port()));
        container::linger(&mut container, self.predictor.surroundings);
        match self.predictor.plan.protocol {
            Protocol::V2 => self.tell_mlserver(&mut container),
            Protocol::Seldon | Protocol::Tensorflow => self.start(&mut container),
        }
        container
    }

    /// Arguments, unless the user wrote some.
    fn start(&self, container: &mut Container) {
        if container.args.as_ref().is_some_and(|args| !args.is_empty()) {
            return;
        }
        let predictor = &self.predictor;
        let endpoint = self.written.endpoint.as_ref();
        let kind = endpoint.and_then(|endpoint| endpoint.type_.as_deref());
        let (http, grpc) = service::ports(predictor);
        let (transport, number) = match kind.and_then(|kind| kind.parse().ok()) {
            Some(EndpointType::Grpc) => ("grpc", grpc),
            _ => ("http", http),
        };
        let service = format!("{}.{}", predictor.service(), predictor.plan.namespace);
        let mut args = vec![
            format!("--model_name={}", predictor.spec.graph.name),
            format!("--predictor_host={service}:{number}"),
            format!("--protocol={}.{transport}", predictor.plan.protocol),
            format!("--http_port={}", self.port()),
        ];
        if self.model().is_some() {
            args.push(format!("--storage_uri={}", path::MODELS));
        }
        args.push(self.kind.to_string());
        if self.kind == ExplainerType::AnchorImages {
            args.push("--tf_data_type=float32".to_owned());
        }
        let settings = self.written.config.iter();
        args.extend(settings.map(|(key, value)| format!("--{key}={}", self.moved(value))));
        container.args = Some(args);
    }

    /// A setting that names a file of the model names it where it lies in the pod.
    fn moved(&self, value: &str) -> String {
        match self.written.model_uri.as_deref() {
            Some(uri) if !uri.is_empty() => value.replacen(uri, path::MODELS, 1),
            _ => value.to_owned(),
        }
    }

    /// What MLServer's runtime is told; the user's variables win.
    fn tell_mlserver(&self, container: &mut Container) {
        let name = container.name.clone();
        let variables = container.env.get_or_insert_default();
        for (variable, value) in [
            ("MLSERVER_HTTP_PORT", self.port().to_string()),
            ("MLSERVER_MODEL_IMPLEMENTATION", RUNTIME.to_owned()),
            ("MLSERVER_MODEL_NAME", name),
            ("MLSERVER_MODEL_URI", path::MODELS.to_owned()),
            ("MLSERVER_MODEL_EXTRA", self.extra().to_string()),
        ] {
            set_if_absent(variables, variable, value);
        }
    }

    fn extra(&self) -> Value {
        let predictor = &self.predictor;
        let scheme = tls::scheme(predictor).to_lowercase();
        let host = format!("{}.{}", predictor.service(), predictor.plan.namespace);
        let (http, _) = service::ports(predictor);
        let root = &predictor.spec.graph.name;
        let parameters = self.written.init_parameters.as_deref();
        let parameters = parameters.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let mut extra = json!({
            "explainer_type": tag(self.kind),
            "infer_uri": format!("{scheme}://{host}:{http}/v2/models/{root}/infer"),
        });
        if let Some(parameters) = parameters {
            extra["init_parameters"] = parameters;
        }
        extra
    }

    fn model(&self) -> Option<Model<'a>> {
        Model::of_explainer(self.written)
    }

    fn pod(&self) -> PodSpec {
        let container = self.container();
        let name = container.name.clone();
        let account = self.written.service_account_name.clone();
        let mut pod = PodSpec {
            containers: vec![container],
            service_account_name: account.filter(|name| !name.is_empty()),
            ..PodSpec::default()
        };
        if let Some(model) = self.model() {
            let reader = Reader {
                name: &name,
                container: &name,
                folder: path::MODELS,
            };
            storage::add(&self.predictor, model, reader, &mut pod);
        }
        deployment::complete(&self.predictor, &mut pod);
        pod
    }

    /// Without the predictor's, an explainer has nothing to explain.
    fn replicas(&self) -> Option<i32> {
        let spec = self.predictor.spec;
        let of_all = self.predictor.plan.resource.spec.replicas;
        match spec.replicas.or(of_all) {
            Some(0) => Some(0),
            _ => self.written.replicas,
        }
    }

    fn selecting(&self) -> Map {
        map([
            (labels::ID, &*self.predictor.id()),
            (labels::APP, &*self.name()),
        ])
    }

    fn labels(&self) -> Map {
        let mut own = labels::common(&self.predictor);
        own.extend(map([("app", &*self.name()), ("fluentd", "true"), LABEL]));
        own.extend(self.predictor.planned.labels.clone());
        own.extend(self.selecting());
        own
    }

    fn deployment(&self) -> Deployment {
        let annotations = self.predictor.planned.annotations.clone();
        let (own, pod) = (self.labels(), self.pod());
        let metadata = labels::metadata(
            &self.predictor,
            self.name(),
            own.clone(),
            annotations.clone(),
        );
        Deployment {
            metadata,
            spec: Some(DeploymentSpec {
                replicas: self.replicas(),
                progress_deadline_seconds: self.predictor.spec.progress_deadline_seconds,
                ..deployment::rolling(self.selecting(), own, annotations, pod)
            }),
            status: None,
        }
    }

    fn service(&self) -> Service {
        let mut own = labels::common(&self.predictor);
        own.extend(map([(labels::APP, &*self.predictor.service()), LABEL]));
        let mut annotations = self.predictor.spec.annotations.clone();
        annotations.extend(ambassador::of_explainer(self));
        let selector = map([(labels::APP, &*self.name())]);
        let ports = vec![service::port(port::HTTP_NAME, self.port())];
        Service {
            metadata: labels::metadata(&self.predictor, self.name(), own, annotations),
            spec: Some(service::spec(selector, ports)),
            status: None,
        }
    }
}

/// The Service of the predictor's explainer, if it has one.
pub(crate) fn services(predictor: &Predictor<'_>) -> Vec<Object> {
    let explained = Explained::of(predictor);
    explained
        .map(|found| Object::of(&found.service()))
        .into_iter()
        .collect()
}

/// The Deployment of the predictor's explainer, if it has one.
pub(crate) fn deployments(predictor: &Predictor<'_>) -> Vec<Object> {
    let explained = Explained::of(predictor);
    explained
        .map(|found| Object::of(&found.deployment()))
        .into_iter()
        .collect()
}

/// An explainer whose image nobody names.
pub(crate) fn issue(predictor: &Predictor<'_>) -> Option<Issue> {
    let explained = Explained::of(predictor)?;
    if explained.image().is_some() {
        return None;
    }
    let path = field(&predictor.planned.path, "explainer");
    let message = "the installation has no image of explainers";
    let hint =
        "name the `image` in `containerSpec`, or `explainer` in the ConfigMap `seldon-config`";
    let issue = Issue::error(refused::NO_IMAGE, field(&path, "type"), message);
    Some(issue.with_value(explained.kind.to_string()).with_hint(hint))
}

/// What MLServer's runtime calls the method.
const fn tag(kind: ExplainerType) -> &'static str {
    match kind {
        ExplainerType::AnchorTabular => "anchor_tabular",
        ExplainerType::AnchorImages => "anchor_image",
        ExplainerType::AnchorText => "anchor_text",
        ExplainerType::Counterfactuals => "counterfactuals",
        ExplainerType::Contrastive => "contrastive",
        ExplainerType::KernelShap => "kernel_shap",
        ExplainerType::IntegratedGradients => "integrated_gradients",
        ExplainerType::Ale => "ALE",
        ExplainerType::TreeShap => "tree_shap",
    }
}
