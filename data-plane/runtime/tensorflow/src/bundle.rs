//! A tensor bundle: the folder `variables/` of a SavedModel, read tensor by tensor.
//!
//! The index maps the name of a tensor to its type, shape and place in one of the data shards.
//! Nothing is allocated before the place has been checked against the length of the shard.

mod checksum;
mod ordered;
mod slices;
mod strings;
mod table;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use hari_core::Tensor;
use hari_error::{Error, Result};
use hari_proto::tensorflow::{BundleEntryProto, BundleHeaderProto, DataType, TensorShapeProto};
use prost::Message;

use crate::dtype;
use crate::saved_model::read_capped;

const MAX_INDEX: u64 = 256 << 20;
const MAX_SHARDS: i32 = 100_000;

/// An opened bundle: the index is in memory, the shards are not.
pub(crate) struct Bundle {
    prefix: PathBuf,
    shards: i32,
    entries: BTreeMap<Vec<u8>, BundleEntryProto>,
}

impl Bundle {
    /// Reads `variables.index` in the folder.
    ///
    /// # Errors
    /// If the index is missing or broken, or if the shards are big-endian.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let prefix = folder.join("variables");
        let index = read_capped(&prefix.with_extension("index"), MAX_INDEX)
            .map_err(|error| error.context("variables/variables.index"))?;
        let mut pairs = table::read(&index)?;
        let header = pairs
            .remove(&Vec::new())
            .ok_or_else(|| Error::model("the variables' index has no header"))?;
        let shards = shard_count(&header)?;
        let entries = pairs
            .into_iter()
            .map(|(key, value)| Ok((key, entry(&value)?)));
        Ok(Self {
            prefix,
            shards,
            entries: entries.collect::<Result<_>>()?,
        })
    }

    /// Whether the bundle has this tensor.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.entries.contains_key(key.as_bytes())
    }

    /// Reads a tensor and checks it against its checksum.
    ///
    /// # Errors
    /// If there is no such tensor, or if it does not fit its shard, its shape or its checksum.
    pub(crate) fn read(&self, key: &str) -> Result<Tensor> {
        let entry = self
            .entry(key.as_bytes())
            .map_err(|error| error.context(named(key)))?;
        let tensor = if entry.slices.is_empty() {
            self.read_whole(entry)
        } else {
            slices::read(self, key, entry)
        };
        tensor.map_err(|error| error.context(named(key)))
    }

    fn entry(&self, key: &[u8]) -> Result<&BundleEntryProto> {
        self.entries
            .get(key)
            .ok_or_else(|| Error::model("not among the saved variables"))
    }

    fn read_whole(&self, entry: &BundleEntryProto) -> Result<Tensor> {
        let shape = fixed_shape(entry.shape.as_ref())?;
        let dtype = dtype::from_number(entry.dtype);
        let raw = self.read_raw(entry)?;
        if dtype == DataType::DtString {
            return strings::decode(&shape, &raw, entry.crc32c);
        }
        let element = dtype::element(dtype).ok_or_else(|| {
            Error::model(format!(
                "elements of type {} cannot be read",
                dtype::name(dtype)
            ))
        })?;
        if checksum::mask(crc32c::crc32c(&raw)) != entry.crc32c {
            return Err(Error::model(
                "the data do not match their checksum; copy the model again",
            ));
        }
        Tensor::from_bytes(element, shape, raw)
            .map_err(|error| Error::model(error.message().to_owned()))
    }

    fn read_raw(&self, entry: &BundleEntryProto) -> Result<Bytes> {
        if entry.shard_id < 0 || entry.shard_id >= self.shards {
            return Err(Error::model(format!(
                "shard {} of {} does not exist",
                entry.shard_id, self.shards
            )));
        }
        let name = format!("data-{:05}-of-{:05}", entry.shard_id, self.shards);
        read_range(&self.prefix.with_extension(&name), entry.offset, entry.size)
            .map_err(|error| error.context(format!("variables/variables.{name}")))
    }
}

fn named(key: &str) -> String {
    format!("variable `{key}`")
}

