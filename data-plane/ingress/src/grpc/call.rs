//! One gRPC call from its arrival to its reply: who answers, until when, and how it is counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hari_core::{Context, Input, Limits, Message, Method, ModelMetadata, Target, Unit};
use hari_error::{Error, Result};
use hari_telemetry::metric::{ServerRequest, decoded};
use hari_telemetry::trace;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Request, Response, Status};

use super::timeout;
use crate::app::App;
use crate::directory::{Deployment, Predictor};
use crate::reply::grpc::{code_name, status};
use crate::select::{Selector, addressed, select};
use crate::stack::Arrival;
use crate::{dispatch, handed_on};

/// The request id, in the metadata of request and reply.
const PUID: &str = "seldon-puid";

/// What the messages of one call have in common.
#[derive(Clone)]
pub(super) struct Origin {
    app: App,
    method: &'static str,
    arrival: Arrival,
    headers: Arc<[(String, String)]>,
    timeout: Option<Duration>,
}

impl Origin {
    /// Where a request of `method`, its full name with both slashes, comes from; and its message.
    pub(super) fn of<T>(
        app: &App,
        method: &'static str,
        request: Request<T>,
    ) -> Result<(Self, T), Status> {
        let (metadata, extensions, message) = request.into_parts();
        let arrival = extensions.get::<Arrival>().cloned();
        let mut arrival =
            arrival.ok_or_else(|| status(&Error::internal("routes without a stack")))?;
        choose_by_metadata(&mut arrival.selector, &metadata);
        let (headers, timeout) = (handed_on::of(metadata.as_ref()), timeout::asked(&metadata));
        Ok((
            Self {
                app: app.clone(),
                method,
                arrival,
                headers,
                timeout,
            },
            message,
        ))
    }

    /// Begins to answer one message of a stream.
    pub(super) fn call(&self) -> Call {
        let mut origin = self.clone();
        origin.arrival.started = Instant::now();
        Call::new(origin)
    }

    /// Puts the request id on a reply.
    pub(super) fn sign(&self, metadata: &mut MetadataMap) {
        if let Ok(puid) = MetadataValue::try_from(&*self.arrival.puid) {
            metadata.insert(PUID, puid);
        }
    }
}

/// One message to answer.
pub(super) struct Call {
    origin: Origin,
    deployment: Option<Arc<Deployment>>,
    predictor: Option<Arc<Predictor>>,
    observed: bool,
}

impl Call {
    fn new(origin: Origin) -> Self {
        trace::named(origin.method);
        Self {
            origin,
            deployment: None,
            predictor: None,
            observed: false,
        }
    }

    /// Begins to answer a call of `method` with one message.
    pub(super) fn open<T>(
        app: &App,
        method: &'static str,
        request: Request<T>,
    ) -> Result<(Self, T), Status> {
        let (origin, message) = Origin::of(app, method, request)?;
        Ok((Self::new(origin), message))
    }

    /// Bounds on this call.
    pub(super) fn limits(&self) -> &Limits {
        self.origin.app.limits()
    }

    /// Decodes with `decode`, and counts the time it took.
    pub(super) fn decode<T>(
        &self,
        protocol: &'static str,
        decode: impl FnOnce(&Limits) -> Result<T>,
    ) -> Result<T> {
        let started = Instant::now();
        let result = decode(self.limits());
        decoded(protocol, started.elapsed());
        result
    }

    fn deployment(&self, model: Option<&str>) -> Result<Arc<Deployment>> {
        let Origin { app, arrival, .. } = &self.origin;
        select(app.directory(), &arrival.selector.of_model(model))
    }

    /// Finds the deployment and the predictor that answer.
    pub(super) fn aim(&mut self, model: Option<&str>) -> Result<Arc<Predictor>> {
        let deployment = self.deployment(model)?;
        let predictor = dispatch::choose(&deployment, &self.origin.arrival.selector, model)?;
        self.deployment = Some(deployment);
        self.predictor = Some(predictor.clone());
        Ok(predictor)
    }

