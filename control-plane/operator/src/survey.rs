//! A look at a cluster where the original's operator may run, for a report on what would change. It
//! reads, and writes nothing; of Secrets it reads the names alone.

mod list;

use std::collections::{BTreeMap, BTreeSet};

use hari_api::k8s_openapi::api::apps::v1::Deployment;
use hari_api::k8s_openapi::api::core::v1::{ConfigMap, Container, ServiceAccount};
use hari_api::{GROUP, KIND, PLURAL, Protocol};
use hari_error::Result;
use hari_migrate::{Account, Installed, Operator, Surveyed};
use hari_plan::Installation;
use kube::{Client, ResourceExt as _};
use serde_json::Value;

use crate::cache::ID;
use crate::configuration::{Configuration, of_another};
use list::{Listable, Listed, Lister};

/// Name of the operator's Deployment, and of its container.
const MANAGER: &str = "seldon-controller-manager";
const CONTAINER: &str = "manager";
/// The ConfigMap.
const CONFIG: &str = "seldon-config";
const ISTIO: &str = "networking.istio.io";
const GATEWAY: &str = "gateway.networking.k8s.io";

/// The resource itself.
const OURS: Listable = Listable::new(GROUP, "v1", KIND, PLURAL);
/// Kinds that a deployment may own, and whether they carry the label.
const OWNED: [(Listable, bool); 11] = [
    (
        Listable::new("apps", "v1", "Deployment", "deployments"),
        true,
    ),
    (Listable::new("", "v1", "Service", "services"), true),
    (
        Listable::new(
            "autoscaling",
            "v2",
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
        ),
        true,
    ),
    (
        Listable::new(
            "policy",
            "v1",
            "PodDisruptionBudget",
            "poddisruptionbudgets",
        ),
        true,
    ),
    (
        Listable::new("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"),
        false,
    ),
    (
        Listable::new(ISTIO, "v1beta1", "VirtualService", "virtualservices"),
        false,
    ),
    (
        Listable::new(ISTIO, "v1beta1", "DestinationRule", "destinationrules"),
        false,
    ),
    (
        Listable::new("getambassador.io", "v2", "Mapping", "mappings"),
        false,
    ),
    (
        Listable::new(GATEWAY, "v1", "HTTPRoute", "httproutes"),
        false,
    ),
    (
        Listable::new(GATEWAY, "v1", "GRPCRoute", "grpcroutes"),
        false,
    ),
    (
        Listable::new("networking.k8s.io", "v1", "Ingress", "ingresses"),
        true,
    ),
];
/// Groups whose presence says what can be used.
const TOLD: [&str; 4] = [ISTIO, "getambassador.io", GATEWAY, "keda.sh"];

/// Looks at a cluster, or at one namespace of it.
///
/// # Errors
/// `Unavailable` when the API server cannot be reached or refuses what cannot be done without: the list
/// of deployments.
pub async fn survey(client: &Client, namespace: Option<&str>) -> Result<Surveyed> {
    let lister = Lister {
        client,
        namespace: namespace.map(str::to_owned),
    };
    let served = lister.groups().await?;
    let resources = match served.contains(GROUP) {
        true => lister.values(&OURS, None).await?.seen()?,
        false => Vec::new(),
    };
    let (operators, configuration, unreadable) = operators(client).await?;
    let mut unseen = BTreeSet::new();
    let mut objects = Vec::new();
    for (kind, labelled) in OWNED {
        if resources.is_empty() || !(kind.group.is_empty() || served.contains(kind.group)) {
            continue;
        }
        match lister.values(&kind, labelled.then_some(ID)).await? {
            Listed::Seen(found) => objects.extend(found.into_iter().filter(is_owned)),
            Listed::Refused(_) => {
                unseen.insert(kind.plural.to_owned());
            }
        }
    }
    let (accounts, secrets) = credentials(&lister, &resources, &mut unseen).await?;
    let groups = TOLD.into_iter().filter(|group| served.contains(*group));
    Ok(Surveyed {
        resources,
        objects,
        installed: Installed {
            kubernetes: lister.version().await?,
            operators,
            groups: groups.map(str::to_owned).collect(),
            accounts,
            secrets,
            pinned: pinned(&configuration.installation),
            unreadable,
            unseen,
            notes: Vec::new(),
        },
        settings: configuration.render,
        servers: configuration.installation,
    })
}

/// Only what deployments own is of interest.
fn is_owned(object: &Value) -> bool {
    let owners = object.pointer("/metadata/ownerReferences");
    let mut owners = owners.and_then(Value::as_array).into_iter().flatten();
    owners.any(|owner| owner.get("kind").and_then(Value::as_str) == Some(KIND))
}

/// The operators that are there, and what the first of them is set to.
async fn operators(client: &Client) -> Result<(Vec<Operator>, Configuration, Vec<String>)> {
    let everywhere = Lister {
        client,
        namespace: None,
    };
    let managers: Listed<Deployment> = everywhere.named(MANAGER).await?;
    let managers = managers.or_none();
    let operators = managers.iter().map(operator).collect();
    let Some(first) = managers.first() else {
        let (configuration, problems) = of_another(&BTreeMap::new(), &BTreeMap::new());
        return Ok((operators, configuration, problems));
    };
    let own = Lister {
        client,
        namespace: first.namespace(),
    };
    let maps: Listed<ConfigMap> = own.named(CONFIG).await?;
    let texts = maps.or_none().pop().and_then(|map| map.data);
    let variables = variables(first);
    let (configuration, problems) = of_another(&variables, &texts.unwrap_or_default());
    Ok((operators, configuration, problems))
}

