//! What changes for the deployments of Seldon Core v1 when Hari serves them.
//!
//! ```text
//! documents ─► plan ─► differences (of the table) ─┐
//! live objects ─► adopted, replaced, made, removed ┴─► report, verdict
//! ```
//!
//! Pure: no sockets, files, environment, clock or cluster. Every difference is a row of [`TABLE`], from
//! which the reference page is made as well, so that the page and the tool cannot disagree.

mod check;
mod deployment;
mod difference;
mod installed;
mod live;
mod pod;
mod report;
mod text;
mod unit;

pub use check::{Surveyed, assumed, cluster, documents};
pub use difference::{Difference, TABLE, Where};
pub use installed::{Account, Installed, Operator};
pub use live::{Fate, LiveObject};
pub use report::{Checked, Note, Report, Weight};
