//! `modelUri` to a verified local folder.
//!
//! [`ModelUri::parse`] reads where a model is; [`fetch`] brings it to this machine and says where
//! it lies; [`pick`] finds the version in it; [`probe`] says what it is; [`fingerprint`] tells
//! whether it changed. [`copy_to`] is the storage initialiser: it fills a folder.
//!
//! A folder or file of this machine is used in place. Everything else, archives included, is staged
//! in a folder of our own under the cache, checked, synced, renamed to its place and never changed
//! again: what is loaded is what was checked. No code path executes what an artifact contains.

mod archive;
mod bucket;
mod cache;
mod checksum;
mod client;
mod copy;
mod digest;
mod fault;
mod fetch;
mod fingerprint;
mod http;
mod hub;
mod local;
mod oci;
mod options;
mod place;
mod policy;
mod probe;
mod progress;
mod remote;
mod retry;
mod select;
mod source;
mod stored;
mod stores;
#[cfg(test)]
mod testing;
mod transfer;
mod tree;
mod uri;
mod version;

pub use archive::ArchiveLimits;
pub use copy::{MANIFEST, copy_to};
pub use fetch::{Artifact, fetch};
pub use fingerprint::fingerprint;
pub use options::{FetchOptions, Retry, Timeouts, Versions};
pub use policy::Policy;
pub use probe::{Format, probe};
pub use progress::{Progress, Step};
pub use uri::ModelUri;
pub use version::{Picked, Version, pick, versions};
