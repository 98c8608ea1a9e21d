//! The figures of the networks as Markdown, and what was aimed at.

use std::fmt::Write as _;

use super::Line;
use crate::bench::report::{Aim, row, time};

/// Microseconds that loading ResNet-18 may take.
const LOAD: f64 = 200_000.0;

/// The section of the networks; empty if none was measured.
pub(in crate::bench) fn text(lines: &[Line]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n## Networks, from request to answer\n\n");
    text.push_str(
        "| network | batch | in Python | built-in engine in process | engine of the server | gRPC | \
         REST | gRPC to Python | gRPC to its engine |\n|---|---:|---:|---:|---|---:|---:|---:|---:|\n",
    );
    for line in lines {
        for engine in super::ENGINES {
            row(&mut text, &columns(line, engine));
        }
    }
    text.push_str(
        "\nEach is the p50 of one request after the other, the median of three runs. Over gRPC and \
         REST tensors are binary.\nEach number of the first answer is held against the answer in \
         Python. `to` is a ratio: below 1, the server is faster.\n\n",
    );
    loads(&mut text, lines);
    text
}

fn columns(line: &Line, engine: &str) -> [String; 9] {
    let grpc = line.p50(engine, "grpc");
    [
        format!("{}, {}", line.network, line.what),
        line.batch.to_string(),
        format!("{}, {}", time(line.python.p50), line.peer),
        time(line.rten.p50),
        engine.to_owned(),
        time(grpc),
        time(line.p50(engine, "rest")),
        format!("{:.2}", grpc / line.python.p50),
        line.own(engine)
            .map_or_else(|| "-".to_owned(), |own| format!("{:.2}", grpc / own)),
    ]
}

fn loads(text: &mut String, lines: &[Line]) {
    text.push_str("| load from disk | in Python | built-in engine |\n|---|---:|---:|\n");
    for line in lines.iter().filter(|line| line.batch == 1) {
        let python = format!("{}, {}", time(line.python.load), line.peer);
        row(
            text,
            &[line.network.to_owned(), python, time(line.rten.load)],
        );
    }
    let _ = writeln!(text);
}

impl Line {
    /// Hari's time; not a number if it was not measured.
    fn p50(&self, engine: &str, protocol: &str) -> f64 {
        let mut served = self.served.iter();
        let found = served.find(|(on, by, _)| *on == engine && *by == protocol);
        found.map_or(f64::NAN, |(_, _, measured)| measured.p50)
    }

    /// The engine without a server, where it was measured.
    fn own(&self, engine: &str) -> Option<f64> {
        match (engine, self.peer) {
            ("rten", _) => Some(self.rten.p50),
            ("onnxruntime", "onnxruntime") => Some(self.python.p50),
            _ => None,
        }
    }
}

/// What was aimed at for the networks.
pub(in crate::bench) fn aims(lines: &[Line]) -> Vec<Aim> {
    let mut aims = Vec::new();
    for line in lines {
        match line.network {
            "ResNet-18" => aims.extend(resnet(line)),
            "MNIST CNN" => aims.push(mnist(line)),
            _ => {}
        }
    }
    aims
}

/// Beside the engine's own time, and the time to load.
fn resnet(line: &Line) -> Vec<Aim> {
    let mut aims: Vec<Aim> = super::ENGINES
        .iter()
        .filter_map(|engine| {
            let ratio = line.p50(engine, "grpc") / line.own(engine)?;
            Some(Aim {
                what: format!(
                    "ResNet-18, batch {}: gRPC to {engine}'s own time",
                    line.batch
                ),
                aim: "at most 1.10".into(),
                found: format!("{ratio:.2}"),
                met: ratio <= 1.1,
            })
        })
        .collect();
    if line.batch == 1 {
        aims.push(Aim {
            what: "load of ResNet-18 from disk, built-in engine".into(),
            aim: "below 200 ms".into(),
            found: time(line.rten.load),
            met: line.rten.load < LOAD,
        });
    }
    aims
}

fn mnist(line: &Line) -> Aim {
    let ratio = line.p50("rten", "grpc") / line.python.p50;
    Aim {
        what: format!(
            "MNIST CNN, batch {}: gRPC to TensorFlow in process",
            line.batch
        ),
        aim: "below 1".into(),
        found: format!("{ratio:.2}"),
        met: ratio < 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::load::{InProcess, Measured};

    fn line(network: &'static str, peer: &'static str, served: f64) -> Line {
        let own = |p50| InProcess {
            p50,
            p99: p50,
            load: 150_000.0,
            ..InProcess::default()
        };
        let measured = Measured {
            p50: served,
            ..Measured::default()
        };
        Line {
            network,
            batch: 1,
            peer,
            python: own(100.0),
            rten: own(200.0),
            served: super::super::ENGINES
                .iter()
                .map(|engine| (*engine, "grpc", measured))
                .collect(),
            ..Line::default()
        }
    }

    #[test]
    fn a_tenth_more_than_the_engine_is_enough() {
        let met = |served| {
            let aims = aims(&[line("ResNet-18", "onnxruntime", served)]);
            aims.iter().map(|aim| aim.met).collect::<Vec<_>>()
        };
        assert_eq!(met(109.0), [true, true, true]);
        assert_eq!(met(111.0), [true, false, true]);
        assert_eq!(met(221.0), [false, false, true]);
    }

    #[test]
    fn tensorflow_is_to_be_beaten() {
        let met = |served| aims(&[line("MNIST CNN", "tensorflow", served)])[0].met;
        assert!(met(99.0) && !met(101.0) && !met(f64::NAN));
    }

    #[test]
    fn a_row_has_its_ratios() {
        let table = text(&[line("ResNet-18", "onnxruntime", 150.0)]);
        assert!(
            table.contains("| rten | 150 µs | NaN ms | 1.50 | 0.75 |"),
            "{table}"
        );
        assert!(table.contains("| onnxruntime | 150 µs | NaN ms | 1.50 | 1.50 |"));
        assert_eq!(text(&[]), "");
    }
}
