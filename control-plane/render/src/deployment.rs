//! Deployments: one for each component spec, and one for an orchestrator in a pod of its own.

use hari_api::k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
};
use hari_api::k8s_openapi::api::core::v1::{
    Container, DownwardAPIVolumeFile, DownwardAPIVolumeSource, ObjectFieldSelector,
    PodSecurityContext, PodSpec, PodTemplateSpec, Volume,
};
use hari_api::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use hari_api::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use hari_api::{PredictiveUnit, SeldonPodSpec};
use hari_plan::contract::path;

use crate::labels::{self, Map};
use crate::object::Object;
use crate::predictor::{GRACE, Predictor, Role, with_role};
use crate::storage::{self, Model, Reader};
use crate::{container, distinct, engine, scaling, security, tls};

/// All Deployments of a predictor.
pub(crate) fn deployments(predictor: &Predictor<'_>) -> Vec<Object> {
    let pods = predictor.pods();
    let mut all: Vec<Object> = pods
        .map(|(number, pod)| Object::of(&of_pod(predictor, number, pod)))
        .collect();
    if predictor.separate() {
        all.push(Object::of(&of_engine(predictor)));
    }
    all
}

fn of_pod(predictor: &Predictor<'_>, number: usize, pod: &SeldonPodSpec) -> Deployment {
    let annotations = labels::annotations(predictor, pod);
    let name = predictor.deployment(number, pod);
    let own = labels::of_deployment(predictor, number, pod);
    Deployment {
        metadata: labels::metadata(predictor, name, own, annotations.clone()),
        spec: Some(DeploymentSpec {
            replicas: scaling::replicas(predictor, pod),
            progress_deadline_seconds: predictor.spec.progress_deadline_seconds,
            ..rolling(
                labels::selecting(predictor, number, pod),
                labels::of_pod(predictor, number, pod),
                labels::scraped(predictor, annotations),
                template(predictor, number, pod),
            )
        }),
        status: None,
    }
}

fn of_engine(predictor: &Predictor<'_>) -> Deployment {
    let annotations = labels::engine_annotations(predictor);
    let own = labels::of_engine(predictor);
    let name = predictor.engine_deployment();
    let mut pod = PodSpec {
        containers: vec![engine::orchestrator(predictor, &[])],
        service_account_name: Some(predictor.settings.engine_service_account.clone()),
        ..PodSpec::default()
    };
    complete(predictor, &mut pod);
    tls::mount(predictor, &mut pod);
    Deployment {
        metadata: labels::metadata(predictor, name, own.clone(), annotations.clone()),
        spec: Some(DeploymentSpec {
            replicas: scaling::engine_replicas(predictor),
            ..rolling(
                labels::selecting_engine(predictor),
                own,
                labels::scraped(predictor, annotations),
                pod,
            )
        }),
        status: None,
    }
}

/// New pods are ready before old ones go.
pub(crate) fn rolling(selector: Map, own: Map, annotations: Map, pod: PodSpec) -> DeploymentSpec {
    DeploymentSpec {
        selector: labels::selector(selector),
        strategy: Some(DeploymentStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(RollingUpdateDeployment {
                max_unavailable: Some(IntOrString::Int(0)),
                max_surge: Some(IntOrString::String("25%".to_owned())),
            }),
        }),
        template: PodTemplateSpec {
            metadata: Some(ObjectMeta {
                labels: Some(own),
                annotations: Some(annotations).filter(|all| !all.is_empty()),
                ..ObjectMeta::default()
            }),
            spec: Some(pod),
        },
        ..DeploymentSpec::default()
    }
}

/// The pod of a component spec.
fn template(predictor: &Predictor<'_>, number: usize, written: &SeldonPodSpec) -> PodSpec {
    let mut pod = written.spec.clone().unwrap_or_default();
    pod.containers = containers(predictor, number, written);
    let mut account = None;
    for container in written.containers() {
        let role = predictor.role(number, &container.name);
        let target = match role {
            Role::Fused => crate::predictor::ENGINE,
            Role::Alone | Role::Own | Role::Aside => &container.name,
        };
        let unit = predictor.unit(&container.name);
        if let Some((unit, model)) = unit.and_then(|unit| Some((unit, Model::of_unit(unit)?))) {
            give_model(predictor, (unit, model), role, &mut pod, target);
            account = model.own_account().or(account);
        }
    }
    if let Some(account) = account {
        pod.service_account_name = Some(account.to_owned());
    }
    complete(predictor, &mut pod);
    if predictor.engine_in(number) || predictor.without_engine() {
        tls::mount(predictor, &mut pod);
    }
    pod
}

/// Gives `target`, which serves the unit, the unit's model.
fn give_model(
    predictor: &Predictor<'_>,
    (unit, model): (&PredictiveUnit, Model<'_>),
    role: Role,
    pod: &mut PodSpec,
    target: &str,
) {
    if predictor.fetches_itself(unit) {
        return storage::enable(predictor, model, target, pod);
    }
    let folder = match role {
        Role::Fused | Role::Alone => storage::folder(&unit.name),
        Role::Own | Role::Aside => path::MODELS.to_owned(),
    };
    let reader = Reader {
        name: &unit.name,
        container: target,
        folder: &folder,
    };
    storage::add(predictor, model, reader, pod);
}

/// The user's containers in their order, then the orchestrator with those that are part of it.
fn containers(predictor: &Predictor<'_>, number: usize, pod: &SeldonPodSpec) -> Vec<Container> {
    let each =
        pod.containers()
            .iter()
            .filter_map(|found| match predictor.role(number, &found.name) {
                Role::Fused => None,
                Role::Alone => Some(engine::alone(predictor, found)),
                Role::Own => Some(container::own(predictor, found)),
                Role::Aside => Some(found.clone()),
            });
    let mut all: Vec<Container> = each.collect();
    if predictor.engine_in(number) {
        let fused = with_role(predictor, number, pod, Role::Fused);
        all.push(engine::orchestrator(predictor, &fused));
    }
    all
}

/// What a pod gets where the user says nothing.
pub(crate) fn complete(predictor: &Predictor<'_>, pod: &mut PodSpec) {
    let say = |field: &mut Option<String>, value: &str| {
        field.get_or_insert_with(|| value.to_owned());
    };
    say(&mut pod.restart_policy, "Always");
    say(&mut pod.dns_policy, "ClusterFirst");
    say(&mut pod.scheduler_name, "default-scheduler");
    pod.termination_grace_period_seconds.get_or_insert(GRACE);
    if pod.security_context.is_none() {
        let user = predictor.settings.pod_user;
        pod.security_context = user.map(|user| PodSecurityContext {
            run_as_user: Some(user),
            ..PodSecurityContext::default()
        });
    }
    let volumes = pod.volumes.get_or_insert_default();
    if volumes
        .iter()
        .all(|volume| volume.name != path::PODINFO_VOLUME)
    {
        volumes.insert(0, podinfo());
    }
    security::add_scratch(pod);
    security::withhold_token(pod);
    distinct::keys(pod);
}

/// The pod's annotations as a file.
fn podinfo() -> Volume {
    let file = DownwardAPIVolumeFile {
        path: "annotations".to_owned(),
        field_ref: Some(ObjectFieldSelector {
            api_version: Some("v1".to_owned()),
            field_path: "metadata.annotations".to_owned(),
        }),
        ..DownwardAPIVolumeFile::default()
    };
    Volume {
        name: path::PODINFO_VOLUME.to_owned(),
        downward_api: Some(DownwardAPIVolumeSource {
            default_mode: Some(0o644),
            items: Some(vec![file]),
        }),
        ..Volume::default()
    }
}
