//! All of the controller's parts, in one process.

use std::sync::Arc;

use hari_error::Result;
use kube::Client;
use tokio::sync::watch;

use crate::configuration::Configuration;
use crate::controller;
use crate::scope::Scope;

/// What is asked of the controller.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which deployments are its own.
    pub scope: Scope,
}

/// Runs until `stop` turns true.
///
/// # Errors
/// When the API server cannot be spoken to at all.
pub async fn run(client: Client, options: Options, stop: watch::Receiver<bool>) -> Result<()> {
    let (_sender, configuration) = watch::channel(Arc::new(Configuration::default()));
    controller::run(client, options.scope, configuration, stop).await
}
