//! Certificates of predictors.

use hari_api::k8s_openapi::api::core::v1::{
    Container, PodSpec, SecretVolumeSource, Volume, VolumeMount,
};
use hari_plan::contract::env;

use crate::container::set_if_absent;
use crate::predictor::Predictor;

/// Scheme of probes without a certificate.
pub(crate) const PLAIN: &str = "HTTP";
const VOLUME: &str = "seldon-cert-volume";

/// The Secret of the certificate, if the predictor has one.
pub(crate) fn secret(predictor: &Predictor<'_>) -> Option<String> {
    let ssl = predictor.spec.ssl.as_ref()?;
    ssl.cert_secret_name.clone().filter(|name| !name.is_empty())
}

/// Whether the predictor has a certificate.
pub(crate) fn is_on(predictor: &Predictor<'_>) -> bool {
    secret(predictor).is_some()
}

/// Scheme of the probes.
pub(crate) fn scheme(predictor: &Predictor<'_>) -> &'static str {
    match is_on(predictor) {
        true => "HTTPS",
        false => PLAIN,
    }
}

/// Says where the certificate is.
pub(crate) fn tell(predictor: &Predictor<'_>, container: &mut Container) {
    if !is_on(predictor) {
        return;
    }
    let folder = predictor.settings.certificates.clone();
    let variables = container.env.get_or_insert_default();
    set_if_absent(variables, env::CERT_MOUNT_PATH, folder.clone());
    let mounts = container.volume_mounts.get_or_insert_default();
    if mounts.iter().all(|mount| mount.name != VOLUME) {
        mounts.push(VolumeMount {
            name: VOLUME.to_owned(),
            mount_path: folder,
            read_only: Some(true),
            ..VolumeMount::default()
        });
    }
}

/// Gives every container of the pod that takes requests the certificate.
pub(crate) fn mount(predictor: &Predictor<'_>, pod: &mut PodSpec) {
    let Some(secret) = secret(predictor) else {
        return;
    };
    for container in &mut pod.containers {
        tell(predictor, container);
    }
    pod.volumes.get_or_insert_default().push(Volume {
        name: VOLUME.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    });
}
