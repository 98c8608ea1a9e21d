//! Watches files and models, and swaps in what changed. A version that fails to load leaves the
//! old one serving.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hari_api::Issue;
use hari_artifacts::{ModelUri, fingerprint};
use hari_engine::Workshop;
use hari_ingress::Directory;
use hari_ingress::directory::Key;
use hari_plan::bound::{BoundNode, Placement};
use hari_telemetry::metric;

use crate::launch::{Failure, keys, launch};
use crate::source::{Source, plan};

/// How often files are looked at. A change is taken up when two looks agree, so that a model that
/// is still being copied is left alone.
const LOOK: Duration = Duration::from_millis(250);

/// Watches `source` until the future is dropped.
pub async fn watch(source: Source, workshop: Workshop, directory: &Directory) {
    let mut watched = Watched::new(source);
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if watched.settled() {
            watched.reload(&workshop, directory).await;
        }
    }
}

struct Watched {
    source: Source,
    served: BTreeSet<Key>,
    /// What the served version was made of.
    taken: Look,
    /// What the last look saw.
    seen: Look,
}

/// A fingerprint of each file and model.
type Look = BTreeMap<PathBuf, String>;

impl Watched {
    fn new(source: Source) -> Self {
        let served = plan(&source).map(|(bound, _)| {
            bound
                .into_iter()
                .map(|one| (one.namespace, one.name))
                .collect::<BTreeSet<_>>()
        });
        let look = look(&source);
        Self {
            served: served.unwrap_or_default(),
            taken: look.clone(),
            seen: look,
            source,
        }
    }

    /// Whether something changed and has stopped changing.
    fn settled(&mut self) -> bool {
        let look = look(&self.source);
        let still = look == self.seen;
        self.seen = look;
        still && self.seen != self.taken
    }

    async fn reload(&mut self, workshop: &Workshop, directory: &Directory) {
        self.taken = self.seen.clone();
        let fresh = match &self.source.file {
            Some(file) => Source::file(file),
            None => Ok(self.source.clone()),
        };
        let fresh = match fresh {
            Ok(fresh) => fresh,
            Err(error) => return tracing::warn!(%error, "reload failed; the old version serves on"),
        };
        match launch(&fresh, workshop, directory).await {
            Ok(launched) => {
                let now = keys(&launched);
                for (namespace, name) in self.served.difference(&now) {
                    directory.remove(namespace, name);
                    tracing::info!(namespace, name, "deployment removed");
                }
                for ((namespace, name), nodes) in &launched.deployments {
                    metric::reloaded(name, true);
                    let versions: Vec<_> = nodes
                        .iter()
                        .filter_map(|node| node.version.as_deref())
                        .collect();
                    tracing::info!(namespace, name, versions = versions.join(","), "reloaded");
                }
                self.served = now;
                self.source = fresh;
                // Paths that are new are as they are now; what changed while it was loaded has
                // another fingerprint than before, and is taken up by the next look.
                let before = std::mem::replace(&mut self.taken, look(&self.source));
                for (path, print) in &mut self.taken {
                    if let Some(before) = before.get(path) {
                        print.clone_from(before);
                    }
                }
            }
            Err(failure) => self.failed(&failure),
        }
    }

    fn failed(&self, failure: &Failure) {
        for (_, name) in &self.served {
            metric::reloaded(name, false);
        }
        match failure {
            Failure::Issues(issues) => {
                for issue in issues.iter().filter(|issue| Issue::is_error(issue)) {
                    tracing::warn!(%issue, "reload failed; the old version serves on");
                }
            }
            Failure::Load { deployment, error } => {
                let cause = std::error::Error::source(error).map(tracing::field::display);
                tracing::warn!(deployment, %error, cause, "reload failed; the old version serves on");
            }
        }
    }
}

/// Fingerprints of the file and of every local model that it names.
fn look(source: &Source) -> Look {
    let mut paths: Vec<PathBuf> = source.file.iter().cloned().collect();
    if let Ok((bound, _)) = plan(source) {
        for predictor in bound.iter().flat_map(|deployment| &deployment.predictors) {
            models(&predictor.graph, &source.base, &mut paths);
        }
    }
    let print = |path: PathBuf| {
        let print = fingerprint(&path).unwrap_or_default();
        (path, print)
    };
    paths.into_iter().map(print).collect()
}

fn models(node: &BoundNode, base: &Path, paths: &mut Vec<PathBuf>) {
    let model_uri = match &node.placement {
        Placement::InProcess(source) => Some(&source.model_uri),
        Placement::Child(source) => Some(&source.model_uri),
        Placement::Builtin(_) | Placement::Remote(_) => None,
    };
    if let Some(Ok(uri)) = model_uri.map(|uri| ModelUri::parse(uri, base)) {
        paths.extend(uri.local_path().map(Path::to_owned));
    }
    for child in &node.children {
        models(child, base, paths);
    }
}
