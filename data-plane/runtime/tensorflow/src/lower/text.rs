//! Byte strings: computed by the operators of the domain `hari`, which have TensorFlow's meaning.

use super::{Context, Lowered, Operator, lowered};
use crate::dtype::{self, DataType};
use crate::emit::{Attr, Id, OnnxAttrs};
use crate::refusal::Refusal;
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("AsString", |c| {
        let mut attrs = ints(c, &["precision", "width"])?;
        attrs.extend(flags(c, &["scientific", "shortest"])?);
        attrs.extend(texts(c, &["fill"])?);
        each(c, "hari.AsString", attrs, DataType::DtString)
    }),
    lowered("DecodeBase64", |c| {
        each(c, "hari.DecodeBase64", Vec::new(), DataType::DtString)
    }),
    lowered("EncodeBase64", |c| {
        let attrs = flags(c, &["pad"])?;
        each(c, "hari.EncodeBase64", attrs, DataType::DtString)
    }),
    lowered("ReduceJoin", reduce_join),
    lowered("RegexFullMatch", |c| {
        each(c, "hari.RegexFullMatch", Vec::new(), DataType::DtBool)
    }),
    lowered("RegexReplace", |c| {
        let attrs = flags(c, &["replace_global"])?;
        each(c, "hari.RegexReplace", attrs, DataType::DtString)
    }),
    lowered("StaticRegexFullMatch", |c| {
        let attrs = texts(c, &["pattern"])?;
        each(c, "hari.RegexFullMatch", attrs, DataType::DtBool)
    }),
    lowered("StaticRegexReplace", |c| {
        let mut attrs = texts(c, &["pattern", "rewrite"])?;
        attrs.extend(flags(c, &["replace_global"])?);
        each(c, "hari.RegexReplace", attrs, DataType::DtString)
    }),
    lowered("StringJoin", join),
    lowered("StringLength", |c| {
        let attrs = texts(c, &["unit"])?;
        each(c, "hari.StringLength", attrs, DataType::DtInt32)
    }),
    lowered("StringLower", |c| {
        let attrs = texts(c, &["encoding"])?;
        each(c, "hari.StringLower", attrs, DataType::DtString)
    }),
    lowered("StringNGrams", ngrams),
    lowered("StringSplit", |c| {
        let attrs = renamed(flags(c, &["skip_empty"])?, "skip_empty");
        split(c, "hari.StringSplitChars", attrs)
    }),
    lowered("StringSplitV2", |c| {
        let attrs = ints(c, &["maxsplit"])?;
        split(c, "hari.StringSplit", attrs)
    }),
    lowered("StringStrip", |c| {
        each(c, "hari.StringStrip", Vec::new(), DataType::DtString)
    }),
    lowered("StringToHashBucket", |c| {
        let attrs = ints(c, &["num_buckets"])?;
        each(c, "hari.StringToHashBucket", attrs, DataType::DtInt64)
    }),
    lowered("StringToHashBucketFast", |c| {
        let attrs = ints(c, &["num_buckets"])?;
        each(c, "hari.StringToHashBucketFast", attrs, DataType::DtInt64)
    }),
    lowered("StringToHashBucketStrong", |c| {
        let mut attrs = ints(c, &["num_buckets"])?;
        attrs.push(("key", Attr::Ints(c.node.attrs.ints("key"))));
        each(c, "hari.StringToHashBucketStrong", attrs, DataType::DtInt64)
    }),
    lowered("StringToNumber", |c| {
        let to = c.node.attrs.dtype("out_type")?;
        let attrs = vec![element("to", to)?];
        each(c, "hari.StringToNumber", attrs, to)
    }),
    lowered("StringUpper", |c| {
        let attrs = texts(c, &["encoding"])?;
        each(c, "hari.StringUpper", attrs, DataType::DtString)
    }),
    lowered("Substr", |c| {
        let attrs = texts(c, &["unit"])?;
        each(c, "hari.Substr", attrs, DataType::DtString)
    }),
    lowered("UnicodeDecode", decode),
    lowered("UnicodeDecodeWithOffsets", decode),
    lowered("UnicodeEncode", encode),
    lowered("UnicodeScript", |c| {
        each(c, "hari.UnicodeScript", Vec::new(), DataType::DtInt32)
    }),
    lowered("UnicodeTranscode", |c| {
        let mut attrs = texts(c, &["input_encoding", "output_encoding", "errors"])?;
        attrs.extend(ints(c, &["replacement_char"])?);
        attrs.extend(flags(c, &["replace_control_characters"])?);
        each(c, "hari.UnicodeTranscode", attrs, DataType::DtString)
    }),
    lowered("UnsortedSegmentJoin", |c| {
        let attrs = texts(c, &["separator"])?;
        let dims = super::segment::unsorted_dims(c)?;
        let inputs = c.inputs.clone();
        let kind = (DataType::DtString, dims);
        Ok(vec![c.builder.node(
            "hari.UnsortedSegmentJoin",
            &inputs,
            attrs,
            kind,
        )])
    }),
];

