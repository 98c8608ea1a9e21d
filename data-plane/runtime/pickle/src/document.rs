//! A file that was read: its values, and the cursor at its root.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hari_error::{Error, Result};

use crate::compression::{self, Form};
use crate::cursor::Cursor;
use crate::limits::Limits;
use crate::machine::Machine;
use crate::skops;
use crate::source::Source;
use crate::value::{Arena, Id, Value};

/// Bytes read from a file at once.
const BUFFER: usize = 256 << 10;

/// Bytes of arrays that may be copied out of any file: 64 MiB.
const COPIES: u64 = 64 << 20;
/// How often, beyond that, all bytes of a file, expanded, may be copied.
const COPIES_EACH: u64 = 8;

/// The values of one pickle, joblib or skops file. They refer to each other without cycles, and lie at
/// most as deep in each other as [`Limits::depth`] says.
#[derive(Debug)]
pub struct Document {
    arena: Arena,
    root: Id,
    /// Bytes of arrays that may be copied out of it yet.
    copies: AtomicU64,
}

/// Reads a pickle of any protocol, a joblib file, compressed or not, or a skops file: what it is,
/// its first bytes say. Nothing in it is called. What follows the first pickle is left alone, as
/// Python does.
///
/// # Errors
///
/// A name that is not on the list; a file that is cut, damaged or over a limit. The message has
/// the offset and the opcode.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Document> {
    read_bytes(Bytes::copy_from_slice(bytes), limits)
}

/// [`read`] of bytes that the document keeps: its arrays and texts are parts of them.
///
/// # Errors
///
/// As [`read`].
pub fn read_bytes(bytes: Bytes, limits: &Limits) -> Result<Document> {
    let length = bytes.len() as u64;
    match Form::of(&bytes) {
        Form::Plain => of_pickle(bytes, limits.structure_from(length), limits),
        Form::Zip => skops::read(&bytes, limits),
        form => of_compressed(form, &*bytes, length, limits),
    }
}

/// [`read`] of a file. It is read once, into memory that the document keeps.
///
/// # Errors
///
/// Also a file that cannot be opened or read, or is none.
pub fn read_file(path: &Path, limits: &Limits) -> Result<Document> {
    let unreadable = |error| Error::model("the file cannot be opened").with_source(error);
    let file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if !found.is_file() {
        return Err(Error::model("a file is expected, not a folder or a device"));
    }
    let length = found.len();
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let form = Form::of(reader.fill_buf().map_err(unreadable)?);
    if !matches!(form, Form::Plain | Form::Zip) {
        return of_compressed(form, reader, length, limits);
    }
    read_bytes(whole(reader, length)?, limits)
}

/// [`read_file`] within the default limits.
///
/// # Errors
///
/// As [`read_file`].
pub fn open(path: &Path) -> Result<Document> {
    read_file(path, &Limits::default())
}

fn whole(reader: impl Read, length: u64) -> Result<Bytes> {
    let unreadable = |error| Error::model("the file cannot be read").with_source(error);
    let size = usize::try_from(length).map_err(|_| Error::model("the file is too large"))?;
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(size)
        .map_err(|_| Error::model("there is no memory for a file of this size"))?;
    let mut exact = reader.take(length);
    exact.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(Bytes::from(bytes))
}

fn of_compressed(
    form: Form,
    reader: impl BufRead,
    length: u64,
    limits: &Limits,
) -> Result<Document> {
    let bytes = compression::expand(form, reader, length, limits)?;
    let room = limits.structure_from_expanded(length, bytes.len() as u64);
    of_pickle(bytes, room, limits)
}

fn of_pickle(bytes: Bytes, room: u64, limits: &Limits) -> Result<Document> {
    let length = bytes.len() as u64;
    let mut arena = Arena::new(room);
    let root = Machine::new(&mut Source::new(bytes), &mut arena, limits).run()?;
    Document::new(arena, root, length, limits)
}

impl Document {
    /// Values that were read of `length` bytes, once cycles and depth are checked.
    pub(crate) fn new(arena: Arena, root: Id, length: u64, limits: &Limits) -> Result<Self> {
        check_depth(&arena, root, limits.depth.min(MAX_DEPTH))?;
        let copies = COPIES.saturating_add(length.saturating_mul(COPIES_EACH));
        let copies = AtomicU64::new(copies);
        Ok(Self {
            arena,
            root,
            copies,
        })
    }

