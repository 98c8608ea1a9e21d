//! The conditions of a status, and `Ready`, which is all of them.

use hari_api::Condition;
use hari_api::k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use hari_api::k8s_openapi::jiff::Timestamp;

use super::progress::progress;
use super::{Seen, Shown};
use crate::events::shortened;
use crate::kinds::Part;

/// A condition about kinds of objects, and what it says.
struct About {
    type_: &'static str,
    kinds: &'static [&'static str],
    all: &'static str,
    none: &'static str,
    not_all: &'static str,
}

const ABOUT: [About; 6] = [
    About {
        type_: "ServicesReady",
        kinds: &["Service"],
        all: "All services created",
        none: "All services created",
        not_all: "Not all services created",
    },
    About {
        type_: "HpasReady",
        kinds: &["HorizontalPodAutoscaler"],
        all: "All HPAs resources ready",
        none: "No HPAs defined",
        not_all: "HPAs not ready",
    },
    About {
        type_: "KedaReady",
        kinds: &["ScaledObject"],
        all: "All KEDA resources ready",
        none: "No KEDA resources defined",
        not_all: "KEDA resources not ready",
    },
    About {
        type_: "PdbsReady",
        kinds: &["PodDisruptionBudget"],
        all: "All PDBs resources ready",
        none: "No PDBs defined",
        not_all: "PDBs not ready",
    },
    About {
        type_: "istioVirtualServicesReady",
        kinds: &["VirtualService", "DestinationRule"],
        all: "All VirtualServices created",
        none: "No VirtualServices defined",
        not_all: "Not all VirtualServices created",
    },
    About {
        type_: "AmbassadorMappingsReady",
        kinds: &["Mapping"],
        all: "All Ambassador Mappings created",
        none: "No Ambassador Mappings defined",
        not_all: "Not all Ambassador Mappings created",
    },
];

/// Routes that the original did not make: said only where there are any.
const ROUTES: About = About {
    type_: "RoutesReady",
    kinds: &["HTTPRoute", "GRPCRoute", "Ingress"],
    all: "All routes created",
    none: "No routes defined",
    not_all: "Not all routes created",
};

/// All conditions, with the times of those that stay as they were.
pub(super) fn conditions(seen: &Seen) -> Vec<Condition> {
    let mut all = vec![deployments(seen)];
    all.extend(ABOUT.iter().map(|about| of(seen, about)));
    if ROUTES.kinds.iter().any(|kind| is_asked_for(seen, kind)) {
        all.push(of(seen, &ROUTES));
    }
    if !seen.absent.is_empty() {
        let message = shortened(seen.absent.join("; "));
        all.push(condition(
            "CredentialsReady",
            false,
            "NotThere",
            Some(message),
        ));
    }
    let ready = ready(seen, &all);
    all.push(ready);
    for condition in &mut all {
        condition.last_transition_time = since(seen, condition);
    }
    all
}

fn is_asked_for(seen: &Seen, kind: &str) -> bool {
    seen.missing.contains(&kind) || seen.objects.iter().any(|shown| shown.kind == kind)
}

fn of(seen: &Seen, about: &About) -> Condition {
    let missing = about.kinds.iter().find(|kind| seen.missing.contains(kind));
    let shown = || {
        seen.objects
            .iter()
            .filter(|shown| about.kinds.contains(&shown.kind))
    };
    if let Some(kind) = missing {
        let message =
            format!("the cluster does not know {kind}: install what defines it, or switch it off");
        return condition(about.type_, false, about.not_all, Some(message));
    }
    match (
        shown().next().is_some(),
        shown().find(|shown| shown.live.is_none()),
    ) {
        (_, Some(shown)) => {
            let message = format!("{} {} is not there yet", shown.kind, shown.name);
            condition(about.type_, false, about.not_all, Some(message))
        }
        (true, None) => condition(about.type_, true, about.all, None),
        (false, None) => condition(about.type_, true, about.none, None),
    }
}

/// Copied from the Deployments, with what their pods tell.
fn deployments(seen: &Seen) -> Condition {
    const TYPE: &str = "DeploymentsReady";
    let waits = |shown: &&Shown| {
        !shown
            .live
            .as_deref()
            .is_some_and(|live| progress(live).is_rolled_out())
    };
    let mut all = seen.of(Part::Deployment);
    if let Some(shown) = seen.of(Part::Deployment).find(waits) {
        let progress = shown.live.as_deref().map(progress).unwrap_or_default();
        let because = progress.refused_because.or(progress.stuck_because);
        let (reason, message) = because.unwrap_or(progress.available_because);
        let reason = if reason.is_empty() {
            "Creating".to_owned()
        } else {
            reason
        };
        let told = shown.trouble().unwrap_or(message);
        let message = shortened(format!("Deployment {}: {told}", shown.name));
        return condition(TYPE, false, &reason, Some(message));
    }
    let Some(live) = all.find_map(|shown| shown.live.as_deref()) else {
        return condition(
            TYPE,
            false,
            "Creating",
            Some("there are no Deployments yet".to_owned()),
        );
    };
    match progress(live) {
        found if found.is_at_rest() => condition(TYPE, true, "ScaledToZero", None),
        found => {
            let (reason, message) = found.available_because;
            condition(
                TYPE,
                true,
                &reason,
                Some(message).filter(|text| !text.is_empty()),
            )
        }
    }
}

/// All of them, and nothing went wrong.
fn ready(seen: &Seen, all: &[Condition]) -> Condition {
    if let Some(trouble) = &seen.trouble {
        return condition("Ready", false, "Failed", Some(trouble.clone()));
    }
    match all.iter().find(|condition| condition.status != "True") {
        Some(first) => {
            let reason = first.reason.as_deref().unwrap_or_default();
            condition("Ready", false, reason, first.message.clone())
        }
        None if !seen.complete => condition(
            "Ready",
            false,
            "Creating",
            Some("not everything is applied yet".to_owned()),
        ),
        None => condition("Ready", true, "Available", None),
    }
}

fn condition(type_: &str, holds: bool, reason: &str, message: Option<String>) -> Condition {
    Condition {
        type_: type_.to_owned(),
        status: if holds { "True" } else { "False" }.to_owned(),
        reason: Some(reason.to_owned()).filter(|text| !text.is_empty()),
        message,
        ..Condition::default()
    }
}

fn since(seen: &Seen, condition: &Condition) -> Option<Time> {
    let mut before = seen.previous.conditions.iter();
    let same = before.find(|one| one.type_ == condition.type_ && one.status == condition.status);
    // Kubernetes keeps whole seconds.
    let now = || {
        Timestamp::from_second(Timestamp::now().as_second())
            .ok()
            .map(Time)
    };
    same.and_then(|same| same.last_transition_time.clone())
        .or_else(now)
}
