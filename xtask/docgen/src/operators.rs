//! `operators.md`: the TensorFlow operators that can be served.

use hari_tensorflow::{Treatment, coverage};

use crate::table::{code, heading, table};

pub(crate) fn page() -> String {
    let all = coverage();
    let introduction = format!(
        "The {} TensorFlow operators that a SavedModel may hold, on the paths from its signature's \
         inputs to its outputs. *Lowered*: computed by ONNX operators when a request comes. \
         *Folded*: gone once the model is loaded. An operator may still be refused for an attribute \
         that has no counterpart. `hari inspect` lists everything that is not served, by name; \
         nothing is left out silently.",
        all.len()
    );
    let mut text = heading(
        "TensorFlow operators",
        "`data-plane/runtime/tensorflow`",
        &introduction,
    );
    let rows = all.into_iter().map(|(name, treatment)| {
        let treatment = match treatment {
            Treatment::Lowered => "lowered",
            Treatment::Folded => "folded",
        };
        [code(name), treatment.to_owned()]
    });
    text.push_str(&table(["Operator", "What becomes of it"], rows));
    text
}
