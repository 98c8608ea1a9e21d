//! Fetches as they run: a bar on a terminal, a log line now and then elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hari_artifacts::{Progress, Step};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::output;

/// Between two log lines of one fetch.
const PAUSE: Duration = Duration::from_secs(5);

/// What standard error can take.
pub(super) fn shown() -> Arc<dyn Progress> {
    match std::io::stderr().is_terminal() {
        true => Arc::new(Bars::default()),
        false => Arc::new(Lines::default()),
    }
}

/// One bar for each fetch.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
    each: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    fn of(&self, what: &str) -> ProgressBar {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = each.entry(what.to_owned()).or_insert_with(|| {
            let bar = self
                .all
                .add(ProgressBar::no_length().with_style(style(SPINNER)));
            bar.set_prefix(what.to_owned());
            bar
        });
        bar.clone()
    }

    fn finish(&self, what: &str) {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = each.remove(what) {
            bar.finish_and_clear();
        }
    }
}

const BAR: &str = "{prefix} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}, {eta} left {msg}";
const SPINNER: &str = "{prefix} {bytes} {bytes_per_sec} {msg}";

/// The template is ours; a bad one falls back to the plain bar.
fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

impl Progress for Bars {
    fn step(&self, what: &str, step: Step) {
        match step {
            Step::Downloading { done, total } => {
                let bar = self.of(what);
                if bar.length() != total {
                    bar.set_style(style(if total.is_some() { BAR } else { SPINNER }));
                    bar.set_length(total.unwrap_or(0));
                }
                bar.set_message("");
                bar.set_position(done);
            }
            Step::Retrying { after } => {
                self.of(what)
                    .set_message(format!("broken off, again in {after:.1?}"));
            }
            Step::Unpacking { entries, bytes } => {
                let size = output::bytes(bytes);
                self.of(what)
                    .set_message(format!("unpacking: {entries} entries, {size}"));
            }
            Step::Done { .. } => self.finish(what),
            _ => {}
        }
    }
}

/// One line when something new begins, and one every few seconds.
#[derive(Default)]
struct Lines {
    last: Mutex<HashMap<String, (&'static str, Instant)>>,
}

impl Lines {
    /// Whether it is time for a line about this phase of this fetch.
    fn due(&self, what: &str, phase: &'static str) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match last.get(what) {
            Some(&(before, at)) if before == phase && now.duration_since(at) < PAUSE => false,
            _ => {
                last.insert(what.to_owned(), (phase, now));
                true
            }
        }
    }
}

impl Progress for Lines {
    fn step(&self, what: &str, step: Step) {
        match step {
            Step::Downloading { done, total } if self.due(what, "downloading") => {
                tracing::info!(what, done, total, "downloading");
            }
            Step::Retrying { after } => {
                tracing::warn!(what, ?after, "the transfer broke off; trying again");
            }
            Step::Unpacking { entries, bytes } if self.due(what, "unpacking") => {
                tracing::info!(what, entries, bytes, "unpacking");
            }
            // A model that is used in place or was in the cache is no news.
            Step::Done {
                bytes,
                reused: false,
            } if self.forget(what) => {
                tracing::info!(what, bytes, "fetched");
            }
            _ => {}
        }
    }
}

impl Lines {
    /// Whether anything was said of this fetch, which is over.
    fn forget(&self, what: &str) -> bool {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(what)
            .is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_now_and_then_and_with_each_phase() {
        let lines = Lines::default();
        assert!(lines.due("a", "downloading"));
        assert!(!lines.due("a", "downloading"));
        assert!(lines.due("b", "downloading"));
        assert!(lines.due("a", "unpacking"));
        assert!(lines.forget("a") && !lines.forget("a"));
        assert!(lines.due("a", "unpacking"));
    }

    #[test]
    fn a_bar_follows_its_fetch_and_goes_away() {
        let bars = Bars::default();
        let step = |step| bars.step("m", step);
        step(Step::Downloading {
            done: 5,
            total: Some(10),
        });
        assert_eq!(
            (bars.of("m").position(), bars.of("m").length()),
            (5, Some(10))
        );
        step(Step::Retrying {
            after: Duration::from_millis(200),
        });
        assert!(
            bars.of("m").message().contains("again in 200.0ms"),
            "{}",
            bars.of("m").message()
        );
        step(Step::Downloading {
            done: 7,
            total: Some(10),
        });
        assert_eq!(bars.of("m").message(), "");
        step(Step::Done {
            bytes: 10,
            reused: false,
        });
        assert!(bars.each.lock().unwrap().is_empty());
    }

    #[test]
    fn the_templates_are_read() {
        for template in [BAR, SPINNER] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
