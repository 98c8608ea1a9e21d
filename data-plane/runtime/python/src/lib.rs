//! A user's Python class in supervised worker processes.
//!
//! [`PythonUnit::start`] starts the workers of one node, each with a private socket, and answers
//! calls with whichever is free. Frames and messages are those of the book's page on the worker
//! protocol: tensors travel as they lie in memory, and nothing is pickled.
//!
//! * `frame`, `wire`: bytes to frames, frames to messages, without I/O;
//! * `connection`, `process`, `worker`: one worker: its socket, its process, its calls;
//! * `workers`: the queue in front of them, their restarts;
//! * `environment`: the interpreter, or a virtual environment for `requirements.txt`.

mod connection;
mod environment;
mod frame;
mod lines;
mod package;
mod process;
mod settings;
mod signature;
mod unit;
mod wire;
mod worker;
mod workers;

pub use environment::{Environment, Interpreter};
pub use frame::{Body, Frame, Header, Kind, Limits, Outgoing};
pub use settings::{Settings, Timing};
pub use unit::PythonUnit;
pub use wire::{Description, decode_error, decode_loaded, decode_reply, encode_call};
