//! Values and nodes made by hand.

use super::*;

#[test]
fn equal_small_constants_are_one() {
    let mut builder = Builder::default();
    let a = builder.int64s(&[1, 2]).unwrap();
    assert_eq!(builder.int64s(&[1, 2]).unwrap(), a);
    assert_ne!(builder.int64s(&[2, 1]).unwrap(), a);
    assert_ne!(
        builder.integers(DataType::DtInt32, &[2], &[1, 2]).unwrap(),
        a
    );
}

#[test]
fn only_what_outputs_need_is_kept() {
    let mut builder = Builder::default();
    let x = builder.input("x", DataType::DtFloat, Some(shape::known(&[2])));
    let a = builder.unary("Relu", x);
    let b = builder.unary("Tanh", a);
    let _unused = builder.unary("Exp", a);
    builder.prune(&[b]);
    assert_eq!(
        builder.nodes.iter().map(|node| node.op).collect::<Vec<_>>(),
        ["Relu", "Tanh"]
    );
}

#[test]
fn numbers_must_be_known() {
    let mut builder = Builder::default();
    let x = builder.input("x", DataType::DtInt32, Some(Vec::new()));
    let refusal = builder.number(x, "axis").unwrap_err();
    assert_eq!(refusal, Refusal::new("its axis is not a constant"));
}
