//! Download of models: an init container for each `modelUri`, or the claim itself where it has the
//! files already.

use hari_api::k8s_openapi::api::core::v1::{
    Container, EmptyDirVolumeSource, EnvFromSource, PersistentVolumeClaimVolumeSource, PodSpec,
    SecretEnvSource, Volume, VolumeMount,
};
use hari_api::{Explainer, PredictiveUnit};
use hari_plan::contract::path;

use crate::names::truncated;
use crate::predictor::Predictor;
use crate::security::confine;
use crate::surroundings::{AccountSecret, DEFAULT_ACCOUNT};
use crate::{credentials, security};

/// Where a server of Hari's image finds its model.
pub(crate) fn folder(unit: &str) -> String {
    format!("{}/{unit}", path::MODELS)
}

/// A model that is to be there before its server starts, and what its download is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model<'a> {
    uri: &'a str,
    account: Option<&'a str>,
    secret: Option<&'a str>,
    image: Option<&'a str>,
}

/// The text, unless it is missing or empty.
fn said(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

impl<'a> Model<'a> {
    pub(crate) fn of_unit(unit: &'a PredictiveUnit) -> Option<Self> {
        Some(Self {
            uri: said(unit.model_uri.as_ref())?,
            account: said(unit.service_account_name.as_ref()),
            secret: said(unit.env_secret_ref_name.as_ref()),
            image: said(unit.storage_initializer_image.as_ref()),
        })
    }

    pub(crate) fn of_explainer(explainer: &'a Explainer) -> Option<Self> {
        Some(Self {
            uri: said(explainer.model_uri.as_ref())?,
            account: said(explainer.service_account_name.as_ref()),
            secret: said(explainer.env_secret_ref_name.as_ref()),
            image: said(explainer.storage_initializer_image.as_ref()),
        })
    }

    /// The service account that it names.
    pub(crate) const fn own_account(&self) -> Option<&'a str> {
        self.account
    }

    /// The service account whose credentials read it, in a pod with this account.
    pub(crate) fn account(&self, of_pod: Option<&str>) -> String {
        let of_pod = of_pod.filter(|name| !name.is_empty());
        let account = self.account.or(of_pod).unwrap_or(DEFAULT_ACCOUNT);
        account.to_owned()
    }

    /// The secret whose entries are the environment of the download.
    fn secret(&self, predictor: &Predictor<'_>) -> Option<String> {
        let usual = predictor.settings.storage.env_secret.clone();
        self.secret.map(str::to_owned).or(usual)
    }
}

/// One container of a pod, and where it looks for its model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    /// Names init container and volume: the unit, or the explainer.
    pub(crate) name: &'a str,
    /// The container.
    pub(crate) container: &'a str,
    /// The folder that it is told of.
    pub(crate) folder: &'a str,
}

/// Gives a container its model. The account of the pod is still the one that the user wrote.
pub(crate) fn add(
    predictor: &Predictor<'_>,
    model: Model<'_>,
    reader: Reader<'_>,
    pod: &mut PodSpec,
) {
    let mount = match claim(model.uri) {
        Some((name, below)) => of_claim(pod, &name, &below),
        None => download(predictor, model, reader.name, pod),
    };
    let mut containers = pod.containers.iter_mut();
    let container = containers.find(|found| found.name == reader.container);
    let mounts = container.map(|container| container.volume_mounts.get_or_insert_default());
    let folder = reader.folder;
    if let Some(mounts) = mounts.filter(|all| all.iter().all(|found| found.mount_path != folder)) {
        mounts.push(VolumeMount {
            mount_path: folder.to_owned(),
            read_only: Some(true),
            ..mount
        });
    }
}

/// Gives a server that fetches its model itself what it needs for that; as for [`add`].
pub(crate) fn enable(
    predictor: &Predictor<'_>,
    model: Model<'_>,
    container: &str,
    pod: &mut PodSpec,
) {
    let secrets = secrets(predictor, model, pod);
    credentials::add_to_pod(&predictor.settings.credentials, secrets, pod, container);
    let mut containers = pod.containers.iter_mut();
    let target = containers.find(|found| found.name == container);
    if let Some((target, secret)) = target.zip(model.secret(predictor)) {
        let sources = target.env_from.get_or_insert_default();
        let source = from_secret(secret);
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
}

/// What the account of a model lists.
fn secrets<'a>(predictor: &Predictor<'a>, model: Model<'_>, pod: &PodSpec) -> &'a [AccountSecret] {
    let account = model.account(pod.service_account_name.as_deref());
    let accounts = &predictor.surroundings.service_accounts;
    accounts.get(&account).map_or(&[], Vec::as_slice)
}

/// Whether a model lies in a claim.
pub(crate) fn is_claim(uri: &str) -> bool {
    claim(uri).is_some()
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
    model: Model<'_>,
    reader: &str,
    pod: &mut PodSpec,
) -> VolumeMount {
    let volume = truncated(&format!("{reader}-provision-location"));
    add_volume(
        pod,
        Volume {
            name: volume.clone(),
            empty_dir: Some(EmptyDirVolumeSource::default()),
            ..Volume::default()
        },
    );
    let name = truncated(&format!("{reader}-model-initializer"));
    let present = pod.init_containers.get_or_insert_default();
    if present.iter().all(|container| container.name != name) {
        let mut container = initializer(predictor, model, name, &volume);
        let secrets = secrets(predictor, model, pod);
        let volumes = pod.volumes.get_or_insert_default();
        let credentials = &predictor.settings.credentials;
        credentials::add(credentials, secrets, &mut container, volumes);
        pod.init_containers.get_or_insert_default().push(container);
    }
    VolumeMount {
        name: volume,
        ..VolumeMount::default()
    }
}

fn initializer(
    predictor: &Predictor<'_>,
    model: Model<'_>,
    name: String,
    volume: &str,
) -> Container {
    let settings = predictor.settings;
    let named = model.image.map(str::to_owned);
    let named = named.or_else(|| settings.storage.image.clone());
    let ours = named.is_none();
    let mut args = vec![model.uri.to_owned(), path::MODELS.to_owned()];
    if ours {
        args.insert(0, "fetch".to_owned());
    }
    let pull = match ours {
        true => settings.image_pull_policy.clone(),
        false => "IfNotPresent".to_owned(),
    };
    let secret = model.secret(predictor);
    let mut container = Container {
        name,
        image: Some(named.unwrap_or_else(|| settings.image.clone())),
        image_pull_policy: Some(pull),
        args: Some(args),
        env_from: secret.map(|secret| vec![from_secret(secret)]),
        resources: Some(settings.storage.resources.requirements()),
        volume_mounts: Some(vec![VolumeMount {
            name: volume.to_owned(),
            mount_path: path::MODELS.to_owned(),
            ..VolumeMount::default()
        }]),
        termination_message_path: Some(path::TERMINATION_LOG.to_owned()),
        termination_message_policy: Some(security::LAST_WORDS.to_owned()),
        ..Container::default()
    };
    if ours {
        confine(&mut container, settings.engine_user);
    }
    container
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

/// Adds a volume, unless the pod has one of its name.
pub(crate) fn add_volume(pod: &mut PodSpec, volume: Volume) {
    let volumes = pod.volumes.get_or_insert_default();
    if volumes.iter().all(|found| found.name != volume.name) {
        volumes.push(volume);
    }
}
