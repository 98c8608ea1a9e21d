//! What containers of Hari's image may do: nothing that a server of models does not need. Containers
//! of the user's own are left as they are.

use hari_api::k8s_openapi::api::core::v1::{
    Capabilities, Container, EmptyDirVolumeSource, PodSpec, SeccompProfile, SecurityContext,
    Volume, VolumeMount,
};

use crate::container::set_if_absent;
use crate::storage::add_volume;

/// The end of the log says why a container failed, where it left no words of its own.
pub(crate) const LAST_WORDS: &str = "FallbackToLogsOnError";

/// Volume for what a container of Hari's image writes.
const SCRATCH: &str = "hari-tmp";
const SCRATCH_FOLDER: &str = "/tmp";
/// Where models are kept that a server fetches itself.
const CACHE: &str = "/tmp/hari";

/// Confines a container of Hari's image. Its file system is read-only but for `/tmp`.
pub(crate) fn confine(container: &mut Container, user: Option<i64>) {
    container.security_context = Some(confined(user));
    let variables = container.env.get_or_insert_default();
    set_if_absent(variables, "HARI_CACHE_DIR", CACHE.to_owned());
    let mounts = container.volume_mounts.get_or_insert_default();
    mounts.push(VolumeMount {
        name: SCRATCH.to_owned(),
        mount_path: SCRATCH_FOLDER.to_owned(),
        ..VolumeMount::default()
    });
}

/// Adds the volume that [`confine`] mounts, where a container does.
pub(crate) fn add_scratch(pod: &mut PodSpec) {
    let all = pod
        .containers
        .iter()
        .chain(pod.init_containers.iter().flatten());
    let mut mounts = all.flat_map(|container| container.volume_mounts.iter().flatten());
    if mounts.any(|mount| mount.name == SCRATCH) {
        add_volume(
            pod,
            Volume {
                name: SCRATCH.to_owned(),
                empty_dir: Some(EmptyDirVolumeSource::default()),
                ..Volume::default()
            },
        );
    }
}

/// A pod that holds nothing but Hari's containers, and names no account, gets no token.
pub(crate) fn withhold_token(pod: &mut PodSpec) {
    let scratch = |container: &Container| {
        let mut mounts = container.volume_mounts.iter().flatten();
        mounts.any(|mount| mount.name == SCRATCH)
    };
    let mut all = pod
        .containers
        .iter()
        .chain(pod.init_containers.iter().flatten());
    if pod.service_account_name.is_none() && all.all(scratch) {
        pod.automount_service_account_token.get_or_insert(false);
    }
}

fn confined(user: Option<i64>) -> SecurityContext {
    SecurityContext {
        run_as_user: user,
        run_as_non_root: user.map(|user| user != 0),
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            add: None,
        }),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            localhost_profile: None,
        }),
        ..SecurityContext::default()
    }
}