    /// The unit that `target` names, else the whole graph; and what it says of itself.
    ///
    /// # Errors
    /// `NotFound` if there is no such model, or no such version of it.
    pub(super) fn aim_at(
        &mut self,
        target: &Target,
    ) -> Result<(Arc<dyn Unit>, Arc<ModelMetadata>)> {
        let predictor = self.aim(target.model.as_deref())?;
        addressed(&predictor, target)
    }

    /// Calls the graph of the predictor that [`Call::aim`] finds.
    pub(super) async fn run(
        &mut self,
        method: Method,
        input: Input,
        target: Target,
    ) -> Result<Message> {
        let predictor = match self.predictor.clone() {
            Some(predictor) => predictor,
            None => self.aim(target.model.as_deref())?,
        };
        let Some(deployment) = &self.deployment else {
            return Err(Error::internal("a predictor without a deployment"));
        };
        let context = self.context(predictor.grpc_timeout).aimed(target);
        let answering = (&**deployment, &*predictor);
        dispatch::call(&self.origin.app, answering, method, input, &context).await
    }

    /// The deadline is the deployment's or the server's, or sooner if the caller says so.
    fn context(&self, own: Option<Duration>) -> Context {
        let Origin {
            arrival,
            headers,
            timeout,
            ..
        } = &self.origin;
        let own = own.unwrap_or(self.limits().deadline);
        let time = timeout.map_or(own, |asked| asked.min(own));
        let mut context = Context::new(arrival.puid.clone(), time);
        context.grpc = true;
        context.skip_logging = arrival.skip_logging;
        context.headers = headers.clone();
        context
    }

    /// The reply: the result, or its error as a status; counted, and with the request id.
    pub(super) fn close<T>(self, result: Result<T>) -> Result<Response<T>, Status> {
        let origin = self.origin.clone();
        let mut outcome = self.settle(result).map(Response::new);
        match &mut outcome {
            Ok(response) => origin.sign(response.metadata_mut()),
            Err(status) => origin.sign(status.metadata_mut()),
        }
        outcome
    }

    /// The result, or its error as a status; counted.
    pub(super) fn settle<T>(mut self, result: Result<T>) -> Result<T, Status> {
        let outcome = result.map_err(|error| status(&error));
        self.observe(outcome.as_ref().map_or_else(Status::code, |_| Code::Ok));
        outcome
    }

    fn observe(&mut self, code: Code) {
        self.observed = true;
        if ours(code) {
            trace::failed(code_name(code));
        }
        let predictor = self.predictor.as_deref();
        let request = ServerRequest {
            deployment: self
                .deployment
                .as_deref()
                .map_or("", |deployment| &deployment.name),
            predictor: predictor.map_or("", |predictor| &predictor.name),
            version: predictor.map_or("", |predictor| &predictor.version),
            service: self.origin.method,
            method: "unary",
            code: code_name(code),
        };
        request.observe(self.origin.arrival.started.elapsed());
    }
}

/// Whether a call that ended so failed, and not by its caller's fault.
const fn ours(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// A call that is dropped was given up by its caller.
impl Drop for Call {
    fn drop(&mut self) {
        if !self.observed {
            self.observe(Code::Cancelled);
        }
    }
}

/// `seldon` and `namespace` say which deployment, as behind a gateway.
fn choose_by_metadata(selector: &mut Selector, metadata: &MetadataMap) {
    if let Some(name) = text(metadata, "seldon") {
        selector.name = Some(name.to_owned());
        selector.namespace = text(metadata, "namespace").map(str::to_owned);
    }
}

fn text<'a>(metadata: &'a MetadataMap, key: &str) -> Option<&'a str> {
    metadata
        .get(key)
        .and_then(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(pairs: &[(&'static str, &'static str)]) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        for (key, value) in pairs {
            metadata.append(*key, MetadataValue::from_static(value));
        }
        metadata
    }

    #[test]
    fn metadata_names_the_deployment() {
        let mut selector = Selector::default();
        choose_by_metadata(&mut selector, &metadata(&[("namespace", "ns")]));
        assert_eq!(selector, Selector::default());
        choose_by_metadata(
            &mut selector,
            &metadata(&[("seldon", "mnist"), ("namespace", "ns")]),
        );
        assert_eq!(selector.name.as_deref(), Some("mnist"));
        assert_eq!(selector.namespace.as_deref(), Some("ns"));
    }
}
