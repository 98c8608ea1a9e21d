//! Lists of a pod that have keys: server-side apply takes no key twice, and users write some.

use hari_api::k8s_openapi::api::core::v1::{Container, PodSpec};

/// Leaves one entry of each key: the last variable and mount, as the kubelet takes them, and the
/// first port, whose name others refer to.
pub(crate) fn keys(pod: &mut PodSpec) {
    let all = pod.init_containers.iter_mut().flatten();
    for container in all.chain(&mut pod.containers) {
        of_container(container);
    }
    if let Some(volumes) = &mut pod.volumes {
        last(volumes, |volume| volume.name.clone());
    }
}

fn of_container(container: &mut Container) {
    if let Some(variables) = &mut container.env {
        last(variables, |variable| variable.name.clone());
    }
    if let Some(mounts) = &mut container.volume_mounts {
        last(mounts, |mount| mount.mount_path.clone());
    }
    if let Some(ports) = &mut container.ports {
        let protocol = |text: &Option<String>| text.clone().unwrap_or_else(|| "TCP".to_owned());
        first(ports, |port| {
            (port.container_port, protocol(&port.protocol))
        });
    }
}

fn first<T, K: PartialEq>(list: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut kept: Vec<K> = Vec::new();
    list.retain(|entry| {
        let key = key(entry);
        let new = !kept.contains(&key);
        if new {
            kept.push(key);
        }
        new
    });
}

fn last<T, K: PartialEq>(list: &mut Vec<T>, key: impl Fn(&T) -> K) {
    list.reverse();
    first(list, key);
    list.reverse();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::{tcp, variable};

    #[test]
    fn the_last_variable_and_the_first_port_stay() {
        let mut pod = PodSpec {
            containers: vec![Container {
                env: Some(vec![
                    variable("A", "1".to_owned()),
                    variable("B", "2".to_owned()),
                    variable("A", "3".to_owned()),
                ]),
                ports: Some(vec![
                    tcp("http".to_owned(), 9000),
                    tcp("metrics".to_owned(), 9000),
                    tcp("grpc".to_owned(), 9500),
                ]),
                ..Container::default()
            }],
            ..PodSpec::default()
        };
        keys(&mut pod);
        let container = &pod.containers[0];
        let variables = container.env.iter().flatten();
        let pairs: Vec<_> = variables
            .map(|found| (&*found.name, found.value.as_deref().unwrap_or_default()))
            .collect();
        assert_eq!(pairs, [("B", "2"), ("A", "3")]);
        let ports = container.ports.iter().flatten();
        let names: Vec<_> = ports.filter_map(|port| port.name.as_deref()).collect();
        assert_eq!(names, ["http", "grpc"]);
    }
}
