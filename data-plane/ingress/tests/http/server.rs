//! A server for tests, a client, and units that tell what they were asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hari_core::{
    BoxFuture, Context, DataType, Dim, Input, Message, Method, ModelMetadata, Payload, Signature,
    SignatureMethod, TensorSpec, Unit,
};
use hari_error::Result;
use hari_ingress::{App, Deployment, Directory, Listener, Predictor, Service, Stage};
use hari_settings::Server as Settings;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A server on a port of its own; it stops when dropped.
pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) directory: Arc<Directory>,
    pub(crate) address: SocketAddr,
    stage: watch::Sender<Stage>,
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
        cors_headers: "Accept, Content-Type".to_owned(),
        metrics_path: None,
        reply_metrics: true,
    }
}

pub(crate) fn predictor(name: &str, traffic: u32, unit: impl Unit) -> Predictor {
    Predictor {
        name: name.to_owned(),
        version: "v1".to_owned(),
        traffic,
        shadow: false,
        rest_timeout: None,
        grpc_timeout: None,
        inlet: None,
        unit: Arc::new(unit),
    }
}

pub(crate) fn deployment(
    namespace: &str,
    name: &str,
    predictors: impl IntoIterator<Item = Predictor>,
) -> Arc<Deployment> {
    Arc::new(Deployment {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        predictors: predictors.into_iter().map(Arc::new).collect(),
    })
}

/// A deployment of one predictor.
pub(crate) fn plain(namespace: &str, name: &str, unit: impl Unit) -> Arc<Deployment> {
    deployment(namespace, name, [predictor("default", 100, unit)])
}

impl Server {
    /// Serves `unit` as deployment `mnist` in namespace `default`.
    pub(crate) fn of(unit: impl Unit) -> Self {
        Self::with(settings(), vec![plain("default", "mnist", unit)])
    }

    /// Serves all `deployments`.
    pub(crate) fn with(settings: Settings, deployments: Vec<Arc<Deployment>>) -> Self {
        let directory = Arc::new(Directory::default());
        for deployment in deployments {
            directory.put(deployment);
        }
        let app = App::new(directory.clone(), settings, None);
        Self::serving(app, hari_ingress::everything)
    }

    /// Serves the routes that `routes` makes.
    pub(crate) fn serving(app: App, routes: fn(&App) -> axum::Router) -> Self {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = listener.bound().0;
        let service = Service {
            router: routes(&app),
            max_connections: app.settings().max_connections,
        };
        let (stage, staged) = watch::channel(Stage::Serving);
        let task = tokio::spawn(listener.serve(service, staged, app.settings().drain));
        let directory = app.directory().clone();
        Self {
            app,
            directory,
            address,
            stage,
            task,
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    pub(crate) async fn send(&self, request: Request<Bytes>) -> Reply {
        self.client().await.send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(get(path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Bytes>) -> Reply {
        self.send(post(path, body)).await
    }

    /// Not ready, and clients are told to go.
    pub(crate) fn leave(&self) {
        self.app.drain();
        self.stage.send_replace(Stage::Leaving);
    }

    /// No new connection from now on.
    pub(crate) fn begin_stop(&self) {
        self.app.drain();
        self.stage.send_replace(Stage::Stopping);
    }

    /// Waits for the end.
    pub(crate) async fn stopped(self) {
        self.task.await.expect("the server ends");
    }
}

/// One connection.
pub(crate) struct Client(SendRequest<Full<Bytes>>);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.expect("HTTP/1.1");
        tokio::spawn(connection);
        Self(sender)
    }

    pub(crate) async fn send(&mut self, request: Request<Bytes>) -> Reply {
        self.0.ready().await.expect("an open connection");
        let reply = self.0.send_request(request.map(Full::new)).await;
        let (parts, body) = reply.expect("a reply").into_parts();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.expect("a whole body").to_bytes(),
        }
    }
}

pub(crate) fn get(path: &str) -> Request<Bytes> {
    asked("GET", path, Bytes::new())
}

pub(crate) fn post(path: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = asked("POST", path, body.into());
    let json = http::HeaderValue::from_static("application/json");
    request
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    request
}

pub(crate) fn asked(method: &str, path: &str, body: Bytes) -> Request<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Host", "test");
    request.body(body).expect("a request")
}

/// The same request with one more header.
pub(crate) fn with(mut request: Request<Bytes>, name: &'static str, value: &str) -> Request<Bytes> {
    let value = value.parse().expect("a header value");
    request.headers_mut().append(name, value);
    request
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The JSON body of a reply with status 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("a text"))
    }
}

/// Answers with what it was asked, as text: method, kind of input, model, version and headers.
pub(crate) struct Teller;

impl Unit for Teller {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        let input = match input {
            Input::One(message) => message.payload.kind().to_owned(),
            Input::Many(messages) => format!("{} messages", messages.len()),
            Input::Feedback(feedback) => format!("reward {}", feedback.reward),
        };
        let target = &context.target;
        let headers = context.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| format!("{name}:{value}"))
            .collect();
        let or = |text: &Option<String>| text.clone().unwrap_or_default();
        let text = format!(
            "{method:?} {input} model={} version={} label={} puid={} skip={} headers={}",
            or(&target.model),
            or(&target.version),
            or(&target.label),
            context.puid,
            context.skip_logging,
            headers.join(","),
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

/// Metadata of a model that classifies pictures of 4 by 4, in versions 2 and 1, `stable` being 1.
pub(crate) fn pictures(name: &str) -> ModelMetadata {
    let spec = |name: &str, sizes: &[usize]| TensorSpec {
        name: name.to_owned(),
        dtype: DataType::Fp32,
        shape: Some(
            std::iter::once(Dim::Dynamic(None))
                .chain(sizes.iter().copied().map(Dim::Fixed))
                .collect(),
        ),
    };
    ModelMetadata {
        name: name.to_owned(),
        versions: vec!["2".to_owned(), "1".to_owned()],
        platform: "tensorflow_savedmodel".to_owned(),
        signatures: vec![Signature {
            name: Signature::DEFAULT.to_owned(),
            method: SignatureMethod::Predict,
            inputs: vec![spec("image", &[4, 4, 1])],
            outputs: vec![spec("scores", &[10])],
        }],
        labels: [("stable".to_owned(), "1".to_owned())].into(),
        ..ModelMetadata::default()
    }
}
