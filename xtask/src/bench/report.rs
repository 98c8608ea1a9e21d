//! The report: what was aimed at, what was measured, on what machine.

use std::fmt::Write as _;

use super::facts::Facts;
use super::load::{CONNECTIONS, InProcess, Measured};
use super::{graph, networks, python, tables, texts};

/// Everything that was measured.
#[derive(Default)]
pub(super) struct Report {
    pub(super) facts: Facts,
    /// Size of the binary, if it is built as it ships.
    pub(super) binary_bytes: Option<u64>,
    pub(super) model: InProcess,
    pub(super) lines: Vec<Line>,
    pub(super) idle: Vec<Limit>,
    pub(super) networks: Vec<networks::Line>,
    pub(super) texts: Vec<texts::Line>,
    pub(super) tables: tables::Measured,
    pub(super) graphs: Vec<graph::Line>,
    pub(super) python: python::Measured,
}

/// One server with a small model, asked in one protocol.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) server: String,
    pub(super) question: String,
    /// Milliseconds from start to the first right answer, the median.
    pub(super) cold: f64,
    /// Of how many starts.
    pub(super) starts: usize,
    /// Bytes resident after 1,000 requests.
    pub(super) resident: u64,
    /// The same with shared pages split among those that share them.
    pub(super) proportional: u64,
    pub(super) saturated: Measured,
    pub(super) half: Measured,
}

/// A model that does nothing, and a server that does nothing.
#[derive(Debug, Default)]
pub(super) struct Limit {
    pub(super) question: String,
    pub(super) identity: Measured,
    pub(super) constant: Measured,
}

/// An aim and what became of it.
pub(super) struct Aim {
    pub(super) what: String,
    pub(super) aim: String,
    pub(super) found: String,
    pub(super) met: bool,
}

impl Report {
    pub(super) fn new(facts: Facts) -> Self {
        Self {
            facts,
            ..Self::default()
        }
    }

    /// The whole report, as Markdown.
    pub(super) fn text(&self) -> String {
        let mut text = format!("# Benchmark of {}\n\n", self.facts.date);
        text.push_str(
            "Made by `cargo xtask bench`. Servers ran on core 0, one after the other, the load on \
             core 1.\nOnly ratios of this one run mean anything elsewhere.\n\n## Aims\n\n",
        );
        self.aims(&mut text);
        text.push_str(&networks::tables(&self.networks));
        text.push_str(&texts::table(&self.texts));
        text.push_str(&tables::text(&self.tables));
        text.push_str(&python::text(&self.python));
        text.push_str(&graph::table(&self.graphs));
        if !self.lines.is_empty() {
            text.push_str("\n## The MNIST model, one 28x28 row as JSON over REST\n\n");
            servers(&mut text, &self.lines);
            self.model_alone(&mut text);
            text.push_str("\n## A model that does nothing against a server that does nothing\n\n");
            self.limits(&mut text);
        }
        text.push_str("\n## Machine and versions\n\n| | |\n|---|---|\n");
        for (what, value) in &self.facts.rows {
            row(&mut text, &[(*what).to_owned(), value.clone()]);
        }
        text
    }

    fn aims(&self, text: &mut String) {
        text.push_str("| | aim | measured | |\n|---|---|---|---|\n");
        for aim in self.judged() {
            let met = if aim.met { "met" } else { "missed" };
            row(text, &[aim.what, aim.aim, aim.found, met.to_owned()]);
        }
    }

    fn judged(&self) -> Vec<Aim> {
        let mut aims = Vec::new();
        let ours = self.lines.iter().find(|line| line.server == "Hari");
        if let Some((ours, peer)) = ours.zip(self.best_wrapper()) {
            let times = ours.saturated.rate / peer.saturated.rate;
            aims.push(Aim {
                what: format!("requests per second, as a multiple of the {}", peer.server),
                aim: "at least 20".into(),
                found: format!("{times:.1}"),
                met: times >= 20.0,
            });
        }
        if let Some(ours) = ours {
            aims.extend(self.own(ours));
        }
        aims.extend(self.idle.iter().map(Limit::aim));
        aims.extend(networks::aims(&self.networks));
        aims.extend(tables::aims(&self.tables));
        aims.extend(python::aims(&self.python));
        aims.extend(graph::aims(&self.graphs));
        aims.extend(self.binary_bytes.map(|bytes| Aim {
            what: "size of the binary".into(),
            aim: "below 40 MB".into(),
            found: megabytes(bytes),
            met: bytes < 40_000_000,
        }));
        aims
    }

    /// The aims that need no peer.
    fn own(&self, ours: &Line) -> [Aim; 3] {
        let overhead = ours.half.p50 - self.model.p50;
        [
            Aim {
                what: "overhead: p50 at half of saturation less the model's own p50".into(),
                aim: "below 100 µs".into(),
                found: format!("{overhead:.0} µs"),
                met: overhead < 100.0,
            },
            Aim {
                what: format!("cold start, median of {}", ours.starts),
                aim: "below 150 ms".into(),
                found: format!("{:.0} ms", ours.cold),
                met: ours.cold < 150.0,
            },
            Aim {
                what: "resident after 1,000 requests".into(),
                aim: "below 40 MB".into(),
                found: megabytes(ours.resident),
                met: ours.resident < 40_000_000,
            },
        ]
    }

