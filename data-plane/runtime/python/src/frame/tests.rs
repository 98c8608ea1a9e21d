//! What is written is read back; what is broken is refused and never believed.

use proptest::prelude::*;

use super::*;

fn header() -> impl Strategy<Value = Header> {
    let kind = prop::sample::select(Kind::ALL.to_vec());
    (kind, any::<u32>(), 0..1_usize << 20, 0..1_usize << 26).prop_map(|(kind, id, json, body)| {
        Header {
            kind,
            id,
            json,
            body,
        }
    })
}

proptest! {
    #[test]
    fn a_header_is_read_as_it_was_written(header in header()) {
        prop_assert_eq!(Header::decode(&header.encode(), &Limits::default()).unwrap(), header);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<[u8; HEADER]>()) {
        let limits = Limits { json: 100, body: 100 };
        if let Ok(header) = Header::decode(&bytes, &limits) {
            prop_assert!(header.json <= 100 && header.body <= 100);
            prop_assert_eq!(header.encode(), bytes);
        }
    }

    #[test]
    fn one_damaged_byte_of_the_first_eight_is_noticed(header in header(), at in 0..8_usize) {
        let mut bytes = header.encode();
        bytes[at] ^= 0x80;
        prop_assert!(Header::decode(&bytes, &Limits::default()).is_err());
    }

    #[test]
    fn parts_of_a_body_lie_where_their_spans_say(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8),
    ) {
        let mut body = Body::default();
        let spans: Vec<_> = parts.iter().map(|part| body.push(Bytes::from(part.clone()))).collect();
        let frame = Outgoing { body, ..Outgoing::plain(Kind::Call, b"{}".to_vec()) };
        let length = frame.body.len();
        let flat: Vec<u8> = frame.parts().concat();
        prop_assert_eq!(flat.len(), HEADER + 2 + length);
        for (span, part) in spans.iter().zip(&parts) {
            prop_assert_eq!(span.offset % ALIGNMENT, 0);
            let at = HEADER + 2 + span.offset;
            prop_assert_eq!(&flat[at..at + span.length], part.as_slice());
        }
    }
}

#[test]
fn the_bytes_are_those_of_the_page() {
    let header = Header {
        kind: Kind::Reply,
        id: 7,
        json: 258,
        body: 65,
    };
    let expected = b"HARI\x01\x05\0\0\x07\0\0\0\x02\x01\0\0\x41\0\0\0\0\0\0\0";
    assert_eq!(&header.encode(), expected);
}

#[test]
fn a_frame_that_is_too_large_says_how_large() {
    let header = Header {
        kind: Kind::Reply,
        id: 1,
        json: 2,
        body: 101,
    };
    let limits = Limits {
        json: 100,
        body: 100,
    };
    let error = Header::decode(&header.encode(), &limits).unwrap_err();
    assert!(
        error.message().contains("101 bytes, at most 100"),
        "{error}"
    );
}
