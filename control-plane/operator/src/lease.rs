//! The lease of `coordination.k8s.io` that one replica holds while it reconciles.

mod election;

use std::time::{Duration, SystemTime};

use hari_api::k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use hari_api::k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use hari_api::k8s_openapi::jiff::Timestamp;
use hari_error::{Error, Result};
use hari_telemetry::metric::operator as metric;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::manager::LeaseOptions;
use election::{Election, Record, Step};

/// Most time that the controller has to come to an end after it was asked to stop.
const LAST: Duration = Duration::from_secs(8);
/// Most time of one request.
const REQUEST: Duration = Duration::from_secs(4);

/// The lease, and who we are.
pub(crate) struct Leadership {
    api: Api<Lease>,
    options: LeaseOptions,
    election: Election,
    holder: String,
    /// The lease as it was last read or written.
    last: Option<Lease>,
    /// When the last write of ours that was taken had begun.
    renewed: Instant,
}

/// Why reconciling ended.
enum Ended {
    /// The process is to stop.
    Asked,
    /// The lease is another's, or could not be renewed.
    Lost,
}

impl Leadership {
    pub(crate) fn new(
        client: &Client,
        namespace: &str,
        options: LeaseOptions,
        holder: String,
    ) -> Self {
        let election = Election::new(holder.clone(), &options);
        Self {
            api: Api::namespaced(client.clone(), namespace),
            options,
            election,
            holder,
            last: None,
            renewed: Instant::now(),
        }
    }

    /// Runs `work` whenever the lease is ours, until `stop` turns true. `work` is given a flag that
    /// turns true when it has to end by itself; when the lease is lost, it is dropped.
    ///
    /// # Errors
    /// Those of `work`.
    pub(crate) async fn lead<W>(
        mut self,
        mut stop: watch::Receiver<bool>,
        mut work: impl FnMut(watch::Receiver<bool>) -> W,
    ) -> Result<()>
    where
        W: Future<Output = Result<()>>,
    {
        loop {
            tokio::select! {
                () = self.acquire() => {}
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
            }
            tracing::info!(lease = self.options.name, holder = self.holder, "leading");
            metric::leader(true);
            let ended = self.hold(&mut stop, &mut work).await;
            metric::leader(false);
            match ended? {
                Ended::Asked => {
                    self.release().await;
                    return Ok(());
                }
                Ended::Lost => {
                    metric::failed("lease");
                    tracing::warn!(lease = self.options.name, "the lease is lost");
                }
            }
        }
    }

    async fn hold<W>(
        &mut self,
        stop: &mut watch::Receiver<bool>,
        work: &mut impl FnMut(watch::Receiver<bool>) -> W,
    ) -> Result<Ended>
    where
        W: Future<Output = Result<()>>,
    {
        let (sender, inner) = watch::channel(false);
        let mut work = std::pin::pin!(work(inner));
        tokio::select! {
            done = &mut work => {
                done?;
                return Err(Error::internal("the controller ended without being asked to"));
            }
            () = self.renew() => return Ok(Ended::Lost),
            _ = stop.wait_for(|stop| *stop) => {}
        }
        sender.send_replace(true);
        tokio::select! {
            done = tokio::time::timeout(LAST, &mut work) => match done {
                Ok(done) => done.map(|()| Ended::Asked),
                Err(_) => Ok(Ended::Asked),
            },
            () = self.renew() => Ok(Ended::Lost),
        }
    }

    /// Waits until the lease is ours.
    async fn acquire(&mut self) {
        loop {
            let begun = Instant::now();
            match self.attempt().await {
                Ok(true) => {
                    self.renewed = begun;
                    return;
                }
                Ok(false) => {}
                Err(error) => {
                    metric::failed("lease");
                    tracing::warn!(%error, lease = self.options.name, "cannot get at the lease");
                }
            }
            self.pause().await;
        }
    }

    /// Renews the lease until it cannot be.
    async fn renew(&mut self) {
        loop {
            self.pause().await;
            let begun = Instant::now();
            let left = self
                .options
                .renew_deadline
                .saturating_sub(begun.saturating_duration_since(self.renewed));
            match tokio::time::timeout(left, self.attempt()).await {
                Ok(Ok(true)) => self.renewed = begun,
                Ok(Ok(false)) => return,
                Ok(Err(error)) => tracing::warn!(%error, "cannot renew the lease"),
                Err(_) => return,
            }
        }
    }

