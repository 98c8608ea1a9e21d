//! Definitions of TensorFlow's own operators.
//!
//! A SavedModel brings those that it uses, but leaves out those that only bodies of loops and
//! branches use. For these there is a list of all; `definitions/make_definitions.py` wrote it.

use std::collections::HashMap;
use std::sync::LazyLock;

use hari_proto::tensorflow::{OpDef, OpList};
use prost::Message;

static BUILT_IN: LazyLock<HashMap<String, OpDef>> = LazyLock::new(|| {
    let bytes: &[u8] = include_bytes!("../../definitions/definitions.binpb");
    let operators = OpList::decode(bytes).unwrap_or_default().op;
    operators
        .into_iter()
        .map(|operator| (operator.name.clone(), operator))
        .collect()
});

/// The definition of an operator that is built into TensorFlow.
pub(super) fn find(operator: &str) -> Option<&'static OpDef> {
    BUILT_IN.get(operator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_and_defaults_are_known() {
        let split = find("Split").unwrap();
        assert_eq!(split.output_arg[0].number_attr, "num_split");
        let call = find("PartitionedCall").unwrap();
        assert_eq!(call.output_arg[0].type_list_attr, "Tout");
        let product = find("MatMul").unwrap();
        assert_eq!(product.output_arg[0].name, "product");
        assert!(product.attr.iter().any(|attr| attr.name == "transpose_a"));
        assert!(find("NoSuchOperator").is_none());
    }

    #[test]
    fn every_operator_with_a_lowering_is_defined() {
        let own = crate::coverage();
        let missing: Vec<_> = own
            .iter()
            .filter(|(name, _)| find(name).is_none())
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