    /// Takes the bytes of a copy off what is left; false if there is not so much.
    pub(crate) fn charge(&self, bytes: u64) -> bool {
        let take = |left: u64| left.checked_sub(bytes);
        let order = Ordering::Relaxed;
        self.copies.fetch_update(order, order, take).is_ok()
    }

    /// The value that the file holds.
    #[must_use]
    pub fn root(&self) -> Cursor<'_> {
        Cursor::new(self, self.root)
    }

    /// A value by its number.
    #[must_use]
    pub fn value(&self, id: Id) -> &Value {
        self.arena.get(id)
    }

    /// The version of scikit-learn that saved the first estimator in the file, `1.5.2` say.
    #[must_use]
    pub fn sklearn_version(&self) -> Option<&str> {
        let values = (0..self.arena.len()).filter_map(|index| u32::try_from(index).ok());
        let dicts = values.filter_map(|index| match self.value(Id(index)) {
            Value::Dict(entries) => Some(entries),
            _ => None,
        });
        dicts.flatten().find_map(
            |(key, value)| match (self.value(*key), self.value(*value)) {
                (Value::Str(key), Value::Str(value)) if &**key == "_sklearn_version" => {
                    Some(&**value)
                }
                _ => None,
            },
        )
    }
}

/// A value whose children are being looked at.
struct Open {
    id: Id,
    next: usize,
    height: usize,
}

const UNSEEN: u8 = 0;
const OPEN: u8 = u8::MAX;

/// Heights are kept in a byte each.
const MAX_DEPTH: usize = 250;

/// Refuses cycles and values that lie too deep, so that whoever walks the values may recurse.
fn check_depth(arena: &Arena, root: Id, limit: usize) -> Result<()> {
    let too_deep = || Error::model(format!("values lie more than {limit} deep in each other"));
    // For each value that is done: how many levels it has.
    let mut heights = vec![UNSEEN; arena.len()];
    let mut path = vec![enter(&mut heights, root)];
    loop {
        let levels = path.len();
        let Some(last) = path.last_mut() else {
            return Ok(());
        };
        if let Some(child) = arena.child(last.id, last.next) {
            last.next += 1;
            match heights.get(child.index()).copied().unwrap_or(1) {
                OPEN => return Err(Error::model("a value holds itself")),
                UNSEEN if levels >= limit => return Err(too_deep()),
                UNSEEN => path.push(enter(&mut heights, child)),
                height => last.height = last.height.max(usize::from(height) + 1),
            }
            continue;
        }
        let (id, height) = (last.id, last.height);
        path.pop();
        if path.len() + height > limit {
            return Err(too_deep());
        }
        if let Some(slot) = heights.get_mut(id.index()) {
            *slot = u8::try_from(height).unwrap_or(OPEN - 1);
        }
        if let Some(parent) = path.last_mut() {
            parent.height = parent.height.max(height + 1);
        }
    }
}

fn enter(heights: &mut [u8], id: Id) -> Open {
    if let Some(slot) = heights.get_mut(id.index()) {
        *slot = OPEN;
    }
    Open {
        id,
        next: 0,
        height: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.core.multiarray._reconstruct` of `count` doubles, all zero.
    fn zeros(count: u32) -> Vec<u8> {
        let mut file = b"\x80\x03cnumpy.core.multiarray\n_reconstruct\n".to_vec();
        file.extend(b"cnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01J");
        file.extend(count.to_le_bytes());
        file.extend(
            b"\x85cnumpy\ndtype\nX\x02\x00\x00\x00f8\x89\x88\x87R(K\x03X\x01\x00\x00\x00<NNN",
        );
        file.extend(b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89B");
        file.extend((count * 8).to_le_bytes());
        file.resize(file.len() + count as usize * 8, 0);
        file.extend(b"tb.");
        file
    }

    #[test]
    fn an_array_cannot_be_copied_without_end() {
        let document = read(&zeros(1 << 17), &Limits::default()).unwrap();
        let copied = (0..1000).take_while(|_| document.root().numbers().is_ok());
        // 64 MiB, and eight times the file, in copies of 1 MiB.
        assert_eq!(copied.count(), 72);
        let error = document.root().numbers().unwrap_err();
        assert!(error.message().contains("so often"), "{error}");
    }
}
