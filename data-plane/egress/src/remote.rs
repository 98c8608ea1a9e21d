//! The unit: a call in time, repeated only where that is safe.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hari_core::{BoxFuture, Context, Input, Message, Method, ModelMetadata, Unit};
use hari_error::{Error, Kind, Result};
use tokio::net::TcpStream;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use crate::breaker::Breaker;
use crate::described::Described;
use crate::fault::{self, Failed, Stage};
use crate::grpc::Grpc;
use crate::options::{Options, Protocol, Transport};
use crate::rest::{Ask, Rest};
use crate::{open_inference, seldon, signature, tensorflow};

/// How often a connection that could not be made is tried again.
const RETRIES: u32 = 2;
const BACKOFF_MILLIS: u64 = 20;
/// A node that does not even answer for so long is not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);
/// For how long an answer to the question for readiness holds.
const READY_FOR: Duration = Duration::from_millis(500);

/// A unit on the other end of a connection. Making one makes no connection.
#[derive(Debug)]
pub struct Remote {
    options: Options,
    wire: Arc<Wire>,
    breaker: Breaker,
    described: Arc<Described>,
    seen_ready: Mutex<Option<Instant>>,
}

/// The connections to a node.
#[derive(Debug)]
pub(crate) enum Wire {
    Rest(Box<Rest>),
    Grpc(Grpc),
}

/// A call, ready to be sent, more than once if need be.
enum Call {
    Rest(Ask),
    Seldon(seldon::Sent),
    OpenInference(hari_proto::inference::ModelInferRequest),
    Tensorflow(hari_proto::tensorflow::serving::PredictRequest),
}

impl Remote {
    /// # Errors
    /// `InvalidInput` if host and port make no address.
    pub fn new(options: Options) -> Result<Self> {
        let (authority, largest) = (options.authority(), options.limits.body);
        if authority.parse::<http::uri::Authority>().is_err() {
            let host = &options.endpoint.host;
            return Err(Error::invalid(format!(
                "expected a host name or an address, found `{host}`"
            )));
        }
        let tls = options.tls.as_ref();
        let wire = match options.transport {
            Transport::Rest => Wire::Rest(Box::new(Rest::new(&authority, tls, largest)?)),
            Transport::Grpc => Wire::Grpc(Grpc::new(&authority, tls, largest)?),
        };
        let wire = Arc::new(wire);
        let described = Described::new(&options.name, options.protocol, wire.clone());
        Ok(Self {
            wire,
            breaker: Breaker::default(),
            described: Arc::new(described),
            seen_ready: Mutex::new(None),
            options,
        })
    }

    async fn asked(&self, method: Method, input: Input, context: &Context) -> Result<Message> {
        let own = self.options.timeout.unwrap_or(Duration::MAX);
        let time = context.remaining()?.min(own);
        self.breaker.admit(Instant::now())?;
        let tried = timeout(time, async {
            let input = self.fitted(input, context, time).await?;
            let call = self.call_of(method, &input, context);
            let call = call.map_err(Failed::unwritten)?;
            again(|| self.once(method, &call, context, time)).await
        });
        let tried = tried.await;
        self.learn(&tried, time);
        match tried {
            Ok(reply) => reply.map_err(|failed| failed.error),
            Err(_) => Err(fault::late(time)),
        }
    }

    /// Counts what a call says for or against the node. One that was late says something only if
    /// it had nearly all of the node's own time: how long a caller waits is the caller's choice.
    fn learn(&self, tried: &Result<Result<Message, Failed>, Elapsed>, time: Duration) {
        let name = &self.options.name;
        let own = self.options.timeout.unwrap_or(self.options.usual);
        let stage = match tried {
            Ok(Ok(_)) => Stage::Answered,
            Ok(Err(failed)) => failed.stage,
            Err(_) if time >= own.mul_f64(0.9) => Stage::Unanswered,
            Err(_) => Stage::Unwritten,
        };
        match stage {
            Stage::Answered => self.breaker.reached(name),
            Stage::Unwritten => self.breaker.undecided(),
            Stage::Unconnected | Stage::Unanswered => {
                self.described.outdate();
                self.breaker.missed(name, Instant::now());
            }
        }
    }

    /// A message of a protocol without names and types gets those that the node asks for.
    async fn fitted(
        &self,
        input: Input,
        context: &Context,
        time: Duration,
    ) -> Result<Input, Failed> {
        let spoken = self.options.protocol == Protocol::OpenInference;
        match input {
            Input::One(message) if spoken && signature::is_loose(&message) => {
                let said = again(|| self.described.asked(context, time)).await?;
                Ok(Input::One(match said.signature(None) {
                    Some(signature) if !signature.inputs.is_empty() => {
                        signature::fitted(message, signature).map_err(Failed::unwritten)?
                    }
                    _ => message,
                }))
            }
            input => Ok(input),
        }
    }

    /// What is to be sent.
    fn call_of(&self, method: Method, input: &Input, context: &Context) -> Result<Call> {
        let rest = self.options.transport == Transport::Rest;
        let name = &self.options.name;
        let one = || match (method, input) {
            (
                Method::Predict | Method::TransformInput | Method::TransformOutput,
                Input::One(message),
            ) => Ok(message),
            _ => Err(self.unknown(method)),
        };
        Ok(match self.options.protocol {
            Protocol::Seldon if rest => Call::Rest(seldon::ask(method, input)?),
            Protocol::Seldon => Call::Seldon(seldon::sent(input)?),
            Protocol::OpenInference if rest => {
                Call::Rest(open_inference::ask(name, one()?, context)?)
            }
            Protocol::OpenInference => {
                Call::OpenInference(open_inference::sent(name, one()?, context)?)
            }
            Protocol::Tensorflow if rest => Call::Rest(tensorflow::ask(name, one()?, context)?),
            Protocol::Tensorflow => Call::Tensorflow(tensorflow::sent(name, one()?, context)?),
        })
    }

