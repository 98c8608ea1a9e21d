//! Neighbours that cannot fit, and all those of which nothing sure can be said.

use hari_core::{BoxFuture, DataType, Dim, ModelMetadata, Signature, SignatureMethod, TensorSpec};

use super::double::Log;
use super::*;
use crate::{Known, Misfit};

/// A unit of a signature, which is never asked.
struct Signed(Arc<ModelMetadata>);

impl Unit for Signed {
    fn call<'a>(
        &'a self,
        _method: Method,
        _input: Input,
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async { Ok(Message::default()) })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.0.clone()
    }
}

fn spec(name: &str, dtype: DataType, dims: &[i64]) -> TensorSpec {
    let dim = |&dim: &i64| usize::try_from(dim).map_or(Dim::Dynamic(None), Dim::Fixed);
    TensorSpec {
        name: name.to_owned(),
        dtype,
        shape: Some(dims.iter().map(dim).collect()),
    }
}

fn fp32(dims: &[i64]) -> Vec<TensorSpec> {
    vec![spec("x", DataType::Fp32, dims)]
}

fn signed(
    name: &str,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    children: Vec<Node>,
) -> Node {
    let signature = Signature {
        name: Signature::DEFAULT.to_owned(),
        method: SignatureMethod::Predict,
        inputs,
        outputs,
    };
    let metadata = ModelMetadata {
        name: name.to_owned(),
        signatures: vec![signature],
        ..ModelMetadata::default()
    };
    node(name, MODEL, Signed(Arc::new(metadata)), children)
}

/// Names that begin with `t` are tables, `avg` averages, `?` is not known.
fn known(name: &str) -> Known {
    match name.as_bytes().first() {
        Some(b't') => Known::Table,
        Some(b'?') => Known::Nothing,
        _ if name == "avg" => Known::Average,
        _ => Known::Tensors,
    }
}

fn misfits(root: Node) -> Vec<Misfit> {
    graph(root).misfits(&known)
}

fn chain(given: Vec<TensorSpec>, taken: Vec<TensorSpec>) -> Vec<Misfit> {
    let last = signed("b", taken, fp32(&[-1]), vec![]);
    misfits(signed("a", fp32(&[-1, 9]), given, vec![last]))
}

#[test]
fn a_row_of_another_width_never_fits() {
    let found = chain(fp32(&[-1, 3]), fp32(&[-1, 4]));
    let [misfit] = &*found else {
        panic!("{found:?}")
    };
    assert_eq!(misfit.node, "b");
    assert_eq!(
        misfit.message,
        "`a` gives `x` FP32 [-1, 3], but `b` takes `x` FP32 [-1, 4]: input `x`: expected shape \
         [-1, 4], found [2, 3]"
    );
    for (given, taken) in [
        (&[2, 3][..], &[2, 4][..]),
        (&[-1, 28, 28], &[-1, 784]),
        (&[1, 10], &[-1, 3]),
        (&[-1, 4, 4], &[-1, 3, 3]),
    ] {
        assert_eq!(
            chain(fp32(given), fp32(taken)).len(),
            1,
            "{given:?} {taken:?}"
        );
    }
}

#[test]
fn whatever_one_number_of_rows_makes_fit_is_let_pass() {
    for (given, taken) in [
        (&[-1, 4][..], &[-1, 4][..]),
        (&[-1, 784], &[-1, 28, 28, 1]),
        (&[-1], &[-1, 4]),
        (&[-1], &[-1, 2, 3]),
        (&[-1, -1], &[-1, 4]),
        (&[-1, -1, 3], &[-1, 4]),
        (&[-1, 3], &[-1, -1]),
        (&[1, 4], &[-1, 4]),
    ] {
        assert_eq!(chain(fp32(given), fp32(taken)), [], "{given:?} {taken:?}");
    }
    let huge = fp32(&[-1, 100_000, 100_000]);
    assert_eq!(chain(huge, fp32(&[-1, 4])), []);
    let any = TensorSpec {
        shape: None,
        ..spec("x", DataType::Fp32, &[])
    };
    assert_eq!(chain(vec![any.clone()], fp32(&[-1, 4])), []);
    assert_eq!(chain(fp32(&[-1, 4]), vec![any]), []);
}

