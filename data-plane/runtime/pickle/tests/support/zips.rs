//! Zips made by hand, so that they can be wrong.

use std::io::Write;

use flate2::{Compression, Crc, write::DeflateEncoder};

/// A file of a zip, with what the zip says of it.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) mode: u32,
    pub(crate) crc: u32,
    pub(crate) size: u32,
    pub(crate) packed: Vec<u8>,
}

pub(crate) fn stored(name: &str, bytes: &[u8]) -> Member {
    let mut crc = Crc::new();
    crc.update(bytes);
    Member {
        name: name.to_owned(),
        method: 0,
        flags: 0,
        mode: 0o100_600,
        crc: crc.sum(),
        size: u32::try_from(bytes.len()).unwrap(),
        packed: bytes.to_vec(),
    }
}

pub(crate) fn deflated(name: &str, bytes: &[u8]) -> Member {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    Member {
        method: 8,
        packed: encoder.finish().unwrap(),
        ..stored(name, bytes)
    }
}

/// Where each file begins, and the bytes.
fn bodies(members: &[Member]) -> (Vec<u32>, Vec<u8>) {
    let (mut places, mut bytes) = (Vec::new(), Vec::new());
    for member in members {
        places.push(u32::try_from(bytes.len()).unwrap());
        bytes.extend_from_slice(b"PK\x03\x04\x14\x00");
        bytes.extend_from_slice(&member.flags.to_le_bytes());
        bytes.extend_from_slice(&member.method.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        described(member, &mut bytes);
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(member.name.as_bytes());
        bytes.extend_from_slice(&member.packed);
    }
    (places, bytes)
}

/// Checksum, sizes and the length of the name.
fn described(member: &Member, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&member.crc.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(member.packed.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&member.size.to_le_bytes());
    bytes.extend_from_slice(&u16::try_from(member.name.len()).unwrap().to_le_bytes());
}

/// A zip; `places` may move what its list says.
pub(crate) fn zip_at(members: &[Member], places: impl Fn(usize, u32) -> u32) -> Vec<u8> {
    let (starts, mut bytes) = bodies(members);
    let list = bytes.len();
    for (index, member) in members.iter().enumerate() {
        bytes.extend_from_slice(b"PK\x01\x02\x14\x03\x14\x00");
        bytes.extend_from_slice(&member.flags.to_le_bytes());
        bytes.extend_from_slice(&member.method.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        described(member, &mut bytes);
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&(member.mode << 16).to_le_bytes());
        bytes.extend_from_slice(&places(index, starts[index]).to_le_bytes());
        bytes.extend_from_slice(member.name.as_bytes());
    }
    let size = u32::try_from(bytes.len() - list).unwrap();
    let count = u16::try_from(members.len()).unwrap().to_le_bytes();
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend_from_slice(&[count, count].concat());
    bytes.extend_from_slice(&size.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(list).unwrap().to_le_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes
}

pub(crate) fn zip(members: &[Member]) -> Vec<u8> {
    zip_at(members, |_, place| place)
}
