//! What the API server has, as last heard: deployments, their objects, their pods.

mod written;

use std::collections::{BTreeMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{BoxStream, SelectAll};
use futures_util::{Stream, StreamExt as _};
use hari_api::k8s_openapi::api::apps::v1::ReplicaSet;
use hari_api::k8s_openapi::api::core::v1::{Namespace, Pod};
use hari_api::{GROUP, KIND};
use kube::api::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store, reflector, store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::Notify;

use crate::kinds::{self, Kind};
use crate::scope::Scope;

pub(crate) use written::Written;

/// Label of all objects of a deployment.
pub(crate) const ID: &str = "seldon-deployment-id";
/// Label of ReplicaSets that keep serving until those that take their place are ready.
pub(crate) const REPLACED: &str = "hari.dev/replaced";
/// How long optional kinds may keep the start waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// A deployment, by name and namespace.
pub(crate) type Reference = ObjectRef<DynamicObject>;

/// What the API server has.
pub(crate) struct Cache {
    pub(crate) deployments: Store<DynamicObject>,
    objects: BTreeMap<&'static str, Store<DynamicObject>>,
    pods: Store<Pod>,
    replaced: Store<PartialObjectMeta<ReplicaSet>>,
    namespaces: Option<Store<PartialObjectMeta<Namespace>>>,
    /// What was written and perhaps not heard of yet.
    pub(crate) written: Written,
}

/// What is heard, as the deployments that it concerns.
type Heard = SelectAll<BoxStream<'static, Vec<Reference>>>;

/// Opens one watch after another.
struct Opener<'a> {
    client: &'a Client,
    scope: &'a Scope,
    heard: Heard,
}

impl Cache {
    /// The caches, and the stream that fills them when it is polled.
    pub(crate) fn open(
        client: &Client,
        scope: &Scope,
        present: &[&'static Kind],
    ) -> (Arc<Self>, impl Stream<Item = Vec<Reference>> + Send + use<>) {
        let mut opener = Opener {
            client,
            scope,
            heard: SelectAll::new(),
        };
        let written = Written::default();
        let cache = Self {
            deployments: opener.deployments(),
            objects: present
                .iter()
                .map(|kind| (kind.name, opener.objects(kind, &written)))
                .collect(),
            pods: opener.pods(),
            replaced: opener.replaced(),
            namespaces: scope.namespace.is_none().then(|| opener.namespaces()),
            written,
        };
        (Arc::new(cache), opener.heard)
    }

    /// Waits until everything was listed once. Kinds that a cluster may lack wait less long: their
    /// objects are then written again, which changes nothing.
    pub(crate) async fn ready(&self) {
        let _ = self.deployments.wait_until_ready().await;
        let _ = self.pods.wait_until_ready().await;
        for (name, store) in &self.objects {
            let optional =
                kinds::named(name).is_none_or(|kind| kind.optional || *name == "Ingress");
            match optional {
                true => drop(tokio::time::timeout(PATIENCE, store.wait_until_ready()).await),
                false => drop(store.wait_until_ready().await),
            }
        }
        drop(tokio::time::timeout(PATIENCE, self.replaced.wait_until_ready()).await);
        if let Some(namespaces) = &self.namespaces {
            drop(tokio::time::timeout(PATIENCE, namespaces.wait_until_ready()).await);
        }
    }

    /// Whether objects of this kind can be written.
    pub(crate) fn knows(&self, kind: &str) -> bool {
        self.objects.contains_key(kind)
    }

    /// An object as it is now: as heard, or as written since.
    pub(crate) fn live(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<DynamicObject>> {
        let key = ObjectRef::new_with(name, kind.resource()).within(namespace);
        let heard = self
            .objects
            .get(kind.name)
            .and_then(|store| store.get(&key));
        self.written.newer((kind.name, namespace, name), heard)
    }

    /// Everything that a deployment owns, with its kind.
    pub(crate) fn owned(
        &self,
        namespace: &str,
        uid: &str,
    ) -> Vec<(&'static Kind, Arc<DynamicObject>)> {
        let mut owned = Vec::new();
        for kind in self.objects.keys().filter_map(|name| kinds::named(name)) {
            let store = self.objects.get(kind.name).into_iter();
            let found = store.flat_map(|store| {
                store.state_filter(|object| {
                    object.namespace().as_deref() == Some(namespace)
                        && object
                            .owner_references()
                            .iter()
                            .any(|owner| owner.uid == uid)
                })
            });
            owned.extend(found.map(|object| (kind, object)));
        }
        owned.sort_by_key(|(kind, object)| (kind.name, object.name_any()));
        owned
    }

    /// Pods of a Deployment.
    pub(crate) fn pods(&self, namespace: &str, deployment: &str) -> Vec<Arc<Pod>> {
        self.pods.state_filter(|pod| {
            pod.namespace().as_deref() == Some(namespace)
                && pod.labels().get("app").is_some_and(|app| app == deployment)
        })
    }

    /// ReplicaSets that only wait to be replaced, and that no Deployment has taken; with a label, those
    /// that have it, taken or not.
    pub(crate) fn replaced(&self, namespace: &str, uid: &str, label: Option<&str>) -> Vec<String> {
        let found = self.replaced.state_filter(|set| {
            let owners = set.owner_references();
            set.namespace().as_deref() == Some(namespace)
                && owners.iter().any(|owner| owner.uid == uid)
                && match label {
                    Some(label) => set.labels().contains_key(label),
                    None => owners.iter().all(|owner| owner.controller != Some(true)),
                }
        });
        found.iter().map(|set| set.name_any()).collect()
    }

    /// Labels of a namespace, if known.
    pub(crate) fn namespace(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let found = self.namespaces.as_ref()?.get(&ObjectRef::new(name))?;
        found.metadata.labels.clone()
    }
}

impl Opener<'_> {
    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        match &self.scope.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    fn dynamic(&self, resource: &ApiResource) -> Api<DynamicObject> {
        match &self.scope.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        }
    }