    /// The faster form of the wrapper.
    fn best_wrapper(&self) -> Option<&Line> {
        let wrappers = self
            .lines
            .iter()
            .filter(|line| line.server.starts_with("wrapper"));
        wrappers.max_by(|a, b| a.saturated.rate.total_cmp(&b.saturated.rate))
    }

    fn model_alone(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "The model alone, in process: p50 {:.0} µs, p99 {:.0} µs.",
            self.model.p50, self.model.p99
        );
    }

    fn limits(&self, text: &mut String) {
        text.push_str(
            "| request | identity, requests/s | constant, requests/s | share | identity, processor \
             µs/request | constant |\n|---|---:|---:|---:|---:|---:|\n",
        );
        for limit in &self.idle {
            let columns = [
                limit.question.clone(),
                format!("{:.0}", limit.identity.rate),
                format!("{:.0}", limit.constant.rate),
                format!("{:.0} %", limit.share() * 100.0),
                format!("{:.0}", limit.identity.processor),
                format!("{:.0}", limit.constant.processor),
            ];
            row(text, &columns);
        }
    }
}

impl Limit {
    fn share(&self) -> f64 {
        self.identity.rate / self.constant.rate
    }

    fn aim(&self) -> Aim {
        Aim {
            what: format!(
                "identity model, share of the constant server, {}",
                self.question
            ),
            aim: "at least 60 %".into(),
            found: format!("{:.0} %", self.share() * 100.0),
            met: self.share() >= 0.6,
        }
    }
}

/// The figures of servers with one model.
pub(super) fn servers(text: &mut String, lines: &[Line]) {
    let slowest = lines.iter().map(|line| line.saturated.rate);
    let slowest = slowest.fold(f64::INFINITY, f64::min);
    text.push_str(
        "| server | protocol | requests/s | ratio | processor µs/request | p50 at half | \
         p99 at half | cold start | resident | shared split |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for line in lines {
        let columns = [
            line.server.clone(),
            line.question.clone(),
            format!("{:.0}", line.saturated.rate),
            format!("{:.1}", line.saturated.rate / slowest),
            format!("{:.0}", line.saturated.processor),
            format!("{:.0} µs", line.half.p50),
            format!("{:.0} µs", line.half.p99),
            format!("{:.0} ms", line.cold),
            megabytes(line.resident),
            megabytes(line.proportional),
        ];
        row(text, &columns);
    }
    let _ = writeln!(
        text,
        "\nSaturation: {CONNECTIONS} connections that ask again at once. Half: requests arrive at \
         half of that rate, and waiting counts."
    );
}

pub(super) fn row(text: &mut String, columns: &[String]) {
    let _ = writeln!(text, "| {} |", columns.join(" | "));
}

/// Microseconds in the unit that fits.
pub(super) fn time(micros: f64) -> String {
    match micros {
        short if short < 1e3 => format!("{short:.0} µs"),
        middle if middle < 1e5 => format!("{:.1} ms", middle / 1e3),
        long => format!("{:.0} ms", long / 1e3),
    }
}

pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(server: &str, rate: f64, p50: f64) -> Line {
        let saturated = Measured {
            rate,
            ..Measured::default()
        };
        let half = Measured {
            p50,
            ..Measured::default()
        };
        Line {
            server: server.into(),
            saturated,
            half,
            cold: 100.0,
            resident: 30_000_000,
            ..Line::default()
        }
    }

    fn report(ours: f64, p50: f64) -> Report {
        Report {
            lines: vec![
                line("Hari", ours, p50),
                line("wrapper", 100.0, 9000.0),
                line("wrapper, 4 threads", 200.0, 9000.0),
            ],
            binary_bytes: Some(30_000_000),
            model: InProcess {
                p50: 120.0,
                p99: 130.0,
                ..InProcess::default()
            },
            ..Report::default()
        }
    }

    fn met(report: &Report) -> Vec<bool> {
        report.judged().iter().map(|aim| aim.met).collect()
    }

    #[test]
    fn the_faster_wrapper_is_the_measure() {
        assert_eq!(met(&report(4000.0, 200.0)), [true; 5]);
        assert_eq!(met(&report(3999.0, 200.0)), [false, true, true, true, true]);
    }

    #[test]
    fn overhead_is_what_the_model_does_not_need() {
        assert_eq!(met(&report(4000.0, 221.0)), [true, false, true, true, true]);
        assert!(
            report(4000.0, 221.0)
                .text()
                .contains("| below 100 µs | 101 µs | missed |")
        );
    }

    #[test]
    fn without_peers_there_is_no_ratio() {
        let mut alone = report(4000.0, 200.0);
        alone.lines.truncate(1);
        assert_eq!(met(&alone), [true; 4]);
    }

    #[test]
    fn times_have_a_fitting_unit() {
        assert_eq!(time(90.0), "90 µs");
        assert_eq!(time(12_340.0), "12.3 ms");
        assert_eq!(time(400_000.0), "400 ms");
    }

    #[test]
    fn a_share_of_sixty_percent_is_enough() {
        let limit = |rate| Limit {
            identity: Measured {
                rate,
                ..Measured::default()
            },
            constant: Measured {
                rate: 1000.0,
                ..Measured::default()
            },
            ..Limit::default()
        };
        assert!(limit(600.0).aim().met);
        assert!(!limit(599.0).aim().met);
    }
}