/// Attributes of the same name, as integers.
pub(super) fn ints(c: &Context<'_>, names: &[&'static str]) -> Result<OnnxAttrs, Refusal> {
    let attr = |&name| Ok((name, Attr::Int(c.node.attrs.int(name)?)));
    names.iter().map(attr).collect()
}

/// Attributes of the same name, true as 1.
pub(super) fn flags(c: &Context<'_>, names: &[&'static str]) -> Result<OnnxAttrs, Refusal> {
    let attr = |&name| Ok((name, Attr::Int(c.node.attrs.bool(name)?.into())));
    names.iter().map(attr).collect()
}

fn texts(c: &Context<'_>, names: &[&'static str]) -> Result<OnnxAttrs, Refusal> {
    let attr = |&name| Ok((name, Attr::Text(c.node.attrs.text(name)?.to_owned())));
    names.iter().map(attr).collect()
}

fn renamed(attrs: OnnxAttrs, name: &'static str) -> OnnxAttrs {
    attrs.into_iter().map(|(_, attr)| (name, attr)).collect()
}

/// An attribute that names an element type by ONNX's number.
pub(super) fn element(
    name: &'static str,
    dtype: DataType,
) -> Result<(&'static str, Attr), Refusal> {
    let held = dtype::held_as(dtype)
        .ok_or_else(|| Refusal::new(format!("its type is {}", dtype::name(dtype))))?;
    Ok((name, Attr::Int(i64::from(i32::from(held)))))
}

/// All inputs to one output of the first one's shape.
fn each(c: &mut Context<'_>, op: &'static str, attrs: OnnxAttrs, dtype: DataType) -> Lowered {
    let kind = (dtype, c.builder.value(c.first()?).shape.clone());
    let inputs = c.inputs.clone();
    Ok(vec![c.builder.node(op, &inputs, attrs, kind)])
}

/// A vector whose length is not known.
pub(super) fn unknown_vector(c: &mut Context<'_>) -> Vec<Dim> {
    vec![c.builder.symbols.fresh()]
}

fn join(c: &mut Context<'_>) -> Lowered {
    let attrs = texts(c, &["separator"])?;
    let inputs = c.inputs.clone();
    let shapes = inputs
        .iter()
        .map(|&input| c.builder.value(input).shape.clone());
    let widest = shapes.max_by_key(|shape| shape.as_ref().map_or(usize::MAX, Vec::len));
    let kind = (DataType::DtString, widest.flatten());
    Ok(vec![c.builder.node(
        "hari.StringJoin",
        &inputs,
        attrs,
        kind,
    )])
}

