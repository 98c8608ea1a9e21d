//! Small graphs before and after.

use super::*;
use crate::dtype::DataType;
use crate::emit::{Padding, Window};
use crate::shape::known;

const LAST: [usize; 4] = [0, 2, 3, 1];
const FIRST: [usize; 4] = [0, 3, 1, 2];

fn image(builder: &mut Builder) -> Id {
    let batch = builder.symbols.fresh();
    let dims = [batch].into_iter().chain(known(&[4, 5, 3])).collect();
    builder.input("x", DataType::DtFloat, Some(dims))
}

fn conv(builder: &mut Builder, x: Id) -> Id {
    let x = builder.transpose(x, &FIRST).unwrap();
    let kernel = builder
        .floats(&[3, 3, 1, 1], (0..9_u8).map(f32::from).collect())
        .unwrap();
    let window = Window {
        size: vec![1, 1],
        strides: vec![1, 1],
        dilations: vec![1, 1],
        padding: Padding::Valid,
    };
    let y = builder.convolution(x, kernel, &window, 1).unwrap();
    builder.transpose(y, &LAST).unwrap()
}

/// The operators after the rewrite, and the output.
fn improved(builder: &mut Builder, mut output: Id) -> (Vec<&'static str>, Id) {
    improve(builder, std::iter::once(&mut output));
    builder.prune(&[output]);
    (builder.nodes.iter().map(|node| node.op).collect(), output)
}

#[test]
fn two_convolutions_have_one_transpose_at_each_end() {
    let mut builder = Builder::default();
    let x = image(&mut builder);
    let a = conv(&mut builder, x);
    let a = builder.unary("Relu", a);
    let y = conv(&mut builder, a);
    let (ops, output) = improved(&mut builder, y);
    assert_eq!(ops, ["Transpose", "Conv", "Relu", "Conv", "Transpose"]);
    assert_eq!(builder.shape(output), builder.shape(y));
}

#[test]
fn bias_and_normalisation_go_into_the_convolution() {
    let mut builder = Builder::default();
    let x = image(&mut builder);
    let y = conv(&mut builder, x);
    let bias = builder.floats(&[3], vec![1.0, 2.0, 3.0]).unwrap();
    let factor = builder.floats(&[3], vec![10.0, 20.0, 30.0]).unwrap();
    let y = builder.binary("Add", y, bias).unwrap();
    let y = builder.binary("Mul", factor, y).unwrap();
    let y = builder.binary("Sub", y, bias).unwrap();
    let (ops, _) = improved(&mut builder, y);
    assert_eq!(ops, ["Transpose", "Conv", "Transpose"]);
    let node = builder.nodes[1].clone();
    let values = |index: usize| {
        let id = node.inputs[index].unwrap();
        builder
            .constant_floats(id)
            .unwrap()
            .to_vec::<f32>()
            .unwrap()
    };
    assert_eq!(
        values(1),
        [0.0, 10.0, 20.0, 60.0, 80.0, 100.0, 180.0, 210.0, 240.0]
    );
    assert_eq!(values(2), [9.0, 38.0, 87.0]);
}

#[test]
fn a_global_mean_needs_no_transpose_behind_it() {
    let mut builder = Builder::default();
    let x = image(&mut builder);
    let y = conv(&mut builder, x);
    let y = builder.reduce("ReduceMean", y, &[1, 2], false).unwrap();
    let (ops, output) = improved(&mut builder, y);
    assert_eq!(ops, ["Transpose", "Conv", "ReduceMean"]);
    let axes = builder.nodes[2].inputs[1].unwrap();
    assert_eq!(builder.numbers(axes, "axes").unwrap(), [2, 3]);
    assert_eq!(builder.shape(output).unwrap()[1..], known(&[3]));
}

#[test]
fn pads_slices_and_joins_keep_their_axes() {
    use crate::emit::Range;
    let mut builder = Builder::default();
    let x = image(&mut builder);
    let a = conv(&mut builder, x);
    let padded = builder
        .pad(a, &[0, 1, 2, 0, 0, 0, 0, 0], "constant", None)
        .unwrap();
    let cut = Range {
        axis: 2,
        start: 1,
        end: 3,
        step: 1,
    };
    let cut = builder.slice(padded, &[cut]).unwrap();
    let joined = builder.concat(&[cut, cut], -1).unwrap();
    let (ops, output) = improved(&mut builder, joined);
    assert_eq!(
        ops,
        ["Transpose", "Conv", "Pad", "Slice", "Concat", "Transpose"]
    );
    assert_eq!(int(&builder.nodes[4], "axis"), Some(1));
    assert_eq!(builder.shape(output).unwrap()[1..], known(&[5, 2, 6]));
    let concat = builder.nodes[4].outputs[0];
    assert_eq!(builder.shape(concat).unwrap()[1..], known(&[6, 5, 2]));
}

#[test]
fn a_convolution_of_series_stays_with_channels_second() {
    let mut builder = Builder::default();
    let batch = builder.symbols.fresh();
    let dims = [batch].into_iter().chain(known(&[5, 3])).collect();
    let x = builder.input("x", DataType::DtFloat, Some(dims));
    let mut y = x;
    for _ in 0..2 {
        let image = builder.unsqueeze(y, &[1]).unwrap();
        let made = conv(&mut builder, image);
        y = builder.squeeze(made, &[1]).unwrap();
        y = builder.unary("Relu", y);
    }
    let (ops, output) = improved(&mut builder, y);
    let transposes = ops.iter().filter(|op| **op == "Transpose").count();
    assert!(transposes <= 2, "{ops:?}");
    assert_eq!(builder.shape(output), builder.shape(y));
}

#[test]
fn a_transpose_of_ones_is_a_reshape() {
    let mut builder = Builder::default();
    let batch = builder.symbols.fresh();
    let dims = [batch].into_iter().chain(known(&[4, 5, 1])).collect();
    let x = builder.input("x", DataType::DtFloat, Some(dims));
    let y = builder.transpose(x, &FIRST).unwrap();
    assert_eq!(improved(&mut builder, y).0, ["Reshape"]);
}
