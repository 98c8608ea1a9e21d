//! The status of a deployment: from what is asked for and what there is.

mod conditions;
mod pods;
mod progress;

use std::collections::BTreeMap;
use std::sync::Arc;

use hari_api::k8s_openapi::api::core::v1::Pod;
use hari_api::{
    DeploymentState, DeploymentStatus, Protocol, SeldonAddressable, SeldonDeploymentStatus,
    ServiceStatus,
};
use hari_plan::Plan;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Map, Value, json};

use crate::apply::Wanted;
use crate::cache::Cache;
use crate::controller::Context;
use crate::events::shortened;
use crate::fault::Fault;
use crate::kinds::{self, Part};
use crate::reconcile::Own;
use crate::span;

pub(crate) use progress::{Progress, progress};

/// Label of the objects of explainers.
const EXPLAINER: &str = "seldon.io/explainer";

/// One object, asked for or there or both.
#[derive(Clone, Debug)]
struct Shown {
    kind: &'static str,
    part: Part,
    name: String,
    /// As asked for; as it is if nothing is asked for.
    object: Value,
    live: Option<Arc<DynamicObject>>,
    /// If it is a Deployment.
    pods: Vec<Arc<Pod>>,
}

impl Shown {
    /// What keeps a Deployment from being ready: pods that cannot be made, and those that are not ready.
    fn trouble(&self) -> Option<String> {
        let refused = self
            .live
            .as_deref()
            .and_then(|live| progress(live).refused_because);
        let refused = refused.map(|(_, message)| message);
        let all: Vec<String> = refused
            .into_iter()
            .chain(pods::trouble(&self.pods))
            .collect();
        Some(all.join("; ")).filter(|said| !said.is_empty())
    }
}

/// What a status is made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    previous: SeldonDeploymentStatus,
    namespace: String,
    generation: Option<i64>,
    /// Path of predictions at the first predictor; unknown while the deployment is invalid.
    path: Option<String>,
    objects: Vec<Shown>,
    /// Kinds that are asked for and that the cluster does not know.
    missing: Vec<&'static str>,
    /// What downloads would need and that is not there, a sentence each.
    absent: Vec<String>,
    /// Everything is applied, routes too.
    complete: bool,
    /// What went wrong.
    trouble: Option<String>,
}

impl Seen {
    /// Looks at what is asked for; at what is there if that cannot be said.
    pub(crate) fn new(cache: &Cache, own: &Own, plan: Option<&Plan>, wanted: &[Wanted]) -> Self {
        let mut objects: Vec<Shown> = match plan {
            Some(_) => wanted
                .iter()
                .map(|wanted| Shown {
                    kind: wanted.kind.name,
                    part: wanted.kind.part,
                    name: wanted.name.clone(),
                    object: wanted.value.clone(),
                    live: cache.live(wanted.kind, &own.namespace, &wanted.name),
                    pods: Vec::new(),
                })
                .collect(),
            None => cache
                .owned(&own.namespace, &own.uid)
                .into_iter()
                .map(there)
                .collect(),
        };
        for shown in objects
            .iter_mut()
            .filter(|shown| shown.part == Part::Deployment)
        {
            shown.pods = cache.pods(&own.namespace, &shown.name);
        }
        Self {
            previous: own.status.clone(),
            namespace: own.namespace.clone(),
            generation: own.generation,
            path: plan.and_then(path),
            objects,
            ..Self::default()
        }
    }

