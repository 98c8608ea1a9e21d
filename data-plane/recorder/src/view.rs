//! A recording as a tree, for people who read it in a terminal.

use std::fmt::Write as _;

use serde_json::Value;

use crate::recording::{Content, Event, GraphNode, Recording, Tensor};

/// Characters of a bar that is as long as the request.
const BAR: usize = 24;
/// Values of a tensor, and characters of a text, that are shown.
const VALUES: usize = 8;
const TEXT: usize = 60;

/// How a tree is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether it is coloured.
    pub colour: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn red(self, text: &str) -> String {
        self.paint("31", text)
    }
}

/// The request as a tree: each node with when it began and how long it took, the calls of its
/// unit with what went in and came out, the branch that was chosen, and what failed.
#[must_use]
pub fn tree(recording: &Recording, style: Style) -> String {
    let mut out = String::new();
    let Recording {
        id,
        time,
        deployment,
        predictor,
        took,
        ..
    } = recording;
    let head = format!("{deployment}  {predictor}  {time}  {}", millis(*took));
    // Writing to a String does not fail.
    let _ = writeln!(out, "{}\n{head}\n", style.bold(id));
    let names = |node: &GraphNode| 3 * node.depth + node.name.chars().count();
    let calls = |event: &Event| 4 + event.method.chars().count();
    let widest = recording.graph.iter().map(names).max().unwrap_or(0);
    let widest = widest + recording.events.iter().map(calls).max().unwrap_or(0);
    let page = Page {
        recording,
        style,
        width: widest.min(60),
    };
    for at in 0..recording.graph.len() {
        page.node(at, &mut out);
    }
    out
}

struct Page<'a> {
    recording: &'a Recording,
    style: Style,
    /// Characters before the bars.
    width: usize,
}

impl Page<'_> {
    fn node(&self, at: usize, out: &mut String) {
        let Some(node) = self.recording.graph.get(at) else {
            return;
        };
        let of = |stage: &'static str| {
            let events = self.recording.events.iter();
            events.filter(move |event| event.node == node.name && event.stage == stage)
        };
        let (first, rest) = (self.lines(at, true), self.lines(at, false));
        let whole = of("node").next();
        let calls: Vec<&Event> = of("call").collect();
        if whole.is_none() && calls.is_empty() {
            let _ = writeln!(
                out,
                "{first}{}",
                self.style.dim(&format!("{}  not asked", node.name))
            );
            return;
        }
        let name = self.style.bold(&node.name);
        let used = first.chars().count() + node.name.chars().count();
        let _ = writeln!(
            out,
            "{}",
            format!("{first}{name}{}", self.timed(used, whole)).trim_end()
        );
        if let Some(whole) = whole.filter(|_| calls.is_empty()) {
            self.contents(whole, &rest, out);
        }
        for call in calls {
            self.call(call, &rest, out);
        }
    }

    fn call(&self, call: &Event, rest: &str, out: &mut String) {
        let start = format!("{rest}  {}", call.method);
        let timed = self.timed(start.chars().count(), Some(call));
        let _ = writeln!(out, "{start}{timed}");
        self.contents(call, rest, out);
    }

    fn contents(&self, event: &Event, rest: &str, out: &mut String) {
        let mut say = |what: &str, said: &str| {
            let _ = writeln!(out, "{rest}    {} {said}", self.style.dim(what));
        };
        for asked in &event.asked {
            let part = if asked.part.is_empty() {
                "in "
            } else {
                &asked.part
            };
            self.content(asked).iter().for_each(|line| say(part, line));
        }
        if let Some(reward) = event.reward {
            say("reward", &reward.to_string());
        }
        match (event.branch, &event.answer) {
            (Some(branch), _) => say("->", &self.branch(&event.node, branch)),
            (None, Some(answer)) => {
                self.content(answer)
                    .iter()
                    .for_each(|line| say("out", line));
            }
            (None, None) => {}
        }
        if let Some(error) = &event.error {
            say(
                "!!",
                &self
                    .style
                    .red(&format!("{}: {}", error.reason, error.message)),
            );
        }
    }

    /// Which child a branch is.
    fn branch(&self, router: &str, branch: i64) -> String {
        let graph = &self.recording.graph;
        let Some(at) = graph.iter().position(|node| node.name == router) else {
            return format!("branch {branch}");
        };
        let depth = graph.get(at).map_or(0, |node| node.depth);
        let below = graph
            .iter()
            .skip(at + 1)
            .take_while(|node| node.depth > depth);
        let mut children = below.filter(|node| node.depth == depth + 1);
        match (branch, usize::try_from(branch)) {
            (-1, _) => "all branches".to_owned(),
            (-2, _) => "no branch".to_owned(),
            (_, Ok(number)) => match children.nth(number) {
                Some(child) => format!("branch {branch}: {}", child.name),
                None => format!("branch {branch}, which is not there"),
            },
            _ => format!("branch {branch}"),
        }
    }

    /// A bar on the time of the request, beginning and duration.
    fn timed(&self, used: usize, event: Option<&Event>) -> String {
        let Some(event) = event else {
            return String::new();
        };
        let gap = " ".repeat(self.width.saturating_sub(used) + 2);
        let bar = bar(event.start, event.took.unwrap_or(0), self.recording.took);
        let took = event.took.map_or("no answer".to_owned(), millis);
        format!(
            "{gap}{}  {:>10} +{took}",
            self.style.dim(&bar),
            millis(event.start)
        )
    }

    /// What stands before a node (`first`) or below its name.
    fn lines(&self, at: usize, first: bool) -> String {
        let graph = &self.recording.graph;
        let depth = graph.get(at).map_or(0, |node| node.depth);
        let goes_on = |level: usize| {
            let later = graph.iter().skip(at + 1);
            let next = later.map(|node| node.depth).find(|&depth| depth <= level);
            next == Some(level)
        };
        let mut lines = String::new();
        for level in 1..=depth {
            lines.push_str(match (level == depth && first, goes_on(level)) {
                (true, true) => "├─ ",
                (true, false) => "└─ ",
                (false, true) => "│  ",
                (false, false) => "   ",
            });
        }
        let parent = graph.get(at + 1).is_some_and(|next| next.depth > depth);
        if !first && parent {
            lines.push('│');
        }
        lines
    }

    fn content(&self, content: &Content) -> Vec<String> {
        let mut lines: Vec<String> = content.tensors.iter().map(tensor).collect();
        lines.extend(
            content
                .text
                .as_deref()
                .map(|text| format!("text {}", shortened(text))),
        );
        lines.extend(
            content
                .json
                .as_ref()
                .map(|json| format!("json {}", shortened(&json.to_string()))),
        );
        lines.extend(content.binary.map(|bytes| format!("{bytes} bytes")));
        for (key, value) in &content.tags {
            lines.push(format!("tag {key}={}", shortened(&value.to_string())));
        }
        for metric in &content.metrics {
            lines.push(format!(
                "metric {}={} {}",
                metric.key, metric.value, metric.kind
            ));
        }
        lines
    }
}

