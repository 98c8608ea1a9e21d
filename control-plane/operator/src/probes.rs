//! Metrics and probes of the operator itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use hari_telemetry::Exporter;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};

use crate::listener::{Handler, Reply};

/// Parts that have to be ready before the operator is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readiness(Vec<(&'static str, Arc<AtomicBool>)>);

/// Says that a part is ready.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ready(Arc<AtomicBool>);

impl Ready {
    /// From now on.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was said.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Readiness {
    /// One more part that has to be ready.
    pub(crate) fn part(&mut self, name: &'static str) -> Ready {
        let ready = Ready::default();
        self.0.push((name, ready.0.clone()));
        ready
    }

    /// A line for each part, and whether all are ready.
    fn report(&self) -> (bool, String) {
        let parts = self.0.iter();
        let parts: Vec<(&str, bool)> = parts
            .map(|(name, ready)| (*name, ready.load(Ordering::Acquire)))
            .collect();
        let line = |(name, ready): &(&str, bool)| {
            format!("{name}: {}\n", if *ready { "ready" } else { "not ready" })
        };
        (
            parts.iter().all(|(_, ready)| *ready),
            parts.iter().map(line).collect(),
        )
    }
}

/// Answers `/metrics`, `/healthz` and `/readyz`.
pub(crate) struct Probes {
    /// Metrics of the process.
    pub(crate) exporter: Exporter,
    /// Whether it is ready.
    pub(crate) readiness: Readiness,
}

impl Handler for Probes {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        self.reply(request.method(), request.uri().path())
    }
}

impl Probes {
    fn reply(&self, method: &Method, path: &str) -> Reply {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "GET\n");
        }
        match path {
            "/metrics" => text(StatusCode::OK, self.exporter.render()),
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" => match self.readiness.report() {
                (true, report) => text(StatusCode::OK, report),
                (false, report) => text(StatusCode::SERVICE_UNAVAILABLE, report),
            },
            _ => text(StatusCode::NOT_FOUND, "/metrics, /healthz or /readyz\n"),
        }
    }
}

/// A reply of plain text.
pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
    reply
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, kind);
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_once_every_part_is() {
        let mut readiness = Readiness::default();
        let (webhook, _) = (
            readiness.part("webhook"),
            readiness.part("configuration").set(),
        );
        let probes = Probes {
            exporter: hari_telemetry::install_metrics().unwrap(),
            readiness: readiness.clone(),
        };
        let status = |path| probes.reply(&Method::GET, path).status().as_u16();
        assert_eq!((status("/healthz"), status("/readyz")), (200, 503));
        assert_eq!(
            readiness.report().1,
            "webhook: not ready\nconfiguration: ready\n"
        );
        webhook.set();
        assert_eq!((status("/readyz"), status("/nothing")), (200, 404));
        assert_eq!(
            probes.reply(&Method::POST, "/metrics").status().as_u16(),
            405
        );
        assert!(status("/metrics") == 200);
    }
}
