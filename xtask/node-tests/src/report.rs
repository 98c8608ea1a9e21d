//! What the tests show, in words.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::engine::Engine;
use crate::record::Record;
use crate::worker::Outcome;

/// Passes of each engine, for each operator and in all.
pub(crate) fn table(record: &Record, outcomes: &[(Engine, Vec<Outcome>)]) {
    let engines: Vec<Engine> = outcomes.iter().map(|(engine, _)| *engine).collect();
    let mut operators: BTreeMap<&str, (usize, Vec<usize>)> = BTreeMap::new();
    for row in record.0.values().filter(|row| row.left_out.is_none()) {
        let none = || (0, vec![0; engines.len()]);
        let (cases, passes) = operators.entry(&row.operator).or_insert_with(none);
        *cases += 1;
        for (engine, count) in engines.iter().zip(passes) {
            *count += usize::from(row.passes.contains(engine));
        }
    }
    let line = |name: &str, cases: String, passes: Vec<String>| {
        let passes: String = passes.iter().map(|text| format!("{text:>13}")).collect();
        println!("{name:<32}{cases:>7}{passes}");
    };
    let numbers = |counts: &[usize]| counts.iter().map(ToString::to_string).collect();
    let names = engines.iter().map(|engine| engine.name().to_owned());
    line("", "cases".to_owned(), names.collect());
    for (name, (cases, passes)) in &operators {
        line(name, cases.to_string(), numbers(passes));
    }
    let total = |engine: &Engine| {
        let rows = record.0.values();
        rows.filter(|row| row.passes.contains(engine)).count()
    };
    let totals: Vec<usize> = engines.iter().map(total).collect();
    let counted = record.0.values().filter(|row| row.left_out.is_none());
    line("all", counted.count().to_string(), numbers(&totals));
}

/// How each case went on each engine.
pub(crate) fn why(names: &[&str], outcomes: &[(Engine, Vec<Outcome>)]) {
    for (at, name) in names.iter().enumerate() {
        for (engine, outcomes) in outcomes {
            match outcomes.get(at) {
                Some(Outcome::Fail(why)) => println!("{name}\t{}\t{why}", engine.name()),
                Some(Outcome::Pass) => println!("{name}\t{}\tpasses", engine.name()),
                None => {}
            }
        }
    }
}

/// Fails if a pass of the record is lost; says what is won.
pub(crate) fn judge(record: &Record, now: &Record, engines: &[Engine]) -> Result<()> {
    let won = now.lost(record, engines);
    if !won.is_empty() {
        println!(
            "{} passes are not in the record yet: run with --record and commit it",
            won.len()
        );
    }
    let lost = record.lost(now, engines);
    for line in &lost {
        println!("no longer passes: {line}");
    }
    // The last line is the one that `cargo xtask test` counts.
    let passed: usize = now.0.values().map(|row| row.passes.len()).sum();
    println!(
        "test result: {passed} passed; {} failed; node tests of ONNX",
        lost.len()
    );
    if lost.is_empty() {
        return Ok(());
    }
    bail!("{} node tests passed once and fail now", lost.len())
}
