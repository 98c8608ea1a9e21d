//! How a router chooses among branches of which it knows something.

use fastrand::Rng;

use super::arm::Arm;
use super::draw;

/// How a router chooses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Policy {
    /// The branch with the best mean, but with the probability `epsilon` one of the others.
    EpsilonGreedy {
        /// From 0 to 1.
        epsilon: f64,
        /// The best one as long as there are no rewards; any, by chance, if not given.
        best_branch: Option<usize>,
    },
    /// The branch whose draw of its posterior is the highest.
    ThompsonSampling,
    /// The branch with the highest upper bound of its mean (UCB1).
    Ucb,
}

impl Policy {
    /// Value of `implementation`.
    #[must_use]
    pub const fn implementation(&self) -> &'static str {
        match self {
            Self::EpsilonGreedy { .. } => "EPSILON_GREEDY",
            Self::ThompsonSampling => "THOMPSON_SAMPLING",
            Self::Ucb => "UCB",
        }
    }

    /// The branch of the next request.
    pub(super) fn choose(&self, arms: &[Arm], rng: &mut Rng) -> usize {
        match *self {
            Self::EpsilonGreedy {
                epsilon,
                best_branch,
            } => {
                let best = best(arms, best_branch, rng);
                match arms.len() > 1 && rng.f64() < epsilon {
                    true => other(best, arms.len(), rng),
                    false => best,
                }
            }
            Self::ThompsonSampling => highest(arms, rng, |arm, rng| {
                let (alpha, beta) = arm.posterior();
                draw::beta(alpha, beta, rng)
            }),
            Self::Ucb => upper_bound(arms, rng),
        }
    }
}

fn best(arms: &[Arm], given: Option<usize>, rng: &mut Rng) -> usize {
    match given {
        Some(given) if arms.iter().all(|arm| arm.trials() == 0) => given,
        _ => highest(arms, rng, |arm, _| arm.mean()),
    }
}

/// Any of `count` branches but `best`.
fn other(best: usize, count: usize, rng: &mut Rng) -> usize {
    let drawn = rng.usize(..count - 1);
    drawn + usize::from(drawn >= best)
}

/// A branch without a reward goes first, the one that was asked least often: rewards come late
/// or never, and must not keep all requests at one branch.
fn upper_bound(arms: &[Arm], rng: &mut Rng) -> usize {
    if arms.iter().any(|arm| arm.trials() == 0) {
        return highest(arms, rng, |arm, _| match arm.trials() {
            0 => -(arm.pulls as f64),
            _ => f64::NEG_INFINITY,
        });
    }
    let all: f64 = arms.iter().map(|arm| arm.trials() as f64).sum();
    highest(arms, rng, |arm, _| {
        arm.mean() + (2.0 * all.ln() / arm.trials() as f64).sqrt()
    })
}

/// The branch with the highest score; one of them by chance if there are several.
fn highest(arms: &[Arm], rng: &mut Rng, score: impl Fn(&Arm, &mut Rng) -> f64) -> usize {
    let (mut found, mut top, mut ties) = (0, f64::NEG_INFINITY, 0_usize);
    for (branch, arm) in arms.iter().enumerate() {
        let score = score(arm, rng);
        if score < top {
            continue;
        }
        ties = if score > top { 1 } else { ties + 1 };
        top = score;
        if rng.usize(..ties) == 0 {
            found = branch;
        }
    }
    found
}
