//! Where objects come from: a bucket or a registry.

use std::ops::Range;

use hari_error::Result;

use crate::bucket::{Bucket, Object, Part, Pin};
use crate::fault::Fault;
use crate::oci::Registry;

/// A store of objects that can be read in ranges.
pub(crate) enum Source {
    Bucket(Bucket),
    Registry(Registry),
}

impl Source {
    /// Which version of the object is there now.
    pub(crate) async fn head(&self, object: &Object) -> Result<Pin, Fault> {
        match self {
            Self::Bucket(bucket) => bucket.head(object).await,
            Self::Registry(registry) => registry.head(object),
        }
    }

    /// A range of the object, or all of it.
    pub(crate) async fn read(
        &self,
        object: &Object,
        range: Option<Range<u64>>,
        pin: Option<&Pin>,
    ) -> Result<Part, Fault> {
        match self {
            Self::Bucket(bucket) => bucket.read(object, range, pin).await,
            Self::Registry(registry) => registry.read(object, range).await,
        }
    }

    /// Bytes of the pieces that an object is read in; a registry's are read as a whole, for not
    /// each of them knows ranges.
    pub(crate) fn piece(&self) -> u64 {
        match self {
            Self::Bucket(_) => 8 << 20,
            Self::Registry(_) => u64::MAX,
        }
    }
}
