//! Objects that are no longer asked for, and the order in which they go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hari_api::k8s_openapi::api::apps::v1::ReplicaSet;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, DynamicObject};

use crate::apply::{Wanted, delete};
use crate::controller::Context;
use crate::fault::Fault;
use crate::kinds::{Kind, Part};
use crate::reconcile::Own;
use crate::span;

/// What a deployment owns.
type Owned = [(&'static Kind, Arc<DynamicObject>)];

/// What scales or protects a Deployment that is asked for without it goes at once: an autoscaler would
/// go on scaling.
pub(crate) async fn scalers(
    context: &Context,
    own: &Own,
    wanted: &[Wanted],
    owned: &Owned,
) -> Result<(), Fault> {
    let deployments: BTreeSet<&str> = of_part(wanted, Part::Deployment).collect();
    let surplus = surplus(wanted, owned).filter(|(kind, object)| {
        kind.part == Part::Scaler && deployments.contains(&*object.name_any())
    });
    for (kind, object) in surplus {
        delete(context, own, (kind, object), DeleteParams::background()).await?;
    }
    Ok(())
}

/// Takes away what is no longer asked for; called when all that is asked for serves. Routes go first,
/// then Deployments with what scales them, and when these are gone what routes led to: a proxy that has
/// not heard of the new route yet may still ask for it. Deployments wait until proxies have heard of
/// routes that were written just now; says how long.
pub(crate) async fn all(
    context: &Context,
    own: &Own,
    wanted: &[Wanted],
    owned: &Owned,
) -> Result<Option<Duration>, Fault> {
    let mut due = now(wanted, owned);
    let is_route = |kind: &Kind| kind.part == Part::Route;
    if due.iter().any(|(kind, _)| is_route(kind)) {
        context.routed.note(&own.uid);
    }
    let pods_go = due.iter().any(|(kind, _)| kind.part == Part::Deployment);
    let left = context.routed.unheard(&own.uid).filter(|_| pods_go);
    if left.is_some() {
        due.retain(|(kind, _)| is_route(kind));
    }
    for (kind, object) in due {
        let parameters = match kind.part {
            Part::Deployment => DeleteParams::foreground(),
            _ => DeleteParams::background(),
        };
        delete(context, own, (kind, object), parameters).await?;
    }
    replaced(context, own).await?;
    Ok(left)
}

/// What goes now, in this order.
fn now<'a>(wanted: &'a [Wanted], owned: &'a Owned) -> Vec<(&'static Kind, &'a DynamicObject)> {
    let surplus: Vec<_> = surplus(wanted, owned).collect();
    let has_deployments = surplus
        .iter()
        .any(|(kind, _)| kind.part == Part::Deployment);
    let mut now: Vec<_> = surplus
        .into_iter()
        .filter(|(kind, _)| !(has_deployments && is_led_to(kind.part)))
        .filter(|(_, object)| object.metadata.deletion_timestamp.is_none())
        .collect();
    now.sort_by_key(|(kind, object)| {
        let part = match kind.part {
            Part::Route => 0,
            Part::Scaler => 1,
            Part::Deployment => 2,
            Part::Destination => 3,
            Part::Service => 4,
        };
        (part, object.name_any())
    });
    now
}

/// Whether routes lead to it.
fn is_led_to(part: Part) -> bool {
    matches!(part, Part::Destination | Part::Service)
}

/// What is owned and not asked for.
fn surplus<'a>(
    wanted: &'a [Wanted],
    owned: &'a Owned,
) -> impl Iterator<Item = (&'static Kind, &'a DynamicObject)> {
    let asked = |kind: &Kind, name: &str| {
        wanted
            .iter()
            .any(|wanted| wanted.kind == kind && wanted.name == name)
    };
    let surplus = owned
        .iter()
        .filter(move |(kind, object)| !asked(kind, &object.name_any()));
    surplus.map(|(kind, object)| (*kind, &**object))
}

fn of_part(wanted: &[Wanted], part: Part) -> impl Iterator<Item = &str> {
    let of_it = wanted.iter().filter(move |wanted| wanted.kind.part == part);
    of_it.map(|wanted| &*wanted.name)
}

/// Pods that served until now in the place of those that are ready.
async fn replaced(context: &Context, own: &Own) -> Result<(), Fault> {
    let api: Api<ReplicaSet> = Api::namespaced(context.client.clone(), &own.namespace);
    for name in context.cache.replaced(&own.namespace, &own.uid, None) {
        let parameters = DeleteParams::background();
        let asked = api.delete(&name, &parameters);
        match span::write("delete", ("ReplicaSet", &name), asked).await {
            Ok(_) => context.writes.count("ReplicaSet", "delete"),
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => {
                return Err(Fault::api(format!("cannot delete ReplicaSet {name}"))(
                    error,
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::named;

    fn wanted(kind: &str, name: &str) -> Wanted {
        Wanted {
            kind: named(kind).expect("a kind"),
            name: name.to_owned(),
            value: json!({}),
        }
    }

    fn owned(kind: &str, name: &str) -> (&'static Kind, Arc<DynamicObject>) {
        let kind = named(kind).expect("a kind");
        (kind, Arc::new(DynamicObject::new(name, &kind.resource())))
    }

    fn names(wanted: &[Wanted], owned: &Owned) -> Vec<String> {
        let now = now(wanted, owned);
        now.iter()
            .map(|(kind, object)| format!("{} {}", kind.name, object.name_any()))
            .collect()
    }

    #[test]
    fn what_routes_lead_to_goes_when_deployments_are_gone() {
        let wants = [wanted("Deployment", "new"), wanted("Service", "s")];
        let mut has = vec![
            owned("Service", "old"),
            owned("Service", "s"),
            owned("Deployment", "old"),
            owned("Deployment", "new"),
            owned("ScaledObject", "old"),
            owned("DestinationRule", "old"),
            owned("VirtualService", "old"),
        ];
        assert_eq!(
            names(&wants, &has),
            ["VirtualService old", "ScaledObject old", "Deployment old"]
        );
        has.retain(|(kind, object)| kind.name != "Deployment" || object.name_any() == "new");
        assert_eq!(
            names(&wants, &has),
            [
                "VirtualService old",
                "ScaledObject old",
                "DestinationRule old",
                "Service old"
            ]
        );
    }

    #[test]
    fn nothing_goes_that_is_asked_for() {
        let wants = [wanted("Deployment", "a"), wanted("Service", "a")];
        assert!(names(&wants, &[owned("Deployment", "a"), owned("Service", "a")]).is_empty());
    }
}
