//! One step of the way: what was seen, and what follows.

use std::collections::BTreeMap;
use std::time::Duration;

use hari_api::k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use hari_api::{RolloutCounts, RolloutEvent, RolloutStatus};
use hari_plan::contract::rollout::RolloutPolicy;

use crate::arm::Arm;
use crate::evidence::{Trials, worse};
use crate::phase::{PAUSED, PENDING, PROMOTED, ROLLED_BACK, STEPPING};
use crate::weights::split;

/// Most decisions that are remembered.
const HISTORY: usize = 20;
/// Errors and latency are tested, each at each step; together they may be wrong `alpha` of the time.
const TESTS: f64 = 2.0;
/// A canary that does not answer for so long, or for an interval if that is longer, is taken back.
const UNREADY: Duration = Duration::from_secs(60);
/// How often one looks, at most and at least.
const SOONEST: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_secs(15);

/// A canary, and what it is promised.
#[derive(Clone, Debug)]
pub struct Canary<'a> {
    /// Name of the predictor.
    pub predictor: &'a str,
    /// What [`crate::revision`] says of it.
    pub revision: String,
    /// How it comes to all requests.
    pub policy: &'a RolloutPolicy,
    /// The other predictors that answer, with their shares as written.
    pub others: &'a [(String, u32)],
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Whether the canary answers.
    pub ready: bool,
    /// What the canary answered since one last looked.
    pub canary: Arm,
    /// What the others answered since one last looked.
    pub stable: Arm,
    /// All that the others have answered, as far as is known.
    pub baseline: Arm,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Percent of the requests, by predictor.
    pub weights: BTreeMap<String, u32>,
    /// To be kept, and given back next time.
    pub status: RolloutStatus,
    /// When to look again; never, if the canary is where it belongs.
    pub next: Option<Duration>,
    /// What was decided just now, if anything was.
    pub event: Option<String>,
}

/// Takes a canary as far as what was seen allows. `before` is the status that was kept; one of
/// another predictor or revision is none.
#[must_use]
pub fn advance(
    canary: &Canary<'_>,
    before: Option<&RolloutStatus>,
    seen: &Seen,
    now: &Time,
) -> Decision {
    let mine = before.filter(|status| {
        status.predictor == canary.predictor && status.revision == canary.revision
    });
    let mut course = Course {
        canary,
        now,
        event: None,
        status: mine.cloned().unwrap_or_else(|| begun(canary, before)),
    };
    course.go_on(seen);
    let Course { status, event, .. } = course;
    let ended = matches!(&*status.phase, PROMOTED | ROLLED_BACK);
    Decision {
        weights: split(
            canary.predictor,
            u32::try_from(status.weight).unwrap_or(0),
            canary.others,
        ),
        next: (!ended).then(|| (canary.policy.interval / 10).clamp(SOONEST, LATEST)),
        status,
        event,
    }
}

/// A new canary. What was decided of earlier ones stays in the history.
fn begun(canary: &Canary<'_>, before: Option<&RolloutStatus>) -> RolloutStatus {
    RolloutStatus {
        predictor: canary.predictor.to_owned(),
        revision: canary.revision.clone(),
        phase: PENDING.to_owned(),
        message: Some("waiting for the canary to be ready".to_owned()),
        history: before
            .map(|status| status.history.clone())
            .unwrap_or_default(),
        ..RolloutStatus::default()
    }
}

struct Course<'a> {
    canary: &'a Canary<'a>,
    now: &'a Time,
    status: RolloutStatus,
    event: Option<String>,
}

