//! A canary's way from its first requests to all of them, or back.
//!
//! Pure: no clock, no sockets, no cluster. [`advance`] takes what was seen since it was last asked
//! and the time, and gives the weights of the predictors, the status to keep, and when to ask again.
//!
//! ```text
//! Pending ─► Stepping(5 %) ─► Stepping(20 %) ─► ... ─► Promoted
//!                │   ▲                │
//!                ▼   │                ▼
//!              Paused            RolledBack
//! ```
//!
//! Nothing is decided by looking at two rates: a sequential test ([`evidence`]) says when a canary
//! is worse, and it may be asked as often as one likes.

mod advance;
mod arm;
mod counters;
pub mod evidence;
mod revision;
mod weights;

pub use advance::{Canary, Decision, Seen, advance};
pub use arm::Arm;
pub use counters::Counters;
pub use revision::revision;
pub use weights::split;

/// Values of `phase` in the status.
pub mod phase {
    /// The canary does not answer yet.
    pub const PENDING: &str = "Pending";
    /// It takes the share of its step.
    pub const STEPPING: &str = "Stepping";
    /// It takes that share until someone lets it go on.
    pub const PAUSED: &str = "Paused";
    /// It takes all requests.
    pub const PROMOTED: &str = "Promoted";
    /// It takes none, until its spec changes.
    pub const ROLLED_BACK: &str = "RolledBack";
}