fn manager(deployment: &Deployment) -> Option<&Container> {
    let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
    let named = pod.containers.iter().find(|found| found.name == CONTAINER);
    named.or_else(|| pod.containers.first())
}

fn operator(deployment: &Deployment) -> Operator {
    let container = manager(deployment);
    let image = container.and_then(|container| container.image.clone());
    let arguments = container.and_then(|container| container.args.clone());
    Operator {
        name: format!(
            "{}/{}",
            deployment.namespace().unwrap_or_default(),
            deployment.name_any()
        ),
        image: image.unwrap_or_default(),
        arguments: arguments.unwrap_or_default(),
    }
}

/// Variables that have a value of their own.
fn variables(deployment: &Deployment) -> BTreeMap<String, String> {
    let container = manager(deployment);
    let all = container.and_then(|container| container.env.as_ref());
    let all = all.into_iter().flatten();
    let valued = all.filter_map(|variable| Some((variable.name.clone(), variable.value.clone()?)));
    valued.collect()
}

/// Images that take the place of servers that are built in.
fn pinned(installation: &Installation) -> Vec<String> {
    let protocols = [Protocol::Seldon, Protocol::Tensorflow, Protocol::V2];
    let names = installation.servers.keys();
    let all = names.flat_map(|name| protocols.map(|protocol| (name, protocol)));
    let chosen = all.filter_map(|(name, protocol)| {
        let image = installation.pinned(name, protocol)?;
        Some(format!("{name} {protocol}: {image}"))
    });
    chosen.collect()
}

type Credentials = (BTreeMap<String, Account>, BTreeSet<String>);

/// Service accounts with the names of their secrets, and the names of secrets that deployments or
/// accounts name.
async fn credentials(
    lister: &Lister<'_>,
    resources: &[Value],
    unseen: &mut BTreeSet<String>,
) -> Result<Credentials> {
    if resources.is_empty() {
        return Ok(Credentials::default());
    }
    let accounts: Listed<ServiceAccount> = lister.typed().await?;
    if accounts.is_refused() {
        unseen.insert("serviceaccounts".to_owned());
    }
    let accounts: BTreeMap<String, Account> = accounts
        .or_none()
        .iter()
        .map(|account| (full(account), listed(account)))
        .collect();
    let text = Value::from(resources.to_vec()).to_string();
    let mentioned = |name: &str| {
        let by_accounts = accounts.values().flat_map(|account| &account.secrets);
        by_accounts.clone().any(|secret| secret == name) || text.contains(&format!("\"{name}\""))
    };
    let secrets = lister.names_of_secrets().await?;
    if secrets.is_refused() {
        unseen.insert("secrets".to_owned());
    }
    let secrets = secrets.or_none().into_iter();
    let secrets = secrets.filter(|full| {
        full.split_once('/')
            .is_some_and(|(_, name)| mentioned(name))
    });
    let secrets = secrets.collect();
    Ok((accounts, secrets))
}

fn full(account: &ServiceAccount) -> String {
    format!(
        "{}/{}",
        account.namespace().unwrap_or_default(),
        account.name_any()
    )
}

fn listed(account: &ServiceAccount) -> Account {
    let secrets = account.secrets.iter().flatten();
    Account {
        secrets: secrets.filter_map(|secret| secret.name.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_images_of_someone_else_are_pinned() {
        let mut installation = Installation::default();
        assert_eq!(pinned(&installation), [""; 0]);
        let list = r#"{"SKLEARN_SERVER": {"protocols": {
            "seldon": {"image": "docker.io/seldonio/sklearnserver", "defaultImageVersion": "1.14"},
            "v2": {"image": "acme/mlserver", "defaultImageVersion": "2"}}}}"#;
        installation = installation.with_servers(list).unwrap();
        assert_eq!(
            pinned(&installation),
            ["SKLEARN_SERVER v2: acme/mlserver:2"]
        );
    }

    #[test]
    fn the_manager_says_what_it_is_set_to() {
        let deployment: Deployment = serde_json::from_value(json!({
            "metadata": {"name": MANAGER, "namespace": "seldon-system"},
            "spec": {"selector": {}, "template": {"spec": {"containers": [
                {"name": "proxy"},
                {"name": "manager", "image": "seldonio/seldon-core-operator:1.17.1",
                 "args": ["--enable-leader-election"],
                 "env": [{"name": "ISTIO_ENABLED", "value": "true"},
                         {"name": "POD_NAMESPACE", "valueFrom": {}}]},
            ]}}},
        }))
        .unwrap();
        let found = operator(&deployment);
        assert_eq!(found.name, "seldon-system/seldon-controller-manager");
        assert_eq!(found.arguments, ["--enable-leader-election"]);
        let set = variables(&deployment);
        assert_eq!(
            set,
            BTreeMap::from([("ISTIO_ENABLED".to_owned(), "true".to_owned())])
        );
    }

    #[test]
    fn objects_of_others_are_left_out() {
        let owned = json!({"metadata": {"ownerReferences": [{"kind": "SeldonDeployment"}]}});
        assert!(is_owned(&owned));
        assert!(!is_owned(&json!({"metadata": {}})));
    }
}
