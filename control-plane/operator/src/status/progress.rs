//! How far a Deployment is.

use kube::api::DynamicObject;
use serde_json::Value;

/// How far a Deployment is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    desired: i32,
    /// Pods there are.
    pub(crate) replicas: i32,
    updated: i32,
    /// Pods that answer.
    pub(crate) available: i32,
    /// The controller of Deployments has seen the newest template.
    observed: bool,
    /// It neither goes on nor answers.
    pub(crate) gave_up: bool,
    /// Reason and message of the condition `Available`.
    pub(crate) available_because: (String, String),
    /// Reason and message of the condition `Progressing`, if it does not go on.
    pub(crate) stuck_because: Option<(String, String)>,
    /// Reason and message of the condition `ReplicaFailure`, if pods cannot be made: for a quota, say.
    pub(crate) refused_because: Option<(String, String)>,
}

/// How far this one is.
pub(crate) fn progress(live: &DynamicObject) -> Progress {
    let data = &live.data;
    let number = |pointer: &str| data.pointer(pointer).and_then(Value::as_i64);
    let count = |pointer: &str| number(pointer).and_then(|count| i32::try_from(count).ok());
    let of = |type_: &str| condition(data, type_);
    let is = |type_: &str, value: &str| of(type_).is_some_and(|found| found["status"] == value);
    let is_false = |type_: &str| is(type_, "False");
    let observed = number("/status/observedGeneration");
    Progress {
        desired: count("/spec/replicas").unwrap_or(1),
        replicas: count("/status/replicas").unwrap_or_default(),
        updated: count("/status/updatedReplicas").unwrap_or_default(),
        available: count("/status/availableReplicas").unwrap_or_default(),
        observed: observed.is_some() && observed >= live.metadata.generation,
        gave_up: is_false("Progressing") && is_false("Available"),
        available_because: of("Available").map(because).unwrap_or_default(),
        stuck_because: of("Progressing")
            .filter(|_| is_false("Progressing"))
            .map(because),
        refused_because: of("ReplicaFailure")
            .filter(|_| is("ReplicaFailure", "True"))
            .map(because),
    }
}

fn condition<'a>(data: &'a Value, type_: &str) -> Option<&'a Value> {
    let all = data.pointer("/status/conditions")?.as_array()?;
    all.iter().find(|condition| condition["type"] == type_)
}

fn because(condition: &Value) -> (String, String) {
    let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("message"))
}

impl Progress {
    /// All pods are of the newest template and answer, and no other is left.
    pub(crate) fn is_rolled_out(&self) -> bool {
        self.is_newest() && self.available >= self.desired
    }

    /// A request would be answered by a pod of the newest template; or there is to be none.
    pub(crate) fn answers(&self) -> bool {
        self.is_newest() && (self.available > 0 || self.desired == 0)
    }

    /// Scaled to zero.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.desired == 0 && self.is_rolled_out()
    }

    fn is_newest(&self) -> bool {
        self.observed && self.updated >= self.desired && self.replicas <= self.updated
    }
}
