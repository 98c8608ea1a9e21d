//! Choices, rewards, state and concurrency of routers that learn.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hari_core::{Meta, Tensor};
use proptest::prelude::*;

use super::*;

struct Silent;

impl BanditObserver for Silent {
    fn chosen(&self, _branch: usize) {}
    fn learnt(&self, _branch: usize, _arm: &Arm) {}
}

const GREEDY: Policy = Policy::EpsilonGreedy {
    epsilon: 0.1,
    best_branch: None,
};
const POLICIES: [Policy; 3] = [GREEDY, Policy::ThompsonSampling, Policy::Ucb];

fn options(policy: Policy, branches: &[&str]) -> BanditOptions {
    BanditOptions {
        policy,
        branches: branches.iter().map(|name| (*name).to_owned()).collect(),
        seed: Some(7),
        verbose: false,
        history: false,
        state: None,
    }
}

fn open(options: BanditOptions) -> Bandit {
    Bandit::open("r", options, Box::new(Silent)).unwrap()
}

fn kept(folder: &std::path::Path) -> Option<StatePlace> {
    Some(StatePlace {
        folder: folder.to_owned(),
        router: "d.p.r".to_owned(),
    })
}

fn feedback(branch: i32, rows: usize, reward: f32) -> Feedback {
    let tensor = Tensor::from_vec([rows, 1], vec![0.0_f64; rows]).unwrap();
    let routing = [("r".to_owned(), branch)].into();
    let response = Message {
        meta: Meta {
            routing,
            ..Meta::default()
        },
        ..Message::default()
    };
    Feedback {
        request: Some(Message::tensor("x", tensor)),
        response: Some(response),
        reward,
        truth: None,
    }
}

fn context() -> Context {
    Context::new("id", Duration::from_secs(60))
}

async fn learn(unit: &Bandit, feedback: Feedback) -> Result<Message> {
    let input = Input::Feedback(Box::new(feedback));
    unit.call(Method::SendFeedback, input, &context()).await
}

fn choices(unit: &Bandit, count: usize) -> Vec<usize> {
    (0..count).map(|_| unit.shared.choose()).collect()
}

#[tokio::test]
async fn successes_are_the_reward_times_the_rows() {
    let unit = open(options(GREEDY, &["a", "b"]));
    for (rows, reward) in [(10, 0.7), (1, 0.5), (4, 1.0), (3, 0.0), (0, 1.0)] {
        learn(&unit, feedback(1, rows, reward)).await.unwrap();
    }
    let arm = unit.arms()[1];
    assert_eq!((arm.successes, arm.failures), (7 + 4, 3 + 1 + 3));
    assert!((arm.reward - 11.5).abs() < 1e-5, "{}", arm.reward);
    assert_eq!(unit.arms()[0], Arm::default());
    assert!((arm.posterior_mean() - 12.0 / 20.0).abs() < 1e-12);
}

#[tokio::test]
async fn what_cannot_be_learnt_from_says_why() {
    let unit = open(options(GREEDY, &["a", "b"]));
    let without = |change: fn(&mut Feedback)| {
        let mut sent = feedback(0, 1, 1.0);
        change(&mut sent);
        sent
    };
    for (sent, words) in [
        (
            without(|f| f.response = None),
            "the branch that `r` chose, found none",
        ),
        (
            without(|f| f.request = None),
            "request: expected what was asked",
        ),
        (without(|f| f.reward = 1.5), "from 0 to 1, found 1.5"),
        (without(|f| f.reward = f32::NAN), "from 0 to 1, found NaN"),
        (feedback(2, 1, 1.0), "a branch of `r` from 0 to 1, found 2"),
        (feedback(-1, 1, 1.0), "from 0 to 1, found -1"),
    ] {
        let error = learn(&unit, sent).await.unwrap_err();
        assert_eq!(error.kind(), hari_error::Kind::InvalidInput);
        assert!(error.message().contains(words), "{}", error.message());
    }
    assert_eq!(unit.arms(), [Arm::default(); 2]);
}

#[tokio::test]
async fn greed_takes_the_best_and_explores_the_others() {
    let policy = Policy::EpsilonGreedy {
        epsilon: 0.2,
        best_branch: Some(2),
    };
    let unit = open(options(policy, &["a", "b", "c"]));
    let count = |branch| move |chosen: &&usize| **chosen == branch;
    let before = choices(&unit, 10_000);
    assert!((7_800..8_200).contains(&before.iter().filter(count(2)).count()));
    learn(&unit, feedback(1, 1, 1.0)).await.unwrap();
    let after = choices(&unit, 10_000);
    for (branch, range) in [(0, 850..1_150), (1, 7_800..8_200), (2, 850..1_150)] {
        let found = after.iter().filter(count(branch)).count();
        assert!(range.contains(&found), "branch {branch}: {found}");
    }
}

#[test]
fn bounds_try_everything_without_waiting_for_rewards() {
    let unit = open(options(Policy::Ucb, &["a", "b", "c"]));
    choices(&unit, 30);
    assert!(unit.arms().iter().all(|arm| arm.pulls == 10));
}

