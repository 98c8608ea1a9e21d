//! Lists made, written to and read.

use super::*;
use crate::shape;

fn empty(builder: &mut Builder, length: i64, element: Option<Vec<Dim>>) -> List {
    let length = builder.integers(DataType::DtInt32, &[], &[length]).unwrap();
    List {
        dtype: DataType::DtFloat,
        element,
        content: Content::Zeros(length),
    }
}

fn ops(builder: &Builder) -> Vec<&'static str> {
    builder.nodes.iter().map(|node| node.op).collect()
}

#[test]
fn an_element_of_a_known_size_is_scattered() {
    let mut builder = Builder::default();
    let item = builder.input("x", DataType::DtFloat, Some(shape::known(&[3])));
    let index = builder.input("i", DataType::DtInt32, Some(Vec::new()));
    let list = empty(&mut builder, 4, None);
    let set = builder.list_set(&list, (index, item), false).unwrap();
    let list = builder.list(set).unwrap();
    let stacked = builder.stacked(&list).unwrap();
    assert_eq!(builder.shape(stacked).unwrap(), shape::known(&[4, 3]));
    let expanded = ops(&builder).iter().filter(|op| **op == "Expand").count();
    assert_eq!(expanded, 1, "zero, and no more: {:?}", ops(&builder));
    assert_eq!(ops(&builder).last(), Some(&"ScatterND"));
}

#[test]
fn a_size_is_taken_from_where_it_is() {
    let mut builder = Builder::default();
    let batch = builder.symbols.fresh();
    let x = builder.input("x", DataType::DtFloat, Some(vec![batch, Dim::Known(3)]));
    let list = empty(&mut builder, 2, Some(vec![batch]));
    let stacked = builder.stacked(&list).unwrap();
    assert_eq!(builder.shape(stacked).unwrap(), [Dim::Known(2), batch]);
    assert_eq!(builder.nodes[0].inputs, [Some(x)]);
    assert_eq!(builder.holder(Dim::Known(3)), None);
}

#[test]
fn the_only_element_of_a_list_is_the_list() {
    let mut builder = Builder::default();
    let item = builder.input("x", DataType::DtFloat, Some(shape::known(&[3])));
    let zero = builder.integers(DataType::DtInt32, &[], &[0]).unwrap();
    let list = empty(&mut builder, 1, None);
    builder.list_set(&list, (zero, item), false).unwrap();
    assert_eq!(ops(&builder), ["Unsqueeze"]);
}

#[test]
fn nothing_is_known_of_a_list_never_written_to() {
    let mut builder = Builder::default();
    let list = empty(&mut builder, 4, None);
    assert!(builder.stacked(&list).is_err());
    let x = builder.input("x", DataType::DtFloat, None);
    assert!(builder.list(x).is_err());
}
