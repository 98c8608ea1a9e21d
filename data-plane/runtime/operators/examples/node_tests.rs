//! Runs ONNX's own node tests from a folder: `node_tests FOLDER [PART OF A NAME]`. Prints each
//! failure and the passes of each operator.

#![expect(clippy::print_stdout, reason = "it is what the program is for")]

#[path = "../tests/support/graph.rs"]
mod graph;
#[path = "../tests/support/node_case.rs"]
mod node_case;

use std::collections::BTreeMap;
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments
        .next()
        .ok_or_else(|| anyhow::anyhow!("name the folder of tests"))?;
    let part = arguments.next().unwrap_or_default();
    let mut cases: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    cases.sort_by_key(std::fs::DirEntry::file_name);
    let mut table: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for case in cases {
        let name = case.file_name().to_string_lossy().into_owned();
        if !name.contains(&part) {
            continue;
        }
        let outcome = guarded(&case.path());
        let row = table.entry(operator(&case.path())).or_default();
        row.1 += 1;
        match outcome {
            Ok(()) => row.0 += 1,
            Err(why) => println!("{name}: {}", why.lines().next().unwrap_or_default()),
        }
    }
    for (name, (passed, all)) in &table {
        println!("{name:30} {passed:4} of {all}");
    }
    let sum = |pick: fn(&(usize, usize)) -> usize| table.values().map(pick).sum::<usize>();
    println!("passed {} of {}", sum(|row| row.0), sum(|row| row.1));
    Ok(())
}

/// The case's outcome; a panic is a failure too.
fn guarded(case: &Path) -> Result<(), String> {
    let run = || node_case::run(case).map_err(|error| format!("{error:#}"));
    std::panic::catch_unwind(run).unwrap_or_else(|_| Err("PANIC".to_owned()))
}

fn operator(case: &Path) -> String {
    node_case::load(case)
        .ok()
        .and_then(|model| {
            let graph = model.graph?;
            match graph.node.as_slice() {
                [node] => Some(node.op_type().to_owned()),
                _ => Some("(graphs of several nodes)".to_owned()),
            }
        })
        .unwrap_or_default()
}
