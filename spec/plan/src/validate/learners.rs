//! Routers that learn: parameters that count branches, against the children that there are.

use hari_api::Issue;
use hari_api::path::{field, item};

use super::subject::{Subject, Unit};
use crate::bound::Builtin;
use crate::catalogue::parameter::{BEST_BRANCH, BRANCH_NAMES, N_BRANCHES};
use crate::{catalogue, rule};

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    for unit in subject.units() {
        let builtin = catalogue::builtin(unit.implementation());
        if builtin.is_some_and(|builtin| matches!(builtin.unit, Builtin::Learner(_))) {
            issues.extend(branches(unit));
        }
    }
}

/// What cannot be read, or names no parameter, is reported with the other parameters.
fn branches(unit: &Unit<'_>) -> Vec<Issue> {
    let children = unit.spec.children.len();
    let mut issues = Vec::new();
    for (index, parameter) in unit.spec.parameters.iter().enumerate() {
        let text = parameter.value.trim();
        let number = text.parse::<usize>().ok();
        let expected = match parameter.name.as_str() {
            N_BRANCHES if number.is_some_and(|number| number != children) => {
                format!("{children}, the number of children")
            }
            BEST_BRANCH if number.is_some_and(|number| number >= children) => {
                format!(
                    "the number of a child, from 0 to {}",
                    children.saturating_sub(1)
                )
            }
            BRANCH_NAMES if !text.is_empty() && !are_names(text, children) => {
                format!("{children} different names, one for each child, such as `a:b`")
            }
            _ => continue,
        };
        let path = field(&item(&unit.field("parameters"), index), "value");
        let message = format!(
            "expected `{}` to be {expected}, found {text:?}",
            parameter.name
        );
        let issue = Issue::error(rule::PARAMETER_VALUE, path, message);
        let hint = "change it, or remove it: the children are counted";
        issues.push(issue.with_value(text).with_hint(hint));
    }
    issues
}

fn are_names(text: &str, children: usize) -> bool {
    let names: Vec<&str> = text.split(':').collect();
    let once = |name: &&str| names.iter().filter(|other| *other == name).count() == 1;
    names.len() == children && names.iter().all(|name| !name.is_empty() && once(name))
}
