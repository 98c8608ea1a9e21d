//! One reconcile: what a deployment asks for, made so; and its status.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hari_api::k8s_openapi::api::core::v1::ObjectReference;
use hari_api::k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use hari_api::k8s_openapi::jiff::Timestamp;

use hari_api::{Document, Issue, SeldonDeploymentStatus};
use hari_plan::{Plan, plan_with};
use hari_render::render;
use hari_rollout::Decision;
use hari_rollout::phase::ROLLED_BACK;

use hari_telemetry::metric::operator::{self as metric, Outcome};
use hari_telemetry::trace;
use kube::Resource as _;
use kube::api::DynamicObject;
use kube::runtime::controller::Action;
use serde_json::{Value, json};
use tracing::{Instrument as _, Span};

use crate::accounts::{self, Known};
use crate::apply::{Done, Wanted, apply};
use crate::controller::Context;
use crate::fault::Fault;
use crate::kinds::{self, Part};
use crate::prune;
use crate::rollout;
use crate::span;

use crate::status::{self, Seen};

/// A deployment: who it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    pub(crate) generation: Option<i64>,
    /// For events.
    pub(crate) reference: ObjectReference,
    /// As last reported.
    pub(crate) status: SeldonDeploymentStatus,
}

impl Own {
    fn of(object: &DynamicObject) -> Self {
        let metadata = &object.metadata;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let status = object.data.get("status").cloned().unwrap_or_default();
        Self {
            name: text(&metadata.name),
            namespace: text(&metadata.namespace),
            uid: text(&metadata.uid),
            generation: metadata.generation,
            reference: object.object_ref(&kinds::deployments()),
            // One that cannot be read is written anew.
            status: serde_json::from_value(status).unwrap_or_default(),
        }
    }
}

/// How far a deployment is.
#[derive(Debug, Default)]
struct Reached {
    wanted: Vec<Wanted>,
    /// Kinds that are asked for and that the cluster does not know.
    missing: Vec<&'static str>,
    /// What downloads would need and that is not there.
    absent: Vec<String>,
    wrote: bool,
    /// All Deployments are ready, and routes lead to them.
    complete: bool,
    /// How far the canary is, if there is one.
    rollout: Option<Decision>,
    /// Service of a canary that routes do not wait for.
    aside: Option<String>,
}

/// Reconciles one deployment.
pub(crate) async fn reconcile(
    object: Arc<DynamicObject>,
    context: Arc<Context>,
) -> Result<Action, Fault> {
    if object.metadata.deletion_timestamp.is_some() || !is_ours(&object, &context) {
        return Ok(Action::await_change());
    }
    let own = Own::of(&object);
    let span = span::reconcile(&own);
    one(&object, &own, &context).instrument(span).await
}

async fn one(object: &DynamicObject, own: &Own, context: &Context) -> Result<Action, Fault> {
    let began = Instant::now();
    let ended = attempt(object, own, context).await;
    let outcome = match &ended {
        Ok((outcome, _)) => *outcome,
        Err(fault) if fault.passes() => Outcome::Ok,
        Err(_) => Outcome::Failed,
    };
    metric::reconciled(outcome, began.elapsed());
    Span::current().record("outcome", outcome.label());
    match ended {
        Ok((_, next)) => {
            context.succeeded(object);
            Ok(next.map_or_else(Action::await_change, Action::requeue))
        }
        Err(fault) => {
            fault.count();
            if !fault.passes() {
                trace::failed(&fault.to_string());
            }
            tracing::warn!(deployment = own.name, namespace = own.namespace, %fault, "not done");
            Err(fault)
        }
    }
}

fn is_ours(object: &DynamicObject, context: &Context) -> bool {
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let of_namespace = context.cache.namespace(namespace);
    context
        .scope
        .takes(object.metadata.labels.as_ref(), of_namespace.as_ref())
}

/// One attempt; what went wrong is in the status too.
/// Says when to come back, if something is to be looked at then.
async fn attempt(
    object: &DynamicObject,
    own: &Own,
    context: &Context,
) -> Result<(Outcome, Option<Duration>), Fault> {
    let configuration = context.configuration.borrow().clone();
    let mut plan = match planned(object, &configuration.installation) {
        Ok(plan) => plan,
        Err(issues) => return Ok((invalid(context, own, &issues).await?, None)),
    };
    let rollout = rolled_out(context, own, &mut plan).await;
    let known = credentials(context, own, &plan).await?;
    let objects = match render(&plan, &configuration.render, &known.surroundings) {
        Ok(objects) => objects,
        Err(issues) => return Ok((invalid(context, own, &issues).await?, None)),
    };
    let next = rollout.as_ref().and_then(|decision| decision.next);
    let look_again = (!known.absent.is_empty()).then_some(accounts::AGAIN);
    let mut reached = Reached {
        aside: rollout
            .as_ref()
            .and_then(|decision| rollout::aside(&plan, decision)),
        rollout,
        absent: known.absent,
        ..Reached::default()
    };
    for wanted in objects.iter().filter_map(Wanted::of) {
        match context.cache.knows(wanted.kind.name) {
            true => reached.wanted.push(wanted),
            false => reached.missing.push(wanted.kind.name),
        }
    }
    let made = make(context, own, &mut reached).await;
    let trouble = made.as_ref().err().filter(|fault| !fault.passes());
    let trouble = trouble.map(ToString::to_string);
    report(context, own, Some(&plan), &reached, trouble).await?;
    let next = next.into_iter().chain(look_again);
    made.map(|again| (Outcome::Ok, next.chain(again).min()))
}

