//! `operators.md`: what becomes of each TensorFlow operator.

use hari_tensorflow::{Treatment, coverage, covered_version};

use crate::table::{code, codes, heading, table};

pub(crate) fn page() -> String {
    let all = coverage();
    let count = |kept: fn(&Treatment) -> bool| all.iter().filter(|row| kept(&row.1)).count();
    let introduction = format!(
        "All {} operators of TensorFlow {}, as a SavedModel may hold them on the paths from a \
         signature's inputs to its outputs. {} are *lowered*: computed by ONNX operators when a \
         request comes. {} are *folded*: gone once the model is loaded. {} are *refused*, and so \
         is one of the others for an attribute that has no counterpart; then that signature is \
         left out. `hari inspect` names everything that is not served; nothing is left out \
         silently.",
        all.len(),
        covered_version(),
        count(|it| *it == Treatment::Lowered),
        count(|it| *it == Treatment::Folded),
        count(|it| matches!(it, Treatment::Refused(_))),
    );
    let mut text = heading(
        "TensorFlow operators",
        "`data-plane/runtime/tensorflow`",
        &introduction,
    );
    let served = all.iter().filter_map(|(name, treatment)| match treatment {
        Treatment::Lowered => Some([code(name), "lowered".to_owned()]),
        Treatment::Folded => Some([code(name), "folded".to_owned()]),
        Treatment::Refused(_) => None,
    });
    text.push_str(&table(["Operator", "What becomes of it"], served));
    text.push_str("\n## Refused\n");
    text.push_str(&table(["Why", "Operators"], refused(&all)));
    text
}

/// The refused operators, by reason.
fn refused<'a>(all: &'a [(&'static str, Treatment)]) -> impl Iterator<Item = [String; 2]> + 'a {
    let mut reasons: Vec<_> = all.iter().filter_map(|row| reason(&row.1)).collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons.into_iter().map(|why| {
        let names = all.iter().filter(move |row| reason(&row.1) == Some(why));
        [why.to_owned(), codes(names.map(|row| row.0))]
    })
}

fn reason(treatment: &Treatment) -> Option<&'static str> {
    match treatment {
        Treatment::Refused(reason) => Some(reason),
        Treatment::Lowered | Treatment::Folded => None,
    }
}
