//! One run of a model: for one request, or for several as one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hari_core::{Call, Model, Tensor};
use hari_error::{Error, Result, catch};

use crate::Observer;
use crate::pace::{Pace, size};
use crate::queue::{Pending, overdue};

/// One signature of a model, and who is told of its runs.
#[derive(Clone, Copy)]
pub(crate) struct Runner<'a> {
    pub(crate) model: &'a dyn Model,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) pace: &'a Pace,
    pub(crate) clock: &'a (dyn Fn() -> Instant + Send + Sync),
}

/// Runs the requests, together if there are several, and answers each. Sets `unbatchable` if the
/// model turned out not to keep rows apart.
pub(crate) fn answer(runner: Runner<'_>, batch: Vec<Pending>, unbatchable: &AtomicBool) {
    let now = Instant::now();
    for pending in &batch {
        let waited = now.saturating_duration_since(pending.since);
        runner.observer.waited(waited);
    }
    if batch.len() < 2 {
        return alone(runner, batch);
    }
    match together(runner, &batch) {
        Ok(answers) => {
            for (pending, outputs) in batch.into_iter().zip(answers) {
                send(pending, Ok(outputs));
            }
        }
        Err(failure) => {
            if matches!(failure, Failure::RowsLost) {
                unbatchable.store(true, Ordering::Relaxed);
            }
            alone(runner, batch);
        }
    }
}

/// Runs one request on the thread that it is on.
pub(crate) fn here(runner: Runner<'_>, call: Call, rows: Option<usize>) -> Result<Vec<Tensor>> {
    runner.observer.waited(Duration::ZERO);
    runner.observer.batch(rows.unwrap_or(1));
    guarded(runner, call)
}

/// Each request by itself, unless nobody waits for it any more.
fn alone(runner: Runner<'_>, batch: Vec<Pending>) {
    for mut pending in batch {
        if pending.reply.is_closed() {
            continue;
        }
        if pending.deadline <= Instant::now() {
            send(pending, Err(overdue()));
            continue;
        }
        runner.observer.batch(pending.rows.unwrap_or(1));
        let (signature, inputs) = (
            pending.call.signature,
            std::mem::take(&mut pending.call.inputs),
        );
        let call = Call {
            signature,
            inputs,
            outputs: pending.call.outputs.clone(),
        };
        let result = guarded(runner, call);
        send(pending, result);
    }
}

/// Why a batch gave no answers. Its requests are run alone, so the words are not needed.
enum Failure {
    /// The run failed: a row of one request may be at fault.
    Run,
    /// An output does not have the rows that went in.
    RowsLost,
}

/// One run for all; the answers in the order of the requests.
fn together(runner: Runner<'_>, batch: &[Pending]) -> Result<Vec<Vec<Tensor>>, Failure> {
    let call = joined(batch).map_err(|_| Failure::Run)?;
    let rows: Vec<usize> = batch
        .iter()
        .map(|pending| pending.rows.unwrap_or(0))
        .collect();
    runner.observer.batch(rows.iter().sum());
    let outputs = guarded(runner, call).map_err(|_| Failure::Run)?;
    split(&outputs, &rows).ok_or(Failure::RowsLost)
}

fn joined(batch: &[Pending]) -> Result<Call> {
    let first = batch
        .first()
        .ok_or_else(|| Error::internal("an empty batch"))?;
    let mut inputs = Vec::with_capacity(first.call.inputs.len());
    for at in 0..first.call.inputs.len() {
        let parts: Vec<Tensor> = batch
            .iter()
            .filter_map(|pending| pending.call.inputs.get(at).cloned())
            .collect();
        inputs.push(Tensor::concat_rows(&parts)?);
    }
    Ok(Call {
        signature: first.call.signature,
        inputs,
        outputs: first.call.outputs.clone(),
    })
}

/// Cuts every output into the rows of each request; none if the rows do not add up.
fn split(outputs: &[Tensor], rows: &[usize]) -> Option<Vec<Vec<Tensor>>> {
    let total: usize = rows.iter().sum();
    if outputs
        .iter()
        .any(|output| output.shape().first() != Some(&total))
    {
        return None;
    }
    let mut start = 0;
    let mut answers = Vec::with_capacity(rows.len());
    for &rows in rows {
        let part = start..start + rows;
        start = part.end;
        let cut = |output: &Tensor| output.slice_rows(part.clone()).ok();
        answers.push(outputs.iter().map(cut).collect::<Option<_>>()?);
    }
    Some(answers)
}

/// Runs the model; a panic in it is an error of the model.
fn guarded(runner: Runner<'_>, call: Call) -> Result<Vec<Tensor>> {
    let bytes = size(&call.inputs);
    let start = (runner.clock)();
    let result = catch("the model failed while it computed", || {
        runner.model.run(call)
    });
    let took = (runner.clock)().saturating_duration_since(start);
    runner.observer.ran(took);
    runner.pace.ran(bytes, took);
    result.flatten()
}

fn send(pending: Pending, result: Result<Vec<Tensor>>) {
    // The caller may have gone while the model ran: then there is no one to tell.
    let _ = pending.reply.send(result);
}
