//! `hari migrate`: what changes when Hari takes the place of Seldon Core v1.

mod files;

use anyhow::Context as _;
use hari_migrate::{Report, assumed, cluster, documents};
use hari_plan::Installation;

use crate::exit::Said;
use crate::output;

/// Nothing has to be rewritten; `--check` says what differs.
const NOTHING: &str = "\
Nothing has to be rewritten: Hari reads the SeldonDeployments that you have, of every version, and its
chart takes the values of the original's. What differs for yours is said by

  hari migrate --check FOLDER
  hari migrate --check --cluster

and how to put one in the place of the other by the guide on migrating.";

/// Say what changes when Hari takes the place of Seldon Core v1
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each deployment is the same, different with nothing to do, different and worth a look, in need of a
change, or cannot be served; each difference says what the original does, what Hari does, and what to
do. Nothing is changed, neither files nor cluster. Exits with 1 if anything needs a change or cannot be
served.

Examples:
  hari migrate --check deployments/
  kustomize build overlays/production | hari migrate --check -
  hari migrate --check --cluster --namespace models
  hari migrate --check --cluster --json > report.json")]
pub(crate) struct Migrate {
    /// Files (YAML or JSON), folders with all that is below them, or `-` for standard input. Other kinds
    /// and files are counted and left out
    #[arg(value_name = "PATH", requires = "check")]
    paths: Vec<String>,
    /// Check, and change nothing
    #[arg(long)]
    check: bool,
    /// Check what runs in the cluster of KUBECONFIG: deployments, their objects, operator and configuration
    #[arg(long, requires = "check", conflicts_with = "paths")]
    cluster: bool,
    /// The one namespace of the cluster to look at [default: all]
    #[arg(long, short, requires = "cluster", value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// The cluster's context in the file of KUBECONFIG [default: the current one]
    #[arg(long, requires = "cluster", value_name = "NAME")]
    context: Option<String>,
    /// KEDA is switched on in the installation that files are meant for
    #[arg(long, conflicts_with = "cluster")]
    keda: bool,
    /// Print the report as JSON
    #[arg(long, requires = "check")]
    json: bool,
}

impl Migrate {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        if !self.check {
            output::line(NOTHING);
            return Ok(());
        }
        let report = match self.cluster {
            true => self.of_cluster()?,
            false => self.of_files()?,
        };
        match self.json {
            true => output::line(json(&report)?),
            false => output::line(format!("{report}{}", report.summary())),
        }
        match report.verdict().is_in_the_way() {
            true => Err(Said.into()),
            false => Ok(()),
        }
    }

    fn of_files(&self) -> anyhow::Result<Report> {
        anyhow::ensure!(
            !self.paths.is_empty(),
            hari_error::Error::invalid("name files or folders to check, or --cluster")
        );
        let found = files::read(&self.paths)?;
        let mut report = documents(
            &found.documents,
            &assumed(self.keda),
            &Installation::default(),
        );
        report.skipped.extend(found.skipped);
        Ok(report)
    }

    fn of_cluster(&self) -> anyhow::Result<Report> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let surveyed = runtime.block_on(async {
            let client = hari_operator::connect(self.context.as_deref()).await?;
            hari_operator::survey(&client, self.namespace.as_deref()).await
        })?;
        Ok(cluster(surveyed))
    }
}

/// The report with its verdict.
fn json(report: &Report) -> anyhow::Result<String> {
    let mut value = serde_json::to_value(report).context("cannot write JSON")?;
    value["verdict"] = serde_json::to_value(report.verdict()).context("cannot write JSON")?;
    Ok(format!("{value:#}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        migrate: Migrate,
    }

    fn parse(line: &str) -> Result<Migrate, String> {
        let parsed = Line::try_parse_from(line.split(' '));
        parsed
            .map(|line| line.migrate)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn without_check_there_is_nothing_to_name() {
        assert!(parse("migrate a.yaml").is_err());
        assert!(!parse("migrate").unwrap().check);
        assert!(parse("migrate --check --cluster a.yaml").is_err());
        assert!(parse("migrate --check --cluster --namespace models").is_ok());
    }

    #[test]
    fn something_is_to_be_checked() {
        let error = parse("migrate --check").unwrap().execute().unwrap_err();
        assert!(error.to_string().contains("--cluster"), "{error}");
    }

    #[test]
    fn the_verdict_is_part_of_the_json() {
        let report = documents(&[], &assumed(false), &Installation::default());
        let value: serde_json::Value = serde_json::from_str(&json(&report).unwrap()).unwrap();
        assert_eq!(value["verdict"], "same");
    }
}
