//! Requests that were answered: counted through handles that each thread keeps, so that a request
//! neither makes its labels nor looks them up.

use std::cell::RefCell;
use std::time::Duration;

use metrics::{Histogram, histogram};

use super::{SERVER_SECONDS, SERVER_SUMMARY};

/// Sets of labels whose handles a thread keeps. Requests of others are counted, only slower.
const KEPT: usize = 64;

thread_local! {
    static HANDLES: RefCell<Vec<Handles>> = const { RefCell::new(Vec::new()) };
}

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct ServerRequest<'a> {
    /// Deployment; empty if none was found.
    pub deployment: &'a str,
    /// Predictor that answered; empty if none did.
    pub predictor: &'a str,
    /// Its label `version`.
    pub version: &'a str,
    /// `predictions`, `feedback`, `status`, `metadata`, or the full gRPC method.
    pub service: &'a str,
    /// Lower-case HTTP verb, or `unary`.
    pub method: &'static str,
    /// HTTP status number, or name of the gRPC code.
    pub code: &'a str,
}

impl ServerRequest<'_> {
    /// Counts it with the time it took, unless an engine in front of this process does.
    pub fn observe(&self, took: Duration) {
        if super::beside_engine() {
            return;
        }
        HANDLES.with_borrow_mut(|kept| {
            let known = kept.iter().position(|handles| handles.are_of(self));
            if let Some(handles) = known.and_then(|at| kept.get(at)) {
                return handles.record(took);
            }
            let handles = Handles::new(self);
            handles.record(took);
            if kept.len() < KEPT {
                kept.push(handles);
            }
        });
    }

    fn labels(&self) -> [&str; 6] {
        [
            self.deployment,
            self.predictor,
            self.version,
            self.service,
            self.method,
            self.code,
        ]
    }
}

/// The metrics of requests with the same labels.
struct Handles {
    labels: [String; 6],
    seconds: Histogram,
    summary: Histogram,
}

impl Handles {
    fn new(request: &ServerRequest<'_>) -> Self {
        let values = request.labels().map(str::to_owned);
        let names = super::SERVER_LABELS.iter().copied();
        let labels: Vec<(&str, String)> = names.zip(values.iter().cloned()).collect();
        Self {
            labels: values,
            seconds: histogram!(SERVER_SECONDS, &labels),
            summary: histogram!(SERVER_SUMMARY, &labels),
        }
    }

    fn are_of(&self, request: &ServerRequest<'_>) -> bool {
        self.labels
            .iter()
            .zip(request.labels())
            .all(|(own, other)| own == other)
    }

    fn record(&self, took: Duration) {
        self.seconds.record(took);
        self.summary.record(took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(code: &str) -> ServerRequest<'_> {
        ServerRequest {
            deployment: "d",
            predictor: "p",
            version: "",
            service: "predictions",
            method: "post",
            code,
        }
    }

    fn count(exporter: &str, code: &str) -> Option<u64> {
        let labels = format!("method=\"post\",code=\"{code}\"");
        let line = exporter.lines().find(|line| {
            line.starts_with(SERVER_SECONDS) && line.contains("_count{") && line.contains(&labels)
        })?;
        line.rsplit_once(' ')?.1.parse().ok()
    }

    #[test]
    fn requests_of_other_labels_are_kept_apart_and_none_is_lost() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new()
            .set_buckets(&[1.0])
            .unwrap()
            .build_recorder();
        let exporter = recorder.handle();
        let codes: Vec<String> = (0..KEPT + 10).map(|code| code.to_string()).collect();
        std::thread::spawn(move || {
            metrics::with_local_recorder(&recorder, || {
                for code in &codes {
                    for _ in 0..3 {
                        request(code).observe(Duration::from_millis(7));
                    }
                }
                assert_eq!(HANDLES.with_borrow(Vec::len), KEPT);
            });
        })
        .join()
        .unwrap();
        let text = exporter.render();
        for code in [0, KEPT - 1, KEPT, KEPT + 9] {
            assert_eq!(count(&text, &code.to_string()), Some(3), "{code}: {text}");
        }
    }
}
