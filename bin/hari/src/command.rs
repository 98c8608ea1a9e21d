//! One file for each command.

pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod crd;
pub(crate) mod engine;
pub(crate) mod feedback;
pub(crate) mod fetch;
pub(crate) mod inspect;
pub(crate) mod microservice;
pub(crate) mod migrate;
pub(crate) mod operator;
pub(crate) mod predict;
pub(crate) mod render;
pub(crate) mod run;
pub(crate) mod serve;
mod serving;
pub(crate) mod trace;
pub(crate) mod validate;
pub(crate) mod verify_rollout;

use crate::cli::{Arguments, Command};

/// Runs what was asked for.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let log = arguments.log;
    match arguments.command {
        Command::Run(run) => run.execute(&log),
        Command::Serve(serve) => serve.execute(&log),
        Command::Engine(engine) => engine.execute(&log),
        Command::Microservice(microservice) => microservice.execute(&log),
        Command::Operator(operator) => operator.execute(&log),
        Command::Validate(validate) => validate.execute(),
        Command::Render(render) => render.execute(),
        Command::Migrate(migrate) => migrate.execute(),
        Command::Inspect(inspect) => inspect.execute(),
        Command::Predict(predict) => predict.execute(),
        Command::Feedback(feedback) => feedback.execute(),
        Command::Bench(bench) => bench.execute(),
        Command::VerifyRollout(verify) => verify.execute(),
        Command::Fetch(fetch) => fetch.execute(&log),
        Command::Trace(trace) => trace.execute(),
        Command::Crd(crd) => crd.execute(),
        Command::Completions(completions) => completions.execute(),
    }
}
