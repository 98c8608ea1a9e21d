//! Requests are counted under the names and labels that dashboards query.

use std::sync::{Arc, OnceLock};

use hari_error::Kind;
use hari_ingress::{App, Deployment, Directory};
use hari_telemetry::Exporter;
use hari_telemetry::metric::install_metrics;
use hari_testkit::{Failing, Identity};

use crate::server::{Server, asked, plain, settings};

/// One recorder for the process; each test looks at a deployment of its own.
fn exporter() -> Exporter {
    static EXPORTER: OnceLock<Exporter> = OnceLock::new();
    let installed = EXPORTER.get_or_init(|| install_metrics().expect("the first recorder"));
    installed.clone()
}

fn app(deployment: Arc<Deployment>) -> App {
    let directory = Arc::new(Directory::default());
    directory.put(deployment);
    App::new(directory, settings(), Some(exporter()))
}

/// The value of the line that starts with `metric` and has all of `labels`.
fn value(text: &str, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let has = |line: &str| {
        let label = |&(name, value): &(&str, &str)| line.contains(&format!("{name}=\"{value}\""));
        line.starts_with(&format!("{metric}{{")) && labels.iter().all(label)
    };
    let line = text.lines().find(|line| has(line))?;
    line.rsplit(' ').next()?.parse().ok()
}

const COUNT: &str = "seldon_api_executor_server_requests_seconds_count";

#[tokio::test]
async fn each_service_is_counted_with_its_labels() {
    let app = app(plain("default", "counted", Identity::new("echo")));
    let server = Server::serving(app.clone(), hari_ingress::everything);
    let metrics = Server::serving(app, hari_ingress::metrics);
    for _ in 0..3 {
        server
            .post("/api/v1.0/predictions", r#"{"strData":"x"}"#)
            .await;
    }
    server.post("/api/v1.0/predictions", "{").await;
    server.post("/api/v1.0/feedback", r#"{"reward":1}"#).await;
    server.get("/api/v1.0/metadata").await;
    server.get("/v1/models/echo").await;
    for uncounted in ["/live", "/ready", "/openapi.json"] {
        server.get(uncounted).await;
    }
    server
        .send(asked("OPTIONS", "/api/v1.0/predictions", "".into()))
        .await;
    for path in ["/metrics", "/prometheus"] {
        let text = metrics.get(path).await.text();
        for (service, method, code, count) in [
            ("predictions", "post", "200", 3.0),
            ("predictions", "post", "400", 1.0),
            ("feedback", "post", "200", 1.0),
            ("metadata", "get", "200", 1.0),
            ("status", "get", "200", 1.0),
        ] {
            let labels = [
                ("deployment_name", "counted"),
                ("predictor_name", "default"),
                ("predictor_version", "v1"),
                ("service", service),
                ("method", method),
                ("code", code),
            ];
            assert_eq!(
                value(&text, COUNT, &labels),
                Some(count),
                "{service} {code}"
            );
        }
        let counted = |line: &&str| line.starts_with(COUNT) && line.contains("\"counted\"");
        assert_eq!(text.lines().filter(counted).count(), 5, "and nothing else");
    }
}

#[tokio::test]
async fn errors_are_counted_by_their_code() {
    let app = app(plain(
        "default",
        "failing",
        Failing::new("bad", Kind::Model, "no"),
    ));
    let server = Server::serving(app.clone(), hari_ingress::everything);
    server.post("/v2/models/infer", r#"{"inputs":[]}"#).await;
    server.post("/predict", r#"{"strData":"x"}"#).await;
    let metrics = Server::serving(app, hari_ingress::metrics);
    let text = metrics.get("/metrics").await.text();
    let labels = [("deployment_name", "failing"), ("code", "500")];
    assert!(value(&text, COUNT, &labels) >= Some(1.0), "{text}");
    let bucket = [("deployment_name", "failing"), ("le", "+Inf")];
    let buckets = "seldon_api_executor_server_requests_seconds_bucket";
    assert!(value(&text, buckets, &bucket).is_some());
}

#[tokio::test]
async fn the_metrics_port_has_probes_and_nothing_else() {
    let app = app(plain("default", "probed", Identity::new("echo")));
    let metrics = Server::serving(app, hari_ingress::metrics);
    assert_eq!(metrics.get("/live").await.status, 200);
    assert_eq!(metrics.get("/ready").await.status, 200);
    let reply = metrics.get("/metrics").await;
    assert!(
        reply
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    assert_eq!(metrics.post("/predict", "{}").await.status, 404);
}