fn bar(start: u64, took: u64, whole: u64) -> String {
    let whole = whole.max(1) as f64;
    let place = |micros: u64| ((micros as f64 / whole).min(1.0) * BAR as f64) as usize;
    let before = place(start).min(BAR - 1);
    let filled = (place(start.saturating_add(took)).saturating_sub(before)).max(1);
    let after = BAR - before - filled;
    format!(
        "{}{}{}",
        "·".repeat(before),
        "█".repeat(filled),
        "·".repeat(after)
    )
}

/// `x FP64 [1, 4] 5.1 3.5 1.4 0.2`
fn tensor(tensor: &Tensor) -> String {
    let values: Vec<String> = tensor.values.iter().take(VALUES).map(value).collect();
    let more = tensor.values.len().saturating_sub(VALUES) + tensor.more;
    let more = if more > 0 {
        format!(" ... {more} more")
    } else {
        String::new()
    };
    let name = if tensor.name.is_empty() {
        "-"
    } else {
        &tensor.name
    };
    format!(
        "{name} {} {:?} {}{more}",
        tensor.datatype,
        tensor.shape,
        values.join(" ")
    )
}

fn value(value: &Value) -> String {
    match value {
        Value::String(text) => shortened(text),
        other => other.to_string(),
    }
}

/// One line of at most [`TEXT`] characters: what a terminal would act upon is escaped.
fn shortened(text: &str) -> String {
    let mut kept: String = text.chars().take(TEXT).flat_map(escaped).collect();
    if text.chars().nth(TEXT).is_some() {
        kept.push_str("...");
    }
    kept
}

fn escaped(c: char) -> Vec<char> {
    if c.is_control() {
        c.escape_default().collect()
    } else {
        vec![c]
    }
}

fn millis(micros: u64) -> String {
    format!("{:.3} ms", micros as f64 / 1000.0)
}

#[cfg(test)]
mod tests;
