//! `hari validate`: everything that is wrong with deployments, each finding with its place.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;
use hari_api::{Issue, read_documents};
use hari_error::Error;
use hari_local::Source;
use serde::Serialize;

use crate::exit::Said;
use crate::output;

/// Say everything that is wrong with deployments
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits with 1 if anything is an error; warnings alone are no failure.

Examples:
  hari validate deployment.yaml
  hari validate --target local deployments/
  helm template chart | hari validate -")]
pub(crate) struct Validate {
    /// SeldonDeployment files (YAML or JSON), folders of them, or `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// Where it is to run: `local` reports what `hari run` cannot serve on this machine, too
    #[arg(long, value_enum, default_value_t = Target::Any)]
    target: Target,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// Where the deployments are to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Rules that hold everywhere
    Any,
    /// This machine, in one process
    Local,
}

/// What was found, as `--json` prints it.
#[derive(Debug, Default, Serialize)]
struct Report {
    files: usize,
    documents: usize,
    errors: usize,
    warnings: usize,
    issues: Vec<Issue>,
}

impl Validate {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        let mut sources = Vec::new();
        for path in &self.paths {
            sources.extend(read(path)?);
        }
        let report = Report::of(&sources, self.target);
        match self.json {
            true => {
                output::line(serde_json::to_string_pretty(&report).context("cannot write JSON")?);
            }
            false => report.print(),
        }
        if report.errors > 0 {
            Err(Said.into())
        } else {
            Ok(())
        }
    }
}

/// What lies at `path`: a file is read whatever its name, a folder for the deployments in it.
pub(super) fn read(path: &str) -> anyhow::Result<Vec<Source>> {
    if path == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("cannot read standard input")?;
        return Ok(vec![standard_input(&text)]);
    }
    let file = Path::new(path);
    if !file.exists() {
        return Err(Error::not_found(format!("{path}: there is no such file or folder")).into());
    }
    if file.is_file() {
        return Ok(vec![Source::file(file)?]);
    }
    let sources = hari_local::folder(file)?;
    if sources.is_empty() {
        let message =
            "expected YAML or JSON files with a SeldonDeployment in the folder, found none";
        return Err(Error::not_found(format!("{path}: {message}")).into());
    }
    Ok(sources)
}

fn standard_input(text: &str) -> Source {
    let name = "<stdin>".to_owned();
    Source {
        documents: read_documents(text, &name),
        file: None,
        base: ".".into(),
        name,
    }
}

impl Report {
    fn of(sources: &[Source], target: Target) -> Self {
        let mut issues: Vec<Issue> = sources
            .iter()
            .flat_map(|source| check(source, target))
            .collect();
        sort(&mut issues, sources);
        let errors = issues.iter().filter(|issue| issue.is_error()).count();
        Self {
            files: sources.len(),
            documents: sources.iter().map(|source| source.documents.len()).sum(),
            errors,
            warnings: issues.len() - errors,
            issues,
        }
    }

    fn print(&self) {
        output::issues(&self.issues);
        output::line(self.summary());
    }

    fn summary(&self) -> String {
        let scope = format!(
            "{} in {}",
            count(self.documents, "document"),
            count(self.files, "file")
        );
        match (self.errors, self.warnings) {
            (0, 0) => format!("{scope}: no issues"),
            (errors, warnings) => {
                format!(
                    "{scope}: {}, {}",
                    count(errors, "error"),
                    count(warnings, "warning")
                )
            }
        }
    }
}

fn check(source: &Source, target: Target) -> Vec<Issue> {
    match target {
        Target::Any => hari_plan::plan(&source.documents).issues,
        Target::Local => match hari_local::plan(source) {
            Ok((_, warnings)) => warnings,
            Err(issues) => issues,
        },
    }
}

/// By file in the order given, then by place.
fn sort(issues: &mut [Issue], sources: &[Source]) {
    let order = |issue: &Issue| sources.iter().position(|source| source.name == issue.file);
    issues.sort_by_key(|issue| (order(issue), issue.line, issue.column, !issue.is_error()));
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\n\
                        metadata: {name: mnist}\nspec:\n  predictors:\n  - name: default\n    graph:\n      \
                        name: digits\n      implementation: TENSORFLOW_SERVER\n      modelUri: ./model\n";

    fn report(text: &str, target: Target) -> Report {
        Report::of(&[standard_input(text)], target)
    }

    #[test]
    fn a_good_deployment_has_no_issues() {
        let report = report(GOOD, Target::Local);
        assert_eq!(report.summary(), "1 document in 1 file: no issues");
    }

    #[test]
    fn an_error_is_counted_and_has_its_place() {
        let report = report(
            &GOOD.replace("TENSORFLOW_SERVER", "TENSORFLOW_SERVRE"),
            Target::Any,
        );
        assert_eq!(
            report.summary(),
            "1 document in 1 file: 1 error, 0 warnings"
        );
        let issue = &report.issues[0];
        assert_eq!((issue.file.as_str(), issue.line), ("<stdin>", Some(9)));
        assert!(
            issue
                .to_string()
                .contains("did you mean `TENSORFLOW_SERVER`?"),
            "{issue}"
        );
    }

    #[test]
    fn what_this_machine_cannot_serve_is_an_issue_of_this_machine_alone() {
        let text = GOOD.replace("TENSORFLOW_SERVER", "TEMPO_SERVER");
        assert_eq!(report(&text, Target::Any).errors, 0);
        let local = report(&text, Target::Local);
        assert_eq!(
            (local.errors, &*local.issues[0].rule),
            (1, "not-in-this-build")
        );
    }

    #[test]
    fn issues_come_by_file_and_line() {
        let mut first = standard_input(&GOOD.replace("TENSORFLOW_SERVER", "NOPE"));
        first.name = "z.yaml".to_owned();
        first.documents = read_documents(&GOOD.replace("TENSORFLOW_SERVER", "NOPE"), "z.yaml");
        let second = standard_input(&GOOD.replace("TENSORFLOW_SERVER", "NOPE"));
        let report = Report::of(&[first, second], Target::Any);
        let files: Vec<_> = report
            .issues
            .iter()
            .map(|issue| issue.file.as_str())
            .collect();
        assert_eq!(files, ["z.yaml", "<stdin>"]);
    }

    #[test]
    fn what_is_not_there_is_said_by_name() {
        let error = read("no/such.yaml").unwrap_err();
        assert_eq!(
            error.to_string(),
            "no/such.yaml: there is no such file or folder"
        );
        let folder = tempfile::tempdir().unwrap();
        let error = read(&folder.path().display().to_string()).unwrap_err();
        assert!(error.to_string().contains("found none"), "{error}");
    }
}
