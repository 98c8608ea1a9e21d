//! Sockets, limits, routes, health and drain: requests in, replies out.