fn shard_count(header: &[u8]) -> Result<i32> {
    let header = BundleHeaderProto::decode(header)
        .map_err(|error| Error::model("the variables' header is broken").with_source(error))?;
    if header.endianness != 0 {
        return Err(Error::model(
            "the variables are big-endian; export the model on another machine",
        ));
    }
    if !(1..=MAX_SHARDS).contains(&header.num_shards) {
        return Err(Error::model(format!(
            "the variables have {} shards",
            header.num_shards
        )));
    }
    Ok(header.num_shards)
}

fn entry(value: &[u8]) -> Result<BundleEntryProto> {
    BundleEntryProto::decode(value).map_err(|error| {
        Error::model("an entry of the variables' index is broken").with_source(error)
    })
}

/// The shape as sizes.
///
/// # Errors
/// If a dimension is not known.
pub(crate) fn fixed_shape(shape: Option<&TensorShapeProto>) -> Result<Vec<usize>> {
    let dims = shape.map_or(&[][..], |shape| &shape.dim);
    let sizes = dims.iter().map(|dim| usize::try_from(dim.size));
    let unknown = |_| Error::model("a stored tensor has a dimension of unknown size");
    sizes.collect::<Result<_, _>>().map_err(unknown)
}

fn read_range(path: &Path, offset: i64, size: i64) -> Result<Bytes> {
    let unreadable = |error| Error::model("cannot be read").with_source(error);
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let range = u64::try_from(offset).ok().zip(u64::try_from(size).ok());
    let inside =
        range.filter(|&(start, size)| start.checked_add(size).is_some_and(|end| end <= length));
    let (start, size) = inside.ok_or_else(|| {
        Error::model(format!(
            "is cut short: {length} bytes, wanted {size} at {offset}"
        ))
    })?;
    file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    let mut raw = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    file.read_exact(&mut raw).map_err(unreadable)?;
    Ok(raw.into())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use hari_proto::tensorflow::tensor_shape_proto::Dim;

    pub(crate) fn shape_of(sizes: &[i64]) -> TensorShapeProto {
        let dim = sizes
            .iter()
            .map(|&size| Dim {
                size,
                ..Dim::default()
            })
            .collect();
        TensorShapeProto {
            dim,
            unknown_rank: false,
        }
    }

    /// A folder with a bundle of one shard that holds these bytes.
    fn bundle(entries: Vec<(&[u8], BundleEntryProto)>, shard: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let header = BundleHeaderProto {
            num_shards: 1,
            ..BundleHeaderProto::default()
        };
        let mut pairs = BTreeMap::from([(Vec::new(), header.encode_to_vec())]);
        pairs.extend(
            entries
                .into_iter()
                .map(|(key, entry)| (key.to_vec(), entry.encode_to_vec())),
        );
        let index = table::tests::write(&pairs, true);
        std::fs::write(folder.path().join("variables.index"), index).unwrap();
        std::fs::write(folder.path().join("variables.data-00000-of-00001"), shard).unwrap();
        folder
    }

    fn floats(shape: &[i64], offset: i64, raw: &[u8]) -> BundleEntryProto {
        BundleEntryProto {
            dtype: DataType::DtFloat.into(),
            shape: Some(shape_of(shape)),
            offset,
            size: raw.len() as i64,
            crc32c: checksum::mask(crc32c::crc32c(raw)),
            ..BundleEntryProto::default()
        }
    }

    fn raw(values: &[f32]) -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    }

    #[test]
    fn a_tensor_is_read_from_its_place() {
        let data = raw(&[9.0, 1.0, 2.0, 3.0, 4.0]);
        let folder = bundle(vec![(b"w", floats(&[2, 2], 4, &data[4..]))], &data);
        let opened = Bundle::open(folder.path()).unwrap();
        assert!(opened.contains("w") && !opened.contains("v"));
        let tensor = opened.read("w").unwrap();
        assert_eq!(tensor.shape(), [2, 2]);
        assert_eq!(*tensor.values::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0]);
        assert!(
            opened
                .read("v")
                .unwrap_err()
                .message()
                .contains("variable `v`")
        );
    }

    #[test]
    fn a_changed_byte_is_found_by_the_checksum() {
        let mut data = raw(&[1.0, 2.0]);
        let entry = floats(&[2], 0, &data);
        data[3] ^= 1;
        let folder = bundle(vec![(b"w", entry)], &data);
        let error = Bundle::open(folder.path()).unwrap().read("w").unwrap_err();
        assert!(error.message().contains("checksum"), "{error}");
    }

    #[test]
    fn a_place_outside_the_shard_is_refused_before_memory_is_taken() {
        let data = raw(&[1.0, 2.0]);
        for (offset, size) in [(4, 8), (0, i64::MAX), (i64::MAX, 1), (-1, 4), (0, -8)] {
            let entry = BundleEntryProto {
                offset,
                size,
                ..floats(&[2], 0, &data)
            };
            let folder = bundle(vec![(b"w", entry)], &data);
            let error = Bundle::open(folder.path()).unwrap().read("w").unwrap_err();
            assert!(error.message().contains("cut short"), "{error}");
        }
    }

    #[test]
    fn a_shape_that_does_not_fit_the_data_is_refused() {
        let data = raw(&[1.0, 2.0]);
        for shape in [&[3][..], &[-1], &[i64::MAX, i64::MAX]] {
            let folder = bundle(vec![(b"w", floats(shape, 0, &data))], &data);
            assert!(
                Bundle::open(folder.path()).unwrap().read("w").is_err(),
                "{shape:?}"
            );
        }
    }

    #[test]
    fn slices_are_not_read_beyond_the_size_of_their_tensor() {
        use hari_proto::tensorflow::TensorSliceProto;
        use hari_proto::tensorflow::tensor_slice_proto::{Extent, extent::HasLength};
        let data = raw(&[1.0, 2.0]);
        let slice = |length| TensorSliceProto {
            extent: vec![Extent {
                start: 0,
                has_length: length,
            }],
        };
        let all = slice(None);
        let whole = BundleEntryProto {
            slices: vec![all.clone(), slice(Some(HasLength::Length(1)))],
            size: 0,
            ..floats(&[2], 0, &[])
        };
        let key = ordered::slice_key("w", &all);
        // The second slice is not even looked for.
        let entries = vec![(&b"w"[..], whole), (&key[..], floats(&[2], 0, &data))];
        let folder = bundle(entries, &data);
        let error = Bundle::open(folder.path()).unwrap().read("w").unwrap_err();
        assert!(error.message().contains("slices do not fit"), "{error}");
    }

    #[test]
    fn a_sliced_tensor_is_put_together() {
        use hari_proto::tensorflow::TensorSliceProto;
        use hari_proto::tensorflow::tensor_slice_proto::{Extent, extent::HasLength};
        let data = raw(&[1.0, 2.0, 5.0, 6.0, 3.0, 7.0]);
        let extent = |start, length| Extent {
            start,
            has_length: Some(HasLength::Length(length)),
        };
        let all = Extent {
            start: 0,
            has_length: None,
        };
        let left = TensorSliceProto {
            extent: vec![all, extent(0, 2)],
        };
        let right = TensorSliceProto {
            extent: vec![all, extent(2, 1)],
        };
        let whole = BundleEntryProto {
            slices: vec![left.clone(), right.clone()],
            size: 0,
            ..floats(&[2, 3], 0, &[])
        };
        let keys = [
            ordered::slice_key("w", &left),
            ordered::slice_key("w", &right),
        ];
        let entries = vec![
            (&b"w"[..], whole),
            (&keys[0][..], floats(&[2, 2], 0, &data[..16])),
            (&keys[1][..], floats(&[2, 1], 16, &data[16..])),
        ];
        let folder = bundle(entries, &data);
        let tensor = Bundle::open(folder.path()).unwrap().read("w").unwrap();
        assert_eq!(
            *tensor.values::<f32>().unwrap(),
            [1.0, 2.0, 3.0, 5.0, 6.0, 7.0]
        );
    }
}
