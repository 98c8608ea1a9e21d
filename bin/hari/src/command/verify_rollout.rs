//! `hari verify-rollout`: load at a fixed rate while something changes, and what became of every
//! request.

mod change;
mod expected;
mod load;
mod report;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use super::engine::flag;
use super::predict::Target;
use crate::exit::Said;
use change::Change;
use expected::{Expected, Version};

/// Send requests at a fixed rate while something changes, and say what became of each
///
/// Requests are sent when they are due, whether earlier ones were answered or not, and latency
/// counts from then. Exits with 1 if one request failed or was answered wrongly.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hari verify-rollout --json request.json --duration 1m
  hari verify-rollout --json request.json --url http://gateway --deployment models/iris \\
      --change 'kubectl apply -f iris-v2.yaml' --until-available models/iris \\
      --expect-version 'v1={\"meta\": {\"tags\": {\"version\": \"v1\"}}}' --expect-version v2=v2.json")]
pub(crate) struct VerifyRollout {
    #[command(flatten)]
    target: Target,
    /// Requests a second
    #[arg(long, default_value_t = 100, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    rate: u32,
    /// How long to send, where nothing says that a change is complete
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = flag::duration)]
    duration: Duration,
    /// Send at least so many requests
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    requests: u64,
    /// Command that makes the change; run by `sh -c` after the warm-up
    #[arg(long, value_name = "COMMAND")]
    change: Option<String>,
    /// Command that succeeds once the change is complete; asked twice a second
    #[arg(long, value_name = "COMMAND", conflicts_with = "until_available")]
    until: Option<String>,
    /// SeldonDeployment that is available, at its newest generation and without older pods, once the
    /// change is complete
    #[arg(long, value_name = "NS/NAME")]
    until_available: Option<String>,
    /// Context of the kubeconfig, for --until-available
    #[arg(long, value_name = "NAME", requires = "until_available")]
    context: Option<String>,
    /// How long to send before the change
    #[arg(long, default_value = "5s", value_name = "TIME", value_parser = flag::duration)]
    before: Duration,
    /// How long to send once the change is complete
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = flag::duration)]
    after: Duration,
    /// Most time for the change
    #[arg(long, default_value = "10m", value_name = "TIME", value_parser = flag::duration)]
    within: Duration,
    /// What every answer holds: JSON, or a file of it. Members that are not named may be anything
    #[arg(long, value_name = "JSON|FILE")]
    expect: Option<String>,
    /// What the answers of one version hold; may be given several times
    #[arg(long, value_name = "NAME=JSON|FILE", conflicts_with = "expect")]
    expect_version: Vec<String>,
    /// Version that may answer once the change is complete; may be given several times [default: the
    /// last --expect-version]
    #[arg(long = "final", value_name = "NAME", requires = "expect_version")]
    last: Vec<String>,
    /// One of so many requests goes over a new connection; 0 means none, 1 all
    #[arg(long, default_value_t = 10, value_name = "NUMBER")]
    new_connection_every: u64,
    /// Most time to wait for an answer
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = flag::duration)]
    timeout: Duration,
    /// An answer that takes longer is late, and fails the run
    #[arg(long, value_name = "TIME", value_parser = flag::duration)]
    late_after: Option<Duration>,
    /// Most requests open at a time; one that is due beyond them counts as failed
    #[arg(long, default_value_t = 1000, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    most_open: u32,
    /// Print the report as JSON
    #[arg(long)]
    json_output: bool,
}

impl VerifyRollout {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        runtime.block_on(self.verify())
    }

    async fn verify(self) -> anyhow::Result<()> {
        let expected = Arc::new(self.expected()?);
        let change = Change::new(&self).await?;
        let shooter = self.target.shooter(self.timeout).await?;
        // What cannot be asked at all is said at once, as `hari predict` says it.
        shooter.send(0, false).await?;
        let found = load::run(&self, shooter, &expected, change).await;
        let report = report::Report::new(&self, &expected, &found);
        report.print(self.json_output)?;
        report.passed().then_some(()).ok_or_else(|| Said.into())
    }

    /// What right answers look like.
    fn expected(&self) -> anyhow::Result<Expected> {
        let mut versions = Vec::new();
        if let Some(text) = &self.expect {
            versions.push(Version::read("", text).context("--expect")?);
        }
        for text in &self.expect_version {
            let Some((name, text)) = text.split_once('=').filter(|(name, _)| !name.is_empty())
            else {
                bail!("--expect-version: expected NAME=JSON or NAME=FILE, found `{text}`");
            };
            versions.push(
                Version::read(name, text).with_context(|| format!("--expect-version {name}"))?,
            );
        }
        ensure!(
            versions.len() <= expected::MOST,
            "at most {} versions are told apart",
            expected::MOST
        );
        let mut last = Vec::new();
        for name in &self.last {
            let at = versions.iter().position(|version| version.name == *name);
            last.push(
                at.with_context(|| format!("--final: no --expect-version is named `{name}`"))?,
            );
        }
        if last.is_empty() {
            last.extend(versions.len().checked_sub(1));
        }
        Ok(Expected { versions, last })
    }

    /// Whether a change is waited for.
    fn changes(&self) -> bool {
        self.change.is_some() || self.until.is_some() || self.until_available.is_some()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Arguments, Command};

    fn parsed(line: &[&str]) -> VerifyRollout {
        let words = ["hari", "verify-rollout", "--json", "r.json"]
            .iter()
            .chain(line);
        match Arguments::try_parse_from(words).unwrap().command {
            Command::VerifyRollout(command) => *command,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn versions_are_named_and_the_last_one_is_the_new_one() {
        let v1 = r#"v1={"data": {"ndarray": [1]}}"#;
        let command = parsed(&["--expect-version", v1, "--expect-version", "v2={}"]);
        let expected = command.expected().unwrap();
        assert_eq!((expected.versions.len(), &*expected.last), (2, &[1][..]));
        let command = parsed(&[
            "--expect-version",
            v1,
            "--expect-version",
            "v2={}",
            "--final",
            "v1",
        ]);
        assert_eq!(command.expected().unwrap().last, [0]);
        assert!(!command.changes());
    }

    #[test]
    fn what_cannot_be_expected_is_refused() {
        for (line, word) in [
            (&["--expect-version", "v1"][..], "NAME=JSON"),
            (&["--expect-version", "v1={"], "--expect-version v1"),
            (&["--expect", "no/such/file"], "--expect"),
            (&["--expect-version", "v1={}", "--final", "v3"], "`v3`"),
        ] {
            let error = format!("{:#}", parsed(line).expected().err().unwrap());
            assert!(error.contains(word), "{error}");
        }
    }
}
