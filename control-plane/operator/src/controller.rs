//! The controller: one reconcile after another, one deployment apart from the next.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::unfold;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use hari_error::Result;
use hari_telemetry::metric::operator as metric;
use kube::Client;
use kube::api::DynamicObject;
use kube::runtime::controller::{Action, Config, applier};
use kube::runtime::reflector::ObjectRef;
use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::cache::{Cache, Dirty};
use crate::configuration::Configuration;
use crate::events::Events;
use crate::fault::Fault;
use crate::kinds::{self, Kind};
use crate::reconcile;
use crate::rollout::Rollouts;
use crate::routed::Routed;
use crate::scope::Scope;
use crate::writes::Writes;

/// Reconciles at the same time.
const CONCURRENCY: u16 = 8;
/// What happens within this is one reason.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// What reconciles share.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) scope: Scope,
    pub(crate) configuration: watch::Receiver<Arc<Configuration>>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) events: Events,
    pub(crate) writes: Arc<Writes>,
    pub(crate) accounts: Accounts,
    /// Whether a node may be too old to wait before it stops a container.
    pub(crate) older_nodes: bool,
    pub(crate) rollouts: Rollouts,
    pub(crate) routed: Routed,
    /// Failures in a row, by deployment.
    failures: Mutex<HashMap<String, u32>>,
}

/// Reconciles until `stop` turns true. When the cluster learns of another kind of object, everything
/// is looked at anew.
pub(crate) async fn run(
    client: Client,
    scope: Scope,
    configuration: watch::Receiver<Arc<Configuration>>,
    end_after_writes: Option<u64>,
    mut stop: watch::Receiver<bool>,
) -> Result<()> {
    let writes = Arc::new(Writes::new(end_after_writes));
    loop {
        let present = tokio::select! {
            present = kinds::present(&client) => present,
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        };
        let parts = (client.clone(), scope.clone(), configuration.clone());
        tokio::select! {
            () = serve(parts, writes.clone(), &present) => {}
            () = kinds::changed(&client, &present) => {
                tracing::info!("the cluster knows other kinds of objects now");
            }
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
    }
}

/// Reconciles until dropped.
async fn serve(
    (client, scope, configuration): (Client, Scope, watch::Receiver<Arc<Configuration>>),
    writes: Arc<Writes>,
    present: &[&'static Kind],
) {
    let (cache, heard) = Cache::open(&client, &scope, present);
    let dirty = Arc::new(Dirty::default());
    let context = Arc::new(Context {
        events: Events::new(client.clone()),
        accounts: Accounts::default(),
        older_nodes: kinds::has_older_nodes(&client).await,
        rollouts: Rollouts::default(),
        routed: Routed::default(),
        failures: Mutex::default(),
        cache: cache.clone(),
        configuration: configuration.clone(),
        client,
        scope,
        writes,
    });
    tokio::select! {
        () = dirty.fill(&cache, heard) => {}
        () = all_on_change(&cache, &dirty, configuration) => {}
        () = work(context, dirty.clone()) => {}
    }
}

/// A change of the configuration concerns all.
async fn all_on_change(
    cache: &Cache,
    dirty: &Dirty,
    mut configuration: watch::Receiver<Arc<Configuration>>,
) {
    while configuration.changed().await.is_ok() {
        let all = cache.deployments.state();
        let all = all
            .iter()
            .map(|one| ObjectRef::from_obj_with(&**one, kinds::deployments()));
        dirty.add(cache, all.collect());
    }
    // Whoever feeds it has ended: what holds stays.
    std::future::pending::<()>().await;
}

/// One reconcile after another.
async fn work(context: Arc<Context>, dirty: Arc<Dirty>) {
    context.cache.ready().await;
    tracing::info!(
        deployments = context.cache.deployments.len(),
        "all that there is was read"
    );
    let queue = unfold(dirty, |dirty| async move {
        let next = dirty.next().await;
        Some((Ok::<_, Infallible>(next), dirty))
    });
    let config = Config::default()
        .debounce(DEBOUNCE)
        .concurrency(CONCURRENCY);
    let one = |object, context| reconcile::reconcile(object, context).boxed();
    let store = context.cache.deployments.clone();
    let done = applier(one, again, context.clone(), store, queue.boxed(), config);
    done.into_stream()
        .for_each(|_| async { context.count() })
        .await;
}

/// When to try again.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature is that of the library"
)]
fn again(object: Arc<DynamicObject>, fault: &Fault, context: Arc<Context>) -> Action {
    fault.again(context.failed(&object))
}

impl Context {
    /// One more failure in a row; gives how many there were before.
    fn failed(&self, object: &DynamicObject) -> u32 {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(key(object)).or_default();
        let before = *count;
        *count = count.saturating_add(1);
        before
    }

    /// A reconcile that went well.
    pub(crate) fn succeeded(&self, object: &DynamicObject) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&key(object));
    }

    /// Counts deployments by state.
    fn count(&self) {
        let mut counts = [("Available", 0), ("Creating", 0), ("Failed", 0)];
        for one in self.cache.deployments.state() {
            let state = one
                .data
                .pointer("/status/state")
                .and_then(|state| state.as_str());
            for (name, count) in &mut counts {
                *count += usize::from(state == Some(*name));
            }
        }
        for (name, count) in counts {
            metric::deployments(name, count);
        }
    }
}

fn key(object: &DynamicObject) -> String {
    let metadata = &object.metadata;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("{}/{}", text(&metadata.namespace), text(&metadata.name))
}