#[test]
fn a_seed_repeats_the_choices_and_one_branch_is_always_it() {
    for policy in POLICIES {
        let run = |names: &[&str]| choices(&open(options(policy, names)), 100);
        assert_eq!(run(&["a", "b", "c"]), run(&["a", "b", "c"]));
        assert_eq!(run(&["a"]), [0; 100]);
    }
}

#[tokio::test]
async fn a_router_routes_learns_and_does_nothing_else() {
    let unit = open(options(Policy::Ucb, &["a"]));
    let context = context();
    let ask = |method| unit.call(method, Input::One(Message::default()), &context);
    let reply = ask(Method::Route).await.unwrap();
    let tensors = reply.as_tensors().unwrap();
    assert_eq!(*tensors[0].tensor.values::<i32>().unwrap(), [0]);
    let error = ask(Method::Predict).await.unwrap_err();
    assert_eq!(error.message(), "UCB has no method predict");
    assert!(Bandit::open("r", options(Policy::Ucb, &[]), Box::new(Silent)).is_err());
}

#[tokio::test]
async fn a_restart_goes_on_and_branches_may_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let with_state = |names: &[&str]| BanditOptions {
        state: kept(folder.path()),
        history: true,
        ..options(GREEDY, names)
    };
    let first = open(with_state(&["a", "b"]));
    choices(&first, 5);
    learn(&first, feedback(1, 10, 0.3)).await.unwrap();
    let arms = first.arms();
    drop(first);
    assert_eq!(open(with_state(&["a", "b"])).arms(), arms);
    let changed = open(with_state(&["c", "b"])).arms();
    assert_eq!(changed, [Arm::default(), arms[1]]);
    let text = std::fs::read_to_string(folder.path().join("d.p.r.json")).unwrap();
    let history = r#""history":[{"branch":"b","rows":10,"successes":3}]"#;
    assert!(text.contains(history), "{text}");
}

#[test]
fn a_state_that_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("d.p.r.json");
    let odd = r#"{"version":1,"router":"d.p.r","branches":{"a":{"pulls":0,"successes":1,"failures":0,"reward":2.0}}}"#;
    for (text, words) in [
        (String::new(), "EOF"),
        (
            r#"{"version":2,"router":"d.p.r","branches":{}}"#.to_owned(),
            "expected version 1, found 2",
        ),
        (
            r#"{"version":1,"router":"x","branches":{}}"#.to_owned(),
            "router `d.p.r`, found `x`",
        ),
        (
            odd.to_owned(),
            "expected a reward from 0 to its 1 rows, found 2",
        ),
        (" ".repeat((1 << 20) + 1), "more than 1048576 bytes"),
    ] {
        std::fs::write(&file, text).unwrap();
        let with_state = BanditOptions {
            state: kept(folder.path()),
            ..options(GREEDY, &["a"])
        };
        let Err(error) = Bandit::open("r", with_state, Box::new(Silent)) else {
            panic!("{words}")
        };
        assert!(error.message().contains(words), "{}", error.message());
        assert!(error.message().contains("remove it"), "{}", error.message());
    }
}

#[derive(Default)]
struct Counting(Arc<AtomicU64>);

impl BanditObserver for Counting {
    fn chosen(&self, _branch: usize) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn learnt(&self, _branch: usize, _arm: &Arm) {}
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn nothing_is_lost_between_threads(
        which in 0_usize..3,
        rewards in prop::collection::vec((0_i32..3, 0_usize..20, 0.0_f32..=1.0), 1..40),
        threads in 2_usize..6,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let made = || BanditOptions {
            state: kept(folder.path()),
            ..options(POLICIES[which], &["a", "b", "c"])
        };
        let counted = Counting::default();
        let total = counted.0.clone();
        let unit = Bandit::open("r", made(), Box::new(counted)).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    runtime.block_on(async {
                        for (branch, rows, reward) in &rewards {
                            unit.route().unwrap();
                            learn(&unit, feedback(*branch, *rows, *reward)).await.unwrap();
                        }
                    });
                });
            }
        });
        let arms = unit.arms();
        let asked = (threads * rewards.len()) as u64;
        prop_assert_eq!(arms.iter().map(|arm| arm.pulls).sum::<u64>(), asked);
        prop_assert_eq!(total.load(Ordering::Relaxed), asked);
        for (at, arm) in arms.iter().enumerate() {
            let mine = rewards.iter().filter(|(branch, ..)| *branch as usize == at);
            let rows: usize = mine.map(|(_, rows, _)| rows).sum();
            prop_assert_eq!(arm.trials(), (rows * threads) as u64);
        }
        let on_disk = Bandit::open("r", made(), Box::new(Silent)).unwrap().arms();
        for (found, expected) in on_disk.iter().zip(&arms) {
            prop_assert_eq!(found.successes, expected.successes);
            prop_assert_eq!(found.failures, expected.failures);
        }
    }
}
