//! Logs, traces and metric names as types.
