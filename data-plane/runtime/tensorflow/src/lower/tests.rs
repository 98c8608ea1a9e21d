//! The table itself, single operations made by hand, and what is refused.

use std::collections::BTreeMap;

use hari_proto::tensorflow::attr_value::{ListValue, Value};
use hari_proto::tensorflow::{AttrValue, DataType as TfType};

use super::*;
use crate::attrs::Attrs;
use crate::shape::{Dim, known};

/// One operation over inputs of the graph.
struct Single {
    builder: Builder,
    inputs: Vec<Id>,
    attrs: BTreeMap<String, AttrValue>,
}

impl Single {
    fn new() -> Self {
        Self {
            builder: Builder::default(),
            inputs: Vec::new(),
            attrs: BTreeMap::new(),
        }
    }

    /// An input of 32-bit floats with a batch in front.
    fn batch(mut self, sizes: &[i64]) -> Self {
        let batch = self.builder.symbols.fresh();
        let dims = [batch].into_iter().chain(known(sizes)).collect();
        self.inputs
            .push(self.builder.input("x", DataType::DtFloat, Some(dims)));
        self
    }

    fn input(mut self, dtype: TfType, dims: Option<Vec<Dim>>) -> Self {
        self.inputs.push(self.builder.input("y", dtype, dims));
        self
    }

    fn floats(mut self, shape: &[usize]) -> Self {
        let count = shape.iter().product();
        self.inputs
            .push(self.builder.floats(shape, vec![0.5; count]).unwrap());
        self
    }

    fn ints(mut self, numbers: &[i64]) -> Self {
        let id = self
            .builder
            .integers(DataType::DtInt32, &[numbers.len()], numbers)
            .unwrap();
        self.inputs.push(id);
        self
    }

    fn attr(mut self, name: &str, value: Value) -> Self {
        self.attrs
            .insert(name.to_owned(), AttrValue { value: Some(value) });
        self
    }

    fn text(self, name: &str, text: &'static str) -> Self {
        self.attr(name, Value::S(text.into()))
    }

    fn list(self, name: &str, numbers: &[i64]) -> Self {
        let list = ListValue {
            i: numbers.to_vec(),
            ..ListValue::default()
        };
        self.attr(name, Value::List(list))
    }

    /// The operators it becomes and the shape of the first output, or what is refused.
    fn lower(mut self, op: &'static str) -> Result<(Vec<&'static str>, Vec<Dim>), String> {
        let mut graph = Graph::default();
        let mut edges = Vec::new();
        for _ in &self.inputs {
            edges.extend(graph.push(node(FEED, Vec::new(), Attrs::default())));
        }
        let fetches = graph.push(node(op, edges, Attrs::of(&self.attrs)));
        let mut refusals = Refusals::default();
        let (feeds, weights) = (&self.inputs, &HashMap::new());
        let task = Task {
            graph: &graph,
            feeds,
            fetches: &fetches,
            weights,
            depth: 0,
        };
        let outputs = lower(&mut self.builder, &task, &mut refusals);
        if let Some(error) = refusals.error() {
            return Err(error.message().to_owned());
        }
        self.builder.prune(&outputs);
        let dims = self.builder.dims(outputs[0]).unwrap_or_default();
        Ok((
            self.builder.nodes.iter().map(|node| node.op).collect(),
            dims,
        ))
    }
}

fn node<'a>(op: &'a str, inputs: Vec<Edge>, attrs: Attrs<'a>) -> Node<'a> {
    Node {
        name: op.to_owned(),
        op,
        inputs,
        attrs,
        outputs: 1,
        ..Node::default()
    }
}

fn convolution(format: &'static str, image: &[i64]) -> Single {
    Single::new()
        .batch(image)
        .floats(&[3, 3, 4, 6])
        .text("data_format", format)
        .text("padding", "SAME")
        .list("strides", &[1, 1, 1, 1])
        .list("dilations", &[1, 1, 1, 1])
}

