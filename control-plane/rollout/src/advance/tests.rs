//! Rollouts from their beginning to their end, in minutes that do not pass.

use hari_api::k8s_openapi::jiff::Timestamp;

use super::*;

fn at(seconds: i64) -> Time {
    Time(Timestamp::from_second(1_800_000_000 + seconds).unwrap())
}

/// So many requests, with failures, and some that took more than a second.
fn arm(requests: u64, errors: u64, slow: u64) -> Arm {
    Arm {
        requests,
        errors,
        buckets: vec![
            (0.1, requests - slow),
            (0.25, requests - slow),
            (1.0, requests - slow),
            (f64::INFINITY, requests),
        ],
    }
}

struct Rollout {
    policy: RolloutPolicy,
    revision: String,
    others: Vec<(String, u32)>,
    kept: Option<RolloutStatus>,
    seconds: i64,
}

impl Rollout {
    fn new(policy: &str) -> Self {
        Self {
            policy: RolloutPolicy::parse(policy).unwrap(),
            revision: "a".to_owned(),
            others: vec![("main".to_owned(), 100)],
            kept: None,
            seconds: 0,
        }
    }

    /// Ten seconds on, with what was seen in them.
    fn on(&mut self, seen: &Seen) -> Decision {
        self.seconds += 10;
        let canary = Canary {
            predictor: "canary",
            revision: self.revision.clone(),
            policy: &self.policy,
            others: &self.others,
        };
        let decision = advance(&canary, self.kept.as_ref(), seen, &at(self.seconds));
        // As it comes back from the API server.
        let json = serde_json::to_value(&decision.status).unwrap();
        self.kept = Some(serde_json::from_value(json).unwrap());
        assert_eq!(self.kept.as_ref(), Some(&decision.status));
        assert_eq!(decision.weights.values().sum::<u32>(), 100);
        decision
    }

    /// On until a decision falls, at most a hundred times.
    fn until_decided(&mut self, seen: &Seen) -> Decision {
        (0..100)
            .map(|_| self.on(seen))
            .find(|decision| decision.event.is_some())
            .expect("a decision")
    }
}

fn seen(canary: Arm, stable: Arm) -> Seen {
    Seen {
        ready: true,
        baseline: stable.clone().and(&arm(10_000, 10, 100)),
        canary,
        stable,
    }
}

fn good() -> Seen {
    seen(arm(50, 0, 0), arm(950, 1, 5))
}

#[test]
fn a_good_canary_is_promoted_step_by_step() {
    let mut rollout = Rollout::new("5,20,50");
    let first = rollout.on(&Seen::default());
    assert_eq!(
        (&*first.status.phase, first.weights["canary"]),
        (PENDING, 0)
    );
    let mut weights = Vec::new();
    for _ in 0..4 {
        let decision = rollout.until_decided(&good());
        weights.push((
            rollout.seconds,
            decision.weights["canary"],
            decision.weights["main"],
        ));
    }
    assert_eq!(
        weights,
        [(20, 5, 95), (80, 20, 80), (140, 50, 50), (200, 100, 0)]
    );
    let end = rollout.on(&good());
    assert_eq!(
        (&*end.status.phase, end.next, end.weights["canary"]),
        (PROMOTED, None, 100)
    );
    assert_eq!(end.status.history.len(), 4);
    assert!(end.status.message.unwrap().contains("`canary`"));
}

#[test]
fn one_that_fails_is_rolled_back_and_stays_so_until_it_changes() {
    let mut rollout = Rollout::new("");
    rollout.until_decided(&good());
    let bad = seen(arm(50, 20, 0), arm(950, 1, 5));
    let end = rollout.until_decided(&bad);
    assert_eq!(
        (&*end.status.phase, end.weights["canary"], end.next),
        (ROLLED_BACK, 0, None)
    );
    let message = end.status.message.unwrap();
    assert!(
        message.contains("20 of its 50 requests failed, 1 of 950"),
        "{message}"
    );
    assert_eq!(rollout.on(&good()).status.phase, ROLLED_BACK);
    rollout.policy = RolloutPolicy::parse("50").unwrap();
    assert_eq!(rollout.on(&good()).status.phase, ROLLED_BACK);
    rollout.revision = "b".to_owned();
    let again = rollout.on(&Seen::default());
    assert_eq!(
        (&*again.status.phase, again.weights["canary"]),
        (PENDING, 0)
    );
    assert_eq!(
        again.status.history.len(),
        2,
        "what was decided is remembered"
    );
}

