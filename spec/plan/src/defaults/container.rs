//! The container of a unit: its pull policy, mounts and ports.

use hari_api::k8s_openapi::api::core::v1::{Container, ContainerPort, VolumeMount};

use super::ports::Ports;
use crate::contract::{path, port};

/// The container of a prepackaged server that the user wrote none for.
pub(super) fn named(name: &str) -> Container {
    Container {
        name: name.to_owned(),
        ..Container::default()
    }
}

/// What Kubernetes would fill in; written out so that comparing with the live object is exact.
pub(super) fn set_defaults(container: &mut Container) {
    let fill = |field: &mut Option<String>, value: &str| {
        if field.as_deref().unwrap_or_default().is_empty() {
            *field = Some(value.to_owned());
        }
    };
    fill(&mut container.image_pull_policy, "IfNotPresent");
    fill(
        &mut container.termination_message_path,
        path::TERMINATION_LOG,
    );
    fill(&mut container.termination_message_policy, "File");
}

/// Mounts the pod's annotations.
pub(super) fn mount_podinfo(container: &mut Container) {
    let mounts = container.volume_mounts.get_or_insert_default();
    mounts.retain(|mount| mount.name != path::PODINFO_VOLUME_OLD);
    if mounts
        .iter()
        .any(|mount| mount.name == path::PODINFO_VOLUME)
    {
        return;
    }
    mounts.push(VolumeMount {
        name: path::PODINFO_VOLUME.to_owned(),
        mount_path: path::PODINFO.to_owned(),
        ..VolumeMount::default()
    });
}

/// The ports that the user gave numbers to.
pub(super) struct Numbers {
    http: Option<i32>,
    grpc: Option<i32>,
}

/// The numbers of the ports named `http` and `grpc`.
pub(super) fn numbers(container: &Container) -> Numbers {
    let number = |name| find(container, name).map(|port| port.container_port);
    Numbers {
        http: number(port::HTTP_NAME),
        grpc: number(port::GRPC_NAME),
    }
}

impl Numbers {
    /// HTTP and gRPC ports, where they are not given as allocated.
    pub(super) fn or(&self, (http, grpc): (i32, i32)) -> (i32, i32) {
        (self.http.unwrap_or(http), self.grpc.unwrap_or(grpc))
    }
}

/// Adds a port for metrics where there is none.
pub(super) fn add_metrics_port(container: &mut Container, ports: &mut Ports) {
    if find(container, ports.metrics_name()).is_some() {
        return;
    }
    let name = ports.metrics_name().to_owned();
    container.ports.get_or_insert_default().push(ContainerPort {
        name: Some(name),
        container_port: ports.next_metrics(),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    });
}

fn find<'a>(container: &'a Container, name: &str) -> Option<&'a ContainerPort> {
    let ports = container.ports.as_deref().unwrap_or_default();
    ports.iter().find(|port| port.name.as_deref() == Some(name))
}
