//! The figures of the tables as Markdown, and what was aimed at.

use std::fmt::Write as _;

use super::Measured;
use super::in_process::{FOREST, Own, XGBOOST};
use super::served::Served;
use crate::bench::report::{Aim, Line, megabytes, row, servers, time};

/// MLServer's requests per second, so many times.
const TIMES: f64 = 50.0;
/// Microseconds of the slowest of a hundred answers at half of saturation.
const SLOWEST: f64 = 1000.0;
/// Milliseconds from the start to the first right answer.
const COLD: f64 = 60.0;
/// Bytes resident after 1,000 requests.
const RESIDENT: u64 = 25_000_000;
/// The memory that loading may take, as a multiple of what the model keeps.
const MEMORY: f64 = 2.0;

/// Hari's time in process as a multiple of a peer's.
const RATIOS: [(&str, usize, &str, f64); 4] = [
    (XGBOOST, 1, "xgboost-c", 1.0),
    (XGBOOST, 1000, "xgboost-c", 1.5),
    (XGBOOST, 1, "treelite", 1.0),
    (XGBOOST, 1000, "treelite", 1.0),
];

/// The section of the tables; empty if none was measured.
pub(in crate::bench) fn text(measured: &Measured) -> String {
    let mut text = String::new();
    if !measured.iris.is_empty() {
        text.push_str("\n## Irises: scaler and logistic regression, one row as JSON over REST\n\n");
        servers(&mut text, &measured.iris);
    }
    if !measured.own.is_empty() {
        in_process(&mut text, &measured.own);
        loads(&mut text, &measured.own);
    }
    if !measured.served.is_empty() {
        over_rest(&mut text, &measured.served);
    }
    text
}

fn in_process(text: &mut String, lines: &[Own]) {
    text.push_str(
        "\n## Tables in process, on one thread\n\n\
         | model | rows | Hari, p50 | p99 | peer | its p50 | p99 | Hari to peer |\n\
         |---|---:|---:|---:|---|---:|---:|---:|\n",
    );
    for line in lines {
        for (peer, run) in &line.peers {
            let columns = [
                line.model.to_owned(),
                line.rows.to_string(),
                time(line.hari.p50),
                time(line.hari.p99),
                named(peer).to_owned(),
                time(run.p50),
                time(run.p99),
                format!("{:.2}", line.ratio(peer)),
            ];
            row(text, &columns);
        }
    }
    text.push_str(
        "\nEach number of each answer is held against the first peer's. Below 1, Hari is faster.\n",
    );
}

fn asked(rows: usize) -> String {
    match rows {
        1 => "1 row".to_owned(),
        many => format!("{many} rows"),
    }
}

/// What a peer is called, with the function that is timed.
fn named(peer: &str) -> &str {
    match peer {
        "xgboost-c" => "XGBoost, `XGBoosterPredictFromDense` of its C API",
        "xgboost" => "XGBoost, `Booster.inplace_predict`",
        "treelite" => "treelite, `gtil.predict`",
        "lightgbm" => "LightGBM, `Booster.predict`",
        "sklearn" => "scikit-learn, `predict_proba`",
        other => other,
    }
}

fn loads(text: &mut String, lines: &[Own]) {
    text.push_str(
        "\n| load from disk | time | resident after | at most on the way | the model keeps |\n\
         |---|---:|---:|---:|---:|\n",
    );
    for line in lines.iter().filter(|line| line.rows == 1) {
        let hari = std::iter::once(("Hari", &line.hari));
        let peers = line.peers.iter().map(|(peer, run)| (*peer, run));
        for (who, run) in hari.chain(peers) {
            let columns = [
                format!("{}: {who}", line.model),
                time(run.load),
                bytes(run.memory.loaded),
                bytes(run.memory.peak),
                bytes(run.memory.kept),
            ];
            row(text, &columns);
        }
    }
}

fn bytes(count: f64) -> String {
    match count.is_nan() {
        true => "-".to_owned(),
        false => megabytes(count as u64),
    }
}

