//! The command line: commands and their flags.

use clap::{Args, Parser, Subcommand};
use hari_telemetry::{LogFormat, Logging};

use crate::command;

/// Serve and deploy machine-learning models.
#[derive(Debug, Parser)]
#[command(name = "hari", version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) log: Log,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command has.
#[derive(Args, Clone, Debug)]
pub(crate) struct Log {
    /// Form of log lines: `text` or `json` [default: text on a terminal, else json]
    #[arg(long, global = true, help_heading = "Logs", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Lowest level that is logged: debug, info, warning, error [default: info]
    #[arg(
        long,
        alias = "log_level",
        global = true,
        help_heading = "Logs",
        value_name = "LEVEL"
    )]
    log_level: Option<String>,
}

impl Log {
    /// For people, unless a form was asked for.
    pub(crate) fn readable(&self) -> Self {
        Self {
            log_format: self.log_format.or(Some(LogFormat::Text)),
            ..self.clone()
        }
    }

    /// At this level, unless one was asked for.
    pub(crate) fn or_level(&self, level: Option<String>) -> Self {
        Self {
            log_level: self.log_level.clone().or(level),
            ..self.clone()
        }
    }

    /// As the telemetry takes it.
    pub(crate) fn settings(&self) -> Logging {
        Logging {
            format: self.log_format,
            level: self.log_level.clone(),
        }
    }
}

/// What there is to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve deployments on this machine
    Run(command::run::Run),
    /// Serve one model as in a pod: unit paths and protocol paths on the unit ports
    Serve(command::serve::Serve),
    /// Serve one predictor as in a pod: the nodes that listen beside it, and those it runs itself
    ///
    /// Every flag may be written with underscores as well, as --http_port.
    Engine(command::engine::Engine),
    /// Serve one Python class as in a container of its own: every method, on the unit ports
    Microservice(command::microservice::Microservice),
    /// Serve the SeldonDeployments of a Kubernetes cluster
    ///
    /// Every flag may be written with underscores as well, as --leader_election_id.
    Operator(command::operator::Operator),
    /// Say everything that is wrong with deployments
    Validate(command::validate::Validate),
    /// Draw the graphs of deployments
    Render(command::render::Render),
    /// Say what changes when Hari takes the place of Seldon Core v1
    Migrate(command::migrate::Migrate),
    /// Say what a model is: format, inputs and outputs, runtime, operators
    Inspect(command::inspect::Inspect),
    /// Ask a running server for predictions
    Predict(command::predict::Predict),
    /// Send requests at a fixed rate while something changes, and say what became of each
    ///
    /// Requests are sent when they are due, whether earlier ones were answered or not, and latency
    /// counts from then. Exits with 1 if one request failed or was answered wrongly.
    VerifyRollout(Box<command::verify_rollout::VerifyRollout>),
    /// Tell a deployment how good an answer was
    ///
    /// A router that learns wants the request, the response as it came (`meta.routing` in it says who
    /// answered) and a reward from 0 to 1.
    Feedback(command::feedback::Feedback),
    /// Send requests at fixed rates, and say how long the answers took
    ///
    /// Requests are sent when they are due, whether earlier ones were answered or not, and latency
    /// counts from then: a server that stalls is told so by every request that was due meanwhile.
    /// Exits with 1 if one request failed.
    Bench(Box<command::bench::Bench>),
    /// Fetch a model into a folder: download, verify, unpack
    Fetch(command::fetch::Fetch),
    /// Show a recorded request as a tree: what every node was asked and answered, and when
    Trace(command::trace::Trace),
    /// Print the CustomResourceDefinition of SeldonDeployment
    Crd(command::crd::Crd),
    /// Print completions for a shell
    Completions(command::completions::Completions),
}
