//! The TensorFlow Serving API over REST: predict in rows and columns, classify and regress.

use hari_core::{Limits, Message};
use hari_protocol::tensorflow::{
    Example, Layout, decode_examples, decode_predict, encode_classify, encode_predict,
    encode_regress, to_serialized, to_tensors,
};

use super::{limits, same, wide};

/// Reads the bytes as a request to predict and as one to classify.
pub fn check(data: &[u8]) {
    let limits = limits();
    if let Ok(request) = decode_predict(data, &limits) {
        predicted(&request.message, request.layout, &limits);
    }
    if let Ok(request) = decode_examples(data, &limits) {
        examined(&request.examples);
    }
}

/// Answers with the inputs and reads the answer as a request.
pub(crate) fn predicted(message: &Message, layout: Layout, limits: &Limits) {
    _ = encode_classify(message);
    _ = encode_regress(message);
    let tensors = message.as_tensors().unwrap_or_default();
    // The answer gives a name to what has none, and no rows are no request.
    if tensors.is_empty() || tensors.iter().any(|named| named.name.is_empty()) && tensors.len() > 1
    {
        return;
    }
    // Rows that differ in number have no row layout.
    let Ok(body) = encode_predict(message, layout) else {
        return;
    };
    let Some(once) = reread(&body, layout, limits) else {
        return;
    };
    same::elements(Some(tensors), once.as_tensors());
    let body = encode_predict(&once, layout).expect("what was read can be written");
    same::all(&Some(once), &reread(&body, layout, limits));
}

fn reread(body: &[u8], layout: Layout, limits: &Limits) -> Option<Message> {
    let text = std::str::from_utf8(body).expect("the reply is text");
    let request = match layout {
        Layout::Row => text.replacen("\"predictions\"", "\"instances\"", 1),
        Layout::Column => text.replacen("\"outputs\"", "\"inputs\"", 1),
    };
    if request == "{\"instances\":[]}" {
        return None;
    }
    let request = decode_predict(request.as_bytes(), &wide(limits));
    Some(request.expect("what was written can be read").message)
}

/// Turns rows into the inputs of a model.
pub(crate) fn examined(examples: &[Example]) {
    let serialized = to_serialized(examples).expect("rows can always be serialized");
    assert_eq!(serialized.shape(), [examples.len()]);
    for named in to_tensors(examples).iter().flatten() {
        assert_eq!(named.tensor.shape().first(), Some(&examples.len()));
    }
}
