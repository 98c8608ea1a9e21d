//! Server-side apply: an object is written where it is not as it was asked for, and only there.

pub(crate) mod difference;

use std::sync::Arc;

use hari_api::k8s_openapi::api::apps::v1::ReplicaSet;
use hari_api::k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use hari_api::{GROUP, KIND};
use hari_render::Object;
use kube::api::{
    DeleteParams, DynamicObject, ListParams, PartialObjectMeta, Patch, PatchParams, Preconditions,
};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use crate::cache::{ID, REPLACED};
use crate::controller::Context;
use crate::fault::Fault;
use crate::kinds::{Kind, Part};
use crate::reconcile::Own;
use crate::span;
use difference::{controller, covers, digest, union};

/// Who owns what is applied.
pub(crate) const MANAGER: &str = "hari-operator";
/// Annotation with the digest of what was asked for.
const APPLIED: &str = "hari.dev/applied";
/// Names under which Seldon Core's own operator wrote.
const PREDECESSORS: [&str; 2] = ["manager", "seldon-core-operator"];

/// An object that is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) kind: &'static Kind,
    pub(crate) name: String,
    /// Without owner and digest.
    pub(crate) value: Value,
}

impl Wanted {
    /// None if objects of this kind are never written.
    pub(crate) fn of(object: &Object) -> Option<Self> {
        Some(Self {
            kind: crate::kinds::named(object.kind())?,
            name: object.name().to_owned(),
            value: object.value().clone(),
        })
    }

    fn said(&self) -> String {
        format!("{} {}", self.kind.name, self.name)
    }
}

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Nothing,
    Created,
    Updated,
}

/// Writes an object if it is not as it was asked for.
pub(crate) async fn apply(context: &Context, own: &Own, wanted: &Wanted) -> Result<Done, Fault> {
    let live = live(context, own, wanted).await?;
    let key = (wanted.kind.name, &*own.namespace, &*wanted.name);
    let digest = digest(&wanted.value);
    if let Some(live) = &live {
        check_owner(own, wanted, live)?;
        let written = live.annotations().get(APPLIED) == Some(&digest);
        let untouched = context.cache.written.is_as_written(key, live);
        if written && (untouched || is_as_wanted(own, wanted, live)) {
            return Ok(Done::Nothing);
        }
        if must_be_replaced(wanted, live) {
            return replace(context, own, wanted, live).await;
        }
        if !live.annotations().contains_key(APPLIED) {
            adopt(context, own, wanted).await?;
        }
    } else if wanted.kind.part == Part::Deployment {
        set_aside(context, own).await?;
    }
    let object = complete(context, own, wanted, &digest, live.is_some()).await?;
    let parameters = PatchParams::apply(MANAGER).force();
    let api = api(context, own, wanted.kind);
    let what = format!("cannot write {}", wanted.said());
    let patch = Patch::Apply(&object);
    let asked = api.patch(&wanted.name, &parameters, &patch);
    let patched = span::write("apply", (wanted.kind.name, &wanted.name), asked).await;
    let patched = patched.map_err(Fault::api(what))?;
    let before = live.as_ref().and_then(|live| live.resource_version());
    let done = match (&live, before == patched.resource_version()) {
        (None, _) => Done::Created,
        (Some(_), true) => Done::Nothing,
        (Some(_), false) => Done::Updated,
    };
    context.cache.written.remember(key, patched);
    report(context, own, wanted, done).await;
    Ok(done)
}

/// Says what was done.
async fn report(context: &Context, own: &Own, wanted: &Wanted, done: Done) {
    let (verb, past) = match done {
        Done::Nothing => return,
        Done::Created => ("Create", "created"),
        Done::Updated => ("Update", "updated"),
    };
    context.writes.count(wanted.kind.name, "apply");
    let reason = format!("{verb}{}", wanted.kind.event);
    let note = format!("{} is {past}", wanted.said());
    tracing::info!(deployment = own.name, namespace = own.namespace, note);
    context.events.normal(&own.reference, reason, note).await;
}

/// The object as it is. One that the cache does not know may still be there, without our label.
async fn live(
    context: &Context,
    own: &Own,
    wanted: &Wanted,
) -> Result<Option<Arc<DynamicObject>>, Fault> {
    let cached = context
        .cache
        .live(wanted.kind, &own.namespace, &wanted.name);
    if cached.is_some() {
        return Ok(cached);
    }
    let what = format!("cannot read {}", wanted.said());
    let found = api(context, own, wanted.kind).get_opt(&wanted.name).await;
    Ok(found.map_err(Fault::api(what))?.map(Arc::new))
}

