//! `--create-resources`: the operator makes its CRD, webhook, Service and ConfigMap itself. Files of
//! a folder take the place of what it would write.

mod objects;

use std::path::Path;

use hari_api::k8s_openapi::api::apps::v1::Deployment;
use hari_error::{Error, Result};
use hari_telemetry::metric::operator as metric;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, Resource as _, ResourceExt as _};
use serde_json::{Value, json};

use crate::manager::Options;

const MANAGER: &str = "hari-operator";
/// The Deployment that the operator runs in, which owns what is made.
const DEPLOYMENT: &str = "seldon-controller-manager";
/// Most bytes of a file.
const MOST: u64 = 4 << 20;

/// Makes everything.
///
/// # Errors
/// When a file cannot be read, or the API server refuses something.
pub(crate) async fn install(client: &Client, options: &Options, folder: &Path) -> Result<()> {
    let owner = owner(client, options).await;
    let crd = read(folder, "crd-v1.yaml")
        .await?
        .unwrap_or_else(objects::crd);
    let crd = definition(client, crd).await?;
    let mut configuration = match read(folder, "validate.yaml").await? {
        Some(found) => Some(found),
        None => objects::configuration(options),
    };
    if let Some(configuration) = &mut configuration {
        place(configuration, options);
        own(configuration, crd.as_ref());
        write(client, configuration).await?;
    }
    let service = read(folder, "service.yaml").await?;
    let service = service.or_else(|| objects::service(options));
    let map = read(folder, "configmap.yaml").await?;
    let map = map.unwrap_or_else(|| objects::config_map(options));
    for mut object in service.into_iter().chain([map]) {
        object["metadata"]["namespace"] = json!(options.namespace);
        own(&mut object, owner.as_ref());
        create(client, &object).await?;
    }
    Ok(())
}

/// A file's object, if the file is there.
async fn read(folder: &Path, name: &str) -> Result<Option<Value>> {
    let path = folder.join(name);
    let Ok(found) = tokio::fs::metadata(&path).await else {
        return Ok(None);
    };
    if found.len() > MOST {
        return Err(Error::too_large(format!(
            "{name} has {} bytes: at most {MOST} are read",
            found.len()
        )));
    }
    let text = tokio::fs::read_to_string(&path)
        .await
        .map_err(|error| Error::invalid(format!("cannot read {name}")).with_source(error))?;
    let document = hari_api::read_documents(&text, name).into_iter().next();
    let value = document
        .map(|document| document.value)
        .filter(Value::is_object);
    value
        .map(Some)
        .ok_or_else(|| Error::invalid(format!("{name} holds no object")))
}

/// Gives a webhook configuration the name and the Service of this operator.
fn place(configuration: &mut Value, options: &Options) {
    let Some(webhook) = &options.webhook else {
        return;
    };
    configuration["metadata"]["name"] = json!(webhook.configuration);
    let each = configuration["webhooks"].as_array_mut();
    for one in each.into_iter().flatten() {
        one["clientConfig"]["service"]["namespace"] = json!(options.namespace);
        if let Some(client) = one["clientConfig"].as_object_mut() {
            // The authority is put in by whoever keeps the certificate.
            client.remove("caBundle");
        }
    }
}

/// The Deployment of the operator, if it runs in one.
async fn owner(client: &Client, options: &Options) -> Option<Value> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), &options.namespace);
    let found = api.get_opt(DEPLOYMENT).await.ok().flatten()?;
    found.owner_ref(&()).map(|reference| json!(reference))
}

fn own(object: &mut Value, owner: Option<&Value>) {
    if let Some(owner) = owner {
        object["metadata"]["ownerReferences"] = json!([owner]);
    }
}

