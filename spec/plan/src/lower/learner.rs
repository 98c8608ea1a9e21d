//! The parameters of a router that learns.

use std::collections::BTreeMap;

use crate::bound::{Learner, ParameterValue, Policy};
use crate::catalogue::parameter::{
    BEST_BRANCH, BRANCH_NAMES, EPSILON, HISTORY, SEED, STATE, VERBOSE,
};

/// `learner`, a row of the catalogue, with what the resource says.
pub(super) fn with_parameters(
    learner: &Learner,
    parameters: &BTreeMap<String, ParameterValue>,
) -> Learner {
    Learner {
        policy: policy(learner.policy, parameters),
        branch_names: text(parameters, BRANCH_NAMES)
            .map(|names| names.split(':').map(str::to_owned).collect())
            .unwrap_or_default(),
        seed: integer(parameters, SEED),
        verbose: flag(parameters, VERBOSE),
        history: flag(parameters, HISTORY),
        state: text(parameters, STATE).map(str::to_owned),
    }
}

fn policy(policy: Policy, parameters: &BTreeMap<String, ParameterValue>) -> Policy {
    let Policy::EpsilonGreedy {
        epsilon,
        best_branch,
    } = policy
    else {
        return policy;
    };
    let given = integer(parameters, BEST_BRANCH).and_then(|branch| usize::try_from(branch).ok());
    Policy::EpsilonGreedy {
        epsilon: match parameters.get(EPSILON) {
            Some(ParameterValue::Float(given)) => *given,
            _ => epsilon,
        },
        best_branch: given.or(best_branch),
    }
}

fn integer(parameters: &BTreeMap<String, ParameterValue>, name: &str) -> Option<i64> {
    match parameters.get(name)? {
        ParameterValue::Int(number) => Some(*number),
        _ => None,
    }
}

fn flag(parameters: &BTreeMap<String, ParameterValue>, name: &str) -> bool {
    parameters.get(name) == Some(&ParameterValue::Bool(true))
}

/// Text that says something.
fn text<'a>(parameters: &'a BTreeMap<String, ParameterValue>, name: &str) -> Option<&'a str> {
    match parameters.get(name)? {
        ParameterValue::String(text) if !text.trim().is_empty() => Some(text.trim()),
        _ => None,
    }
}
