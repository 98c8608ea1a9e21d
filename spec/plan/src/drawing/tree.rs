//! Trees of box characters.

use super::{lines, numbered, share};
use crate::plan::{NodePlan, Plan, PredictorPlan};

/// The graphs of all plans, one deployment below the other, each line ended.
#[must_use]
pub fn tree(plans: &[Plan]) -> String {
    let mut text = String::new();
    for plan in plans {
        text.push_str(&plan.name);
        text.push('\n');
        let last = plan.predictors.len().saturating_sub(1);
        for (at, predictor) in plan.predictors.iter().enumerate() {
            below(
                &mut text,
                "",
                at == last,
                &head(predictor),
                &|text, bars| {
                    node(text, bars, true, None, &predictor.graph);
                },
            );
        }
    }
    text
}

fn head(predictor: &PredictorPlan) -> String {
    format!("{} · {}", predictor.name, share(predictor))
}

fn node(text: &mut String, bars: &str, last: bool, branch: Option<usize>, step: &NodePlan) {
    let number = branch.map_or_else(String::new, |branch| format!("{branch}: "));
    let label = format!("{number}{} · {}", step.name, lines(step).join(" · "));
    below(text, bars, last, &label, &|text, bars| {
        let end = step.children.len().saturating_sub(1);
        for (at, child) in step.children.iter().enumerate() {
            let branch = numbered(step).then_some(at);
            node(text, bars, at == end, branch, child);
        }
    });
}

/// Writes one line behind `bars`, then what is below it.
fn below(
    text: &mut String,
    bars: &str,
    last: bool,
    label: &str,
    children: &dyn Fn(&mut String, &str),
) {
    let (corner, bar) = match last {
        true => ("└── ", "    "),
        false => ("├── ", "│   "),
    };
    text.push_str(&format!("{bars}{corner}{label}\n"));
    children(text, &format!("{bars}{bar}"));
}