    pub(crate) fn with(
        self,
        missing: &[&'static str],
        complete: bool,
        trouble: Option<String>,
    ) -> Self {
        let mut missing = missing.to_vec();
        missing.dedup();
        Self {
            missing,
            complete,
            trouble: trouble.map(shortened),
            ..self
        }
    }

    /// What is not there says why a deployment cannot serve, as long as it does not.
    pub(crate) fn without(self, absent: &[String]) -> Self {
        let absent = if self.complete { &[] } else { absent };
        Self {
            absent: absent.to_vec(),
            ..self
        }
    }

    fn of(&self, part: Part) -> impl Iterator<Item = &Shown> {
        self.objects.iter().filter(move |shown| shown.part == part)
    }
}

/// An object that is there.
fn there((kind, live): (&'static kinds::Kind, Arc<DynamicObject>)) -> Shown {
    Shown {
        kind: kind.name,
        part: kind.part,
        name: live.name_any(),
        object: serde_json::to_value(&*live).unwrap_or_default(),
        live: Some(live),
        pods: Vec::new(),
    }
}

/// Path of predictions.
fn path(plan: &Plan) -> Option<String> {
    let root = &plan.predictors.first()?.graph.name;
    Some(match plan.protocol {
        Protocol::Seldon => "/api/v1.0/predictions".to_owned(),
        Protocol::Tensorflow => format!("/v1/models/{root}:predict"),
        Protocol::V2 => format!("/v2/models/{root}/infer"),
    })
}

/// The status. What others keep in it stays as it is.
pub(crate) fn status(seen: &Seen) -> SeldonDeploymentStatus {
    let (state, description) = state(seen);
    let main = seen
        .of(Part::Deployment)
        .find(|shown| !shown.name.ends_with("-svc-orch"));
    SeldonDeploymentStatus {
        state: Some(state.to_string()),
        description,
        replicas: main
            .and_then(|shown| shown.live.as_ref())
            .map(|live| progress(live).replicas),
        deployment_status: seen.of(Part::Deployment).filter_map(deployment).collect(),
        service_status: seen
            .of(Part::Service)
            .filter_map(|shown| service(seen, shown))
            .collect(),
        address: address(seen),
        observed_generation: seen.generation,
        conditions: conditions::conditions(seen),
        ..seen.previous.clone()
    }
}

/// The state, and why it is not better.
fn state(seen: &Seen) -> (DeploymentState, Option<String>) {
    if let Some(trouble) = &seen.trouble {
        return (DeploymentState::Failed, Some(trouble.clone()));
    }
    let progress = |shown: &Shown| shown.live.as_deref().map(progress);
    for shown in seen.of(Part::Deployment) {
        if progress(shown).is_some_and(|progress| progress.gave_up) {
            let why = shown.trouble().unwrap_or_default();
            let said = "Deployment is no longer progressing and not available.";
            return (
                DeploymentState::Failed,
                Some(shortened(format!("{said} {why}").trim_end().to_owned())),
            );
        }
    }
    if serves(seen) {
        return (DeploymentState::Available, None);
    }
    let waiting = seen
        .of(Part::Deployment)
        .filter(|shown| !progress(shown).is_some_and(|progress| progress.is_rolled_out()));
    let why = waiting.filter_map(Shown::trouble).next();
    let all: Vec<String> = why.into_iter().chain(seen.absent.iter().cloned()).collect();
    let why = Some(shortened(all.join("; "))).filter(|why| !why.is_empty());
    (DeploymentState::Creating, why)
}

/// Whether a request that is sent now is answered by what was asked for last. A pod that goes later
/// is no reason to say otherwise while another one answers.
fn serves(seen: &Seen) -> bool {
    let all = |is: fn(&Progress) -> bool| {
        seen.of(Part::Deployment).all(|shown| {
            shown
                .live
                .as_deref()
                .is_some_and(|live| is(&progress(live)))
        })
    };
    let was = seen.previous.state.as_deref() == Some("Available")
        && seen.previous.observed_generation == seen.generation;
    let services = seen.of(Part::Service).all(|shown| shown.live.is_some());
    let scalers = !seen.missing.contains(&"ScaledObject");
    let complete = seen.complete && all(Progress::is_rolled_out);
    services && scalers && (complete || (was && all(Progress::answers)))
}

fn deployment(shown: &Shown) -> Option<(String, DeploymentStatus)> {
    let progress = progress(shown.live.as_deref()?);
    let status = DeploymentStatus {
        replicas: Some(progress.replicas),
        available_replicas: Some(progress.available),
        ..DeploymentStatus::default()
    };
    Some((shown.name.clone(), status))
}

fn service(seen: &Seen, shown: &Shown) -> Option<(String, ServiceStatus)> {
    shown.live.as_ref()?;
    let endpoint = |port: &str| {
        let number = port_of(&shown.object, port)?;
        Some(format!("{}.{}:{number}", shown.name, seen.namespace))
    };
    let label = |name: &str| {
        shown
            .object
            .pointer("/metadata/labels")?
            .get(name)?
            .as_str()
    };
    let explains = label(EXPLAINER).and_then(|_| label("seldon-app"));
    let status = ServiceStatus {
        svc_name: Some(shown.name.clone()),
        http_endpoint: endpoint("http"),
        grpc_endpoint: endpoint("grpc"),
        explainer_for: explains.map(str::to_owned),
    };
    Some((shown.name.clone(), status))
}

/// The first predictor's Service leads to what is named like it.
fn address(seen: &Seen) -> Option<SeldonAddressable> {
    // Until those that are asked for answer, the ones before do.
    let kept = seen.previous.address.clone();
    let Some(path) = seen
        .path
        .as_ref()
        .filter(|_| seen.complete || kept.is_none())
    else {
        return kept;
    };
    let leads = |shown: &&Shown| {
        let app = shown
            .object
            .pointer("/spec/selector/seldon-app")
            .and_then(Value::as_str);
        app == Some(&shown.name)
    };
    let service = seen.of(Part::Service).find(leads)?;
    let port = port_of(&service.object, "http")?;
    let url = format!(
        "http://{}.{}.svc.cluster.local:{port}{path}",
        service.name, seen.namespace
    );
    Some(SeldonAddressable { url: Some(url) })
}

fn port_of(service: &Value, name: &str) -> Option<i64> {
    let ports = service.pointer("/spec/ports")?.as_array()?;
    ports.iter().find(|port| port["name"] == name)?["port"].as_i64()
}

/// Writes a status that differs from the last one, and says so.
pub(crate) async fn write(
    context: &Context,
    own: &Own,
    new: &SeldonDeploymentStatus,
    wrote: bool,
) -> Result<(), Fault> {
    let failed = new.state.as_deref() == Some("Failed");
    let said = own.status.state == new.state && own.status.description == new.description;
    if failed && !said {
        let note = new.description.as_deref().unwrap_or_default();
        context
            .events
            .warning(&own.reference, "InternalError", note)
            .await;
    }
    let (Ok(old), Ok(value)) = (serde_json::to_value(&own.status), serde_json::to_value(new))
    else {
        return Ok(());
    };
    let Some(patch) = difference(&old, &value) else {
        return Ok(());
    };
    let resource = kinds::deployments();
    let api: Api<DynamicObject> =
        Api::namespaced_with(context.client.clone(), &own.namespace, &resource);
    let patch = Patch::Merge(json!({"status": patch}));
    let parameters = PatchParams::default();
    let asked = api.patch_status(&own.name, &parameters, &patch);
    match span::write("patch", (&resource.kind, &own.name), asked).await {
        Ok(_) => context.writes.count(&resource.kind, "patch"),
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
        Err(error) => {
            context
                .events
                .warning(
                    &own.reference,
                    "UpdateFailed",
                    "the status cannot be written",
                )
                .await;
            return Err(Fault::api("cannot write the status")(error));
        }
    }
    if !failed && (wrote || own.status.state != new.state) {
        let state = new.state.as_deref().unwrap_or_default();
        let note = format!("The deployment is {state}");
        context
            .events
            .normal(&own.reference, "Updated".to_owned(), note)
            .await;
    }
    Ok(())
}

/// What has to be merged into the one to make it the other; nothing if they are equal.
fn difference(old: &Value, new: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return (old != new).then(|| new.clone());
    };
    let mut all: Map<String, Value> = Map::new();
    for (key, value) in new {
        let changed = match old.get(key) {
            Some(before) => difference(before, value),
            None => Some(value.clone()),
        };
        all.extend(changed.map(|changed| (key.clone(), changed)));
    }
    let gone: BTreeMap<&String, &Value> = old
        .iter()
        .filter(|(key, _)| !new.contains_key(*key))
        .collect();
    all.extend(gone.into_keys().map(|key| (key.clone(), Value::Null)));
    (!all.is_empty()).then_some(Value::Object(all))
}

#[cfg(test)]
mod tests;
