//! One table for the router and the OpenAPI document: what is routed is what is described.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, any};
use hari_core::Method;

use crate::app::App;

/// A path of the router, with what the document says of it.
pub(crate) struct Route {
    path: String,
    handlers: MethodRouter<App>,
    operations: Vec<Operation>,
}

/// One path and method, as the document names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// With `{model}`, `{version}` and `{label}` where a caller puts a name.
    pub(crate) path: String,
    pub(crate) verb: Verb,
    pub(crate) action: Action,
}

/// HTTP methods in use; `OPTIONS` is answered for every path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
}

impl Verb {
    /// The key of an OpenAPI path item.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
        }
    }
}

/// What an operation does, across its paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Live,
    Ready,
    Page,
    Document,
    /// A Seldon message to the unit's method.
    Call(Method),
    Ping,
    UnitMetadata,
    GraphMetadata,
    UnitStatus,
    Server,
    Infer,
    ModelReady,
    ModelMetadata,
    Index,
    Predict,
    Classify,
    Regress,
    VersionStatus,
    Signatures,
    Invoke,
    Version,
}

impl Route {
    pub(crate) fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            handlers: MethodRouter::new(),
            operations: Vec::new(),
        }
    }

    /// `GET`, described under the routed path.
    pub(crate) fn get<H, T>(self, action: Action, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let described = vec![(self.path.clone(), action)];
        self.get_as(described, handler)
    }

    /// `POST`, described under the routed path.
    pub(crate) fn post<H, T>(self, action: Action, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let described = vec![(self.path.clone(), action)];
        self.post_as(described, handler)
    }

    /// `GET`, described under other paths, because the handler takes a piece apart.
    pub(crate) fn get_as<H, T>(mut self, described: Vec<(String, Action)>, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.describe(Verb::Get, described);
        self.handlers = self.handlers.on(MethodFilter::GET, handler);
        self
    }

    /// `POST`, described under other paths, because the handler takes a piece apart.
    pub(crate) fn post_as<H, T>(mut self, described: Vec<(String, Action)>, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.describe(Verb::Post, described);
        self.handlers = self.handlers.on(MethodFilter::POST, handler);
        self
    }

    /// Every method, described as `GET`.
    pub(crate) fn any<H, T>(mut self, action: Action, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.describe(Verb::Get, vec![(self.path.clone(), action)]);
        self.handlers = any(handler);
        self
    }

    fn describe(&mut self, verb: Verb, described: Vec<(String, Action)>) {
        let operation = |(path, action)| Operation { path, verb, action };
        self.operations.extend(described.into_iter().map(operation));
    }
}

/// The routes as a router.
pub(crate) fn router(routes: Vec<Route>) -> Router<App> {
    let add = |router: Router<App>, route: Route| router.route(&route.path, route.handlers);
    routes.into_iter().fold(Router::new(), add)
}

/// The routes as the document tells them.
pub(crate) fn operations(routes: Vec<Route>) -> Vec<Operation> {
    let each = |route: Route| route.operations;
    routes.into_iter().flat_map(each).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::http::table;

    #[test]
    fn every_route_is_described_and_no_operation_twice() {
        for route in table() {
            assert!(!route.operations.is_empty(), "{}", route.path);
        }
        let all = operations(table());
        let unique: HashSet<_> = all.iter().map(|one| (&one.path, one.verb.key())).collect();
        assert_eq!(unique.len(), all.len());
    }

    #[test]
    fn what_is_described_has_no_name_that_only_the_router_knows() {
        for operation in operations(table()) {
            assert!(!operation.path.contains("{last}"), "{operation:?}");
        }
    }
}