/// The CRD: made, or brought up to date if nothing is lost by it. Gives a reference to it.
async fn definition(client: &Client, wanted: Value) -> Result<Option<Value>> {
    let (api, name) = api(client, &wanted)?;
    let found = api
        .get_opt(&name)
        .await
        .map_err(|error| refused(&wanted, error))?;
    let current = match found {
        None => {
            create(client, &wanted).await?;
            api.get_opt(&name)
                .await
                .map_err(|error| refused(&wanted, error))?
        }
        Some(found) => {
            match upgrade(&found, &wanted) {
                Upgrade::Needless => {}
                Upgrade::Unsafe(why) => tracing::warn!(name, why, "the CRD stays as it is"),
                Upgrade::Safe => {
                    let parameters = PatchParams::apply(MANAGER).force();
                    let patched = api.patch(&name, &parameters, &Patch::Apply(&wanted)).await;
                    match patched {
                        Ok(_) => metric::wrote("CustomResourceDefinition", "apply"),
                        Err(error) => {
                            tracing::warn!(%error, name, "the CRD cannot be brought up to date");
                        }
                    }
                }
            }
            Some(found)
        }
    };
    Ok(current.map(|object| {
        json!({
            "apiVersion": wanted["apiVersion"],
            "kind": wanted["kind"],
            "name": name,
            "uid": object.uid(),
        })
    }))
}

/// Whether a CRD may take the place of another.
#[derive(Debug, PartialEq, Eq)]
enum Upgrade {
    /// They say the same.
    Needless,
    /// Nothing stored is lost.
    Safe,
    /// Something would be.
    Unsafe(&'static str),
}

fn upgrade(found: &DynamicObject, wanted: &Value) -> Upgrade {
    let version = |text: Option<&str>| {
        let mut numbers = text
            .unwrap_or_default()
            .split('.')
            .map(|part| part.parse::<u32>().unwrap_or(0));
        [(); 3].map(|()| numbers.next().unwrap_or(0))
    };
    let theirs = found
        .annotations()
        .get(objects::VERSION)
        .map(String::as_str);
    let ours = wanted["metadata"]["annotations"][objects::VERSION].as_str();
    if version(theirs) > version(ours) {
        return Upgrade::Unsafe("it is of a newer version");
    }
    let versions = wanted["spec"]["versions"].as_array();
    let served: Vec<&Value> = versions
        .into_iter()
        .flatten()
        .map(|version| &version["name"])
        .collect();
    let stored = found.data["status"]["storedVersions"].as_array();
    if stored
        .into_iter()
        .flatten()
        .any(|version| !served.contains(&version))
    {
        return Upgrade::Unsafe("objects are stored in a version that the new one does not have");
    }
    let spec = |field: &str| found.data["spec"][field] == wanted["spec"][field];
    match theirs == ours && spec("versions") && spec("group") {
        true => Upgrade::Needless,
        false => Upgrade::Safe,
    }
}

/// Writes an object whatever there was.
async fn write(client: &Client, object: &Value) -> Result<()> {
    let (api, name) = api(client, object)?;
    let parameters = PatchParams::apply(MANAGER).force();
    api.patch(&name, &parameters, &Patch::Apply(object))
        .await
        .map_err(|error| refused(object, error))?;
    metric::wrote(object["kind"].as_str().unwrap_or_default(), "apply");
    Ok(())
}

/// Makes an object, if it is not there.
async fn create(client: &Client, object: &Value) -> Result<()> {
    let (api, name) = api(client, object)?;
    let new: DynamicObject = serde_json::from_value(object.clone()).map_err(|error| {
        Error::invalid(format!("{name} is no object of Kubernetes")).with_source(error)
    })?;
    match api.create(&PostParams::default(), &new).await {
        Ok(_) => {
            let kind = object["kind"].as_str().unwrap_or_default();
            metric::wrote(kind, "create");
            tracing::info!(kind, name, "made");
            Ok(())
        }
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(()),
        Err(error) => Err(refused(object, error)),
    }
}

/// Where an object is written, and its name.
fn api(client: &Client, object: &Value) -> Result<(Api<DynamicObject>, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, version) = match text(&object["apiVersion"]).rsplit_once('/') {
        Some((group, version)) => (group.to_owned(), version.to_owned()),
        None => (String::new(), text(&object["apiVersion"])),
    };
    let kind = text(&object["kind"]);
    let name = text(&object["metadata"]["name"]);
    if version.is_empty() || kind.is_empty() || name.is_empty() {
        return Err(Error::invalid(
            "an object lacks `apiVersion`, `kind` or `metadata.name`",
        ));
    }
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(&group, &version, &kind));
    let api = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    Ok((api, name))
}

fn refused(object: &Value, error: kube::Error) -> Error {
    let (kind, name) = (&object["kind"], &object["metadata"]["name"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let message = format!("{} {} cannot be made", text(kind), text(name));
    Error::unavailable(message).with_source(error)
}

#[cfg(test)]
mod tests;
