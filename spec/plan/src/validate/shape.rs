//! Sizes of graphs, and numbers of children.

use hari_api::{Issue, UnitType};

use super::subject::{Predictor, Subject, Unit};
use crate::bound::Builtin;
use crate::{catalogue, rule};

/// Most units from the root to a leaf, both counted.
const MAX_DEPTH: usize = 32;
/// Most units of one predictor.
const MAX_UNITS: usize = 256;
/// Most children of one unit.
const MAX_CHILDREN: usize = 64;
/// Levels of children that the schema of the resource holds in a cluster.
const LEVELS_IN_CLUSTER: usize = 10;

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    for predictor in &subject.predictors {
        issues.extend(units(predictor));
        issues.extend(depth(predictor));
        for unit in &predictor.units {
            issues.extend(fan_out(unit));
            issues.extend(children(unit));
        }
    }
}

fn units(predictor: &Predictor<'_>) -> Option<Issue> {
    let found = predictor.units.len();
    if found <= MAX_UNITS {
        return None;
    }
    let message = format!("the graph has {found} units: at most {MAX_UNITS} are served");
    let issue = Issue::error(rule::TOO_MANY_UNITS, predictor.field("graph"), message);
    Some(
        issue
            .with_value(found.to_string())
            .with_hint("split it into several deployments"),
    )
}

/// Only the first unit that is too deep is reported.
fn depth(predictor: &Predictor<'_>) -> Option<Issue> {
    let deeper_than = |depth| predictor.units.iter().find(|unit| unit.depth == depth + 1);
    if let Some(unit) = deeper_than(MAX_DEPTH) {
        let message = format!("the graph is more than {MAX_DEPTH} units deep");
        let issue = Issue::error(rule::TOO_DEEP, &unit.path, message);
        return Some(issue.with_hint("chain fewer units, or split it into several deployments"));
    }
    let unit = deeper_than(LEVELS_IN_CLUSTER + 1)?;
    let message = format!(
        "a cluster keeps {LEVELS_IN_CLUSTER} levels of children: this unit would be dropped there"
    );
    let issue = Issue::warning(rule::PRUNED, &unit.path, message);
    Some(issue.with_hint("chain fewer units if the deployment is meant for a cluster"))
}

fn fan_out(unit: &Unit<'_>) -> Option<Issue> {
    let found = unit.spec.children.len();
    if found <= MAX_CHILDREN {
        return None;
    }
    let message = format!("the unit has {found} children: at most {MAX_CHILDREN} are served");
    let issue = Issue::error(rule::TOO_MANY_CHILDREN, unit.field("children"), message);
    Some(
        issue
            .with_value(found.to_string())
            .with_hint("spread them over several units"),
    )
}

fn children(unit: &Unit<'_>) -> Option<Issue> {
    let found = unit.spec.children.len();
    let builtin = catalogue::builtin(unit.implementation());
    let kind = match builtin {
        Some(builtin) => Some(builtin.kind),
        None => unit.spec.unit_type().ok().flatten(),
    };
    let (rule, message) = match (builtin.map(|builtin| &builtin.unit), kind) {
        (Some(Builtin::RandomAbTest { .. }), _) if found == 2 => return None,
        (Some(Builtin::RandomAbTest { .. }), _) => {
            (rule::ABTEST_CHILDREN, "an A/B test has two children")
        }
        (_, Some(UnitType::Router)) if found == 0 => (
            rule::ROUTER_CHILDREN,
            "a router has children to choose from",
        ),
        (_, Some(UnitType::Combiner)) if found == 0 => (
            rule::COMBINER_CHILDREN,
            "a combiner has children to combine",
        ),
        _ => return None,
    };
    let hint = match found {
        0 => "found none: add them below `children`".to_owned(),
        _ => format!("found {found}"),
    };
    let issue = Issue::error(rule, unit.field("children"), message);
    Some(issue.with_value(found.to_string()).with_hint(hint))
}
