//! The connection to the API server.

use std::time::Duration;

use hari_error::{Error, Kind, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// Most time to open a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Most time of one write. Less than what is left of a lease that could not be renewed, so that no
/// write of a controller that lost it arrives when the next one leads.
const WRITE: Duration = Duration::from_secs(4);

/// Connects as `kubectl` does: by `KUBECONFIG`, else by the user's file, else as a pod of the
/// cluster. `context` is one of the file's; its own if `None`.
///
/// # Errors
/// `Unavailable` when there is neither, or it cannot be read.
pub async fn connect(context: Option<&str>) -> Result<Client> {
    let mut config = match context {
        Some(_) => of_file(context).await?,
        None => Config::infer()
            .await
            .map_err(|error| unknown().with_source(error))?,
    };
    config.connect_timeout = Some(CONNECT);
    config.write_timeout = Some(WRITE);
    Client::try_from(config).map_err(|error| {
        Error::new(Kind::Unavailable, "the API server cannot be spoken to").with_source(error)
    })
}

async fn of_file(context: Option<&str>) -> Result<Config> {
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    let file = Kubeconfig::read().map_err(|error| unknown().with_source(error))?;
    let read = Config::from_custom_kubeconfig(file, &options).await;
    read.map_err(|error| unknown().with_source(error))
}

fn unknown() -> Error {
    let message = "no cluster is known: set KUBECONFIG, or run in a pod with a service account";
    Error::new(Kind::Unavailable, message)
}