    /// The other protocols know inference alone.
    fn unknown(&self, method: Method) -> Error {
        let protocol = match self.options.protocol {
            Protocol::Seldon => "Seldon's protocol",
            Protocol::OpenInference => "the open inference protocol",
            Protocol::Tensorflow => "TensorFlow Serving's protocol",
        };
        let method = method.path();
        Error::unimplemented(format!(
            "{protocol} has no {method}: let the node speak Seldon's, with the annotation \
             hari.dev/node-protocol"
        ))
    }

    async fn once(
        &self,
        method: Method,
        call: &Call,
        context: &Context,
        time: Duration,
    ) -> Result<Message, Failed> {
        let (limits, caller) = (&self.options.limits, Some(context));
        Ok(match (call, &*self.wire) {
            (Call::Rest(ask), Wire::Rest(rest)) => {
                let reply = rest.ask(ask, caller).await?;
                match self.options.protocol {
                    Protocol::Seldon => seldon::reply(method, &reply, limits)?,
                    Protocol::OpenInference => open_inference::reply(&reply, limits)?,
                    Protocol::Tensorflow => tensorflow::reply(&reply, limits)?,
                }
            }
            (Call::Seldon(sent), Wire::Grpc(grpc)) => {
                let path = seldon::service(method);
                let reply = match sent.clone() {
                    seldon::Sent::One(one) => grpc.ask(path, *one, caller, time).await?,
                    seldon::Sent::Many(many) => grpc.ask(path, many, caller, time).await?,
                    seldon::Sent::Feedback(said) => grpc.ask(path, *said, caller, time).await?,
                };
                seldon::answered(reply, limits)?
            }
            (Call::OpenInference(sent), Wire::Grpc(grpc)) => {
                let path = open_inference::INFER;
                let reply = grpc.ask(path, sent.clone(), caller, time).await?;
                open_inference::answered(reply, limits)?
            }
            (Call::Tensorflow(sent), Wire::Grpc(grpc)) => {
                let path = tensorflow::PREDICT;
                let reply = grpc.ask(path, sent.clone(), caller, time).await?;
                tensorflow::answered(reply, limits)?
            }
            _ => return Err(Error::internal("a call of another transport").into()),
        })
    }

    async fn checked(&self) -> Result<()> {
        let path = match (self.options.full_health_checks, self.options.protocol) {
            (true, Protocol::Seldon) => Some("/api/v1.0/health/status"),
            (true, Protocol::OpenInference) => Some("/v2/health/ready"),
            _ => None,
        };
        match (path, &*self.wire) {
            (Some(path), Wire::Rest(rest)) => {
                let ask = Ask {
                    path: path.to_owned(),
                    ..Ask::default()
                };
                rest.ask(&ask, None).await.map_err(|failed| failed.error)?;
            }
            _ => self.connected().await?,
        }
        Ok(())
    }

    async fn connected(&self) -> Result<()> {
        let host = self.options.endpoint.host.trim_matches(['[', ']']);
        let connected = TcpStream::connect((host, self.options.port())).await;
        let stream = connected.map_err(|error| fault::unreached(error).error)?;
        match &self.options.tls {
            Some(tls) => tls.greet(host, stream).await,
            None => Ok(()),
        }
    }

    async fn is_ready(&self) -> Result<()> {
        let seen = *self.seen();
        if seen.is_some_and(|seen| seen.elapsed() < READY_FOR) {
            return Ok(());
        }
        let checked = timeout(READY_WITHIN, self.checked()).await;
        let checked = checked.unwrap_or_else(|_| Err(fault::late(READY_WITHIN)));
        checked.map_err(|error| not_ready(error).at_node(&*self.options.name))?;
        *self.seen() = Some(Instant::now());
        self.described.seek();
        Ok(())
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.seen_ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whatever keeps it from answering, it is not ready.
fn not_ready(error: Error) -> Error {
    match error.kind() {
        Kind::Unavailable => error,
        _ => Error::unavailable(error.message().to_owned()).with_source(error),
    }
}

/// Asks, and asks again where no connection could be made.
async fn again<T, F: Future<Output = Result<T, Failed>>>(ask: impl Fn() -> F) -> Result<T, Failed> {
    for attempt in 1..=RETRIES {
        match ask().await {
            Err(failed) if failed.stage == Stage::Unconnected => sleep(backoff(attempt)).await,
            done => return done,
        }
    }
    ask().await
}

/// Twice as long each time, and never the same for two callers.
fn backoff(attempt: u32) -> Duration {
    let most = BACKOFF_MILLIS << attempt;
    Duration::from_millis(fastrand::u64(most / 2..=most))
}

impl Unit for Remote {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            let reply = self.asked(method, input, context).await;
            reply.map_err(|error| error.at_node(&*self.options.name))
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.is_ready())
    }

    /// What is known of the node by now; asking makes it known in the background.
    fn metadata(&self) -> Arc<ModelMetadata> {
        self.described.seek();
        self.described.now()
    }
}
