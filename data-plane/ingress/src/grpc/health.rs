//! `grpc.health.v1.Health`: whether a request sent now would be answered.

use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt as _};
use hari_core::BoxFuture;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::SERVICES;
use crate::app::App;
use crate::probes::readiness;

/// How often a watched status is looked at again.
const PERIOD: Duration = Duration::from_secs(1);

/// Answers for the whole server, under the empty name and the name of each service.
pub(super) struct Probe(pub(super) App);

fn known(service: &str) -> bool {
    service.is_empty() || SERVICES.contains(&service)
}

async fn status(app: &App, service: &str) -> ServingStatus {
    if !known(service) {
        return ServingStatus::ServiceUnknown;
    }
    match readiness(app).await {
        Ok(()) => ServingStatus::Serving,
        Err(error) => {
            tracing::debug!(%error, "not ready");
            ServingStatus::NotServing
        }
    }
}

fn said(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[tonic::async_trait]
impl Health for Probe {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        match status(&self.0, &service).await {
            ServingStatus::ServiceUnknown => Err(Status::not_found(format!(
                "no service `{service}`: served are {}",
                SERVICES.join(", ")
            ))),
            status => Ok(Response::new(said(status))),
        }
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let watch = Watch::new(self.0.clone(), request.into_inner().service);
        let changes = stream::unfold(watch, Watch::next).map(|status| Ok(said(status)));
        Ok(Response::new(changes.boxed()))
    }
}

/// Says the status now, and then whenever it is another.
struct Watch {
    app: App,
    service: String,
    said: Option<ServingStatus>,
    ticks: Interval,
}

impl Watch {
    fn new(app: App, service: String) -> Self {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            app,
            service,
            said: None,
            ticks,
        }
    }

    /// Ends once it has said that the server stops, so that it does not hold the server up.
    fn next(mut self) -> BoxFuture<'static, Option<(ServingStatus, Self)>> {
        Box::pin(async move {
            loop {
                self.ticks.tick().await;
                let (now, draining) = (status(&self.app, &self.service).await, self.app.draining());
                if self.said != Some(now) {
                    self.said = Some(now);
                    return Some((now, self));
                }
                if draining {
                    return None;
                }
            }
        })
    }
}
