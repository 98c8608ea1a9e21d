//! What a request was asked and answered at every node, kept in a folder.
//!
//! A [`Recorder`] gives each node of a graph a [`hari_core::Watch`]. While a request is under way,
//! what the watches see is collected; when its last stage has answered, all of it goes to one
//! thread that writes one file for it, a [`Recording`] as JSON. The queue to that thread is
//! bounded, and a request that finds no room is counted and not kept: serving never waits.
//!
//! [`Folder`] finds recordings again, and [`tree`] shows one as a tree.

mod content;
mod file;
mod folder;
mod onlooker;
mod open;
mod options;
mod recorder;
mod recording;
mod time;
mod view;

pub use folder::{Entry, Folder};
pub use options::Options;
pub use recorder::Recorder;
pub use recording::{Content, Event, Fault, GraphNode, Metric, Recording, Tensor};
pub use view::{Style, tree};
