//! Pickle, joblib and skops files, read as data: nothing in them is called.
//!
//! Pickle is a language in which a file can name any function of Python and call it. This reader
//! knows the opcodes, and a list of names: classes of scikit-learn, arrays of numpy and scipy, a few
//! containers. What a file would call becomes an inert [`Object`] with its class, its arguments and
//! its state. A name that is not on the list refuses the file.
//!
//! ```
//! # fn main() -> hari_error::Result<()> {
//! let file = b"\x80\x04}\x8c\x05steps]K\x07as.";
//! let document = hari_pickle::read(file, &hari_pickle::Limits::default())?;
//! assert_eq!(document.root().get("steps")?.item(0)?.integer()?, 7);
//! # Ok(())
//! # }
//! ```
//!
//! Formats: Python's `pickletools` describes the opcodes; joblib's raw arrays lie behind their
//! description in the stream. Protocols 0 to 5; zlib, gzip, bzip2, LZMA, XZ and LZ4.

mod array;
mod compression;
mod cursor;
mod document;
mod dtype;
mod globals;
mod limits;
mod machine;
mod npy;
mod opcode;
mod skops;
mod source;
mod value;

pub use array::{Array, Element, Typed};
pub use cursor::{Cursor, Sparse, SparseFormat};
pub use document::{Document, open, read, read_bytes, read_file};
pub use dtype::{Dtype, Field, Kind};
pub use globals::{Class, current_name};
pub use limits::Limits;
pub use value::{Id, Object, Text, Value};
