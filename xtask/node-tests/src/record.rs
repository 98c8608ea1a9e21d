//! Which engines pass which case: the record that is committed.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use crate::case::{Case, LeftOut};
use crate::engine::Engine;
use crate::worker::Outcome;

const HEADER: &str = "case\tdomain\toperator\tversion\tpasses on";

/// Every case, by name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record(pub(crate) BTreeMap<String, Row>);

/// What is known of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) domain: String,
    pub(crate) operator: String,
    pub(crate) version: i64,
    /// Why it is not counted, if it is not.
    pub(crate) left_out: Option<LeftOut>,
    pub(crate) passes: Vec<Engine>,
}

impl Record {
    /// The record of a run over `names`.
    pub(crate) fn of(cases: &[Case], names: &[&str], outcomes: &[(Engine, Vec<Outcome>)]) -> Self {
        let passed = |name: &str| {
            let at = names.iter().position(|other| *other == name);
            let engines = outcomes
                .iter()
                .filter(|(_, outcomes)| at.and_then(|at| outcomes.get(at)) == Some(&Outcome::Pass));
            engines.map(|(engine, _)| *engine).collect()
        };
        let rows = cases.iter().map(|case| {
            let (domain, operator) = case.operator.clone();
            let row = Row {
                domain,
                operator,
                version: case.version,
                left_out: case.left_out,
                passes: match case.left_out {
                    Some(_) => Vec::new(),
                    None => passed(&case.name),
                },
            };
            (case.name.clone(), row)
        });
        Self(rows.collect())
    }

    /// The record as it is committed: a line for each case, with tabs.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for (name, row) in &self.0 {
            let engines: Vec<_> = row.passes.iter().map(|engine| engine.name()).collect();
            let (domain, operator, version) = (&row.domain, &row.operator, row.version);
            let engines = match row.left_out {
                None => engines.join(" "),
                Some(why) => why.name().to_owned(),
            };
            text.push_str(&format!(
                "{name}\t{domain}\t{operator}\t{version}\t{engines}\n"
            ));
        }
        text
    }

    /// Reads what [`Record::text`] wrote.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        ensure!(
            lines.next() == Some(HEADER),
            "the record has another header"
        );
        let row = |line: &str| {
            let cells: Vec<&str> = line.split('\t').collect();
            let [name, domain, operator, version, engines] = cells[..] else {
                anyhow::bail!("the record has a line of {} cells", cells.len());
            };
            let mut reasons = LeftOut::ALL.into_iter();
            let left_out = reasons.find(|why| why.name() == engines);
            let engines = left_out.map_or(engines, |_| "");
            let row = Row {
                domain: domain.to_owned(),
                operator: operator.to_owned(),
                version: version.parse().context("reading a version")?,
                left_out,
                passes: engines
                    .split_whitespace()
                    .map(Engine::named)
                    .collect::<Result<_>>()?,
            };
            Ok((name.to_owned(), row))
        };
        Ok(Self(lines.map(row).collect::<Result<_>>()?))
    }

    /// Cases that pass here on one of `engines` and fail there, and those that are not there.
    pub(crate) fn lost(&self, now: &Self, engines: &[Engine]) -> Vec<String> {
        let mut lost = Vec::new();
        for (name, before) in &self.0 {
            let Some(after) = now.0.get(name) else {
                lost.push(format!("{name} is gone"));
                continue;
            };
            let passed = before
                .passes
                .iter()
                .filter(|engine| engines.contains(engine));
            let failing = passed.filter(|engine| !after.passes.contains(engine));
            lost.extend(failing.map(|engine| format!("{name} on {}", engine.name())));
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(cases: &[(&str, &[Engine])]) -> Record {
        let row = |engines: &[Engine]| Row {
            domain: "ai.onnx.ml".to_owned(),
            operator: "Binarizer".to_owned(),
            version: 3,
            left_out: None,
            passes: engines.to_vec(),
        };
        let rows = cases
            .iter()
            .map(|(name, engines)| ((*name).to_owned(), row(engines)));
        Record(rows.collect())
    }

    #[test]
    fn what_is_written_is_read() {
        let record = record(&[("a", &Engine::ALL), ("b", &[])]);
        assert_eq!(Record::read(&record.text()).unwrap(), record);
        assert!(Record::read("case\n").is_err());
        assert!(Record::read(&format!("{HEADER}\na\tb\n")).is_err());
    }

    #[test]
    fn a_pass_that_is_lost_is_named_and_a_gain_is_not() {
        let before = record(&[("a", &[Engine::Rten, Engine::Own]), ("b", &[]), ("c", &[])]);
        let after = record(&[("a", &[Engine::Own]), ("b", &[Engine::Own])]);
        let every = before.lost(&after, &Engine::ALL);
        assert_eq!(every, ["a on rten", "c is gone"]);
        assert_eq!(before.lost(&after, &[Engine::Own]), ["c is gone"]);
    }
}
