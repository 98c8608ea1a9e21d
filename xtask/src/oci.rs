//! Images as OCI archives, written without a container engine: the same bytes for the same files.

mod archive;
mod layer;

pub(crate) use archive::{Archive, Image, architecture};
pub(crate) use layer::{Entry, Layer, Tree, digest, unpack};
