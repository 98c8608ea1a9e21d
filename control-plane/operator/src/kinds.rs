//! The kinds of objects that a deployment becomes, and which of them this cluster knows.

use std::time::Duration;

use hari_api::{GROUP, KIND, PLURAL};
use kube::Client;
use kube::api::{ApiResource, GroupVersionKind};
use kube::discovery::pinned_kind;

/// What a kind is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Where pods are reached.
    Service,
    /// What sizes or protects a Deployment, and is named like it.
    Scaler,
    /// The pods.
    Deployment,
    /// What routes name.
    Destination,
    /// How requests come in from outside.
    Route,
}

impl Part {
    /// Whether it waits for Deployments that are ready.
    pub(crate) const fn routes(self) -> bool {
        matches!(self, Self::Destination | Self::Route)
    }
}

/// One kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    group: &'static str,
    version: &'static str,
    /// `kind`.
    pub(crate) name: &'static str,
    plural: &'static str,
    /// What events call it.
    pub(crate) event: &'static str,
    /// What it is for.
    pub(crate) part: Part,
    /// Whether a cluster may lack it.
    pub(crate) optional: bool,
}

/// All of them, in the order in which they are applied.
pub(crate) const KINDS: [Kind; 12] = [
    of("", "v1", "Service", "services", Part::Service),
    Kind {
        event: "HPA",
        ..of(
            "autoscaling",
            "v2",
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
            Part::Scaler,
        )
    },
    optional(of(
        "keda.sh",
        "v1alpha1",
        "ScaledObject",
        "scaledobjects",
        Part::Scaler,
    )),
    Kind {
        event: "PDB",
        ..of(
            "policy",
            "v1",
            "PodDisruptionBudget",
            "poddisruptionbudgets",
            Part::Scaler,
        )
    },
    of("apps", "v1", "Deployment", "deployments", Part::Deployment),
    optional(of(
        "networking.istio.io",
        "v1beta1",
        "DestinationRule",
        "destinationrules",
        Part::Destination,
    )),
    optional(of(
        "networking.istio.io",
        "v1beta1",
        "VirtualService",
        "virtualservices",
        Part::Route,
    )),
    optional(of(
        "getambassador.io",
        "v2",
        "TLSContext",
        "tlscontexts",
        Part::Route,
    )),
    optional(Kind {
        event: "AmbassadorMapping",
        ..of("getambassador.io", "v2", "Mapping", "mappings", Part::Route)
    }),
    optional(of(
        "gateway.networking.k8s.io",
        "v1",
        "HTTPRoute",
        "httproutes",
        Part::Route,
    )),
    optional(of(
        "gateway.networking.k8s.io",
        "v1",
        "GRPCRoute",
        "grpcroutes",
        Part::Route,
    )),
    of(
        "networking.k8s.io",
        "v1",
        "Ingress",
        "ingresses",
        Part::Route,
    ),
];

const fn of(
    group: &'static str,
    version: &'static str,
    name: &'static str,
    plural: &'static str,
    part: Part,
) -> Kind {
    Kind {
        group,
        version,
        name,
        plural,
        event: name,
        part,
        optional: false,
    }
}

const fn optional(kind: Kind) -> Kind {
    Kind {
        optional: true,
        ..kind
    }
}

impl Kind {
    fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind::gvk(self.group, self.version, self.name)
    }

    /// As the API server knows it.
    pub(crate) fn resource(&self) -> ApiResource {
        ApiResource::from_gvk_with_plural(&self.gvk(), self.plural)
    }
}

/// The kind of this name.
pub(crate) fn named(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// The resource of deployments.
pub(crate) fn deployments() -> ApiResource {
    let gvk = GroupVersionKind::gvk(GROUP, "v1", KIND);
    ApiResource::from_gvk_with_plural(&gvk, PLURAL)
}

/// From one look to the next.
const PAUSE: Duration = Duration::from_secs(20);
/// And while the API server does not say.
const SOON: Duration = Duration::from_secs(1);

/// Kinds that the API server knows; waits until it says.
pub(crate) async fn present(client: &Client) -> Vec<&'static Kind> {
    until_said(|| look(client)).await
}

/// Asks until the API server answers.
async fn until_said<T, F>(ask: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, kube::Error>>,
{
    loop {
        match ask().await {
            Ok(said) => return said,
            Err(error) => tracing::warn!(%error, "the API server does not say what it knows"),
        }
        tokio::time::sleep(SOON).await;
    }
}

/// The oldest API server none of whose nodes is older than Kubernetes 1.30: they may be three minor
/// versions behind.
const NODES_WAIT: u32 = 33;

/// Whether a node may be too old to wait before it stops a container; waits until the API server says,
/// for what it says is in each pod.
pub(crate) async fn has_older_nodes(client: &Client) -> bool {
    until_said(async || match client.apiserver_version().await {
        Ok(version) => Ok(is_older(&version.major, &version.minor)),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(true),
        Err(error) => Err(error),
    })
    .await
}

/// Of the version of an API server; the minor one may end with `+`.
fn is_older(major: &str, minor: &str) -> bool {
    let digits = minor.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    (number(major), number(digits)) < (1, NODES_WAIT)
}

/// Waits until the API server knows other kinds than these. One that does not answer has not lost any.
pub(crate) async fn changed(client: &Client, known: &[&'static Kind]) {
    loop {
        tokio::time::sleep(PAUSE).await;
        if look(client).await.is_ok_and(|present| present != known) {
            return;
        }
    }
}

async fn look(client: &Client) -> Result<Vec<&'static Kind>, kube::Error> {
    let mut present = Vec::new();
    for kind in &KINDS {
        if !kind.optional || is_known(pinned_kind(client, &kind.gvk()).await)? {
            present.push(kind);
        }
    }
    Ok(present)
}

/// Whether a kind was found; an error if the API server did not say.
fn is_known<T>(found: Result<T, kube::Error>) -> Result<bool, kube::Error> {
    match found {
        Ok(_) => Ok(true),
        Err(kube::Error::Discovery(_)) => Ok(false),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn kinds_are_those_of_the_renderer() {
        assert_eq!(
            named("HorizontalPodAutoscaler").map(|kind| kind.event),
            Some("HPA")
        );
        assert_eq!(named("Mapping").map(|kind| kind.part), Some(Part::Route));
        assert!(named("TLSContext").is_some_and(|kind| kind.optional));
        assert!(named("Pod").is_none());
        assert_eq!(
            named("Service").map(|kind| kind.resource().api_version),
            Some("v1".to_owned())
        );
    }
    #[test]
    fn an_api_server_that_does_not_say_has_lost_no_kind() {
        let answer = |code| {
            Err::<(), _>(kube::Error::Api(
                Status::failure("", "").with_code(code).boxed(),
            ))
        };
        assert!(is_known(Ok(())).is_ok_and(|known| known));
        for code in [403, 404] {
            assert!(is_known(answer(code)).is_ok_and(|known| !known), "{code}");
        }
        for code in [401, 429, 500, 503] {
            assert!(is_known(answer(code)).is_err(), "{code}");
        }
    }

    #[test]
    fn nodes_are_at_most_three_versions_older() {
        for (version, older) in [
            (("1", "30"), true),
            (("1", "32+"), true),
            (("1", "33"), false),
            (("1", "34+"), false),
            (("2", "0"), false),
            (("", ""), true),
        ] {
            assert_eq!(is_older(version.0, version.1), older, "{version:?}");
        }
    }
}
