//! JSON of the Seldon protocol: a message, a reply, a list for a combiner, feedback, a form.

use bytes::Bytes;
use hari_core::{Limits, Message, Payload};
use hari_protocol::seldon::{
    Field, Form, decode_feedback, decode_form, decode_message, decode_messages, decode_reply,
    encode_feedback, encode_message, encode_request, named_tensors,
};

use super::{limits, same, wide};

/// Reads the bytes as everything that a JSON body may be.
pub fn check(data: &[u8]) {
    let limits = limits();
    let reply = decode_reply(data, &limits);
    if let Ok(message) = &reply {
        written(message, &limits);
    }
    if let Ok(message) = decode_message(data, &limits) {
        same::all(&Ok(message), &reply.map_err(|_| ()));
    }
    for message in decode_messages(data, &limits).iter().flatten() {
        written(message, &limits);
    }
    feedback(data, &limits);
    for (name, filename) in [
        ("data", None),
        ("jsonData", Some("f".to_owned())),
        ("meta", None),
    ] {
        let value = Bytes::copy_from_slice(data);
        let field = Field {
            name: name.to_owned(),
            filename,
            value,
            ..Field::default()
        };
        _ = decode_form(
            &Form {
                fields: vec![field],
            },
            &limits,
        );
    }
}

/// Writes the message and reads it back.
pub(crate) fn written(message: &Message, limits: &Limits) {
    if let Payload::Json(value) = &message.payload {
        _ = named_tensors(value, limits);
    }
    // Several tensors are written as `jsonData`, which stays a tree where it is read.
    if message
        .as_tensors()
        .is_some_and(|tensors| tensors.len() != 1)
    {
        return;
    }
    for encode in [encode_message, encode_request] {
        // Bytes that are no text have no JSON form.
        let Ok(body) = encode(message) else { continue };
        let once = reread(&body, limits);
        same::elements(message.as_tensors(), once.as_tensors());
        let body = encode(&once).expect("what was read can be written");
        same::all(&once, &reread(&body, limits));
    }
}

fn reread(body: &[u8], limits: &Limits) -> Message {
    decode_reply(body, &wide(limits)).expect("what was written can be read")
}

fn feedback(data: &[u8], limits: &Limits) {
    let Ok(feedback) = decode_feedback(data, limits) else {
        return;
    };
    let Ok(body) = encode_feedback(&feedback) else {
        return;
    };
    let once = decode_feedback(&body, &wide(limits)).expect("what was written can be read");
    let body = encode_feedback(&once).expect("what was read can be written");
    let twice = decode_feedback(&body, &wide(limits)).expect("what was written can be read");
    same::all(&once, &twice);
}
