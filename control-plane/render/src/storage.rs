//! Download of models: an init container for each `modelUri`, or the claim itself where it has the
//! files already.

use hari_api::PredictiveUnit;
use hari_api::k8s_openapi::api::core::v1::{
    Container, EmptyDirVolumeSource, EnvFromSource, PersistentVolumeClaimVolumeSource, PodSpec,
    SecretEnvSource, Volume, VolumeMount,
};
use hari_plan::contract::path;

use crate::container::has_model;
use crate::engine::confined;
use crate::names::truncated;
use crate::predictor::{Predictor, Role};

/// Where a server of Hari's image finds its model.
pub(crate) fn folder(unit: &str) -> String {
    format!("{}/{unit}", path::MODELS)
}

/// Gives `target`, which serves the unit, the unit's model.
pub(crate) fn add(
    predictor: &Predictor<'_>,
    unit: &PredictiveUnit,
    role: Role,
    pod: &mut PodSpec,
    target: &str,
) {
    if !has_model(unit) {
        return;
    }
    if let Some(account) = unit
        .service_account_name
        .as_ref()
        .filter(|name| !name.is_empty())
    {
        pod.service_account_name = Some(account.clone());
    }
    let uri = unit.model_uri.clone().unwrap_or_default();
    let at = match role {
        Role::Fused | Role::Alone => folder(&unit.name),
        Role::Own | Role::Aside => path::MODELS.to_owned(),
    };
    let mount = match claim(&uri) {
        Some((name, below)) => of_claim(pod, &name, &below),
        None => download(predictor, unit, &uri, pod),
    };
    let container = pod.containers.iter_mut().find(|found| found.name == target);
    let mounts = container.map(|container| container.volume_mounts.get_or_insert_default());
    if let Some(mounts) = mounts.filter(|all| all.iter().all(|found| found.mount_path != at)) {
        mounts.push(VolumeMount {
            mount_path: at,
            read_only: Some(true),
            ..mount
        });
    }
}

/// `pvc://claim/path` -> the claim, and the path in it.
fn claim(uri: &str) -> Option<(String, String)> {
    let address = uri.strip_prefix("pvc://")?;
    let (name, below) = address.split_once('/').unwrap_or((address, ""));
    Some((name.to_owned(), below.trim_matches('/').to_owned()))
}

/// The claim holds the files: nothing is copied.
fn of_claim(pod: &mut PodSpec, claim: &str, below: &str) -> VolumeMount {
    let name = truncated(&format!("pvc-{}", claim.replace('.', "-")));
    let source = PersistentVolumeClaimVolumeSource {
        claim_name: claim.to_owned(),
        read_only: Some(true),
    };
    add_volume(
        pod,
        Volume {
            name: name.clone(),
            persistent_volume_claim: Some(source),
            ..Volume::default()
        },
    );
    VolumeMount {
        name,
        sub_path: Some(below.to_owned()).filter(|below| !below.is_empty()),
        ..VolumeMount::default()
    }
}

/// An init container fetches the files into a volume.
fn download(
    predictor: &Predictor<'_>,
    unit: &PredictiveUnit,
    uri: &str,
    pod: &mut PodSpec,
) -> VolumeMount {
    let volume = truncated(&format!("{}-provision-location", unit.name));
    add_volume(
        pod,
        Volume {
            name: volume.clone(),
            empty_dir: Some(EmptyDirVolumeSource::default()),
            ..Volume::default()
        },
    );
    let name = truncated(&format!("{}-model-initializer", unit.name));
    let present = pod.init_containers.get_or_insert_default();
    if present.iter().all(|container| container.name != name) {
        present.push(initializer(predictor, unit, uri, name, &volume));
    }
    VolumeMount {
        name: volume,
        ..VolumeMount::default()
    }
}

fn initializer(
    predictor: &Predictor<'_>,
    unit: &PredictiveUnit,
    uri: &str,
    name: String,
    volume: &str,
) -> Container {
    let settings = predictor.settings;
    let named = unit
        .storage_initializer_image
        .clone()
        .filter(|image| !image.is_empty());
    let named = named.or_else(|| settings.storage.image.clone());
    let mut args = vec![uri.to_owned(), path::MODELS.to_owned()];
    if named.is_none() {
        args.insert(0, "fetch".to_owned());
    }
    let own = named.is_none().then(|| confined(settings.engine_user));
    let secret = unit
        .env_secret_ref_name
        .clone()
        .filter(|secret| !secret.is_empty());
    let secret = secret.or_else(|| settings.storage.env_secret.clone());
    Container {
        name,
        image: Some(named.unwrap_or_else(|| settings.image.clone())),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        args: Some(args),
        env_from: secret.map(|secret| vec![from_secret(secret)]),
        resources: Some(settings.storage.resources.requirements()),
        security_context: own,
        volume_mounts: Some(vec![VolumeMount {
            name: volume.to_owned(),
            mount_path: path::MODELS.to_owned(),
            ..VolumeMount::default()
        }]),
        termination_message_path: Some(path::TERMINATION_LOG.to_owned()),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

fn from_secret(name: String) -> EnvFromSource {
    EnvFromSource {
        secret_ref: Some(SecretEnvSource {
            name,
            optional: None,
        }),
        ..EnvFromSource::default()
    }
}

fn add_volume(pod: &mut PodSpec, volume: Volume) {
    let volumes = pod.volumes.get_or_insert_default();
    if volumes.iter().all(|found| found.name != volume.name) {
        volumes.push(volume);
    }
}
