//! `hari predict`: a client for every protocol, over REST and gRPC.

mod answer;
mod client;
mod codec;
mod draw;
mod endpoint;
mod fault;
mod grpc;
mod input;
mod post;
mod prepare;
mod rest;
mod show;
mod specs;
mod target;

use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

pub(super) use post::post;
use prepare::Prepared;
use show::Show;
use target::Asking;
pub(super) use target::{Shooter, Target};

/// Ask a running server for predictions
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits with 1 if the request was refused, with 3 if the server cannot be reached or fails.

Examples:
  hari predict --image digit.png
  hari predict --json '-' --protocol v2 --model mnist-model < request.json
  hari predict --csv rows.csv --batch 128 --url grpc://127.0.0.1:5001
  hari predict --npy rows.npy --deployment models/iris --url http://gateway --json-output")]
pub(crate) struct Predict {
    #[command(flatten)]
    target: Target,
    /// Most seconds to wait for an answer
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS", value_parser = seconds)]
    timeout: f64,
    /// Draw scores as bars, and the picture of --image; on by default for --image on a terminal
    #[arg(long)]
    plot: bool,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    output_format: Format,
    /// Print the server's answer as JSON, one line for each batch: --output-format json
    #[arg(long)]
    json_output: bool,
}

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// The protocol's own JSON, one line for each batch
    Json,
}

pub(super) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("expected seconds, more than 0 and at most 86400".to_owned()),
    }
}

impl Predict {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        runtime.block_on(self.ask())
    }

    async fn ask(self) -> anyhow::Result<()> {
        let timeout = Duration::from_secs_f64(self.timeout);
        let Asking {
            client,
            protocol,
            prepared,
        } = self.target.asking(timeout).await?;
        prepared.notes.iter().for_each(|note| note_on_stderr(note));
        let mut show = self.show(&prepared);
        let bar = bar(&prepared);
        for request in &prepared {
            let rows = request.rows();
            let answer = client.predict(protocol, request).await?;
            bar.suspend(|| show.answer(&answer))?;
            bar.inc(rows as u64);
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn show(&self, prepared: &Prepared) -> Show {
        let json = self.json_output || self.output_format == Format::Json;
        Show::new(json, self.plot, prepared.picture.clone())
    }
}

/// Progress over all rows; hidden if one request holds them all.
fn bar(prepared: &Prepared) -> ProgressBar {
    if prepared.batches() < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("[{bar:30}] {pos}/{len} rows {per_sec}, {eta} left");
    let style = style
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    ProgressBar::new(prepared.rows() as u64).with_style(style)
}

#[expect(
    clippy::print_stderr,
    reason = "beside the predictions, not among them"
)]
fn note_on_stderr(note: &str) {
    eprintln!("note: {note}");
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        predict: Predict,
    }

    fn parse(line: &str) -> Result<Predict, String> {
        let parsed = Line::try_parse_from(line.split(' '));
        parsed
            .map(|line| line.predict)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn one_input_is_needed_and_no_more() {
        assert!(parse("predict").err().unwrap().contains("--image"));
        assert!(
            parse("predict --csv a --npy b")
                .err()
                .unwrap()
                .contains("cannot be used with")
        );
        let predict = parse("predict --csv a").unwrap();
        assert!((predict.timeout - 60.0).abs() < f64::EPSILON);
        let endpoint = predict.target.endpoint(Duration::from_secs(60)).unwrap();
        assert_eq!(endpoint.base, "http://127.0.0.1:8000");
        assert_eq!(endpoint.timeout, Duration::from_secs(60));
    }

    #[test]
    fn the_target_is_put_together() {
        let line = "predict --csv a --url grpc://h:5001 --deployment ns/mnist --model m";
        let endpoint = parse(line).unwrap().target;
        let endpoint = endpoint.endpoint(Duration::from_secs(1)).unwrap();
        assert_eq!(endpoint.transport, endpoint::Transport::Grpc);
        assert_eq!(
            endpoint.deployment,
            Some(("ns".to_owned(), "mnist".to_owned()))
        );
        assert_eq!(endpoint.model.as_deref(), Some("m"));
    }

    #[test]
    fn bad_numbers_are_usage_errors() {
        assert!(
            parse("predict --csv a --timeout 0")
                .err()
                .unwrap()
                .contains("expected seconds")
        );
        assert!(parse("predict --csv a --batch 0").is_err());
        assert!(
            parse("predict --csv a --protocol soap")
                .err()
                .unwrap()
                .contains("tensorflow")
        );
    }
}
