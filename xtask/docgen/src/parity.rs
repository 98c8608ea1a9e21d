//! `parity.md`: how near the answers are to TensorFlow's own.

use crate::table::{code, heading, table};

/// Written by the test of `hari-tensorflow` that replays TensorFlow's answers: name, what it is,
/// operations, different operators, deviation, tolerance.
const ROWS: &str = include_str!("../../../data-plane/runtime/tensorflow/tests/parity.tsv");

/// Whole applications, measured by hand: name, input, parameters, greatest logit,
/// deviation in parts of that, tolerance.
const APPLICATIONS: &str =
    include_str!("../../../data-plane/runtime/tensorflow/tests/applications.tsv");

pub(crate) fn page() -> String {
    let introduction = format!(
        "{} exported SavedModels, whose weights are random, with the answers that TensorFlow gave; \
         each is replayed by the tests. The deviation is the greatest absolute difference of any \
         output, rounded up to one digit, as measured when the table was written; a test fails if \
         it exceeds the tolerance. Integers, booleans and strings must be equal. The tolerance is \
         wider only where TensorFlow itself computes with half floats.",
        ROWS.lines().count()
    );
    let source = "`data-plane/runtime/tensorflow/tests`";
    let mut text = heading("Parity with TensorFlow", source, &introduction);
    let header = [
        "Model",
        "What it is",
        "Operations",
        "Kinds",
        "Deviation",
        "Tolerance",
    ];
    text.push_str(&table(header, ROWS.lines().map(cells)));
    text.push_str("\n## Whole applications\n\n");
    text.push_str(
        "`keras.applications` at full size with random weights, compared by \
         `tests/applications.py`; these files are too large to be kept. Random weights give logits of \
         any size, so the deviation is in parts of the greatest.\n",
    );
    let header = [
        "Model",
        "Input",
        "Parameters",
        "Greatest logit",
        "Deviation",
        "Tolerance",
    ];
    text.push_str(&table(header, APPLICATIONS.lines().map(cells)));
    text
}

/// The cells of a line, the first as code; what is missing is empty.
fn cells<const N: usize>(line: &str) -> [String; N] {
    let mut cells = line.split('\t');
    std::array::from_fn(|index| {
        let cell = cells.next().unwrap_or_default();
        if index == 0 {
            code(cell)
        } else {
            cell.to_owned()
        }
    })
}
