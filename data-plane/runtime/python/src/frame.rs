//! Frames: 24 bytes of header, a JSON object, a body. Pure functions; the sockets are elsewhere.

use bytes::{BufMut as _, Bytes, BytesMut};
use hari_error::{Error, Result};

/// Bytes of a header.
pub(crate) const HEADER: usize = 24;
/// Every offset into a body is a multiple of it, so that numpy can look at the bytes.
pub(crate) const ALIGNMENT: usize = 64;
const MAGIC: [u8; 4] = *b"HARI";
const VERSION: u8 = 1;
static ZEROS: [u8; ALIGNMENT] = [0; ALIGNMENT];

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first frame of a worker.
    Hello,
    /// Make the class.
    Load,
    /// The class is made.
    Loaded,
    /// Do what a method does.
    Call,
    /// What it gave.
    Reply,
    /// It failed.
    Error,
    /// Is anyone there?
    Ping,
    /// Yes.
    Pong,
    /// End.
    Stop,
}

impl Kind {
    /// Every kind; the byte on the wire is the place in this list, from one.
    pub const ALL: [Self; 9] = [
        Self::Hello,
        Self::Load,
        Self::Loaded,
        Self::Call,
        Self::Reply,
        Self::Error,
        Self::Ping,
        Self::Pong,
        Self::Stop,
    ];

    fn of(byte: u8) -> Option<Self> {
        let at = usize::from(byte).checked_sub(1)?;
        Self::ALL.get(at).copied()
    }
}

/// The first bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the frame is.
    pub kind: Kind,
    /// Of the call; an answer has its question's.
    pub id: u32,
    /// Bytes of the JSON.
    pub json: usize,
    /// Bytes of the body.
    pub body: usize,
}

/// Most bytes of a frame's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of the JSON.
    pub json: usize,
    /// Of the body.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json: 64 << 20,
            body: 64 << 20,
        }
    }
}

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// Of the call.
    pub id: u32,
    /// One JSON object.
    pub json: Bytes,
    /// Tensors and bytes that the JSON points into.
    pub body: Bytes,
}

/// A frame that goes: its body is in parts that are written one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// What it is.
    pub kind: Kind,
    /// Of the call.
    pub id: u32,
    /// One JSON object.
    pub json: Vec<u8>,
    /// What the JSON points into.
    pub body: Body,
}

/// A body in the making. What is put into it is shared and not copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    parts: Vec<Bytes>,
    length: usize,
}

/// Where something lies in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Span {
    /// From the start of the body, in bytes; a multiple of 64.
    pub offset: usize,
    /// In bytes.
    pub length: usize,
}

impl Body {
    /// Adds bytes at the next multiple of 64.
    pub fn push(&mut self, bytes: Bytes) -> Span {
        let padding = self.length.next_multiple_of(ALIGNMENT) - self.length;
        if padding > 0 {
            self.parts.push(Bytes::from_static(&ZEROS).slice(..padding));
            self.length += padding;
        }
        let span = Span {
            offset: self.length,
            length: bytes.len(),
        };
        self.length += bytes.len();
        if !bytes.is_empty() {
            self.parts.push(bytes);
        }
        span
    }

    /// All of it, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl Header {
    /// As it travels.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let mut rest = &mut bytes[..];
        rest.put_slice(&MAGIC);
        rest.put_u8(VERSION);
        rest.put_u8(self.kind as u8 + 1);
        rest.put_u16_le(0);
        rest.put_u32_le(self.id);
        rest.put_u32_le(u32::try_from(self.json).unwrap_or(u32::MAX));
        rest.put_u64_le(self.body as u64);
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// `Model` if it is none, of another version, or announces more than `limits` allow.
    pub fn decode(bytes: &[u8; HEADER], limits: &Limits) -> Result<Self> {
        let [m, a, g, i, version, kind, zero, nought, rest @ ..] = *bytes;
        if [m, a, g, i] != MAGIC {
            return Err(broken("it does not begin with `HARI`"));
        }
        if version != VERSION {
            let words = format!("expected version {VERSION}, found {version}");
            return Err(broken(&words));
        }
        let kind = Kind::of(kind).filter(|_| zero == 0 && nought == 0);
        let kind = kind.ok_or_else(|| broken("its kind is not known"))?;
        let [i, d, e, n, j, s, o, p, body @ ..] = rest;
        let json = u32::from_le_bytes([j, s, o, p]) as usize;
        let body = usize::try_from(u64::from_le_bytes(body)).unwrap_or(usize::MAX);
        within("JSON", json, limits.json)?;
        within("body", body, limits.body)?;
        Ok(Self {
            kind,
            id: u32::from_le_bytes([i, d, e, n]),
            json,
            body,
        })
    }
}

fn broken(what: &str) -> Error {
    Error::model(format!(
        "a frame of the Python worker cannot be read: {what}"
    ))
}

fn within(what: &str, found: usize, limit: usize) -> Result<()> {
    if found <= limit {
        return Ok(());
    }
    Err(Error::model(format!(
        "the Python worker's answer is too large: its {what} has {found} bytes, at most {limit} are read"
    )))
}

impl Outgoing {
    /// A frame without a body.
    #[must_use]
    pub fn plain(kind: Kind, json: Vec<u8>) -> Self {
        Self {
            kind,
            id: 0,
            json,
            body: Body::default(),
        }
    }

    /// The same for the call of this number.
    #[must_use]
    pub fn numbered(self, id: u32) -> Self {
        Self { id, ..self }
    }

    /// The parts as they are written: header and JSON in one, then the body's.
    #[must_use]
    pub fn parts(self) -> Vec<Bytes> {
        let header = Header {
            kind: self.kind,
            id: self.id,
            json: self.json.len(),
            body: self.body.length,
        };
        let mut first = BytesMut::with_capacity(HEADER + self.json.len());
        first.put_slice(&header.encode());
        first.put_slice(&self.json);
        let mut parts = Vec::with_capacity(1 + self.body.parts.len());
        parts.push(first.freeze());
        parts.extend(self.body.parts);
        parts
    }
}

#[cfg(test)]
mod tests;
