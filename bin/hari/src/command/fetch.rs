//! `hari fetch`: the storage initialiser. A model into a folder, whole or not at all.

mod progress;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use hari_artifacts::{
    Artifact, FetchOptions, MANIFEST, ModelUri, Policy, Progress, Versions, copy_to,
};
use serde_json::json;

use super::serving::on_runtime;
use crate::cli::Log;
use crate::output;

/// Fetch a model into a folder: download, verify, unpack
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A folder that holds exactly this model already is left as it is; an older copy that `hari fetch` put
there is replaced. What a call that was cut short brought from a bucket is used by the next.

Examples:
  hari fetch https://host/mnist.tar.gz /mnt/models
  hari fetch 'https://host/model.onnx#sha256=9f86d0...' model
  hari fetch gs://bucket/mnist model --version latest
  AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... hari fetch s3://bucket/mnist model
  hari fetch oci://ghcr.io/organisation/mnist:v1 model")]
pub(crate) struct Fetch {
    /// Where the model is: a path, file://, http(s)://, s3://, gs://, azure://, oci://, or
    /// remote:bucket/path; `#sha256=...` checks it
    uri: String,
    /// Folder to put it into; empty, not there yet, or filled by `hari fetch` before
    dir: PathBuf,
    /// Which version folders of a bucket: a number, `latest` or `all`
    #[arg(long, value_name = "NUMBER", default_value = "all", value_parser = versions)]
    version: Versions,
    /// Print what was fetched as JSON
    #[arg(long)]
    json: bool,
}

impl Fetch {
    pub(crate) fn execute(self, log: &Log) -> anyhow::Result<()> {
        on_runtime(log, self.fetch())
    }

    async fn fetch(self) -> anyhow::Result<()> {
        let uri = here(&self.uri)?;
        let options = FetchOptions {
            versions: self.version.clone(),
            ..options()?
        };
        let artifact = copy_to(&uri, &self.dir, &options).await?;
        let files = count_files(&self.dir)
            .with_context(|| format!("cannot list {}", self.dir.display()))?;
        output::line(match self.json {
            true => format!("{:#}", self.as_json(&uri, &artifact, files)),
            false => self.as_text(&uri, &artifact, files),
        });
        Ok(())
    }

    fn as_json(&self, uri: &ModelUri, artifact: &Artifact, files: usize) -> serde_json::Value {
        json!({
            "uri": uri.to_string(),
            "dir": self.dir,
            "files": files,
            "bytes": artifact.bytes,
            "sha256": artifact.digest,
            "reused": artifact.reused,
        })
    }

    fn as_text(&self, uri: &ModelUri, artifact: &Artifact, files: usize) -> String {
        let plural = if files == 1 { "" } else { "s" };
        let done = if artifact.reused {
            "already holds"
        } else {
            "now holds"
        };
        let size = output::bytes(artifact.bytes);
        let mut text = format!(
            "{} {done} {uri}: {files} file{plural}, {size}",
            self.dir.display()
        );
        if let Some(digest) = &artifact.digest {
            text.push_str(&format!("\nsha256 {digest}"));
        }
        text
    }
}

fn versions(text: &str) -> Result<Versions, String> {
    match text {
        "all" => Ok(Versions::All),
        "latest" => Ok(Versions::newest()),
        number => number
            .parse()
            .map(Versions::only)
            .map_err(|_| format!("expected a number, `latest` or `all`, found `{number}`")),
    }
}

/// A URI of the command line: relative paths start at the working directory.
pub(super) fn here(uri: &str) -> anyhow::Result<ModelUri> {
    let base = std::env::current_dir().context("there is no working directory")?;
    Ok(ModelUri::parse(uri, &base)?)
}

/// What the environment says of fetches, with progress shown.
pub(super) fn options() -> anyhow::Result<FetchOptions> {
    let mut options = FetchOptions {
        policy: Policy::from_settings()?,
        progress: progress(),
        ..FetchOptions::default()
    };
    if options.cache.as_os_str().is_empty() {
        options.cache = std::env::temp_dir().join("hari");
    }
    Ok(options)
}

/// Shows fetches: a bar on a terminal, log lines elsewhere.
#[expect(
    clippy::unnecessary_wraps,
    reason = "as the options of a fetch take it"
)]
pub(super) fn progress() -> Option<Arc<dyn Progress>> {
    Some(progress::shown())
}

fn count_files(folder: &std::path::Path) -> std::io::Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Ours, not the model's.
        if entry.file_name() == MANIFEST {
            continue;
        }
        count += if entry.file_type()?.is_dir() {
            count_files(&entry.path())?
        } else {
            1
        };
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch() -> Fetch {
        Fetch {
            uri: "model".into(),
            dir: "there".into(),
            version: Versions::All,
            json: false,
        }
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(versions("all"), Ok(Versions::All));
        assert_eq!(versions("latest"), Ok(Versions::newest()));
        assert_eq!(versions("3"), Ok(Versions::only(3)));
        assert!(versions("newest").unwrap_err().contains("`newest`"));
    }

    fn artifact(digest: Option<&str>, reused: bool) -> Artifact {
        Artifact {
            root: "there".into(),
            digest: digest.map(str::to_owned),
            bytes: 2048,
            reused,
        }
    }

    #[test]
    fn what_was_fetched_is_said() {
        let uri = ModelUri::parse("model", "".as_ref()).unwrap();
        let text = fetch().as_text(&uri, &artifact(Some("ab12"), false), 1);
        assert_eq!(text, "there now holds model: 1 file, 2.0 KiB\nsha256 ab12");
        let text = fetch().as_text(&uri, &artifact(None, true), 3);
        assert_eq!(text, "there already holds model: 3 files, 2.0 KiB");
        let json = fetch().as_json(&uri, &artifact(None, true), 3);
        assert_eq!((&json["files"], &json["sha256"]), (&json!(3), &json!(null)));
    }

    #[test]
    fn files_are_counted_in_folders_too() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("1/variables")).unwrap();
        std::fs::write(folder.path().join("1/a"), "").unwrap();
        std::fs::write(folder.path().join("1/variables/b"), "").unwrap();
        assert_eq!(count_files(folder.path()).unwrap(), 2);
    }
}