#[test]
fn every_operator_is_lowered_in_one_place() {
    let mut names: Vec<_> = treatments().map(|row| row.0).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn channels_stay_where_they_are() {
    let (ops, dims) = convolution("NHWC", &[5, 7, 4]).lower("Conv2D").unwrap();
    assert_eq!(ops, ["Transpose", "Conv", "Transpose"]);
    assert_eq!(dims[1..], known(&[5, 7, 6]));
    let (ops, dims) = convolution("NCHW", &[4, 5, 7]).lower("Conv2D").unwrap();
    assert_eq!(ops, ["Conv"]);
    assert_eq!(dims[1..], known(&[6, 5, 7]));
    let biased = |format, image: &[i64]| {
        Single::new()
            .batch(image)
            .floats(&[4])
            .text("data_format", format)
            .lower("BiasAdd")
    };
    assert_eq!(
        biased("NCHW", &[4, 5, 7]).unwrap().1[1..],
        known(&[4, 5, 7])
    );
    assert_eq!(
        biased("NHWC", &[5, 7, 4]).unwrap().1[1..],
        known(&[5, 7, 4])
    );
    assert!(biased("NCHW", &[5, 7, 4]).is_err());
}

#[test]
fn a_pool_over_channels_is_refused() {
    let pool = |size: &[i64]| {
        Single::new()
            .batch(&[6, 6, 4])
            .text("padding", "VALID")
            .list("ksize", size)
            .list("strides", &[1, 2, 2, 1])
            .lower("MaxPool")
    };
    assert_eq!(pool(&[1, 2, 2, 1]).unwrap().1[1..], known(&[3, 3, 4]));
    assert!(pool(&[1, 2, 2, 2]).unwrap_err().contains("[1, 2, 2, 2]"));
    assert!(
        pool(&[1, 7, 7, 1])
            .unwrap_err()
            .contains("larger than its input")
    );
    assert!(pool(&[i64::MAX, i64::MAX, 2, 1]).is_err());
    assert!(pool(&[]).is_err());
}

#[test]
fn reasons_are_said() {
    let unknown = |op| {
        Single::new()
            .input(TfType::DtFloat, None)
            .lower(op)
            .unwrap_err()
    };
    assert!(unknown("Softmax").contains("rank"));
    let complex = Single::new().input(TfType::DtComplex64, Some(known(&[2])));
    assert!(complex.lower("Tanh").unwrap_err().contains("complex64"));
    let batched = Single::new()
        .batch(&[3])
        .ints(&[0])
        .attr("batch_dims", Value::I(1));
    assert!(batched.lower("Gather").unwrap_err().contains("in pairs"));
    let axes = Single::new()
        .batch(&[3])
        .input(TfType::DtInt32, Some(known(&[1])));
    let axes = axes.attr("keep_dims", Value::B(false));
    assert!(
        axes.lower("Sum")
            .unwrap_err()
            .contains("axes is not a constant")
    );
    assert!(
        Single::new()
            .batch(&[3])
            .lower("Bogus")
            .unwrap_err()
            .contains("`Bogus`")
    );
    assert!(
        Single::new()
            .lower("Placeholder")
            .unwrap_err()
            .contains("not an input")
    );
    assert!(
        Single::new()
            .batch(&[3])
            .lower("Add")
            .unwrap_err()
            .contains("no input 1")
    );
}

#[test]
fn training_is_refused() {
    let normal = |training| {
        let vectors = (0..4).fold(Single::new().batch(&[4, 4, 3]), |all, _| all.floats(&[3]));
        vectors
            .attr("epsilon", Value::F(1e-3))
            .attr("is_training", Value::B(training))
            .lower("FusedBatchNormV3")
    };
    assert_eq!(normal(false).unwrap().0, ["Mul", "Add"]);
    assert!(normal(true).unwrap_err().contains("is_training"));
}

#[test]
fn absurd_numbers_are_refused_without_an_overflow() {
    let huge = i64::MAX;
    let reshaped = Single::new()
        .batch(&[4])
        .ints(&[-1, i64::from(i32::MAX)])
        .lower("Reshape");
    assert!(reshaped.is_ok(), "{reshaped:?}");
    for strides in [[1, huge, 1, 1], [1, 0, 1, 1], [1, -1, 1, 1]] {
        let conv = convolution("NHWC", &[5, 5, 4])
            .list("strides", &strides)
            .lower("Conv2D");
        assert!(conv.is_err(), "{strides:?}");
    }
    let dilated = convolution("NHWC", &[5, 5, 4]).list("dilations", &[1, huge, huge, 1]);
    assert!(dilated.lower("Conv2D").is_err());
    let sizes = [1 << 39, 1 << 39];
    let tiled = Single::new()
        .batch(&sizes)
        .ints(&[1, i32::MAX.into(), 2])
        .lower("Tile")
        .unwrap();
    assert_eq!(tiled.1[2], Dim::Known(1 << 40));
    assert_eq!(tiled.1[1].known(), None);
    let pads = [0, i32::MAX.into(), i32::MAX.into(), 0];
    let padded = Single::new().batch(&[3]).ints(&pads).lower("Pad");
    assert!(padded.is_err());
}

/// The operators and the shape that one operation over these inputs becomes.
fn lowered_as(op: &'static str, single: Single) -> (Vec<&'static str>, Vec<Dim>) {
    single
        .lower(op)
        .unwrap_or_else(|error| panic!("{op}: {error}"))
}

#[test]
fn words_go_to_operators_of_their_own() {
    let words = || Single::new().input(TfType::DtString, Some(known(&[3])));
    let lower = lowered_as("StringLower", words().text("encoding", "utf-8"));
    assert_eq!(lower, (vec!["hari.StringLower"], known(&[3])));
    let hash = words().attr("num_buckets", Value::I(7));
    assert_eq!(
        lowered_as("StringToHashBucketFast", hash).0,
        ["hari.StringToHashBucketFast"]
    );
    let split = words()
        .input(TfType::DtString, Some(Vec::new()))
        .attr("maxsplit", Value::I(-1));
    let (ops, indices) = lowered_as("StringSplitV2", split);
    assert_eq!((ops, indices[1]), (vec!["hari.StringSplit"], Dim::Known(2)));
    let missing = words().lower("StringLower").unwrap_err();
    assert!(missing.contains("`encoding`"), "{missing}");
}

#[test]
fn a_look_up_needs_a_table_of_its_keys() {
    let keys = hari_core::Tensor::from_strings([2], vec!["a".into(), "b".into()]).unwrap();
    let values = hari_core::Tensor::from_vec([2], vec![5_i64, 6]).unwrap();
    let table = std::sync::Arc::new(crate::tables::Table { keys, values });
    let over = |dtype: TfType| {
        let mut single = Single::new();
        let handle = single.builder.table_handle(table.clone());
        single.inputs.push(handle);
        single
            .input(dtype, Some(known(&[4])))
            .input(TfType::DtInt64, Some(Vec::new()))
    };
    let found = lowered_as("LookupTableFindV2", over(TfType::DtString));
    assert_eq!(found, (vec!["hari.LookupTable"], known(&[4])));
    let wrong = over(TfType::DtInt64)
        .lower("LookupTableFindV2")
        .unwrap_err();
    assert!(wrong.contains("int64 in a table of string"), "{wrong}");
    let (ops, size) = lowered_as("LookupTableSizeV2", over(TfType::DtString));
    assert!(ops.is_empty() && size.is_empty());
    let none = Single::new()
        .input(TfType::DtResource, None)
        .input(TfType::DtString, None)
        .input(TfType::DtInt64, None);
    assert!(
        none.lower("LookupTableFindV2")
            .unwrap_err()
            .contains("which table")
    );
}

#[test]
fn bounds_that_come_with_the_request_are_sliced_and_gathered() {
    let index = |shrink: i64| {
        let mut single = Single::new()
            .batch(&[5, 6])
            .input(TfType::DtInt32, Some(known(&[2])))
            .input(TfType::DtInt32, Some(known(&[2])))
            .ints(&[1, 1]);
        for mask in ["end_mask", "ellipsis_mask", "new_axis_mask"] {
            single = single.attr(mask, Value::I(0));
        }
        let single = single.attr("begin_mask", Value::I(1));
        lowered_as(
            "StridedSlice",
            single.attr("shrink_axis_mask", Value::I(shrink)),
        )
    };
    let (ops, dims) = index(0);
    assert_eq!((ops.last(), dims.len()), (Some(&"Slice"), 3));
    let (ops, dims) = index(2);
    assert_eq!((ops.last(), dims.len()), (Some(&"Gather"), 2));
}

#[test]
fn images_are_resampled_by_two_products() {
    let image = Single::new().batch(&[4, 6, 3]).ints(&[8, 3]);
    let image = image.attr("align_corners", Value::B(false));
    let bicubic = image.attr("half_pixel_centers", Value::B(true));
    let (ops, dims) = lowered_as("ResizeBicubic", bicubic);
    assert_eq!(ops, ["Transpose", "MatMul", "MatMul", "Transpose"]);
    assert_eq!(dims[1..], known(&[8, 3, 3]));
}

#[test]
fn a_transposed_convolution_of_any_size_is_cut_to_it() {
    let any = Single::new()
        .input(TfType::DtInt32, Some(known(&[4])))
        .floats(&[3, 3, 5, 4])
        .batch(&[7, 9, 4])
        .text("padding", "SAME")
        .list("strides", &[1, 2, 2, 1])
        .list("dilations", &[1, 1, 1, 1]);
    let (ops, dims) = lowered_as("Conv2DBackpropInput", any);
    assert!(
        ops.contains(&"ConvTranspose") && ops.contains(&"Slice"),
        "{ops:?}"
    );
    assert_eq!((dims.len(), dims[3]), (4, Dim::Known(5)));
}

#[test]
fn gathers_in_pairs_move_the_axis() {
    let pairs = Single::new()
        .floats(&[2, 5, 6])
        .input(TfType::DtInt32, Some(known(&[2, 3])))
        .ints(&[2])
        .attr("batch_dims", Value::I(1));
    let mut pairs = pairs;
    let axis = pairs
        .builder
        .integers(DataType::DtInt32, &[], &[2])
        .unwrap();
    pairs.inputs[2] = axis;
    let (ops, dims) = lowered_as("GatherV2", pairs);
    assert!(ops.contains(&"GatherND"), "{ops:?}");
    assert_eq!(dims, known(&[2, 5, 3]));
}

#[test]
fn bits_are_read_as_another_type_of_the_same_size() {
    let cast = |from, to: TfType| {
        let single = Single::new().input(from, Some(known(&[2, 3])));
        single.attr("type", Value::Type(to.into())).lower("Bitcast")
    };
    for (from, to) in [
        (TfType::DtFloat, TfType::DtInt32),
        (TfType::DtUint32, TfType::DtFloat),
        (TfType::DtDouble, TfType::DtInt64),
    ] {
        let (operators, dims) = cast(from, to).unwrap();
        assert_eq!((operators, dims.len()), (vec!["hari.BitCast"], 2));
    }
    for (from, to) in [
        (TfType::DtFloat, TfType::DtInt64),
        (TfType::DtInt32, TfType::DtUint8),
        (TfType::DtInt8, TfType::DtUint8),
    ] {
        assert!(cast(from, to).unwrap_err().contains("from "));
    }
}