#[test]
fn names_and_types() {
    let x = |name, dtype| spec(name, dtype, &[-1, 4]);
    let text = DataType::Bytes;
    let cases = [
        // A single tensor is the single input, and numbers are taken as they come.
        (
            vec![x("y", DataType::Fp64)],
            vec![x("x", DataType::Int8)],
            0,
        ),
        (vec![x("y", text)], vec![x("x", text)], 0),
        (vec![x("y", text)], vec![x("x", DataType::Fp32)], 1),
        (vec![x("y", DataType::Fp32)], vec![x("x", text)], 1),
        (
            vec![x("a", text), x("b", text)],
            vec![x("b", text), x("a", text)],
            0,
        ),
        (
            vec![x("a", text), x("b", text)],
            vec![x("a", text), x("c", text)],
            1,
        ),
        (vec![x("a", text), x("b", text)], vec![x("a", text)], 1),
        (vec![x("a", text)], vec![x("a", text), x("b", text)], 1),
    ];
    for (given, taken, count) in cases {
        let found = chain(given.clone(), taken.clone());
        assert_eq!(found.len(), count, "{given:?} {taken:?} {found:?}");
    }
}

#[test]
fn of_tables_the_columns_are_counted_and_nothing_else() {
    let table = |given: Vec<TensorSpec>| {
        let last = signed("t", fp32(&[-1, 4]), fp32(&[-1]), vec![]);
        misfits(signed("a", fp32(&[-1, 9]), given, vec![last])).len()
    };
    assert_eq!(table(fp32(&[-1, 3])), 1);
    assert_eq!(table(fp32(&[-1, 4])), 0);
    assert_eq!(table(vec![spec("x", DataType::Bytes, &[-1, 3])]), 0);
    assert_eq!(table(fp32(&[-1, 3, 2])), 0);
    let several = ["a", "b"].map(|name| spec(name, DataType::Fp32, &[-1]));
    assert_eq!(table(several.into()), 0);
}

#[test]
fn what_goes_by_a_node_that_hands_on_is_seen_and_by_an_unknown_one_is_not() {
    let log = Log::default();
    let narrow = || signed("b", fp32(&[-1, 4]), fp32(&[-1]), vec![]);
    let wide = |children| signed("a", fp32(&[-1, 9]), fp32(&[-1, 3]), children);
    let routed = router("?r", 0, &log, vec![narrow(), narrow()]);
    assert_eq!(misfits(wide(vec![routed])).len(), 2);
    let bare = bare("bare", NOTHING, vec![narrow()]);
    assert_eq!(misfits(wide(vec![bare])).len(), 1);
    let unknown = spelling("?", TRANSFORMER, &log, vec![narrow()]);
    assert_eq!(misfits(wide(vec![unknown])), []);
}

#[test]
fn a_transformer_that_can_be_skipped_leaves_open_what_comes() {
    let last = signed("b", fp32(&[-1, 4]), fp32(&[-1]), vec![]);
    let middle = Node {
        calls: TRANSFORMER,
        ..signed("m", fp32(&[-1, 4]), fp32(&[-1, 3]), vec![last])
    };
    assert_eq!(misfits(middle.clone()).len(), 1);
    let optional = Node {
        optional: true,
        ..middle
    };
    assert_eq!(misfits(optional), []);
}

fn average(children: [Vec<TensorSpec>; 3]) -> Vec<Misfit> {
    let names = ["a", "?", "c"];
    let children = names
        .iter()
        .zip(children)
        .map(|(name, outputs)| signed(name, fp32(&[-1, 4]), outputs, vec![]));
    let unit = Signed(Arc::default());
    misfits(node("avg", COMBINER, unit, children.collect()))
}

#[test]
fn what_is_averaged_has_one_shape_and_is_numbers() {
    let any = || fp32(&[7]);
    assert_eq!(average([fp32(&[-1, 3]), any(), fp32(&[-1, 3])]), []);
    assert_eq!(average([fp32(&[-1, 3]), any(), fp32(&[-1, -1])]), []);
    let found = average([fp32(&[-1, 3]), any(), fp32(&[-1, 2])]);
    assert_eq!(
        found[0].message,
        "`avg` averages tensors of one shape, but `a` gives `x` FP32 [-1, 3] and `c` gives `x` \
         FP32 [-1, 2]"
    );
    assert_eq!(average([fp32(&[-1, 3]), any(), fp32(&[-1])]).len(), 1);
    let text = vec![spec("x", DataType::Bytes, &[-1, 3])];
    let found = average([fp32(&[-1, 3]), any(), text]);
    assert_eq!(
        found[0].message,
        "`c` gives `x` BYTES [-1, 3], and `avg` averages numbers"
    );
    let two = || ["p", "q"].map(|name| spec(name, DataType::Fp32, &[-1]));
    assert_eq!(average([two().into(), any(), fp32(&[-1])]).len(), 1);
    assert_eq!(average([two().into(), any(), two().into()]), []);
}
