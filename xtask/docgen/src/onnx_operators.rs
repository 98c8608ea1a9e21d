//! `onnx-operators.md`: which of ONNX's own node tests pass on which engine.

use std::collections::{BTreeMap, BTreeSet};

use crate::table::{code, codes, heading, table};

/// What `cargo xtask engines --record` wrote: a line for each case, with tabs.
const PASSES: &str = include_str!("../../node-tests/passes.tsv");

/// Engines by their names in the record, with what a reader knows them by.
const ENGINES: [(&str, &str); 4] = [
    ("hari", "Hari"),
    ("rten", "rten alone"),
    ("own", "own operators alone"),
    ("onnxruntime", "ONNX Runtime"),
];

const INTRODUCTION: &str = "\
The `onnx` package holds tests for each operator of its default domain. Here is how many pass on each \
engine: on *Hari* as it comes, which computes each node where that is exact, without ONNX Runtime; \
on *rten*, the built-in engine, alone; on Hari's *own operators* alone; and on *ONNX Runtime*.

A floating-point output may be off by 1e-7 + 0.001 × the expected value, as in ONNX's own runner; \
shapes, types, integers and strings have to be equal. `cargo xtask engines` runs all of them again \
and fails if one fails that passed here.
";

/// A line of the record.
struct Case {
    name: &'static str,
    domain: &'static str,
    operator: &'static str,
    version: &'static str,
    /// Engines it passes on; none if it is not counted.
    passes: Option<BTreeSet<&'static str>>,
}

pub(crate) fn page() -> String {
    let cases: Vec<Case> = PASSES.lines().skip(1).filter_map(case).collect();
    let carried: Vec<_> = cases.iter().filter(|case| case.passes.is_some()).collect();
    let left_out = |why: &str| PASSES.lines().filter(|line| line.ends_with(why)).count();
    let mut text = heading(
        "ONNX operators",
        "`xtask/node-tests/passes.tsv`",
        INTRODUCTION.trim_end(),
    );
    text.push_str(&totals(&carried));
    text.push_str(&format!(
        "\nNot counted are {} cases with inputs or outputs of types that no tensor of the open \
         inference protocol has (8-bit floats, integers of 2 and 4 bits), and {} whose outputs are \
         drawn at random.\n",
        left_out("(not carried)"),
        left_out("(random)")
    ));
    for domain in carried
        .iter()
        .map(|case| case.domain)
        .collect::<BTreeSet<_>>()
    {
        let cases = carried.iter().filter(|case| case.domain == domain);
        text.push_str(&format!("\n## {}\n", shown(domain)));
        text.push_str(&operators(domain, cases.copied()));
    }
    text.push_str(&untested(&cases));
    text.push_str(&failures(&carried));
    text
}

fn case(line: &'static str) -> Option<Case> {
    let mut cells = line.split('\t');
    let (name, domain, operator, version) =
        (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
    let passes = match cells.next()? {
        left_out if left_out.starts_with('(') => None,
        engines => Some(engines.split_whitespace().collect()),
    };
    Some(Case {
        name,
        domain,
        operator,
        version,
        passes,
    })
}

fn shown(domain: &str) -> &str {
    if domain.is_empty() { "ai.onnx" } else { domain }
}

fn passes(case: &Case, engine: &str) -> bool {
    case.passes
        .as_ref()
        .is_some_and(|passes| passes.contains(engine))
}

fn totals(cases: &[&Case]) -> String {
    let rows = ENGINES.map(|(engine, name)| {
        let count = cases.iter().filter(|case| passes(case, engine)).count();
        let share = 100.0 * count as f64 / cases.len().max(1) as f64;
        [name.to_owned(), count.to_string(), format!("{share:.1} %")]
    });
    let head = format!("passes of {}", cases.len());
    table(["Engine", &head, "share"], rows)
}

/// A row for each operator.
fn operators<'a>(domain: &str, cases: impl Iterator<Item = &'a Case>) -> String {
    let mut operators: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        operators.entry(case.operator).or_default().push(case);
    }
    let rows = operators.into_iter().map(|(operator, cases)| {
        let mut versions: Vec<i64> = cases
            .iter()
            .filter_map(|case| case.version.parse().ok())
            .collect();
        versions.sort_unstable();
        versions.dedup();
        let versions: Vec<_> = versions.iter().map(ToString::to_string).collect();
        let [hari, rten, own, runtime] = ENGINES.map(|(engine, _)| {
            cases
                .iter()
                .filter(|case| passes(case, engine))
                .count()
                .to_string()
        });
        [
            code(operator),
            since(domain, operator),
            versions.join(", "),
            cases.len().to_string(),
            hari,
            rten,
            own,
            runtime,
        ]
    });
    let head = [
        "Operator",
        "own since",
        "tested at",
        "cases",
        "Hari",
        "rten",
        "own",
        "ONNX Runtime",
    ];
    table(head, rows)
}

/// The first version of the domain in which Hari's own operators know this one.
fn since(domain: &str, operator: &str) -> String {
    let known = hari_operators::known();
    let versions = known.filter(|(of, name, _)| (*of, *name) == (domain, operator));
    let first = versions.map(|(_, _, version)| version).min();
    first.map_or_else(String::new, |version| version.to_string())
}

/// Operators that Hari computes and that the package has no test for.
fn untested(cases: &[Case]) -> String {
    let tested: BTreeSet<_> = cases
        .iter()
        .map(|case| (case.domain, case.operator))
        .collect();
    let mut others: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (domain, operator, _) in hari_operators::known() {
        if !tested.contains(&(domain, operator)) {
            others.entry(domain).or_default().insert(operator);
        }
    }
    let mut text = "\n## Computed by Hari, without a test in the package\n".to_owned();
    let rows = others
        .into_iter()
        .map(|(domain, operators)| [code(shown(domain)), codes(operators)]);
    text.push_str(&table(["Domain", "Operators"], rows));
    text
}

fn failures(cases: &[&Case]) -> String {
    let mut operators: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for case in cases.iter().filter(|case| !passes(case, "hari")) {
        operators.entry(case.operator).or_default().push(case.name);
    }
    if operators.is_empty() {
        return String::new();
    }
    let rows = operators
        .into_iter()
        .map(|(operator, names)| [code(operator), codes(names)]);
    let head =
        "\n## Cases that fail on Hari\n\nSequences cannot be sent, so that a case with one as an \
                input fails here even where own operators pass it, as they do inside of a model.\n"
            .to_owned();
    head + &table(["Operator", "Cases"], rows)
}
