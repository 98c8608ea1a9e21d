//! A message as it came off the connection: in pieces. Large fields are copied out of them once, to
//! where their elements are aligned; a message put together first would be copied twice.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// Fields from this size on are aligned; smaller ones are copied anyway when they are read.
const LARGE: usize = 256;

/// What elements of any type may be aligned to.
const ALIGNMENT: usize = 8;

/// Bytes that are read from the front; none of the pieces is empty.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pieces: VecDeque<Bytes>,
    length: usize,
}

impl Pieces {
    pub(super) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.length += piece.len();
            self.pieces.push_back(piece);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Takes `length` bytes out of the first piece, if they are there and can stay where they are.
    fn slice(&mut self, length: usize) -> Option<Bytes> {
        let front = self
            .pieces
            .front_mut()
            .filter(|front| front.len() >= length)?;
        let aligned = (front.as_ptr() as usize).is_multiple_of(ALIGNMENT);
        if length >= LARGE && !aligned {
            return None;
        }
        let slice = front.split_to(length);
        self.length -= length;
        self.drop_empty();
        Some(slice)
    }

    fn drop_empty(&mut self) {
        while self.pieces.front().is_some_and(Bytes::is_empty) {
            self.pieces.pop_front();
        }
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.length
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |front| front)
    }

    /// Stops at the end: to go beyond it is a mistake of the caller, which its own bounds exclude.
    fn advance(&mut self, count: usize) {
        let mut left = count.min(self.length);
        self.length -= left;
        while let Some(front) = self.pieces.front_mut().filter(|_| left > 0) {
            let step = left.min(front.len());
            front.advance(step);
            left -= step;
            self.drop_empty();
        }
    }

    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        let length = length.min(self.length);
        if let Some(slice) = self.slice(length) {
            return slice;
        }
        let mut copy = BytesMut::with_capacity(length);
        while copy.len() < length {
            let chunk = self.chunk();
            let step = chunk.len().min(length - copy.len());
            copy.extend_from_slice(chunk.get(..step).unwrap_or_default());
            self.advance(step);
        }
        copy.freeze()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(whole: &Bytes, cuts: &[usize]) -> Pieces {
        let mut pieces = Pieces::default();
        let mut rest = whole.clone();
        for &cut in cuts {
            pieces.push(rest.split_to(cut.min(rest.len())));
        }
        pieces.push(rest);
        pieces
    }

    proptest! {
        #[test]
        fn pieces_read_as_the_whole(
            bytes in prop::collection::vec(any::<u8>(), 0..3000),
            cuts in prop::collection::vec(0_usize..900, 0..6),
            reads in prop::collection::vec((any::<bool>(), 0_usize..900), 0..12),
        ) {
            let mut whole = Bytes::from(bytes);
            let mut pieces = cut(&whole, &cuts);
            for (copy, length) in reads {
                let length = length.min(whole.len());
                if copy {
                    prop_assert_eq!(pieces.copy_to_bytes(length), whole.split_to(length));
                } else {
                    pieces.advance(length);
                    whole.advance(length);
                }
                prop_assert_eq!(pieces.remaining(), whole.len());
            }
            prop_assert_eq!(pieces.copy_to_bytes(whole.len()), whole);
            prop_assert!(!pieces.has_remaining());
        }
    }

    #[test]
    fn large_fields_are_aligned_and_small_ones_stay() {
        let whole = Bytes::from(vec![7_u8; 4096]);
        for skip in 0..8 {
            let mut pieces = cut(&whole, &[2048]);
            pieces.advance(skip);
            let field = pieces.copy_to_bytes(3000);
            assert_eq!(field.as_ptr() as usize % ALIGNMENT, 0);
        }
        let mut pieces = cut(&whole, &[]);
        pieces.advance(1);
        assert_eq!(pieces.copy_to_bytes(10).as_ptr(), whole[1..].as_ptr());
    }
}