/// Refuses to write what is somebody else's.
fn check_owner(own: &Own, wanted: &Wanted, live: &DynamicObject) -> Result<(), Fault> {
    let said = wanted.said();
    if live.metadata.deletion_timestamp.is_some() {
        return Err(Fault::Going(format!(
            "{said} is being deleted: waiting until it is gone"
        )));
    }
    let owner = controller(live.metadata.owner_references.as_ref());
    match owner {
        Some(owner) if owner.uid == own.uid => Ok(()),
        Some(owner) => Err(Fault::Foreign(format!(
            "{said} belongs to {} {}: rename one of the two, or delete that",
            owner.kind, owner.name
        ))),
        None if live.labels().contains_key(ID) => Ok(()),
        None => Err(Fault::Foreign(format!(
            "{said} is there already and is not this deployment's: delete it, or rename the deployment"
        ))),
    }
}

/// Whether the fields that are ours are as they were asked for.
fn is_as_wanted(own: &Own, wanted: &Wanted, live: &DynamicObject) -> bool {
    let owned = live
        .owner_references()
        .iter()
        .any(|owner| owner.uid == own.uid);
    // The API server does not say of the objects of a list what kind they are.
    let mut asked = wanted.value.clone();
    if let Some(asked) = asked.as_object_mut() {
        asked.retain(|field, _| !matches!(&**field, "apiVersion" | "kind"));
    }
    owned && serde_json::to_value(live).is_ok_and(|live| covers(&asked, &live))
}

/// Whether the API server would refuse the change of a field that never changes.
fn must_be_replaced(wanted: &Wanted, live: &DynamicObject) -> bool {
    match wanted.kind.name {
        "Deployment" => {
            let labels = "/spec/selector/matchLabels";
            wanted.value.pointer(labels) != live.data.pointer(labels)
        }
        "Service" => {
            let headless = |value: Option<&Value>| value.and_then(Value::as_str) == Some("None");
            let wanted = wanted.value.pointer("/spec/clusterIP");
            headless(wanted) != headless(live.data.pointer("/spec/clusterIP"))
        }
        _ => false,
    }
}

/// Takes an object away so that another may have its name. The pods of a Deployment keep serving,
/// until those of the next one are ready: see `prune`.
async fn replace(
    context: &Context,
    own: &Own,
    wanted: &Wanted,
    live: &DynamicObject,
) -> Result<Done, Fault> {
    let mut parameters = DeleteParams::background();
    if wanted.kind.name == "Deployment" {
        keep_serving(context, own, live).await?;
        parameters = DeleteParams::orphan();
    }
    delete(context, own, (wanted.kind, live), parameters).await?;
    Err(Fault::Going(format!(
        "{} is replaced: what it selects by never changes",
        wanted.said()
    )))
}

/// Makes the deployment an owner of a Deployment's ReplicaSets, and marks them as replaced.
async fn keep_serving(context: &Context, own: &Own, live: &DynamicObject) -> Result<(), Fault> {
    let api: Api<ReplicaSet> = Api::namespaced(context.client.clone(), &own.namespace);
    let id = live.labels().get(ID).cloned().unwrap_or_default();
    let listed = api
        .list_metadata(&ListParams::default().labels(&format!("{ID}={id}")))
        .await;
    let sets = listed.map_err(Fault::api("cannot list ReplicaSets"))?;
    let uid = live.uid().unwrap_or_default();
    let of_it = |set: &&PartialObjectMeta<ReplicaSet>| {
        set.owner_references().iter().any(|owner| owner.uid == uid)
    };
    for set in sets.items.iter().filter(of_it) {
        let mut owners = json!(set.owner_references());
        if let Some(owners) = owners.as_array_mut() {
            owners.push(own.owner(false));
        }
        let metadata = json!({"labels": {REPLACED: "true"}, "ownerReferences": owners});
        let patch = Patch::Merge(json!({"metadata": metadata}));
        let name = set.name_any();
        let parameters = PatchParams::default();
        let asked = api.patch_metadata(&name, &parameters, &patch);
        let patched = span::write("patch", ("ReplicaSet", &name), asked).await;
        patched.map_err(Fault::api(format!("cannot write ReplicaSet {name}")))?;
        context.writes.count("ReplicaSet", "patch");
    }
    Ok(())
}

/// Takes the label that Deployments select by from ReplicaSets that are replaced: a new Deployment would
/// take them for its own, and end their pods before everything else is ready.
async fn set_aside(context: &Context, own: &Own) -> Result<(), Fault> {
    let api: Api<ReplicaSet> = Api::namespaced(context.client.clone(), &own.namespace);
    for name in context.cache.replaced(&own.namespace, &own.uid, Some(ID)) {
        let patch = Patch::Merge(json!({"metadata": {"labels": {ID: null}}}));
        let parameters = PatchParams::default();
        let asked = api.patch_metadata(&name, &parameters, &patch);
        let patched = span::write("patch", ("ReplicaSet", &name), asked).await;
        patched.map_err(Fault::api(format!("cannot write ReplicaSet {name}")))?;
        context.writes.count("ReplicaSet", "patch");
    }
    Ok(())
}

