//! `sklearn.md`: classes of scikit-learn that are computed, and how near their answers are.

use std::collections::BTreeMap;

use crate::table::{code, codes, heading, table};

/// Written by the test of `hari-sklearn` that replays scikit-learn's answers: class, versions,
/// methods, largest deviation.
const ROWS: &str = include_str!("../../../data-plane/runtime/sklearn/tests/parity.csv");

pub(crate) fn page() -> String {
    let classes = hari_sklearn::classes();
    let introduction = format!(
        "{} classes. Each is compared with scikit-learn itself, on models that the versions in the \
         table saved. Labels must be equal. The deviation is the largest of any number, in parts of \
         its magnitude, or of a thousandth of the largest magnitude in the same answer if that is \
         more. Classes that only stand inside others have no methods of their own here.",
        classes.len()
    );
    let source = "`data-plane/runtime/sklearn`";
    let mut text = heading("scikit-learn classes", source, &introduction);
    let measured: BTreeMap<_, _> = ROWS.lines().skip(1).filter_map(row).collect();
    let mut modules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for class in classes {
        let module = module(class);
        modules.entry(module).or_default().push(class);
    }
    for (module, classes) in modules {
        text.push_str(&format!("\n## {module}\n"));
        let rows = classes.into_iter().map(|class| {
            let name = class.rsplit('.').next().unwrap_or_default();
            let [versions, methods, deviation] = measured.get(class).copied().unwrap_or_default();
            let methods = codes(methods.split_whitespace());
            [
                code(name),
                methods,
                versions.replace(' ', ", "),
                deviation.to_owned(),
            ]
        });
        text.push_str(&table(["Class", "Methods", "Versions", "Deviation"], rows));
    }
    text
}

/// A class with its versions, methods and deviation.
fn row(line: &str) -> Option<(&str, [&str; 3])> {
    let mut cells = line.split(',');
    Some((cells.next()?, [cells.next()?, cells.next()?, cells.next()?]))
}

/// The module of scikit-learn that a class is in; the package of one that is not scikit-learn's.
fn module(class: &str) -> &str {
    let mut parts = class.split('.');
    match parts.next() {
        Some("sklearn") => parts.next().unwrap_or_default(),
        other => other.unwrap_or_default(),
    }
}
