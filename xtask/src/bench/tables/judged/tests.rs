//! Aims at their edges, and what the tables say.

use super::*;
use crate::bench::load::{InProcess, Measured as Run, Memory};
use crate::bench::tables::in_process::LIGHTGBM;

fn line(server: &str, question: &str, rate: f64, p99: f64) -> Line {
    let run = |rate, p99| Run {
        rate,
        p99,
        ..Run::default()
    };
    Line {
        server: server.into(),
        question: question.into(),
        cold: 59.0,
        starts: 10,
        resident: 24_000_000,
        saturated: run(rate, 0.0),
        half: run(rate / 2.0, p99),
        ..Line::default()
    }
}

fn irises(rate: f64, p99: f64) -> Measured {
    Measured {
        iris: vec![
            line("Hari", "Seldon protocol", 1.0, 10.0),
            line("Hari", "open inference protocol", rate, p99),
            line("MLServer", "open inference protocol", 100.0, 9000.0),
        ],
        ..Measured::default()
    }
}

fn run(p50: f64, load: f64) -> InProcess {
    InProcess {
        p50,
        p99: 2.0 * p50,
        load,
        memory: Memory {
            loaded: 20e6,
            peak: 21e6,
            kept: 10e6,
        },
    }
}

fn own(model: &'static str, rows: usize, p50: f64, peers: &[(&'static str, f64)]) -> Measured {
    let peers = peers.iter();
    Measured {
        own: vec![Own {
            model,
            rows,
            hari: run(p50, 100.0),
            peers: peers.map(|&(peer, p50)| (peer, run(p50, 200.0))).collect(),
        }],
        ..Measured::default()
    }
}

fn met(measured: &Measured) -> Vec<bool> {
    aims(measured).iter().map(|aim| aim.met).collect()
}

#[test]
fn fifty_times_in_the_same_protocol_is_enough() {
    assert_eq!(met(&irises(5000.0, 999.0)), [true; 5]);
    assert_eq!(met(&irises(4999.0, 999.0)), [true, false, true, true, true]);
    assert_eq!(
        met(&irises(5000.0, 1000.0)),
        [true, true, false, true, true]
    );
}

#[test]
fn a_server_is_small_and_starts_at_once() {
    let mut measured = irises(5000.0, 10.0);
    measured.iris[0].cold = 60.0;
    measured.iris[0].resident = RESIDENT;
    assert_eq!(met(&measured), [true, true, true, false, false]);
}

#[test]
fn one_row_is_no_slower_and_many_rows_half_more() {
    let one = |p50| {
        met(&own(
            XGBOOST,
            1,
            p50,
            &[("xgboost-c", 100.0), ("treelite", 120.0)],
        ))
    };
    assert_eq!(one(100.0), [true, true]);
    assert_eq!(one(101.0), [false, true]);
    assert_eq!(one(121.0), [false, false]);
    let many = |p50| {
        met(&own(
            XGBOOST,
            1000,
            p50,
            &[("xgboost-c", 100.0), ("treelite", 999.0)],
        ))
    };
    assert_eq!(many(150.0), [true, true]);
    assert_eq!(many(151.0), [false, true]);
    assert_eq!(met(&own(XGBOOST, 1000, 1.0, &[])), [false, false]);
    let aim = |rows| aims(&own(XGBOOST, rows, 1.0, &[])).remove(0).what;
    assert!(aim(1).contains("depth 6, 1 row in process: to XGBoost, `XGB"));
    assert!(aim(1000).contains(", 1000 rows in process"));
}

#[test]
fn memory_is_held_against_what_the_model_keeps() {
    let forest = own(FOREST, 1, 1.0, &[("sklearn", 1.0)]);
    assert_eq!(met(&forest), [true, true, false]);
    let found: Vec<_> = aims(&forest).into_iter().map(|aim| aim.found).collect();
    assert_eq!(found, ["0.50", "2.00", "2.10"]);
}

#[test]
fn a_peer_stands_beside_hari() {
    let text = text(&own(LIGHTGBM, 1, 50.0, &[("lightgbm", 100.0)]));
    assert!(
        text.contains(
            "| 1 | 50 µs | 100 µs | LightGBM, `Booster.predict` | 100 µs | 200 µs | 0.50 |"
        ),
        "{text}"
    );
    assert!(text.contains("depth 6: lightgbm | 200 µs | 20.0 MB | 21.0 MB | 10.0 MB |"));
}

#[test]
fn servers_stand_beside_mlserver() {
    let served = |server, p50, rate| Served {
        model: XGBOOST,
        server,
        rows: 1,
        alone: Run {
            p50,
            ..Run::default()
        },
        saturated: Run {
            rate,
            ..Run::default()
        },
    };
    let measured = Measured {
        served: vec![
            served("Hari", 50.0, 9000.0),
            served("MLServer", 1000.0, 900.0),
        ],
        ..Measured::default()
    };
    let text = text(&measured);
    assert!(
        text.contains("| Hari | 50 µs | 0 µs | 9000 | 0 | 0.050 | 10.0 |"),
        "{text}"
    );
    assert!(text.contains("| 1.000 | 1.0 |"), "{text}");
}

#[test]
fn nothing_measured_is_nothing_said() {
    assert_eq!(text(&Measured::default()), "");
    assert!(aims(&Measured::default()).is_empty());
    assert_eq!(bytes(f64::NAN), "-");
}