/// Deletes an object, if it is still the same one.
pub(crate) async fn delete(
    context: &Context,
    own: &Own,
    (kind, live): (&'static Kind, &DynamicObject),
    parameters: DeleteParams,
) -> Result<(), Fault> {
    let name = live.name_any();
    let parameters = parameters.preconditions(Preconditions {
        uid: live.uid(),
        resource_version: None,
    });
    let api = api(context, own, kind);
    let asked = api.delete(&name, &parameters);
    match span::write("delete", (kind.name, &name), asked).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
        Err(error) => {
            return Err(Fault::api(format!("cannot delete {} {name}", kind.name))(
                error,
            ));
        }
    }
    context
        .cache
        .written
        .forget((kind.name, &own.namespace, &name));
    context.writes.count(kind.name, "delete");
    let note = format!("{} {name} is deleted", kind.name);
    tracing::info!(deployment = own.name, namespace = own.namespace, note);
    let reason = format!("Delete{}", kind.event);
    context.events.normal(&own.reference, reason, note).await;
    Ok(())
}

/// Takes over the fields that Seldon Core's own operator wrote, so that those that are no longer asked
/// for go.
async fn adopt(context: &Context, own: &Own, wanted: &Wanted) -> Result<(), Fault> {
    let api = api(context, own, wanted.kind);
    let what = format!("cannot adopt {}", wanted.said());
    let live = api
        .get(&wanted.name)
        .await
        .map_err(Fault::api(what.clone()))?;
    let Some(fields) = adopted(live.metadata.managed_fields.as_ref()) else {
        return Ok(());
    };
    let metadata = json!({
        "managedFields": fields,
        "resourceVersion": live.metadata.resource_version,
    });
    let patch = Patch::Merge(json!({"metadata": metadata}));
    let parameters = PatchParams::default();
    let asked = api.patch(&wanted.name, &parameters, &patch);
    let patched = span::write("patch", (wanted.kind.name, &wanted.name), asked).await;
    patched.map_err(Fault::api(what))?;
    context.writes.count(wanted.kind.name, "patch");
    Ok(())
}

/// Managed fields, with those of the predecessor as ours; none if it has none.
fn adopted(fields: Option<&Vec<ManagedFieldsEntry>>) -> Option<Vec<Value>> {
    let fields = fields?;
    let theirs = |entry: &ManagedFieldsEntry| {
        let name = entry.manager.as_deref().unwrap_or_default();
        PREDECESSORS.contains(&name) && entry.subresource.as_deref().unwrap_or_default().is_empty()
    };
    let first = fields.iter().find(|entry| theirs(entry))?;
    let set = |entry: &ManagedFieldsEntry| entry.fields_v1.as_ref().map(|fields| fields.0.clone());
    let ours = json!({
        "manager": MANAGER,
        "operation": "Apply",
        "apiVersion": first.api_version,
        "time": first.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": union(fields.iter().filter(|entry| theirs(entry)).filter_map(set)),
    });
    let others = fields
        .iter()
        .filter(|entry| !theirs(entry))
        .map(|entry| json!(entry));
    Some(others.chain([ours]).collect())
}

/// The object with owner and digest; with the replicas that it has, if nobody asks for a number.
async fn complete(
    context: &Context,
    own: &Own,
    wanted: &Wanted,
    digest: &str,
    is_there: bool,
) -> Result<Value, Fault> {
    let mut value = wanted.value.clone();
    value["metadata"]["ownerReferences"] = json!([own.owner(true)]);
    value["metadata"]["annotations"][APPLIED] = json!(digest);
    let counted = value
        .pointer("/spec/replicas")
        .is_some_and(|count| !count.is_null());
    if wanted.kind.name == "Deployment" && is_there && !counted {
        // Without this, the field would be ours no longer and fall back to one.
        let what = format!("cannot read {}", wanted.said());
        let found = api(context, own, wanted.kind).get(&wanted.name).await;
        let found = found.map_err(Fault::api(what))?;
        if let Some(count) = found.data.pointer("/spec/replicas") {
            value["spec"]["replicas"] = count.clone();
        }
    }
    Ok(value)
}

fn api(context: &Context, own: &Own, kind: &Kind) -> Api<DynamicObject> {
    Api::namespaced_with(context.client.clone(), &own.namespace, &kind.resource())
}

impl Own {
    /// A reference to the deployment, as owner.
    pub(crate) fn owner(&self, controller: bool) -> Value {
        json!({
            "apiVersion": format!("{GROUP}/v1"),
            "kind": KIND,
            "name": self.name,
            "uid": self.uid,
            "controller": controller,
            "blockOwnerDeletion": controller,
        })
    }
}

#[cfg(test)]
mod tests;