    /// From one try to the next, not in step with other replicas.
    async fn pause(&self) {
        let share = 1.0 + 0.2 * fastrand::f64();
        tokio::time::sleep(self.options.retry.mul_f64(share)).await;
    }

    /// One try; whether the lease is ours.
    async fn attempt(&mut self) -> Result<bool> {
        let done = tokio::time::timeout(REQUEST, self.write_or_look()).await;
        let done = done.map_err(|_| Error::unavailable("the API server did not answer in time"))?;
        if done.is_err() {
            self.last = None;
        }
        done.map_err(|error| {
            Error::unavailable("the lease can be neither read nor written").with_source(error)
        })
    }

    async fn write_or_look(&mut self) -> Result<bool, kube::Error> {
        let ours = |lease: &Lease| said(lease).holder == self.holder;
        if !self.last.as_ref().is_some_and(ours) {
            self.last = self.api.get_opt(&self.options.name).await?;
        }
        let found = self.last.as_ref().map(said);
        match self.election.step(found.as_ref(), Instant::now(), wall()) {
            Step::Wait => Ok(false),
            Step::Write(record) => self.write(&record).await,
        }
    }

    /// Whether the write was taken; another's may have been quicker.
    async fn write(&mut self, record: &Record) -> Result<bool, kube::Error> {
        let written = self.lease(record);
        let parameters = PostParams::default();
        let done = match &self.last {
            None => self.api.create(&parameters, &written).await,
            Some(_) => {
                self.api
                    .replace(&self.options.name, &parameters, &written)
                    .await
            }
        };
        match done {
            Ok(lease) => {
                metric::wrote(
                    "Lease",
                    if self.last.is_none() {
                        "create"
                    } else {
                        "update"
                    },
                );
                self.last = Some(lease);
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.code == 409 => {
                self.last = self.api.get_opt(&self.options.name).await?;
                let holder = self.last.as_ref().map(|lease| said(lease).holder);
                match holder.as_ref() == Some(&self.holder) {
                    // Somebody has edited it: it is to be renewed, and was not.
                    true => Err(kube::Error::Api(status)),
                    false => Ok(false),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The object to be written: as it was, with the record.
    fn lease(&self, record: &Record) -> Lease {
        let metadata = match &self.last {
            Some(last) => last.metadata.clone(),
            None => ObjectMeta {
                name: Some(self.options.name.clone()),
                ..ObjectMeta::default()
            },
        };
        let time = |micros| Timestamp::from_microsecond(micros).ok().map(MicroTime);
        Lease {
            metadata,
            spec: Some(LeaseSpec {
                holder_identity: Some(record.holder.clone()),
                lease_duration_seconds: i32::try_from(record.duration.as_secs()).ok(),
                acquire_time: time(record.acquired),
                renew_time: time(record.renewed),
                lease_transitions: Some(record.transitions),
                ..LeaseSpec::default()
            }),
        }
    }

    /// Gives the lease up, so that the next replica need not wait.
    async fn release(&mut self) {
        let Some(held) = self.last.as_ref().map(said) else {
            return;
        };
        let free = self.election.released(&held, wall());
        match tokio::time::timeout(REQUEST, self.write(&free)).await {
            Ok(Ok(_)) => tracing::info!(lease = self.options.name, "the lease is given up"),
            Ok(Err(error)) => tracing::warn!(%error, "cannot give up the lease"),
            Err(_) => tracing::warn!("cannot give up the lease in time"),
        }
    }
}

/// What a lease says; what is missing is nothing.
fn said(lease: &Lease) -> Record {
    let spec = lease.spec.clone().unwrap_or_default();
    let micros = |time: Option<MicroTime>| time.map_or(0, |MicroTime(at)| at.as_microsecond());
    let seconds = spec.lease_duration_seconds.unwrap_or_default();
    Record {
        holder: spec.holder_identity.unwrap_or_default(),
        acquired: micros(spec.acquire_time),
        renewed: micros(spec.renew_time),
        duration: Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
        transitions: spec.lease_transitions.unwrap_or_default(),
    }
}

/// Microseconds since 1970.
fn wall() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_micros()).unwrap_or_default()
}
