//! Labels, selectors and annotations of objects.

use std::collections::BTreeMap;

use hari_api::k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use hari_api::{PredictiveUnit, SeldonPodSpec, UnitType};
use hari_plan::contract::annotation;

use crate::predictor::Predictor;

/// Labels, or annotations.
pub(crate) type Map = BTreeMap<String, String>;

pub(crate) const ID: &str = "seldon-deployment-id";
pub(crate) const APP: &str = "seldon-app";
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "seldon-core");
const HAS_ENGINE: &str = "seldon-deployment-contains-svcorch";
const TRUE: &str = "true";

/// Label of what a unit's Service leads to.
pub(crate) fn of_container(container: &str) -> String {
    format!("seldon-app-svc-{container}")
}

/// Labels that every object of a deployment has.
pub(crate) fn common(predictor: &Predictor<'_>) -> Map {
    map([(ID, &*predictor.id()), MANAGED_BY])
}

/// Metadata of an object.
pub(crate) fn metadata(
    predictor: &Predictor<'_>,
    name: String,
    labels: Map,
    annotations: Map,
) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(predictor.plan.namespace.clone()),
        labels: Some(labels),
        annotations: Some(annotations).filter(|map| !map.is_empty()),
        ..ObjectMeta::default()
    }
}

/// Labels of the pods of a component spec.
pub(crate) fn of_pod(predictor: &Predictor<'_>, number: usize, pod: &SeldonPodSpec) -> Map {
    let mut labels = common(predictor);
    labels.extend(map([
        ("app", &*predictor.deployment(number, pod)),
        ("fluentd", TRUE),
    ]));
    labels.extend(predictor.planned.labels.clone());
    let own = pod
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.labels.clone());
    labels.extend(own.unwrap_or_default());
    for unit in pod
        .containers()
        .iter()
        .filter_map(|found| predictor.unit(&found.name))
    {
        labels.extend(of_kind(unit).map(|name| (name, TRUE.to_owned())));
    }
    labels.extend(shadow(predictor));
    // What the selector asks for stays ours, whatever the user's labels say.
    labels.extend(selecting(predictor, number, pod));
    labels
}

/// Labels of the Deployment of a component spec.
pub(crate) fn of_deployment(predictor: &Predictor<'_>, number: usize, pod: &SeldonPodSpec) -> Map {
    let mut labels = of_pod(predictor, number, pod);
    labels.remove(APP);
    if predictor.engine_in(number) {
        labels.insert(HAS_ENGINE.to_owned(), TRUE.to_owned());
    }
    labels
}

/// What the Deployment of a component spec selects its pods by.
pub(crate) fn selecting(predictor: &Predictor<'_>, number: usize, pod: &SeldonPodSpec) -> Map {
    let mut labels = map([(ID, &*predictor.id())]);
    let units = pod.containers().iter();
    for unit in units.filter(|container| predictor.unit(&container.name).is_some()) {
        let service = predictor.container_service(&unit.name);
        labels.insert(of_container(&unit.name), service);
    }
    if predictor.engine_in(number) || predictor.without_engine() {
        labels.insert(APP.to_owned(), predictor.service());
    }
    labels
}

/// Labels of the orchestrator's own Deployment, and of its pods.
pub(crate) fn of_engine(predictor: &Predictor<'_>) -> Map {
    let mut labels = common(predictor);
    labels.extend(map([
        ("app", &*predictor.engine_deployment()),
        ("fluentd", TRUE),
        (HAS_ENGINE, TRUE),
    ]));
    labels.extend(predictor.planned.labels.clone());
    labels.extend(shadow(predictor));
    labels.extend(selecting_engine(predictor));
    labels
}

/// What the orchestrator's own Deployment selects its pods by.
pub(crate) fn selecting_engine(predictor: &Predictor<'_>) -> Map {
    map([(ID, &*predictor.id()), (APP, &*predictor.service())])
}

/// Marks the objects of a shadow.
pub(crate) fn shadow(predictor: &Predictor<'_>) -> Option<(String, String)> {
    let label = ("seldon.io/shadow".to_owned(), TRUE.to_owned());
    predictor.planned.shadow.then_some(label)
}

/// The label that says what a unit is, if its type says it.
pub(crate) fn of_kind(unit: &PredictiveUnit) -> Option<String> {
    let kind = match unit.unit_type().ok().flatten()? {
        UnitType::Model => "model",
        UnitType::Router => "router",
        UnitType::Combiner => "combiner",
        UnitType::Transformer => "transformer",
        UnitType::OutputTransformer => "output-transformer",
        UnitType::Unknown => return None,
    };
    Some(format!("seldon.io/{kind}"))
}

/// Labels of the Service of a unit's container.
pub(crate) fn of_service(predictor: &Predictor<'_>, container: &str) -> Map {
    let mut labels = common(predictor);
    labels.insert(APP.to_owned(), predictor.service());
    labels.insert(
        of_container(container),
        predictor.container_service(container),
    );
    let kind = predictor.unit(container).and_then(of_kind);
    labels.extend(kind.map(|name| (name, TRUE.to_owned())));
    labels.extend(shadow(predictor));
    labels
}

/// Annotations of a Deployment: those of the deployment, the predictor and the component spec; the
/// later ones win.
pub(crate) fn annotations(predictor: &Predictor<'_>, pod: &SeldonPodSpec) -> Map {
    let mut all = engine_annotations(predictor);
    let own = pod
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.annotations.clone());
    all.extend(own.unwrap_or_default());
    all
}

/// Annotations of the orchestrator's own Deployment: the predictor's, but for what the operator alone
/// reads, so that a change of it restarts no pod.
pub(crate) fn engine_annotations(predictor: &Predictor<'_>) -> Map {
    let mut all = predictor.planned.annotations.clone();
    all.remove(annotation::ROLLOUT);
    all
}

/// Annotations of a pod: the Deployment's, and where its metrics are.
pub(crate) fn scraped(predictor: &Predictor<'_>, mut annotations: Map) -> Map {
    annotations.extend(map([
        ("prometheus.io/path", &*predictor.settings.prometheus_path),
        ("prometheus.io/scrape", TRUE),
    ]));
    annotations
}

pub(crate) fn selector(labels: Map) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels),
        ..LabelSelector::default()
    }
}

pub(crate) fn map<const N: usize>(pairs: [(&str, &str); N]) -> Map {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
