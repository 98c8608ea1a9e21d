//! One worker: its process, its connection, its calls, one after the other.

use std::path::Path;
use std::time::Duration;

use hari_error::{Error, Kind as Fault, Result};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::connection::Connection;
use crate::frame::{Frame, Kind, Outgoing};
use crate::process::Process;
use crate::settings::Settings;
use crate::wire::{Description, decode_error, decode_loaded};

/// A call that waits for a worker.
pub(crate) struct Job {
    pub(crate) frame: Outgoing,
    pub(crate) deadline: Instant,
    pub(crate) answer: oneshot::Sender<Result<Frame>>,
}

/// Where jobs come from; `None` at the end of all jobs.
pub(crate) trait Jobs {
    fn next(&self) -> impl Future<Output = Option<Job>> + Send;
}

/// Why a worker serves no more.
#[derive(Debug)]
pub(crate) enum End {
    /// There are no more jobs: it was told to stop.
    Stopped,
    /// It died, was stuck, or sent nonsense; in words for the log.
    Failed(String),
}

/// A worker whose class is made.
pub(crate) struct Worker {
    process: Process,
    connection: Connection,
    calls: u32,
    pub(crate) description: Description,
}

impl Worker {
    /// Starts a process and waits until its class is made.
    ///
    /// # Errors
    /// What the class's constructor or `load` says; `Model` if the process ends or takes too long.
    pub(crate) async fn start(
        settings: &Settings,
        places: (&Path, &Path),
        index: usize,
    ) -> Result<Self> {
        let mut process = Process::start(settings, places, index)?;
        let limit = settings.timing.load;
        match timeout(limit, greet(&mut process, settings)).await {
            Ok(greeted) => {
                let (connection, description) = greeted?;
                if description.numpy.is_none() {
                    tracing::warn!(
                        node = settings.node,
                        "numpy is not installed for the class: it can take texts, bytes and JSON, \
                         and no arrays; add `numpy` to the requirements.txt beside it"
                    );
                }
                Ok(Self {
                    process,
                    connection,
                    calls: 0,
                    description,
                })
            }
            Err(_) => Err(Error::model(format!(
                "the Python class was not ready after {} s",
                limit.as_secs()
            ))
            .with_source(process.tail.text())),
        }
    }

    /// Answers jobs until there are no more, or the worker fails.
    pub(crate) async fn serve(mut self, settings: &Settings, jobs: &impl Jobs) -> End {
        loop {
            let idle = tokio::select! {
                biased;
                _ = self.process.ends() => Idle::Ended,
                job = jobs.next() => Idle::Job(job),
                () = sleep(settings.timing.ping) => Idle::Quiet,
            };
            let done = match idle {
                Idle::Job(Some(job)) => self.answer(job, settings).await,
                Idle::Job(None) => {
                    self.stop(settings.timing.stop).await;
                    return End::Stopped;
                }
                Idle::Ended => Err(self.process.fate().await),
                Idle::Quiet => self.ping(settings).await,
            };
            if let Err(why) = done {
                return End::Failed(why);
            }
        }
    }

    /// One call. Whoever waits for it is told in any case; an error is the end of the worker.
    async fn answer(&mut self, job: Job, settings: &Settings) -> Result<(), String> {
        if job.answer.is_closed() || job.deadline <= Instant::now() {
            return Ok(());
        }
        self.calls = self.calls.wrapping_add(1).max(1);
        let stuck = job.deadline + settings.timing.stuck;
        let exchanged = tokio::select! {
            biased;
            reply = exchange(&mut self.connection, job.frame, self.calls) => reply,
            () = sleep_until(stuck) => {
                return Err(format!(
                    "it was stuck: no answer {} s after the deadline of the request",
                    settings.timing.stuck.as_secs()
                ));
            }
        };
        match exchanged {
            Ok(frame) => {
                // Its caller may have given up: the answer is late then, and of no use.
                let _ = job.answer.send(Ok(frame));
                Ok(())
            }
            Err(error) if error.kind() == Fault::Unavailable => {
                let fate = self.process.fate().await;
                let words = "the Python worker died while it computed the answer";
                let _ = job.answer.send(Err(Error::unavailable(words)));
                Err(fate)
            }
            Err(error) => {
                let why = error.to_string();
                let _ = job.answer.send(Err(error));
                Err(why)
            }
        }
    }

    /// Asks whether the worker is well.
    async fn ping(&mut self, settings: &Settings) -> Result<(), String> {
        let ping = Outgoing::plain(Kind::Ping, b"{}".to_vec());
        self.calls = self.calls.wrapping_add(1).max(1);
        let asked = exchange(&mut self.connection, ping, self.calls);
        let pong = match timeout(settings.timing.pong, asked).await {
            Ok(pong) => pong.map_err(|error| error.to_string())?,
            Err(_) => return Err("it answered no ping".to_owned()),
        };
        let health: serde_json::Value = serde_json::from_slice(&pong.json).unwrap_or_default();
        if health["healthy"] == false {
            let info = health["info"].as_str().unwrap_or_default();
            tracing::warn!(
                node = settings.node,
                info,
                "the Python class is not healthy"
            );
        }
        Ok(())
    }

    async fn stop(mut self, patience: Duration) {
        let stop = Outgoing::plain(Kind::Stop, b"{}".to_vec());
        // One that cannot be told is ended all the same.
        if let Ok(Ok(())) = timeout(patience, self.connection.send(stop)).await {
            self.process.end(patience).await;
        }
    }
}

/// What an idle worker is woken by.
enum Idle {
    Job(Option<Job>),
    Ended,
    Quiet,
}

/// Sends a frame and waits for its answer.
async fn exchange(connection: &mut Connection, frame: Outgoing, id: u32) -> Result<Frame> {
    connection.send(frame.numbered(id)).await?;
    let answer = connection.receive().await?;
    match answer.id == id {
        true => Ok(answer),
        false => Err(Error::model("the Python worker answered another question")),
    }
}

/// Knows the worker by its token, and has it make the class.
async fn greet(process: &mut Process, settings: &Settings) -> Result<(Connection, Description)> {
    let stream = process.connected().await?;
    let mut connection = Connection::new(stream, settings.limits);
    let greeted = async {
        let hello = connection.receive().await?;
        let told: serde_json::Value = serde_json::from_slice(&hello.json).unwrap_or_default();
        if hello.kind != Kind::Hello || told["token"] != *process.token {
            return Err(Error::model("the Python worker did not say who it is"));
        }
        connection.send(load(settings)).await?;
        loaded(&connection.receive().await?)
    };
    match greeted.await {
        Ok(description) => Ok((connection, description)),
        Err(error) if error.kind() == Fault::Unavailable => {
            let fate = process.fate().await;
            let words = format!("the Python worker ended while it made the class ({fate})");
            Err(Error::model(words).with_source(process.tail.text()))
        }
        Err(error) => Err(error),
    }
}

fn load(settings: &Settings) -> Outgoing {
    let json = json!({
        "class": settings.class,
        "parameters": settings.parameters,
        "unit": settings.node,
        "folder": settings.folder,
    });
    Outgoing::plain(Kind::Load, json.to_string().into_bytes())
}

fn loaded(frame: &Frame) -> Result<Description> {
    match frame.kind {
        Kind::Loaded => {}
        // The start of a class is never its caller's fault.
        Kind::Error => {
            let error = decode_error(frame);
            return Err(Error::model(error.message()).with_reason(error.reason().to_owned()));
        }
        _ => {
            return Err(Error::model(
                "the Python worker did not say that it is ready",
            ));
        }
    }
    let description = decode_loaded(frame)?;
    Ok(description)
}