fn over_rest(text: &mut String, lines: &[Served]) {
    text.push_str(
        "\n## Boosters over REST, open inference protocol, numbers as JSON\n\n\
         | model | rows | server | p50 | p99 | requests/s | processor µs/request | p50 to \
         MLServer | requests/s to MLServer |\n|---|---:|---|---:|---:|---:|---:|---:|---:|\n",
    );
    for line in lines {
        let peer = lines.iter().find(|peer| {
            peer.server == "MLServer" && (peer.model, peer.rows) == (line.model, line.rows)
        });
        let to = |of: fn(&Served) -> f64| peer.map_or(f64::NAN, |peer| of(line) / of(peer));
        let columns = [
            line.model.to_owned(),
            line.rows.to_string(),
            line.server.to_owned(),
            time(line.alone.p50),
            time(line.alone.p99),
            format!("{:.0}", line.saturated.rate),
            format!("{:.0}", line.saturated.processor),
            format!("{:.3}", to(|line| line.alone.p50)),
            format!("{:.1}", to(|line| line.saturated.rate)),
        ];
        row(text, &columns);
    }
    let _ = writeln!(
        text,
        "\np50 and p99 of one request after the other; requests/s at saturation. Each number of the \
         first answer is held against the library's in process."
    );
}

/// What was aimed at for the tables.
pub(in crate::bench) fn aims(measured: &Measured) -> Vec<Aim> {
    let mut aims = irises(&measured.iris);
    for &(model, rows, peer, most) in &RATIOS {
        let found = measured.own.iter();
        let mut found = found.filter(|own| (own.model, own.rows) == (model, rows));
        if let Some(own) = found.next() {
            aims.push(at_most(
                format!("{model}, {} in process: to {}", asked(rows), named(peer)),
                most,
                own.ratio(peer),
            ));
        }
    }
    let mut forests = measured.own.iter();
    if let Some(forest) = forests.find(|own| (own.model, own.rows) == (FOREST, 1)) {
        aims.extend(loading(forest));
    }
    aims
}

fn irises(lines: &[Line]) -> Vec<Aim> {
    let mut aims = Vec::new();
    let of = |server: &'static str| lines.iter().filter(move |line| line.server == server);
    let peer = of("MLServer").next();
    for line in of("Hari") {
        if let Some(peer) = peer.filter(|peer| peer.question == line.question) {
            aims.push(multiple(line, peer));
        }
        aims.push(Aim {
            what: format!("irises, {}: p99 at half of saturation", line.question),
            aim: "below 1 ms".into(),
            found: time(line.half.p99),
            met: line.half.p99 < SLOWEST,
        });
    }
    aims.extend(of("Hari").next().into_iter().flat_map(small));
    aims
}

fn multiple(ours: &Line, peer: &Line) -> Aim {
    let times = ours.saturated.rate / peer.saturated.rate;
    Aim {
        what: "irises: requests per second, as a multiple of MLServer".into(),
        aim: format!("at least {TIMES}"),
        found: format!("{times:.1}"),
        met: times >= TIMES,
    }
}

fn small(line: &Line) -> [Aim; 2] {
    [
        Aim {
            what: format!("irises: cold start, median of {}", line.starts),
            aim: format!("below {COLD} ms"),
            found: format!("{:.0} ms", line.cold),
            met: line.cold < COLD,
        },
        Aim {
            what: "irises: resident after 1,000 requests".into(),
            aim: format!("below {}", megabytes(RESIDENT)),
            found: megabytes(line.resident),
            met: line.resident < RESIDENT,
        },
    ]
}

/// Time beside joblib's, and memory beside the model's own.
fn loading(forest: &Own) -> Vec<Aim> {
    let mut aims = Vec::new();
    for (_, joblib) in &forest.peers {
        let ratio = forest.hari.load / joblib.load;
        let what = "load of the forest: time to `joblib.load`".into();
        aims.push(at_most(what, 1.0, ratio));
    }
    let memory = forest.hari.memory;
    for (what, bytes) in [
        ("resident after", memory.loaded),
        ("at most on the way", memory.peak),
    ] {
        let what = format!("load of the forest: memory {what}, to what the model keeps");
        aims.push(at_most(what, MEMORY, bytes / memory.kept));
    }
    aims
}

fn at_most(what: String, most: f64, found: f64) -> Aim {
    Aim {
        what,
        aim: format!("at most {most:.2}"),
        found: format!("{found:.2}"),
        met: found <= most,
    }
}

#[cfg(test)]
mod tests;
