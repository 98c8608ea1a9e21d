//! A server for tests, and units that tell what they were asked.

use std::sync::Arc;
use std::time::Duration;

use hari_core::{BoxFuture, Context, Input, Message, Method, ModelMetadata, Payload, Unit};
use hari_error::Result;
use hari_ingress::{App, Deployment, Directory, Listener, Predictor, Service};
use hari_settings::Server as Settings;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

/// A server on a port of its own; it stops when dropped.
pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) directory: Arc<Directory>,
    pub(crate) channel: Channel,
    stop: watch::Sender<hari_ingress::Stage>,
    task: JoinHandle<bool>,
}

pub(crate) fn settings() -> Settings {
    Settings {
        max_body: 1 << 20,
        deadline: Duration::from_secs(20),
        max_connections: 16,
        max_in_flight: 16,
        drain: Duration::from_secs(20),
        cors_origins: "*".to_owned(),
        cors_headers: "Content-Type".to_owned(),
        metrics_path: None,
        reply_metrics: true,
    }
}

pub(crate) fn deployment(namespace: &str, name: &str, unit: impl Unit) -> Arc<Deployment> {
    timed(namespace, name, None, unit)
}

/// A deployment that sets the deadline of its gRPC requests.
pub(crate) fn timed(
    namespace: &str,
    name: &str,
    grpc_timeout: Option<Duration>,
    unit: impl Unit,
) -> Arc<Deployment> {
    let predictor = Predictor {
        name: "default".to_owned(),
        version: "v1".to_owned(),
        traffic: 100,
        shadow: false,
        rest_timeout: None,
        grpc_timeout,
        inlet: None,
        unit: Arc::new(unit),
    };
    Arc::new(Deployment {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        predictors: vec![Arc::new(predictor)],
    })
}

impl Server {
    /// Serves `unit` as deployment `mnist` in namespace `default`.
    pub(crate) async fn of(unit: impl Unit) -> Self {
        Self::with(settings(), vec![deployment("default", "mnist", unit)]).await
    }

    /// Serves all `deployments`.
    pub(crate) async fn with(settings: Settings, deployments: Vec<Arc<Deployment>>) -> Self {
        let directory = Arc::new(Directory::default());
        for deployment in deployments {
            directory.put(deployment);
        }
        let drain = settings.drain;
        let app = App::new(directory.clone(), settings, None);
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = listener.bound().0;
        let service = Service {
            router: hari_ingress::everything(&app),
            max_connections: 16,
        };
        let (stop, stopped) = watch::channel(hari_ingress::Stage::Serving);
        let task = tokio::spawn(listener.serve(service, stopped, drain));
        let channel = Channel::from_shared(format!("http://{address}")).expect("an address");
        let channel = channel.connect().await.expect("a connection");
        Self {
            app,
            directory,
            channel,
            stop,
            task,
        }
    }

    /// Stops and waits for the end.
    pub(crate) async fn stop(self) {
        self.app.drain();
        self.stop.send_replace(hari_ingress::Stage::Stopping);
        drop(self.channel);
        self.task.await.expect("the server ends");
    }
}

/// Answers with what it was asked, as text: method, model and headers.
pub(crate) struct Teller;

impl Unit for Teller {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        let count = match input {
            Input::One(_) => "one".to_owned(),
            Input::Many(messages) => messages.len().to_string(),
            Input::Feedback(feedback) => format!("reward {}", feedback.reward),
        };
        let headers: Vec<_> = context
            .headers
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let text = format!(
            "{method:?} {count} [{}] {}",
            headers.join(","),
            context.skip_logging
        );
        let answer = Message {
            payload: Payload::Text(text),
            ..Message::default()
        };
        Box::pin(async move { Ok(answer) })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        Arc::new(hari_testkit::metadata("teller"))
    }
}
