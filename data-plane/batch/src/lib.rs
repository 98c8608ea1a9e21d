//! Permit, queue, batch: the one door from async requests to CPU-bound models.
//!
//! A [`ModelUnit`] is a [`hari_core::Unit`] in front of a [`hari_core::Model`]. A request is
//! fitted to the model's signature and put into the model's queue, which is bounded: beyond it
//! the request is refused with `Overloaded`. A thread of the shared [`Pool`] takes it from there,
//! alone or together with others like it, runs the model and sends the answer back. Requests
//! whose caller went away or whose deadline passed are dropped unrun.
//!
//! Each model has at most [`BatchOptions::concurrency`] places in the pool's line, and goes to
//! its end after every run, so that a busy model cannot keep the threads from another.
//!
//! # On the spot
//!
//! A model whose runs have shown to take less than [`PoolOptions::inline`] is run where the request
//! is, on an async thread: to hand it over and back would take longer than the run. It takes one
//! of the model's places all the same, and none while requests wait.
//!
//! # Batching
//!
//! Off unless [`BatchOptions::max_rows`] is more than one. Then requests that wait for the same
//! signature and outputs, with rows of the same shape, are run together. With no window, batches
//! form by themselves while all threads are busy. With a window, a request waits that long for
//! company, but only while another run of the model is under way. If a batch fails, each of its
//! requests is run again alone and gets its own result.

mod observer;
mod options;
mod pace;
mod pool;
mod queue;
mod run;
mod select;
mod unit;

pub use observer::Observer;
pub use options::BatchOptions;
pub use pool::{Host, Pool, PoolOptions};
pub use unit::ModelUnit;
