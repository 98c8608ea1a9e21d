//! skops files: a zip of a description in JSON, and of arrays in numpy's formats.
//!
//! Each node of the description names a class and the loader that would make it. Here a node becomes
//! the value that a pickle of the same object gives, under the same list of names, so that whoever
//! reads a document need not know where it came from. Protocols 0 to 2 (skops 0.2 to 0.16).

use bytes::Bytes;
use hari_error::{Error, Result};

use crate::document::Document;
use crate::limits::Limits;
use crate::value::Arena;

mod archive;
mod json;
mod node;
mod npz;

use archive::Archive;
use json::Json;
use node::Reader;

/// The description of everything.
const SCHEMA: &str = "schema.json";

/// The newest protocol that is known.
const PROTOCOL: u64 = 2;

/// Reads a skops file.
///
/// # Errors
///
/// A zip that is no skops file, is damaged or over a limit; a class, function or loader that is not
/// on the list, with the place in the description.
pub(crate) fn read(bytes: &Bytes, limits: &Limits) -> Result<Document> {
    let archive = Archive::open(bytes, limits)?;
    let mut arena = Arena::new(room(&archive, bytes.len() as u64, limits));
    arena.charge(archive.count().saturating_mul(archive::ENTRY))?;
    arena.charge(archive.cost(SCHEMA))?;
    let schema = archive.file(SCHEMA).map_err(|error| {
        error.context("no skops file: a zip that skops wrote has a `schema.json`")
    })?;
    let text = str::from_utf8(&schema).map_err(|_| Error::model("schema.json is not UTF-8"))?;
    let (json, root) = Json::parse(text, &mut |bytes| arena.charge(bytes))
        .map_err(|error| error.context("schema.json"))?;
    let protocol = json.get(root, "protocol").map(|node| json.raw(node));
    let protocol = protocol.and_then(|text| text.parse::<u64>().ok());
    if protocol.is_none_or(|protocol| protocol > PROTOCOL) {
        return Err(Error::model(format!(
            "schema.json has no protocol that is known (0 to {PROTOCOL}): save the model with an \
             older skops"
        )));
    }
    let root = Reader::new(&json, &archive, &schema, &mut arena, limits).read(root)?;
    let expanded = archive.expanded().max(bytes.len() as u64);
    Document::new(arena, root, expanded, limits)
}

/// Memory that the values may take: what is packed counts with what it expands to.
fn room(archive: &Archive, length: u64, limits: &Limits) -> u64 {
    let counted = length.saturating_mul(limits.structure_ratio);
    limits.structure_from(counted.min(archive.expanded().max(length)))
}
