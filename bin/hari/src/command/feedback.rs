//! `hari feedback`: tells a deployment how good an answer was.

use std::io::Read as _;

use anyhow::{Context as _, ensure};
use hari_error::Error;
use serde_json::{Map, Value, json};

use super::predict::post;
use crate::output;

/// Where feedback is taken.
const PATH: &str = "/api/v1.0/feedback";

/// Tell a deployment how good an answer was
///
/// A router that learns wants the request, the response as it came (`meta.routing` in it says who
/// answered) and a reward from 0 to 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits with 1 if the feedback was refused, with 3 if the server cannot be reached or fails.

Examples:
  curl -s http://127.0.0.1:8000/api/v1.0/predictions -d @request.json > response.json
  hari feedback --request request.json --response response.json --reward 1
  hari feedback --json feedback.json --url http://gateway --deployment models/chooser")]
pub(crate) struct Feedback {
    /// Server: http:// or https://
    #[arg(long, default_value = "http://127.0.0.1:8000", value_name = "URL")]
    url: String,
    /// Deployment, if the server has several: NAMESPACE/NAME, or NAME in `default`
    #[arg(long, value_name = "NS/NAME")]
    deployment: Option<String>,
    /// The whole feedback, or `-` for standard input
    #[arg(long, value_name = "FILE",
          conflicts_with_all = ["request", "response", "truth", "reward"])]
    json: Option<String>,
    /// What was asked
    #[arg(long, value_name = "FILE")]
    request: Option<String>,
    /// What was answered
    #[arg(long, value_name = "FILE")]
    response: Option<String>,
    /// What would have been right
    #[arg(long, value_name = "FILE")]
    truth: Option<String>,
    /// How good the answer was
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    reward: Option<f64>,
}

impl Feedback {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        let body = serde_json::to_vec(&self.body()?).context("cannot write JSON")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let sent = post(&self.url, self.deployment.as_deref(), PATH, body.into());
        let answer = runtime.block_on(sent)?;
        output::line(String::from_utf8_lossy(&answer).trim_end());
        Ok(())
    }

    /// The feedback, put together.
    fn body(&self) -> anyhow::Result<Value> {
        if let Some(path) = &self.json {
            return read(path);
        }
        let mut body = Map::new();
        let parts = [
            ("request", &self.request),
            ("response", &self.response),
            ("truth", &self.truth),
        ];
        for (name, path) in parts {
            if let Some(path) = path {
                body.insert(name.to_owned(), read(path)?);
            }
        }
        body.extend(
            self.reward
                .map(|reward| ("reward".to_owned(), json!(reward))),
        );
        ensure!(
            !body.is_empty(),
            Error::invalid("name --reward with --request and --response, or --json")
        );
        Ok(Value::Object(body))
    }
}

fn read(path: &str) -> anyhow::Result<Value> {
    let text = match path {
        "-" => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("cannot read standard input")?;
            text
        }
        path => std::fs::read_to_string(path)
            .map_err(|error| Error::not_found(format!("cannot read {path}")).with_source(error))?,
    };
    let value = serde_json::from_str(&text);
    Ok(value.map_err(|error| Error::invalid(format!("{path}: expected JSON: {error}")))?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        feedback: Feedback,
    }

    fn parse(words: &[&str]) -> Result<Feedback, String> {
        let words = ["feedback"].iter().chain(words);
        let parsed = Line::try_parse_from(words);
        parsed
            .map(|line| line.feedback)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_parts_make_one_body() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("response.json");
        std::fs::write(&file, r#"{"meta": {"routing": {"r": 1}}}"#).unwrap();
        let path = file.display().to_string();
        let body = parse(&["--response", &path, "--reward", "0.5"])
            .unwrap()
            .body()
            .unwrap();
        assert_eq!(
            body,
            json!({"response": {"meta": {"routing": {"r": 1}}}, "reward": 0.5})
        );
    }

    #[test]
    fn what_is_missing_or_no_json_is_said() {
        let error = parse(&[]).unwrap().body().unwrap_err();
        assert!(error.to_string().contains("--reward"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.json");
        std::fs::write(&file, "{").unwrap();
        let path = file.display().to_string();
        let error = parse(&["--json", &path]).unwrap().body().unwrap_err();
        assert!(error.to_string().contains("expected JSON"), "{error}");
        assert!(parse(&["--json", "x", "--reward", "1"]).is_err());
    }
}
