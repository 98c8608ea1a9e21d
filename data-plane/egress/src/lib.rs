//! A unit on the other end of a connection.
