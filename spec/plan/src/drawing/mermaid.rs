//! Mermaid flowcharts.

use std::fmt::{self, Write as _};

use super::{lines, numbered, share};
use crate::bound::OnFailure;
use crate::plan::{NodePlan, Plan, PredictorPlan};

/// One flowchart of the graphs of all plans, each predictor in a box with its share of the
/// requests. A router is a rhombus, a combiner a trapezoid, a transformer has round ends; a
/// dotted arrow leads to what a request can do without.
#[must_use]
pub fn mermaid(plans: &[Plan]) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = flowchart(plans, &mut text);
    text
}

fn flowchart(plans: &[Plan], out: &mut String) -> fmt::Result {
    writeln!(out, "flowchart TD")?;
    for (at, plan) in plans.iter().enumerate() {
        let deployment = format!("d{at}");
        writeln!(out, "  {deployment}((\"{}\"))", text(&plan.name))?;
        for (index, predictor) in plan.predictors.iter().enumerate() {
            let id = format!("{deployment}p{index}");
            boxed(predictor, &id, out)?;
            let arrow = if predictor.shadow { "-.->" } else { "-->" };
            writeln!(
                out,
                "  {deployment} {arrow}|\"{}\"| {id}n0",
                share(predictor)
            )?;
        }
    }
    Ok(())
}

fn boxed(predictor: &PredictorPlan, id: &str, out: &mut String) -> fmt::Result {
    writeln!(out, "  subgraph {id}[\"{}\"]", text(&predictor.name))?;
    node(&predictor.graph, id, &mut 0, out)?;
    writeln!(out, "  end")
}

/// Writes a node with all below it; `next` is its number.
fn node(step: &NodePlan, id: &str, next: &mut usize, out: &mut String) -> fmt::Result {
    let own = format!("{id}n{next}");
    *next += 1;
    let label: Vec<String> = std::iter::once(step.name.clone())
        .chain(lines(step))
        .map(|line| text(&line))
        .collect();
    let (open, close) = shape(step);
    writeln!(out, "    {own}{open}\"{}\"{close}", label.join("<br/>"))?;
    for (branch, child) in step.children.iter().enumerate() {
        let arrow = match child.on_failure {
            OnFailure::Continue => "-.->",
            OnFailure::Fail => "-->",
        };
        let number = match numbered(step) {
            true => format!("|{branch}|"),
            false => String::new(),
        };
        let below = format!("{id}n{next}");
        node(child, id, next, out)?;
        writeln!(out, "    {own} {arrow}{number} {below}")?;
    }
    Ok(())
}

fn shape(node: &NodePlan) -> (&'static str, &'static str) {
    let calls = node.calls;
    if calls.route {
        ("{", "}")
    } else if calls.aggregate {
        ("[/", "\\]")
    } else if calls.transform_input || calls.transform_output {
        ("([", "])")
    } else {
        ("[", "]")
    }
}

/// Text between quotes.
fn text(raw: &str) -> String {
    raw.replace('#', "#35;")
        .replace('"', "#quot;")
        .replace('<', "#lt;")
        .replace('>', "#gt;")
}
