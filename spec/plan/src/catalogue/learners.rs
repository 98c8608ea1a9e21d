//! The rows of the routers that learn.

use hari_api::ParameterType::{Bool, Float, Int, String as Text};
use hari_api::UnitType;

use super::BuiltinSpec;
use super::parameter::{
    BEST_BRANCH, BRANCH_NAMES, Check, EPSILON, HISTORY, N_BRANCHES, ParameterSpec, SEED, STATE,
    VERBOSE,
};
use crate::bound::{Builtin, Learner, Policy};

const COUNT: ParameterSpec = ParameterSpec::new(
    N_BRANCHES,
    Int,
    "how many children there are; counted if not given",
)
.check(Check::Between(1.0, 64.0));
const NAMES: ParameterSpec = ParameterSpec::new(
    BRANCH_NAMES,
    Text,
    "names of the branches in the log, in metrics and in the state, such as `a:b`; those of the \
     children if not given",
);
const SEEDED: ParameterSpec =
    ParameterSpec::new(SEED, Int, "makes the choices the same in every run");
const TALKS: ParameterSpec = ParameterSpec::new(
    VERBOSE,
    Bool,
    "writes each choice and each reward to the log",
)
.or("false");
const REMEMBERS: ParameterSpec = ParameterSpec::new(
    HISTORY,
    Bool,
    "keeps the last 1000 rewards in the state, beside the sums",
)
.or("false");
const KEPT: ParameterSpec = ParameterSpec::new(
    STATE,
    Text,
    "folder in which it keeps what it learnt, relative to the resource's file; in memory alone if \
     not given",
);
const SHARED: &[ParameterSpec] = &[COUNT, NAMES, SEEDED, TALKS, REMEMBERS, KEPT];

const fn row(implementation: &'static str, doc: &'static str, policy: Policy) -> BuiltinSpec {
    BuiltinSpec {
        implementation,
        doc,
        unit: Builtin::Learner(Learner::new(policy)),
        kind: UnitType::Router,
        parameters: SHARED,
    }
}

pub(super) const EPSILON_GREEDY: BuiltinSpec = BuiltinSpec {
    implementation: "EPSILON_GREEDY",
    doc: "routes to the child with the best rewards, now and then to another",
    unit: Builtin::Learner(Learner::new(Policy::EpsilonGreedy {
        epsilon: 0.1,
        best_branch: None,
    })),
    kind: UnitType::Router,
    parameters: &[
        ParameterSpec::new(
            EPSILON,
            Float,
            "probability of a child that is not the best",
        )
        .or("0.1")
        .check(Check::Between(0.0, 1.0)),
        ParameterSpec::new(
            BEST_BRANCH,
            Int,
            "number of the child that is best before there are rewards; any if not given",
        )
        .check(Check::Between(0.0, 63.0)),
        COUNT,
        NAMES,
        SEEDED,
        TALKS,
        REMEMBERS,
        KEPT,
    ],
};
pub(super) const THOMPSON_SAMPLING: BuiltinSpec = row(
    "THOMPSON_SAMPLING",
    "routes to each child as often as it is likely to be the best",
    Policy::ThompsonSampling,
);
pub(super) const UCB: BuiltinSpec = row(
    "UCB",
    "routes to the child that may still be the best (UCB1)",
    Policy::Ucb,
);