    fn deployments(&mut self) -> Store<DynamicObject> {
        let resource = kinds::deployments();
        let writer = Writer::new(resource.clone());
        let reader = writer.as_reader();
        let events = watcher(self.dynamic(&resource), watcher::Config::default())
            .default_backoff()
            .modify(|object| object.metadata.managed_fields = None);
        let events = reflector(writer, events).applied_objects();
        let concerned =
            move |object: DynamicObject| vec![ObjectRef::from_obj_with(&object, resource.clone())];
        self.hear(KIND, events, concerned);
        reader
    }

    fn objects(&mut self, kind: &'static Kind, written: &Written) -> Store<DynamicObject> {
        let resource = kind.resource();
        let writer = Writer::new(resource.clone());
        let reader = writer.as_reader();
        let written = written.clone();
        let events = watcher(
            self.dynamic(&resource),
            watcher::Config::default().labels(ID),
        )
        .default_backoff()
        .modify(|object| object.metadata.managed_fields = None)
        .inspect(move |event| {
            if let Ok(Event::Delete(object)) = event {
                let namespace = object.namespace().unwrap_or_default();
                written.forget((kind.name, &namespace, &object.name_any()));
            }
        });
        let events = reflector(writer, events).touched_objects();
        self.hear(kind.name, events, |object: DynamicObject| {
            owners(&object.metadata)
        });
        reader
    }

    fn pods(&mut self) -> Store<Pod> {
        let (reader, writer) = store();
        let events = watcher(self.api::<Pod>(), watcher::Config::default().labels(ID))
            .default_backoff()
            .modify(slim);
        let events = reflector(writer, events).touched_objects();
        // The deployment is two owners away; its Deployment's name is the label `app`.
        let concerned = |pod: Pod| vec![pod_of(&pod)];
        self.hear("Pod", events, concerned);
        reader
    }

