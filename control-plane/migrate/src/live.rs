//! What becomes of the objects of a deployment that are in the cluster.

use std::collections::{BTreeMap, BTreeSet};

use hari_plan::Plan;
use hari_render::Object;
use serde::Serialize;
use serde_json::Value;

use crate::difference::{NAMED_ANEW, REMOVED, REPLACED};
use crate::report::Note;

/// What becomes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It stays, and is changed in place.
    Adopted,
    /// It is made.
    Made,
    /// It is removed, once what takes its place is ready.
    Removed,
    /// It is deleted and made anew, because a part that cannot be changed differs.
    Replaced,
}

/// An object, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LiveObject {
    /// `kind`.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
    /// What becomes of it.
    pub fate: Fate,
    /// Why, where it is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

type Key = (String, String);

/// The objects of a deployment by what becomes of each: those that are wanted, then those that are left.
pub(crate) fn compare(plan: &Plan, wanted: &[Object], live: &[Value]) -> Vec<LiveObject> {
    let own: BTreeMap<Key, &Value> = live
        .iter()
        .filter(|object| is_of(object, plan))
        .map(|object| (key(object), object))
        .collect();
    let mut names = BTreeSet::new();
    let mut all = Vec::new();
    for object in wanted {
        let key = (object.kind().to_owned(), object.name().to_owned());
        let why = own.get(&key).map(|live| immutable(live, object.value()));
        let fate = match &why {
            None => Fate::Made,
            Some(None) => Fate::Adopted,
            Some(Some(_)) => Fate::Replaced,
        };
        names.insert(key.clone());
        all.push(of(key, fate, why.flatten()));
    }
    let left = own.into_keys().filter(|key| !names.contains(key));
    all.extend(left.map(|key| of(key, Fate::Removed, None)));
    all
}

/// What is worth a note: all that is not adopted.
pub(crate) fn notes(objects: &[LiveObject]) -> Vec<Note> {
    let rows = [
        (Fate::Replaced, &REPLACED),
        (Fate::Made, &NAMED_ANEW),
        (Fate::Removed, &REMOVED),
    ];
    let notes = rows.into_iter().flat_map(|(fate, row)| {
        let of_fate = objects.iter().filter(move |object| object.fate == fate);
        of_fate.map(move |object| {
            let why = object.why.iter().map(|why| format!(": {why}"));
            let why: String = why.collect();
            Note::of(row, "").found(format!("{} {}{why}", object.kind, object.name))
        })
    });
    notes.collect()
}

fn of((kind, name): Key, fate: Fate, why: Option<String>) -> LiveObject {
    LiveObject {
        kind,
        name,
        fate,
        why,
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

fn key(object: &Value) -> Key {
    let owned = |pointer| text(object, pointer).to_owned();
    (owned("/kind"), owned("/metadata/name"))
}

/// Whether the deployment owns the object.
fn is_of(object: &Value, plan: &Plan) -> bool {
    let owners = object.pointer("/metadata/ownerReferences");
    let owners = owners.and_then(Value::as_array).into_iter().flatten();
    let mut owners = owners.filter(|owner| text(owner, "/kind") == hari_api::KIND);
    let same = text(object, "/metadata/namespace") == plan.namespace;
    same && owners.any(|owner| text(owner, "/name") == plan.name)
}

/// The immutable part that differs, if one does.
fn immutable(live: &Value, wanted: &Value) -> Option<String> {
    match text(wanted, "/kind") {
        "Deployment" => {
            let labels = "/spec/selector/matchLabels";
            let differs = live.pointer(labels) != wanted.pointer(labels);
            differs.then(|| "its selector differs".to_owned())
        }
        "Service" => {
            let headless = |object| text(object, "/spec/clusterIP") == "None";
            let differs = headless(live) != headless(wanted);
            differs.then(|| "one of the two has no address of its own".to_owned())
        }
        _ => None,
    }
}
