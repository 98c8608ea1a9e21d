//! What a program or library is linked to: the names that its dynamic section needs, read from the
//! file as the ABI of System V has it (64 bit, little-endian).

use anyhow::{Context as _, Result, ensure};

const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;
const LOAD: u32 = 1;
const NEEDED: u64 = 1;
const STRING_TABLE: u64 = 5;

/// A piece of the file and where it is in memory.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
}

/// Names of the libraries that a file needs, and the path of the loader that starts it.
pub(super) fn links(file: &[u8]) -> Result<(Vec<String>, Option<String>)> {
    ensure!(
        file.starts_with(b"\x7fELF\x02\x01"),
        "not a 64-bit little-endian ELF file"
    );
    let segments = segments(file)?;
    let of_kind = |kind| segments.iter().find(|segment| segment.kind == kind);
    let loader = of_kind(INTERPRETER)
        .map(|segment| text(file, segment.offset))
        .transpose()?;
    let Some(dynamic) = of_kind(DYNAMIC) else {
        return Ok((Vec::new(), loader));
    };
    let entries = entries(file, dynamic)?;
    let table = entries.iter().find(|(tag, _)| *tag == STRING_TABLE);
    let (_, address) = table.context("no table of strings")?;
    let table = offset(&segments, *address).context("the table of strings is not in the file")?;
    let needed = entries.iter().filter(|(tag, _)| *tag == NEEDED);
    let names = needed.map(|(_, at)| text(file, table.saturating_add(*at)));
    Ok((names.collect::<Result<_>>()?, loader))
}

fn segments(file: &[u8]) -> Result<Vec<Segment>> {
    let (start, size, count) = (
        number(file, 32, 8)?,
        number(file, 54, 2)?,
        number(file, 56, 2)?,
    );
    (0..count)
        .map(|index| {
            let at = start.saturating_add(index.saturating_mul(size));
            let field = |from: u64, bytes| number(file, at.saturating_add(from), bytes);
            Ok(Segment {
                kind: u32::try_from(field(0, 4)?)?,
                offset: field(8, 8)?,
                address: field(16, 8)?,
                size: field(32, 8)?,
            })
        })
        .collect()
}

/// Tags and values of the dynamic section.
fn entries(file: &[u8], dynamic: &Segment) -> Result<Vec<(u64, u64)>> {
    (0..dynamic.size / 16)
        .map(|index| {
            let at = dynamic.offset.saturating_add(index * 16);
            Ok((number(file, at, 8)?, number(file, at.saturating_add(8), 8)?))
        })
        .collect()
}

/// Where in the file an address of memory is.
fn offset(segments: &[Segment], address: u64) -> Option<u64> {
    let loaded = segments.iter().filter(|segment| segment.kind == LOAD);
    loaded
        .filter(|segment| {
            (segment.address..segment.address.saturating_add(segment.size)).contains(&address)
        })
        .map(|segment| address - segment.address + segment.offset)
        .next()
}

fn number(file: &[u8], at: u64, bytes: usize) -> Result<u64> {
    let at = usize::try_from(at)?;
    let found = at.checked_add(bytes).and_then(|end| file.get(at..end));
    let found = found.context("the file ends early")?;
    Ok(found
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// The text that ends with a zero.
fn text(file: &[u8], at: u64) -> Result<String> {
    let rest = file
        .get(usize::try_from(at)?..)
        .context("a name outside of the file")?;
    let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8(name.to_vec())?)
}
