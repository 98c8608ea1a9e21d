//! Lists of objects, page by page. A kind that may not be listed is no failure.

use std::collections::BTreeSet;
use std::fmt::Debug;

use hari_api::k8s_openapi::api::core::v1::Secret;
use hari_error::{Error, Kind, Result};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Objects of a page, and most pages of a kind.
const PAGE: u32 = 500;
const PAGES: usize = 200;

/// Lists in a namespace, or in all.
pub(super) struct Lister<'a> {
    pub(super) client: &'a Client,
    pub(super) namespace: Option<String>,
}

/// A kind that can be listed.
#[derive(Clone, Copy)]
pub(super) struct Listable {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
}

impl Listable {
    pub(super) const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        Self {
            group,
            version,
            kind,
            plural,
        }
    }
}

/// What came of a list.
pub(super) enum Listed<T> {
    /// The objects.
    Seen(Vec<T>),
    /// The API server does not allow it, or does not know the kind.
    Refused(Error),
}

impl<T> Listed<T> {
    /// The objects; none where they may not be listed.
    pub(super) fn or_none(self) -> Vec<T> {
        match self {
            Self::Seen(all) => all,
            Self::Refused(_) => Vec::new(),
        }
    }

    /// The objects, without which there is nothing to say.
    pub(super) fn seen(self) -> Result<Vec<T>> {
        match self {
            Self::Seen(all) => Ok(all),
            Self::Refused(error) => Err(error),
        }
    }

    pub(super) const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

impl Lister<'_> {
    /// Groups of the API that are served.
    pub(super) async fn groups(&self) -> Result<BTreeSet<String>> {
        let groups = self.client.list_api_groups().await.map_err(unreachable)?;
        Ok(groups.groups.into_iter().map(|group| group.name).collect())
    }

    /// Version of the API server.
    pub(super) async fn version(&self) -> Result<String> {
        let version = self.client.apiserver_version().await.map_err(unreachable)?;
        Ok(version.git_version)
    }

    /// Objects of any kind, as they are.
    pub(super) async fn values(&self, of: &Listable, label: Option<&str>) -> Result<Listed<Value>> {
        let kind = GroupVersionKind::gvk(of.group, of.version, of.kind);
        let resource = ApiResource::from_gvk_with_plural(&kind, of.plural);
        let api: Api<DynamicObject> = match &self.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let mut parameters = ListParams::default();
        if let Some(label) = label {
            parameters = parameters.labels(label);
        }
        let found = all(&api, parameters).await?;
        Ok(match found {
            Listed::Refused(error) => Listed::Refused(error),
            Listed::Seen(objects) => Listed::Seen(
                objects
                    .into_iter()
                    .map(|object| value(object, &kind))
                    .collect(),
            ),
        })
    }

    /// Objects of a type.
    pub(super) async fn typed<K>(&self) -> Result<Listed<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned,
    {
        all(&self.api(), ListParams::default()).await
    }

    /// The objects of this name.
    pub(super) async fn named<K>(&self, name: &str) -> Result<Listed<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned,
    {
        let parameters = ListParams::default().fields(&format!("metadata.name={name}"));
        all(&self.api(), parameters).await
    }

    /// `namespace/name` of Secrets; what they hold is not asked for.
    pub(super) async fn names_of_secrets(&self) -> Result<Listed<String>> {
        let api: Api<Secret> = self.api();
        let mut names = Vec::new();
        let mut parameters = ListParams::default().limit(PAGE);
        for _ in 0..PAGES {
            let page = match api.list_metadata(&parameters).await {
                Ok(page) => page,
                Err(error) => return refused(error).map(Listed::Refused),
            };
            let found = page.items.iter();
            names.extend(found.map(|secret| {
                let namespace = secret.namespace().unwrap_or_default();
                format!("{namespace}/{}", secret.name_any())
            }));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters = parameters.continue_token(&token),
                None => break,
            }
        }
        Ok(Listed::Seen(names))
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }
}

async fn all<K>(api: &Api<K>, parameters: ListParams) -> Result<Listed<K>>
where
    K: Clone + Debug + DeserializeOwned,
{
    let mut parameters = parameters.limit(PAGE);
    let mut objects = Vec::new();
    for _ in 0..PAGES {
        let page = match api.list(&parameters).await {
            Ok(page) => page,
            Err(error) => return refused(error).map(Listed::Refused),
        };
        objects.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => break,
        }
    }
    Ok(Listed::Seen(objects))
}

/// Items of a list do not say their kind.
fn value(object: DynamicObject, kind: &GroupVersionKind) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("apiVersion".to_owned(), kind.api_version().into());
        fields.insert("kind".to_owned(), kind.kind.clone().into());
    }
    value
}

/// An answer of 403 or 404 as what it is; anything else is a failure.
fn refused(error: kube::Error) -> Result<Error> {
    match &error {
        kube::Error::Api(status) if status.code == 403 || status.code == 404 => {
            let message = format!("the API server refuses: {}", status.message);
            Ok(Error::new(Kind::Forbidden, message))
        }
        _ => Err(unreachable(error)),
    }
}

fn unreachable(error: kube::Error) -> Error {
    let message = "the API server cannot be asked";
    Error::new(Kind::Unavailable, message).with_source(error)
}