    fn replaced(&mut self) -> Store<PartialObjectMeta<ReplicaSet>> {
        let (reader, writer) = store();
        let api: Api<PartialObjectMeta<ReplicaSet>> = self.api();
        let events = watcher(api, watcher::Config::default().labels(REPLACED)).default_backoff();
        let events = reflector(writer, events).touched_objects();
        let concerned = |set: PartialObjectMeta<ReplicaSet>| owners(&set.metadata);
        self.hear("ReplicaSet", events, concerned);
        reader
    }

    fn namespaces(&mut self) -> Store<PartialObjectMeta<Namespace>> {
        let (reader, writer) = store();
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(self.client.clone());
        let events = watcher(api, watcher::Config::default()).default_backoff();
        let events = reflector(writer, events).touched_objects();
        self.hear("Namespace", events, |_| Vec::new());
        reader
    }

    /// Adds a watch. It is tried again for as long as it fails; that is said when it begins.
    fn hear<K: Send + 'static>(
        &mut self,
        kind: &'static str,
        events: impl Stream<Item = Result<K, watcher::Error>> + Send + 'static,
        concerned: impl Fn(K) -> Vec<Reference> + Send + 'static,
    ) {
        let mut failing = false;
        let heard = events.map(move |event| match event {
            Ok(object) => {
                failing = false;
                concerned(object)
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(kind, %error, "cannot watch");
                }
                failing = true;
                Vec::new()
            }
        });
        self.heard.push(heard.boxed());
    }
}

/// Deployments that own an object.
fn owners(metadata: &kube::core::ObjectMeta) -> Vec<Reference> {
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let owners = metadata.owner_references.iter().flatten();
    let ours = owners
        .filter(|owner| owner.kind == KIND && owner.api_version.split('/').next() == Some(GROUP));
    ours.map(|owner| ObjectRef::new_with(&owner.name, kinds::deployments()).within(namespace))
        .collect()
}

/// Stands for the deployment of a pod, whose name only its Deployment knows: see [`Dirty::add`].
fn pod_of(pod: &Pod) -> Reference {
    let app = pod.labels().get("app").cloned().unwrap_or_default();
    let resource = kinds::named("Deployment").map(Kind::resource);
    let resource = resource.unwrap_or_else(kinds::deployments);
    ObjectRef::new_with(&app, resource).within(&pod.namespace().unwrap_or_default())
}

/// Keeps of a pod what its status is made of.
fn slim(pod: &mut Pod) {
    pod.spec = None;
    pod.metadata.managed_fields = None;
    pod.metadata.annotations = None;
}

/// Deployments that are to be reconciled: each once, however often it was heard of.
#[derive(Default)]
pub(crate) struct Dirty {
    waiting: Mutex<HashSet<Reference>>,
    more: Notify,
}

impl Dirty {
    /// Adds those that something concerns.
    pub(crate) fn add(&self, cache: &Cache, concerned: Vec<Reference>) {
        let mut any = false;
        for reference in concerned {
            for reference in resolved(cache, reference) {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                any |= waiting.insert(reference);
            }
        }
        if any {
            self.more.notify_one();
        }
    }

    /// Fills the caches, for as long as it is polled.
    pub(crate) async fn fill(&self, cache: &Cache, heard: impl Stream<Item = Vec<Reference>>) {
        let mut heard = pin!(heard);
        while let Some(concerned) = heard.next().await {
            self.add(cache, concerned);
        }
    }

    /// The next one.
    pub(crate) async fn next(&self) -> Reference {
        loop {
            let next = {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                let next = waiting.iter().next().cloned();
                next.and_then(|next| waiting.take(&next))
            };
            match next {
                Some(next) => return next,
                None => self.more.notified().await,
            }
        }
    }
}

/// The deployment itself, or the owners of the Deployment that a pod is of.
fn resolved(cache: &Cache, reference: Reference) -> Vec<Reference> {
    if reference.dyntype.kind == KIND {
        return vec![reference];
    }
    let store = cache.objects.get("Deployment");
    let found = store.and_then(|store| store.get(&reference));
    found
        .map(|object| owners(&object.metadata))
        .unwrap_or_default()
}