/// What the cluster knows of service accounts and nodes. If it does not say, nothing is touched.
async fn credentials(context: &Context, own: &Own, plan: &Plan) -> Result<Known, Fault> {
    let known = context.accounts.of(&context.client, plan).await;
    if let Err(fault) = &known
        && !fault.passes()
    {
        report(
            context,
            own,
            None,
            &Reached::default(),
            Some(fault.to_string()),
        )
        .await?;
    }
    let mut known = known?;
    known.surroundings.older_nodes = context.older_nodes;
    Ok(known)
}

/// Gives the predictors the weights of the canary's rollout, and tells of what was decided.
async fn rolled_out(context: &Context, own: &Own, plan: &mut Plan) -> Option<Decision> {
    let before = own.status.rollout.as_ref();
    let now = Time(Timestamp::now());
    let decision = context
        .rollouts
        .advance(&context.client, before, plan, &now)
        .await?;
    match &decision.event {
        Some(what) if decision.status.phase == ROLLED_BACK => {
            let about = &own.reference;
            context.events.warning(about, ROLLED_BACK, what).await;
        }
        Some(what) => {
            let phase = decision.status.phase.clone();
            let about = &own.reference;
            context.events.normal(about, phase, what.clone()).await;
        }
        None => {}
    }
    Some(decision)
}

/// Whether an object is of the canary that stands aside.
fn is_aside(reached: &Reached, wanted: &Wanted) -> bool {
    let label = wanted
        .value
        .pointer("/spec/template/metadata/labels/seldon-app");
    let service = label.and_then(Value::as_str);
    service.is_some() && service == reached.aside.as_deref()
}

/// The plan of a deployment, as the webhook makes it.
fn planned(
    object: &DynamicObject,
    installation: &hari_plan::Installation,
) -> Result<Plan, Vec<Issue>> {
    let metadata = &object.metadata;
    let types = object.types.clone().unwrap_or_default();
    let value = json!({
        "apiVersion": types.api_version,
        "kind": types.kind,
        "metadata": {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "labels": metadata.labels.clone().unwrap_or_default(),
            "annotations": metadata.annotations.clone().unwrap_or_default(),
        },
        "spec": object.data.get("spec").cloned().unwrap_or(Value::Null),
    });
    let planned = plan_with(&[Document::from_value(value)], installation);
    let wrong: Vec<Issue> = planned.issues.into_iter().filter(Issue::is_error).collect();
    match planned.deployments.into_iter().next() {
        Some(plan) if wrong.is_empty() => Ok(plan),
        _ => Err(wrong),
    }
}

/// Nothing is touched: what served last goes on serving.
async fn invalid(context: &Context, own: &Own, issues: &[Issue]) -> Result<Outcome, Fault> {
    let said: Vec<String> = issues
        .iter()
        .map(|issue| format!("{}: {}", issue.path, issue.message))
        .collect();
    let said = said.join("; ");
    trace::failed(&said);
    report(context, own, None, &Reached::default(), Some(said)).await?;
    Ok(Outcome::Invalid)
}

/// Applies everything in order, as far as the cluster has come. Says when to come back, if something
/// waits for nothing but time.
async fn make(
    context: &Context,
    own: &Own,
    reached: &mut Reached,
) -> Result<Option<Duration>, Fault> {
    let wanted = reached.wanted.clone();
    for one in wanted.iter().filter(|one| goes_first(context, own, one)) {
        reached.wrote |= apply(context, own, one).await? != Done::Nothing;
    }
    let owned = context.cache.owned(&own.namespace, &own.uid);
    prune::scalers(context, own, &wanted, &owned).await?;
    let mut deployments = wanted
        .iter()
        .filter(|one| one.kind.part == Part::Deployment && !is_aside(reached, one));
    let ready = deployments.all(|one| {
        let live = context.cache.live(one.kind, &own.namespace, &one.name);
        live.is_some_and(|live| status::progress(&live).is_rolled_out())
    });
    if !ready {
        return Ok(None);
    }
    for one in wanted.iter().filter(|one| one.kind.part.routes()) {
        if apply(context, own, one).await? != Done::Nothing {
            reached.wrote = true;
            context.routed.note(&own.uid);
        }
    }
    reached.complete = true;
    prune::all(context, own, &wanted, &owned).await
}

/// Whether something waits for no Deployment. A proxy needs a while to learn where a route leads, so
/// what the route names is there before; where it is there already, it changes with the route.
fn goes_first(context: &Context, own: &Own, wanted: &Wanted) -> bool {
    match wanted.kind.part {
        Part::Route => false,
        Part::Destination => {
            let live = context
                .cache
                .live(wanted.kind, &own.namespace, &wanted.name);
            live.is_none()
        }
        Part::Service | Part::Scaler | Part::Deployment => true,
    }
}

/// Brings the status up to date.
async fn report(
    context: &Context,
    own: &Own,
    plan: Option<&Plan>,
    reached: &Reached,
    trouble: Option<String>,
) -> Result<(), Fault> {
    let seen = Seen::new(&context.cache, own, plan, &reached.wanted);
    let seen = seen.with(&reached.missing, reached.complete, trouble);
    let seen = seen.without(&reached.absent);
    let mut new = status::status(&seen);
    if plan.is_some() {
        new.rollout = reached
            .rollout
            .as_ref()
            .map(|decision| decision.status.clone());
    }

    status::write(context, own, &new, reached.wrote).await
}
