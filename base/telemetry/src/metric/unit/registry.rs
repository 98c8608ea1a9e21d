//! All custom metrics of a process, bounded for each deployment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::METRICS;
use super::DROPPED;
use super::family::{Family, Kind};
use super::name::push_label;

/// Sets of labels that the custom metrics of one deployment have together.
const SERIES: usize = 1000;

#[derive(Default)]
pub(super) struct Registry(Mutex<State>);

#[derive(Default)]
struct State {
    families: BTreeMap<String, Family>,
    /// How many series each deployment has.
    series: BTreeMap<String, usize>,
    /// What was warned of.
    warned: BTreeSet<(String, &'static str)>,
}

impl Registry {
    /// Takes in a value of a custom metric.
    ///
    /// # Errors
    /// Why it cannot be: `value` for one that its kind does not take, `kind` for a name that has
    /// another kind, `limit` for a series too many.
    pub(super) fn store(
        &self,
        deployment: &str,
        (name, kind): (&str, Kind),
        labels: String,
        value: f64,
    ) -> Result<(), &'static str> {
        if !kind.takes(value) {
            return Err("value");
        }
        let mut state = self.state();
        let known = state.families.get(name);
        if known.is_some_and(|family| family.kind() != kind) {
            return Err("kind");
        }
        if !known.is_some_and(|family| family.has(&labels)) {
            state.count(deployment)?;
        }
        state.add((name, kind), labels, value);
        Ok(())
    }

    /// Adds to a metric of our own, which is not bounded: there is one for each node.
    pub(super) fn add_own(&self, metric: (&str, Kind), labels: String, value: f64) {
        self.state().add(metric, labels, value);
    }

    /// Counts a value that was dropped, and warns of the first of a deployment and reason.
    pub(super) fn drop(&self, deployment: &str, reason: &'static str, key: &str) {
        let mut labels = String::new();
        push_label(&mut labels, "deployment_name", deployment);
        push_label(&mut labels, "reason", reason);
        let mut state = self.state();
        state.add((DROPPED, Kind::Counter), labels, 1.0);
        if state.warned.insert((deployment.to_owned(), reason)) {
            drop(state);
            tracing::warn!(
                deployment,
                metric = key,
                reason,
                "a custom metric is dropped"
            );
        }
    }

    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        for (name, family) in &self.state().families {
            let known = METRICS.iter().find(|metric| metric.name == name);
            family.render(name, known.map_or("", |metric| metric.help), &mut text);
        }
        text
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts one more series of `deployment`, if it may have one.
    fn count(&mut self, deployment: &str) -> Result<(), &'static str> {
        match self.series.get_mut(deployment) {
            Some(count) if *count >= SERIES => return Err("limit"),
            Some(count) => *count += 1,
            None => {
                self.series.insert(deployment.to_owned(), 1);
            }
        }
        Ok(())
    }

    fn add(&mut self, (name, kind): (&str, Kind), labels: String, value: f64) {
        match self.families.get_mut(name) {
            Some(family) => family.store(labels, value),
            None => {
                let mut family = Family::new(kind);
                family.store(labels, value);
                self.families.insert(name.to_owned(), family);
            }
        }
    }
}
