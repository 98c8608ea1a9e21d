//! Requests and responses of nodes, to sinks, off the request path.
