//! What every handler shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hari_core::Limits;
use hari_settings::Server;
use hari_telemetry::Exporter;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::directory::Directory;

/// Most copies for shadow predictors under way at once.
const MIRRORS: usize = 256;

/// What every handler shares. Cloning is cheap.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    directory: Arc<Directory>,
    limits: Limits,
    settings: Server,
    exporter: Option<Exporter>,
    draining: AtomicBool,
    gate: Semaphore,
    mirrors: Arc<Semaphore>,
    background: TaskTracker,
}

impl App {
    /// Serves what is in `directory`. Metrics are exposed if there is an exporter.
    #[must_use]
    pub fn new(directory: Arc<Directory>, settings: Server, exporter: Option<Exporter>) -> Self {
        let limits = Limits {
            body: settings.max_body,
            decompressed: settings.max_body,
            tensor: settings.max_body,
            deadline: settings.deadline,
            ..Limits::default()
        };
        Self(Arc::new(Shared {
            directory,
            limits,
            gate: Semaphore::new(settings.max_in_flight),
            mirrors: Arc::new(Semaphore::new(MIRRORS)),
            settings,
            exporter,
            draining: AtomicBool::new(false),
            background: TaskTracker::new(),
        }))
    }

    /// What is served.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.0.directory
    }

    /// Bounds on one request.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What the listeners are set to.
    #[must_use]
    pub fn settings(&self) -> &Server {
        &self.0.settings
    }

    pub(crate) fn exporter(&self) -> Option<&Exporter> {
        self.0.exporter.as_ref()
    }

    /// Folds new observations into the metrics; called every few seconds.
    pub fn upkeep(&self) {
        if let Some(exporter) = self.exporter() {
            exporter.upkeep();
        }
    }

    /// One permit for each request that is being answered.
    pub(crate) fn gate(&self) -> &Semaphore {
        &self.0.gate
    }

    pub(crate) fn mirrors(&self) -> &Arc<Semaphore> {
        &self.0.mirrors
    }

    pub(crate) fn background(&self) -> &TaskTracker {
        &self.0.background
    }

    /// From now on not ready: new traffic goes elsewhere, what has begun is finished.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
        self.0.background.close();
    }

    /// Whether [`App::drain`] was called.
    #[must_use]
    pub fn draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Waits for copies that are still under way to shadow predictors.
    pub async fn finished(&self) {
        self.0.background.close();
        self.0.background.wait().await;
    }
}