fn reduce_join(c: &mut Context<'_>) -> Lowered {
    let mut attrs = texts(c, &["separator"])?;
    attrs.extend(flags(c, &["keep_dims"])?);
    let (x, axes) = (c.first()?, c.numbers(1, "axes")?);
    let keep = c.node.attrs.bool("keep_dims")?;
    let dims = c.builder.reduced_dims(x, &axes, keep)?;
    let axes = c.builder.int64s(&axes)?;
    let kind = (DataType::DtString, Some(dims));
    Ok(vec![c.builder.node(
        "hari.ReduceJoin",
        &[x, axes],
        attrs,
        kind,
    )])
}

/// Indices, values and shape of a sparse matrix of parts.
fn split(c: &mut Context<'_>, op: &'static str, attrs: OnnxAttrs) -> Lowered {
    let count = c.builder.symbols.fresh();
    let outputs = vec![
        (DataType::DtInt64, Some(vec![count, Dim::Known(2)])),
        (DataType::DtString, Some(vec![count])),
        (DataType::DtInt64, Some(vec![Dim::Known(2)])),
    ];
    let inputs = c.inputs.iter().copied().map(Some).collect();
    Ok(c.builder.node_with_outputs(op, inputs, attrs, outputs))
}

fn ngrams(c: &mut Context<'_>) -> Lowered {
    let (values, splits) = c.pair()?;
    let mut attrs = texts(c, &["separator", "left_pad", "right_pad"])?;
    attrs.extend(ints(c, &["pad_width"])?);
    attrs.extend(flags(c, &["preserve_short_sequences"])?);
    attrs.push((
        "ngram_widths",
        Attr::Ints(c.node.attrs.ints("ngram_widths")),
    ));
    let outputs = vec![
        (DataType::DtString, Some(unknown_vector(c))),
        (
            c.builder.dtype(splits),
            c.builder.value(splits).shape.clone(),
        ),
    ];
    let inputs = vec![Some(values), Some(splits)];
    Ok(c.builder
        .node_with_outputs("hari.StringNGrams", inputs, attrs, outputs))
}

/// One more than the size of a vector.
fn splits_of(c: &mut Context<'_>, x: Id) -> Result<Vec<Dim>, Refusal> {
    let rows = c.builder.dims(x)?.first().copied().unwrap_or(Dim::Known(1));
    Ok(vec![c.builder.symbols.apply(
        rows,
        Dim::Known(1),
        i64::checked_add,
    )])
}

fn decode(c: &mut Context<'_>) -> Lowered {
    let x = c.first()?;
    let to = c.node.attrs.dtype("Tsplits").unwrap_or(DataType::DtInt64);
    let mut attrs = texts(c, &["input_encoding", "errors"])?;
    attrs.extend(ints(c, &["replacement_char"])?);
    attrs.extend(flags(c, &["replace_control_characters"])?);
    attrs.push(element("to", to)?);
    let characters = unknown_vector(c);
    let mut outputs = vec![
        (to, Some(splits_of(c, x)?)),
        (DataType::DtInt32, Some(characters.clone())),
    ];
    if c.node.outputs > 2 {
        outputs.push((DataType::DtInt64, Some(characters)));
    }
    Ok(c.builder
        .node_with_outputs("hari.UnicodeDecode", vec![Some(x)], attrs, outputs))
}

fn encode(c: &mut Context<'_>) -> Lowered {
    let (characters, splits) = c.pair()?;
    let mut attrs = texts(c, &["output_encoding", "errors"])?;
    attrs.extend(ints(c, &["replacement_char"])?);
    let count = c.builder.dims(splits)?.first().copied();
    let one = Dim::Known(1);
    let rows = c
        .builder
        .symbols
        .apply(count.unwrap_or(one), one, i64::checked_sub);
    let kind = (DataType::DtString, Some(vec![rows]));
    Ok(vec![c.builder.node(
        "hari.UnicodeEncode",
        &[characters, splits],
        attrs,
        kind,
    )])
}
