//! Which deployments are this controller's: by namespace, and by the label `seldon.io/controller-id`.

use std::collections::BTreeMap;

/// Label of deployments, and of namespaces, that says whose they are.
const CONTROLLER_ID: &str = "seldon.io/controller-id";

/// Which deployments are this controller's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The one namespace that is watched; all if `None`.
    pub namespace: Option<String>,
    /// Value of the label `seldon.io/controller-id` of its deployments; those without if `None`.
    pub controller_id: Option<String>,
}

type Labels = BTreeMap<String, String>;

impl Scope {
    /// Whether a deployment with these labels, in a namespace with those, is this controller's. A
    /// namespace that names a controller has one of its own.
    pub(crate) fn takes(&self, deployment: Option<&Labels>, namespace: Option<&Labels>) -> bool {
        let elsewhere = self.namespace.is_none() && !id(namespace).is_empty();
        !elsewhere && id(deployment) == self.controller_id.as_deref().unwrap_or_default()
    }
}

fn id(labels: Option<&Labels>) -> &str {
    let found = labels.and_then(|labels| labels.get(CONTROLLER_ID));
    found.map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(id: &str) -> Labels {
        Labels::from([(CONTROLLER_ID.to_owned(), id.to_owned())])
    }

    #[test]
    fn a_namespace_with_a_controller_of_its_own_is_left_alone() {
        let all = Scope::default();
        assert!(all.takes(None, None));
        assert!(all.takes(Some(&labels("")), Some(&labels(""))));
        assert!(!all.takes(None, Some(&labels("team"))));
        let one = Scope {
            namespace: Some("team".to_owned()),
            controller_id: None,
        };
        assert!(one.takes(None, Some(&labels("team"))));
    }

    #[test]
    fn a_controller_with_an_id_takes_its_own() {
        let own = Scope {
            namespace: None,
            controller_id: Some("blue".to_owned()),
        };
        assert!(own.takes(Some(&labels("blue")), None));
        assert!(!own.takes(Some(&labels("green")), None));
        assert!(!own.takes(None, None));
        assert!(!Scope::default().takes(Some(&labels("blue")), None));
    }
}
