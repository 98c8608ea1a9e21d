//! Regret of the routers that learn, simulated with fixed seeds: bounds, and the table of the docs.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::time::Duration;

use hari_core::{Context, Feedback, Input, Message, Meta, Method, Tensor, Unit};
use hari_graph::builtin::{Arm, Bandit, BanditObserver, BanditOptions, Policy};

/// Share of successes of each branch.
const SHARES: [f64; 4] = [0.2, 0.3, 0.4, 0.6];
const BEST: f64 = 0.6;
const ROUNDS: usize = 5000;
const RUNS: u64 = 20;
/// Rounds at which the regret is read.
const MARKS: [usize; 6] = [100, 250, 500, 1000, 2500, 5000];

struct Silent;

impl BanditObserver for Silent {
    fn chosen(&self, _branch: usize) {}
    fn learnt(&self, _branch: usize, _arm: &Arm) {}
}

fn router(policy: Policy, seed: u64) -> Bandit {
    let options = BanditOptions {
        policy,
        branches: (0..SHARES.len()).map(|at| format!("b{at}")).collect(),
        seed: Some(seed),
        verbose: false,
        history: false,
        state: None,
    };
    Bandit::open("r", options, Box::new(Silent)).unwrap()
}

fn feedback(branch: i32, success: bool) -> Input {
    let request = Message::tensor("x", Tensor::from_vec([1, 1], vec![0.0_f64]).unwrap());
    let meta = Meta {
        routing: [("r".to_owned(), branch)].into(),
        ..Meta::default()
    };
    Input::Feedback(Box::new(Feedback {
        request: Some(request),
        response: Some(Message {
            meta,
            ..Message::default()
        }),
        reward: f32::from(u8::from(success)),
        truth: None,
    }))
}

/// Expected successes lost against the best branch, summed, at each mark. A router is sent the
/// reward of each answer if `rewarded`.
async fn run(policy: Policy, seed: u64, rewarded: bool) -> Vec<f64> {
    let unit = router(policy, seed);
    let context = Context::new("id", Duration::from_secs(600));
    let mut world = fastrand::Rng::with_seed(1000 + seed);
    let (mut regret, mut curve) = (0.0, Vec::new());
    for round in 1..=ROUNDS {
        let ask = unit.call(Method::Route, Input::One(Message::default()), &context);
        let reply = ask.await.unwrap();
        let chosen = reply.as_tensors().unwrap()[0]
            .tensor
            .values::<i32>()
            .unwrap()[0];
        let share = SHARES[chosen as usize];
        regret += BEST - share;
        let success = world.f64() < share;
        if rewarded {
            let learn = unit.call(Method::SendFeedback, feedback(chosen, success), &context);
            learn.await.unwrap();
        }
        if MARKS.contains(&round) {
            curve.push(regret);
        }
    }
    curve
}

/// The mean of all runs.
async fn mean(policy: Policy, rewarded: bool) -> Vec<f64> {
    let mut sums = vec![0.0; MARKS.len()];
    for seed in 0..RUNS {
        let curve = run(policy, seed, rewarded).await;
        sums.iter_mut()
            .zip(curve)
            .for_each(|(sum, regret)| *sum += regret);
    }
    sums.iter().map(|sum| sum / RUNS as f64).collect()
}

fn greedy(epsilon: f64) -> Policy {
    Policy::EpsilonGreedy {
        epsilon,
        best_branch: None,
    }
}

fn line(name: &str, curve: &[f64]) -> String {
    let cells: Vec<String> = curve.iter().map(|regret| format!("{regret:.0}")).collect();
    format!("| {name} | {} |", cells.join(" | "))
}

#[tokio::test]
async fn learners_lose_far_less_than_chance_and_the_docs_say_how_much() {
    // Nothing learnt, and always exploring or a tie: every branch as often as the others.
    let chance = mean(greedy(0.75), false).await;
    let greedy = mean(greedy(0.1), true).await;
    let thompson = mean(Policy::ThompsonSampling, true).await;
    let bound = mean(Policy::Ucb, true).await;
    let last = |curve: &[f64]| curve[MARKS.len() - 1];
    let uniform = SHARES.iter().map(|share| BEST - share).sum::<f64>() / SHARES.len() as f64;
    let expected = uniform * ROUNDS as f64;
    assert!((last(&chance) / expected - 1.0).abs() < 0.02, "{chance:?}");
    // Epsilon-greedy goes on exploring; the others' regret grows with the logarithm of the rounds.
    for (curve, most) in [(&greedy, 0.25), (&thompson, 0.05), (&bound, 0.25)] {
        assert!(last(curve) < most * expected, "{curve:?}");
    }
    let late = |curve: &[f64]| last(curve) - curve[MARKS.len() - 2];
    for curve in [&thompson, &bound] {
        assert!(late(curve) < curve[MARKS.len() - 2], "{curve:?}");
    }
    let table = [
        line("by chance", &chance),
        line("`EPSILON_GREEDY`, epsilon 0.1", &greedy),
        line("`UCB`", &bound),
        line("`THOMPSON_SAMPLING`", &thompson),
    ];
    let table = table.join("\n");
    let page = include_str!("../../../docs/src/guides/bandits.md");
    assert!(
        page.contains(&table),
        "docs/src/guides/bandits.md is to say:\n{table}"
    );
}