impl Course<'_> {
    fn go_on(&mut self, seen: &Seen) {
        match &*self.status.phase {
            PROMOTED | ROLLED_BACK => {}
            PENDING if seen.ready => self.enter(0),
            PENDING => {}
            _ => self.step(seen),
        }
    }

    fn step(&mut self, seen: &Seen) {
        self.count(seen);
        if let Some(why) = self.unready(seen).or_else(|| self.condemned()) {
            return self.end(ROLLED_BACK, 0, format!("rolled back: {why}"));
        }
        if self.canary.policy.pause {
            self.status.phase = PAUSED.to_owned();
            return self.say("paused");
        }
        self.status.phase = STEPPING.to_owned();
        match self.waits_for() {
            Some(what) => self.say(&what),
            None => self.enter(self.status.step + 1),
        }
    }

    /// Adds what was seen to what this step has counted.
    fn count(&mut self, seen: &Seen) {
        let policy = self.canary.policy;
        let slow = self.status.slow_seconds;
        add(
            self.status.canary.get_or_insert_default(),
            &seen.canary,
            slow,
        );
        add(
            self.status.stable.get_or_insert_default(),
            &seen.stable,
            slow,
        );
        // Fixed before what it is applied to is seen: the evidence is valid only so.
        if slow.is_none() && seen.baseline.timed() >= policy.min_requests {
            let usual = seen.baseline.quantile(policy.quantile);
            let slow = usual.and_then(|usual| seen.baseline.bound(usual * policy.max_latency));
            self.status.slow_seconds = slow;
        }
    }

    fn unready(&mut self, seen: &Seen) -> Option<String> {
        if seen.ready {
            self.status.unready_time = None;
            return None;
        }
        let since = self
            .status
            .unready_time
            .get_or_insert_with(|| self.now.clone())
            .clone();
        let most = self.canary.policy.interval.max(UNREADY);
        (passed(&since, self.now) >= most)
            .then(|| format!("the canary was not ready for {} seconds", most.as_secs()))
    }

    /// What speaks against the canary, beyond doubt.
    fn condemned(&self) -> Option<String> {
        let policy = self.canary.policy;
        let (canary, stable) = self.counts();
        let tests = TESTS * policy.steps.len() as f64;
        let enough = (tests / policy.alpha).ln();
        let failed = |counts: RolloutCounts| Trials::new(counts.requests, counts.errors);
        if worse(failed(canary), failed(stable), policy.max_error_rate) > enough {
            return Some(format!(
                "{} of its {} requests failed, {} of {} of the others",
                canary.errors, canary.requests, stable.errors, stable.requests
            ));
        }
        let slow = |counts: RolloutCounts| Trials::new(counts.timed, counts.slow);
        let seconds = self.status.slow_seconds?;
        (worse(slow(canary), slow(stable), 1.0 - policy.quantile) > enough).then(|| {
            format!(
                "{} of its {} requests took longer than {seconds} seconds, {} of {} of the others",
                canary.slow, canary.timed, stable.slow, stable.timed
            )
        })
    }

    /// What has to be there before the next step.
    fn waits_for(&self) -> Option<String> {
        let policy = self.canary.policy;
        let (canary, stable) = self.counts();
        let begun = self.status.step_time.as_ref().unwrap_or(self.now);
        if self.status.unready_time.is_some() {
            return Some("waiting for the canary to be ready".to_owned());
        }
        for (who, counts) in [("the canary", canary), ("the other predictors", stable)] {
            if counts.requests < policy.min_requests {
                return Some(format!(
                    "waiting for {who}: {} of {} requests",
                    counts.requests, policy.min_requests
                ));
            }
        }
        (passed(begun, self.now) < policy.interval)
            .then(|| format!("until {} seconds are over", policy.interval.as_secs()))
    }

    /// Begins a step, or ends with the last.
    fn enter(&mut self, step: i32) {
        let steps = &self.canary.policy.steps;
        let weight = usize::try_from(step).ok().and_then(|step| steps.get(step));
        let weight = weight.map_or(100, |weight| i32::try_from(*weight).unwrap_or(100));
        self.status.step = step;
        self.status.step_time = Some(self.now.clone());
        (self.status.canary, self.status.stable) = (None, None);
        self.status.slow_seconds = None;
        self.status.unready_time = None;
        if weight >= 100 {
            let name = self.canary.predictor;
            let what = format!(
                "promoted: give `{name}` all traffic in the deployment, and leave the others out"
            );
            return self.end(PROMOTED, 100, what);
        }
        self.status.phase = STEPPING.to_owned();
        self.status.weight = weight;
        let what = format!(
            "step {} of {}: {weight} % of the requests",
            step + 1,
            steps.len()
        );
        self.decide(what);
    }

    fn end(&mut self, phase: &str, weight: i32, what: String) {
        self.status.phase = phase.to_owned();
        self.status.weight = weight;
        self.decide(what);
    }

    fn decide(&mut self, what: String) {
        let history = &mut self.status.history;
        history.push(RolloutEvent {
            time: self.now.clone(),
            weight: self.status.weight,
            message: what.clone(),
        });
        let old = history.len().saturating_sub(HISTORY);
        history.drain(..old);
        self.status.message = Some(what.clone());
        self.event = Some(what);
    }

    /// A message that is no decision.
    fn say(&mut self, what: &str) {
        let (step, steps) = (self.status.step + 1, self.canary.policy.steps.len());
        self.status.message = Some(format!("step {step} of {steps}: {what}"));
    }

    fn counts(&self) -> (RolloutCounts, RolloutCounts) {
        (
            self.status.canary.unwrap_or_default(),
            self.status.stable.unwrap_or_default(),
        )
    }
}

fn add(counts: &mut RolloutCounts, arm: &Arm, slow: Option<f64>) {
    counts.requests = counts.requests.saturating_add(arm.requests);
    counts.errors = counts.errors.saturating_add(arm.errors);
    if let Some(slow) = slow {
        counts.timed = counts.timed.saturating_add(arm.timed());
        counts.slow = counts.slow.saturating_add(arm.slower(slow));
    }
}

/// From one time to a later one; nothing if the clock was set back.
fn passed(from: &Time, to: &Time) -> Duration {
    let seconds = to.0.as_second().saturating_sub(from.0.as_second());
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests;
