//! What changes meanwhile, and when it is complete.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::process::Command;

use super::VerifyRollout;

/// How often it is asked whether the change is complete.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// A change, or one that someone else makes.
pub(super) struct Change {
    command: Option<String>,
    until: Until,
    within: Duration,
}

/// What says that it is complete.
enum Until {
    /// The end of the command.
    Ended,
    /// The success of another command.
    Command(String),
    /// A SeldonDeployment that is available.
    Available {
        client: hari_operator::Client,
        namespace: String,
        name: String,
    },
}

/// How a change went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is complete.
    Complete,
    /// Its command failed, or it was not complete in time.
    Failed(String),
}

impl Change {
    /// The change that the flags describe; none if nothing is said of one.
    ///
    /// # Errors
    /// If a cluster is to be asked and none is known.
    pub(super) async fn new(flags: &VerifyRollout) -> anyhow::Result<Option<Self>> {
        let until = match (&flags.until, &flags.until_available) {
            (Some(command), _) => Until::Command(command.clone()),
            (None, Some(target)) => {
                let (namespace, name) = target.split_once('/').unwrap_or(("default", target));
                let client = hari_operator::connect(flags.context.as_deref()).await;
                Until::Available {
                    client: client.context("--until-available")?,
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                }
            }
            (None, None) => Until::Ended,
        };
        Ok(flags.changes().then(|| Self {
            command: flags.change.clone(),
            until,
            within: flags.within,
        }))
    }

    /// Makes the change and waits until it is complete.
    pub(super) async fn make(self) -> Outcome {
        let within = self.within;
        match tokio::time::timeout(within, self.through()).await {
            Ok(Ok(())) => Outcome::Complete,
            Ok(Err(error)) => Outcome::Failed(format!("{error:#}")),
            Err(_) => Outcome::Failed(format!("the change was not complete within {within:?}")),
        }
    }

    async fn through(self) -> anyhow::Result<()> {
        if let Some(command) = &self.command {
            let output = shell(command).output().await.context("cannot run sh")?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                let last = said.lines().last().unwrap_or_default().trim();
                anyhow::bail!("--change ended with {}: {last}", output.status);
            }
        }
        let mut next = Instant::now();
        while !self.until.holds().await? {
            next += ASK_EVERY;
            tokio::time::sleep_until(next.max(Instant::now()).into()).await;
        }
        Ok(())
    }
}

impl Until {
    async fn holds(&self) -> anyhow::Result<bool> {
        Ok(match self {
            Self::Ended => true,
            Self::Command(command) => {
                let status = shell(command)
                    .stderr(Stdio::null())
                    .status()
                    .await
                    .context("cannot run sh")?;
                status.success()
            }
            Self::Available {
                client,
                namespace,
                name,
                // An API server that cannot be asked now is asked again.
            } => hari_operator::is_available(client, namespace, name)
                .await
                .unwrap_or(false),
        })
    }
}

/// Ends with the future that waits for it.
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    shell
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn made(command: &str, until: Until, within: Duration) -> Outcome {
        let command = (!command.is_empty()).then(|| command.to_owned());
        let change = Change {
            command,
            until,
            within,
        };
        change.make().await
    }

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_change_is_complete_when_what_is_waited_for_holds() {
        let folder = tempfile::tempdir().unwrap();
        let flag = folder.path().join("flag").display().to_string();
        let until = Until::Command(format!("test -e {flag}"));
        assert_eq!(
            made(&format!("touch {flag}"), until, LONG).await,
            Outcome::Complete
        );
        assert_eq!(made("true", Until::Ended, LONG).await, Outcome::Complete);
    }

    #[tokio::test]
    async fn a_change_that_fails_says_why() {
        let Outcome::Failed(why) =
            made("echo no such cluster >&2; exit 3", Until::Ended, LONG).await
        else {
            panic!("it failed")
        };
        assert!(
            why.contains("3") && why.contains("no such cluster"),
            "{why}"
        );
        let never = Until::Command("false".to_owned());
        let Outcome::Failed(why) = made("", never, Duration::from_millis(50)).await else {
            panic!("it failed")
        };
        assert!(why.contains("not complete"), "{why}");
    }
}
