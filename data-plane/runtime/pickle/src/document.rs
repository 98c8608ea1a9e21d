//! A file that was read: its values, and the cursor at its root.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use hari_error::{Error, Result};

use crate::compression;
use crate::cursor::Cursor;
use crate::limits::Limits;
use crate::machine::Machine;
use crate::value::{Arena, Id, Value};

/// Bytes read from a file at once.
const BUFFER: usize = 256 << 10;

/// The values of one pickle or joblib file. They refer to each other without cycles, and lie at
/// most as deep in each other as [`Limits::depth`] says.
#[derive(Debug)]
pub struct Document {
    arena: Arena,
    root: Id,
}

/// Reads a pickle of any protocol, or a joblib file, compressed or not. Nothing in it is called.
/// What follows the first pickle is left alone, as Python does.
///
/// # Errors
///
/// A name that is not on the list; a file that is cut, damaged or over a limit. The message has
/// the offset and the opcode.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Document> {
    read_from(bytes, bytes.len() as u64, limits)
}

/// [`read`] of a file, without a copy of it in memory.
///
/// # Errors
///
/// Also a file that cannot be opened or read.
pub fn read_file(path: &Path, limits: &Limits) -> Result<Document> {
    let unreadable = |error| Error::model("the file cannot be opened").with_source(error);
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    read_from(BufReader::with_capacity(BUFFER, file), length, limits)
}

fn read_from<R: BufRead>(reader: R, length: u64, limits: &Limits) -> Result<Document> {
    let mut source = compression::open(reader, length, limits)?;
    let mut arena = Arena::new(limits.structure_from(length));
    let root = Machine::new(&mut source, &mut arena, limits).run()?;
    source.finish()?;
    check_depth(&arena, root, limits.depth)?;
    Ok(Document { arena, root })
}

impl Document {
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
    children: std::vec::IntoIter<Id>,
    height: usize,
}

const UNSEEN: u32 = 0;
const OPEN: u32 = u32::MAX;

/// Refuses cycles and values that lie too deep, so that whoever walks the values may recurse.
fn check_depth(arena: &Arena, root: Id, limit: usize) -> Result<()> {
    let too_deep = || Error::model(format!("values lie more than {limit} deep in each other"));
    // For each value that is done: how many levels it has.
    let mut heights = vec![UNSEEN; arena.len()];
    let mut path = vec![open(arena, &mut heights, root)];
    loop {
        let levels = path.len();
        let Some(last) = path.last_mut() else {
            return Ok(());
        };
        if let Some(child) = last.children.next() {
            match heights.get(child.index()).copied().unwrap_or(1) {
                OPEN => return Err(Error::model("a value holds itself")),
                UNSEEN if levels >= limit => return Err(too_deep()),
                UNSEEN => path.push(open(arena, &mut heights, child)),
                height => last.height = last.height.max(height as usize + 1),
            }
            continue;
        }
        let (id, height) = (last.id, last.height);
        path.pop();
        if path.len() + height > limit {
            return Err(too_deep());
        }
        if let Some(slot) = heights.get_mut(id.index()) {
            *slot = u32::try_from(height).unwrap_or(OPEN - 1);
        }
        if let Some(parent) = path.last_mut() {
            parent.height = parent.height.max(height + 1);
        }
    }
}

fn open(arena: &Arena, heights: &mut [u32], id: Id) -> Open {
    if let Some(slot) = heights.get_mut(id.index()) {
        *slot = OPEN;
    }
    Open {
        id,
        children: arena.children(id).into_iter(),
        height: 1,
    }
}
