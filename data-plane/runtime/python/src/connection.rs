//! One worker's socket: frames in, frames out.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes, BytesMut};
use hari_error::{Error, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use crate::frame::{Frame, HEADER, Header, Limits, Outgoing};

/// Bytes that are read ahead; larger bodies go straight to where they stay.
const AHEAD: usize = 16 << 10;

pub(crate) struct Connection {
    stream: BufReader<UnixStream>,
    limits: Limits,
}

impl Connection {
    pub(crate) fn new(stream: UnixStream, limits: Limits) -> Self {
        Self {
            stream: BufReader::with_capacity(AHEAD, stream),
            limits,
        }
    }

    /// Writes a frame, all its parts in as few calls as the system takes.
    pub(crate) async fn send(&mut self, frame: Outgoing) -> Result<()> {
        let mut parts = Parts(frame.parts().into());
        self.stream.write_all_buf(&mut parts).await.map_err(gone)
    }

    /// Waits for a frame. Dropped before the end, the connection is of no use any more.
    pub(crate) async fn receive(&mut self) -> Result<Frame> {
        let mut header = [0; HEADER];
        self.stream.read_exact(&mut header).await.map_err(gone)?;
        let Header {
            kind,
            id,
            json,
            body,
        } = Header::decode(&header, &self.limits)?;
        Ok(Frame {
            kind,
            id,
            json: self.exactly(json).await?,
            body: self.exactly(body).await?,
        })
    }

    async fn exactly(&mut self, length: usize) -> Result<Bytes> {
        let mut bytes = BytesMut::zeroed(length);
        self.stream.read_exact(&mut bytes).await.map_err(gone)?;
        Ok(bytes.freeze())
    }
}

/// The worker is at the other end no more.
fn gone(error: io::Error) -> Error {
    Error::unavailable("the Python worker went away").with_source(error)
}

/// Bytes that lie apart, written as one.
struct Parts(VecDeque<Bytes>);

impl Buf for Parts {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.front().map_or(&[], |part| part)
    }

    fn chunks_vectored<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let pairs = into.iter_mut().zip(&self.0);
        pairs.map(|(slot, part)| *slot = IoSlice::new(part)).count()
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(first) = self.0.front_mut() {
            if count < first.len() {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Body, Kind};

    fn pair() -> (Connection, Connection) {
        let (one, other) = UnixStream::pair().unwrap();
        let new = |stream| Connection::new(stream, Limits::default());
        (new(one), new(other))
    }

    #[tokio::test]
    async fn a_frame_arrives_as_it_was_sent() {
        let (mut one, mut other) = pair();
        let large = Bytes::from(vec![7_u8; 3 << 20]);
        let mut body = Body::default();
        body.push(Bytes::from_static(b"abc"));
        let span = body.push(large.clone());
        let frame = Outgoing {
            kind: Kind::Call,
            id: 9,
            json: br#"{"a":1}"#.to_vec(),
            body,
        };
        let (sent, received) = tokio::join!(one.send(frame), other.receive());
        sent.unwrap();
        let frame = received.unwrap();
        assert_eq!((frame.kind, frame.id), (Kind::Call, 9));
        assert_eq!(&frame.json[..], br#"{"a":1}"#);
        assert_eq!(&frame.body[..3], b"abc");
        assert_eq!(frame.body.slice(span.offset..), large);
    }

    #[tokio::test]
    async fn an_end_in_the_middle_is_a_worker_that_went_away() {
        let (one, mut other) = pair();
        let mut raw = one.stream.into_inner();
        raw.write_all(b"HARI\x01\x05").await.unwrap();
        drop(raw);
        let error = other.receive().await.unwrap_err();
        assert_eq!(error.kind(), hari_error::Kind::Unavailable);
    }

    #[test]
    fn parts_are_taken_across_their_borders() {
        let parts = ["ab", "", "cde", "f"].map(|text| Bytes::from_static(text.as_bytes()));
        let mut parts = Parts(parts.to_vec().into());
        parts.advance(3);
        assert_eq!((parts.remaining(), parts.chunk()), (3, &b"de"[..]));
        parts.advance(3);
        assert!(!parts.has_remaining());
    }
}
