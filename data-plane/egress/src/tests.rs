//! What callers get, whatever the node does.