#[test]
fn one_that_is_slow_is_rolled_back() {
    let mut rollout = Rollout::new("max-latency=2");
    rollout.until_decided(&good());
    let end = rollout.until_decided(&seen(arm(50, 0, 25), arm(950, 0, 5)));
    assert_eq!(end.status.phase, ROLLED_BACK);
    assert_eq!(end.status.slow_seconds, Some(0.25));
    assert!(
        end.status
            .message
            .unwrap()
            .contains("longer than 0.25 seconds")
    );
}

#[test]
fn when_all_are_slow_or_fail_no_one_is_to_blame() {
    let mut rollout = Rollout::new("");
    rollout.until_decided(&good());
    let decision = rollout.until_decided(&seen(arm(50, 15, 25), arm(950, 285, 475)));
    assert_eq!(
        (&*decision.status.phase, decision.status.step),
        (STEPPING, 1)
    );
}

#[test]
fn what_is_accepted_is_no_reason() {
    let mut rollout = Rollout::new("max-error-rate=0.2; steps=10");
    rollout.until_decided(&good());
    let end = rollout.until_decided(&seen(arm(50, 5, 0), arm(950, 0, 0)));
    assert_eq!(end.status.phase, PROMOTED);
}

#[test]
fn without_requests_nothing_is_decided() {
    let mut rollout = Rollout::new("interval=10s; min-requests=1000");
    rollout.until_decided(&good());
    for _ in 0..50 {
        let decision = rollout.on(&seen(Arm::default(), arm(950, 0, 0)));
        assert_eq!((decision.event, decision.weights["canary"]), (None, 5));
    }
    let message = rollout.kept.unwrap().message.unwrap();
    assert!(
        message.contains("the canary: 0 of 1000 requests"),
        "{message}"
    );
}

#[test]
fn a_pause_holds_the_step_and_not_the_judgement() {
    let mut rollout = Rollout::new("interval=10s");
    rollout.until_decided(&good());
    rollout.policy.pause = true;
    for _ in 0..10 {
        let decision = rollout.on(&good());
        assert_eq!(
            (&*decision.status.phase, decision.weights["canary"]),
            (PAUSED, 5)
        );
    }
    rollout.policy.pause = false;
    assert_eq!(rollout.on(&good()).weights["canary"], 20);
    rollout.policy.pause = true;
    let bad = rollout.until_decided(&seen(arm(50, 50, 0), arm(950, 0, 0)));
    assert_eq!(bad.status.phase, ROLLED_BACK);
}

#[test]
fn one_that_does_not_answer_any_more_is_rolled_back_after_a_while() {
    let mut rollout = Rollout::new("interval=30s");
    rollout.until_decided(&good());
    let away = Seen {
        ready: false,
        ..Seen::default()
    };
    assert_eq!(rollout.on(&away).event, None);
    // It is back, and away again: the time begins anew.
    assert_eq!(
        rollout.on(&seen(Arm::default(), Arm::default())).event,
        None
    );
    let begun = rollout.seconds + 10;
    let end = rollout.until_decided(&away);
    assert_eq!(
        (&*end.status.phase, rollout.seconds - begun),
        (ROLLED_BACK, 60)
    );
    assert!(
        end.status
            .message
            .unwrap()
            .contains("not ready for 60 seconds")
    );
}

#[test]
fn history_is_bounded_and_a_clock_that_is_set_back_does_no_harm() {
    let mut rollout = Rollout::new("interval=10s; steps=1,2,3,4,5,6,7,8,9");
    for revision in 0..10 {
        rollout.revision = revision.to_string();
        rollout.until_decided(&good());
        rollout.until_decided(&good());
        rollout.until_decided(&good());
    }
    assert_eq!(rollout.kept.as_ref().unwrap().history.len(), HISTORY);
    rollout.seconds = -100;
    assert_eq!(rollout.on(&good()).event, None);
}

proptest::proptest! {
    #[test]
    fn weights_only_rise_until_they_fall_to_nothing(rounds in proptest::collection::vec((0_u64..200, 0_u64..20, 0_u64..200, proptest::bool::weighted(0.9)), 1..80)) {
        let mut rollout = Rollout::new("interval=10s; min-requests=50");
        let mut highest = 0;
        for (requests, errors, slow, ready) in rounds {
            let canary = arm(requests, errors.min(requests), slow.min(requests));
            let mut seen = seen(canary, arm(500, 1, 3));
            seen.ready = ready;
            let decision = rollout.on(&seen);
            let weight = decision.weights["canary"];
            if decision.status.phase == ROLLED_BACK {
                proptest::prop_assert_eq!(weight, 0);
            } else {
                proptest::prop_assert!(weight >= highest);
                highest = weight;
            }
        }
    }
}
