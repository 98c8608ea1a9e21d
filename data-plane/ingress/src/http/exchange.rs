//! One REST request from its arrival to its reply: who answers, until when, and how it is counted.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hari_core::{Context, Input, Limits, Message, Method, Target};
use hari_error::{Error, Result};
use hari_telemetry::metric::{ServerRequest, decoded};
use hari_telemetry::trace;
use http::HeaderMap;
use http::request::Parts;

use crate::app::App;
use crate::directory::{Deployment, Predictor};
use crate::reply::{self, Dialect};
use crate::select::select;
use crate::stack::{self, Arrival};
use crate::{body, dispatch, handed_on};

/// One REST request.
pub(super) struct Exchange {
    pub(super) app: App,
    pub(super) headers: HeaderMap,
    dialect: Dialect,
    service: &'static str,
    verb: &'static str,
    arrival: Arrival,
    deployment: Option<Arc<Deployment>>,
    predictor: Option<Arc<Predictor>>,
}

impl Exchange {
    /// Begins to answer a request; `service` is its name in the metrics.
    pub(super) fn begin(
        app: &App,
        parts: &Parts,
        dialect: Dialect,
        service: &'static str,
    ) -> Result<Self> {
        let arrival = parts.extensions.get::<Arrival>();
        trace::named(service);
        Ok(Self {
            arrival: arrival
                .cloned()
                .ok_or_else(|| Error::internal("routes without a stack"))?,
            app: app.clone(),
            headers: parts.headers.clone(),
            dialect,
            service,
            verb: if parts.method == http::Method::GET {
                "get"
            } else {
                "post"
            },
            deployment: None,
            predictor: None,
        })
    }

    /// Bounds on this request.
    pub(super) fn limits(&self) -> &Limits {
        self.app.limits()
    }

    /// Reads the whole body, decompressed.
    pub(super) async fn body(&self, body: Body) -> Result<Bytes> {
        body::read(&self.headers, body, self.limits()).await
    }

    /// Decodes with `decode`, and counts the time it took.
    pub(super) fn decode<T>(&self, decode: impl FnOnce(&Limits) -> Result<T>) -> Result<T> {
        let started = std::time::Instant::now();
        let result = decode(self.limits());
        decoded(self.dialect.name(), started.elapsed());
        result
    }

    /// Finds the deployment and the predictor that answer.
    pub(super) fn aim(&mut self, model: Option<&str>) -> Result<Arc<Predictor>> {
        let deployment = select(self.app.directory(), &self.arrival.selector.of_model(model))?;
        let predictor = dispatch::choose(&deployment, &self.arrival.selector, model)?;
        self.deployment = Some(deployment);
        self.predictor = Some(predictor.clone());
        Ok(predictor)
    }

    /// Calls the graph of the predictor that [`Exchange::aim`] found.
    pub(super) async fn call(
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
        let own = predictor.rest_timeout.unwrap_or(self.limits().deadline);
        let mut context = Context::new(self.arrival.puid.clone(), own).aimed(target);
        context.skip_logging = self.arrival.skip_logging;
        context.headers = handed_on::of(&self.headers);
        dispatch::call(&self.app, (deployment, &predictor), method, input, &context).await
    }

    /// The reply: the result, or its error in the protocol spoken; counted.
    pub(super) fn finish(self, result: Result<Response>) -> Response {
        let mut response = result.unwrap_or_else(|error| reply::error(self.dialect, &error));
        let (deployment, predictor) = (self.deployment.as_deref(), self.predictor.as_deref());
        if let (Some(deployment), true) = (deployment, stack::is_event(&self.headers)) {
            stack::event(
                response.headers_mut(),
                &deployment.namespace,
                &deployment.name,
            );
        }
        let status = response.status();
        if status.is_server_error() {
            trace::failed(status.as_str());
        }
        let request = ServerRequest {
            deployment: deployment.map_or("", |deployment| &deployment.name),
            predictor: predictor.map_or("", |predictor| &predictor.name),
            version: predictor.map_or("", |predictor| &predictor.version),
            service: self.service,
            method: self.verb,
            code: status.as_str(),
        };
        request.observe(self.arrival.started.elapsed());
        response
    }
}
