//! Numbers of ports, given out in the order of the containers.

use std::collections::HashMap;

use crate::installation::Installation;

/// The next ports of a deployment; all of its predictors share them.
pub(super) struct Ports {
    next: Numbers,
    next_metrics: i32,
    metrics_name: String,
    given: HashMap<String, Numbers>,
}

/// The ports of a container for HTTP and gRPC.
#[derive(Clone, Copy)]
struct Numbers {
    http: i32,
    grpc: i32,
}

impl Ports {
    pub(super) fn new(installation: &Installation) -> Self {
        Self {
            next: Numbers {
                http: installation.http_port,
                grpc: installation.grpc_port,
            },
            next_metrics: installation.metrics_port,
            metrics_name: installation.metrics_port_name.clone(),
            given: HashMap::new(),
        }
    }

    /// HTTP and gRPC ports of the containers of this name.
    pub(super) fn of(&mut self, container: &str) -> (i32, i32) {
        if let Some(given) = self.given.get(container) {
            return (given.http, given.grpc);
        }
        let given = self.next;
        self.given.insert(container.to_owned(), given);
        self.next.http = self.next.http.saturating_add(1);
        self.next.grpc = self.next.grpc.saturating_add(1);
        (given.http, given.grpc)
    }

    /// The name of ports for metrics.
    pub(super) fn metrics_name(&self) -> &str {
        &self.metrics_name
    }

    /// The next port for metrics.
    pub(super) fn next_metrics(&mut self) -> i32 {
        let next = self.next_metrics;
        self.next_metrics = next.saturating_add(1);
        next
    }
}
