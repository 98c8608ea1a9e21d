//! Tests of arrays read into tensors.

use proptest::prelude::*;

use hari_core::{Cell, is_missing_text};

use super::*;
use crate::json::write;

fn read_as(text: &str, elements: Elements) -> Result<Tensor> {
    let limits = Limits {
        tensor: 4096,
        rank: 4,
        ..Limits::default()
    };
    let mut reader = Reader::of_field(text.as_bytes(), "x", &limits)?;
    let tensor = read(&mut reader, elements, &limits)?;
    reader.end()?;
    Ok(tensor)
}

fn infer(text: &str) -> Result<Tensor> {
    read_as(text, Elements::INFERRED)
}

fn declare(text: &str, dtype: DataType) -> Result<Tensor> {
    read_as(text, Elements::declared(dtype))
}

fn strings(tensor: &Tensor) -> Vec<&str> {
    tensor
        .strings()
        .unwrap()
        .iter()
        .map(|s| std::str::from_utf8(s).unwrap())
        .collect()
}

#[test]
fn integers_stay_integers() {
    let tensor = infer("[[1, -2], [3, 4]]").unwrap();
    assert_eq!(
        tensor,
        Tensor::from_vec([2, 2], vec![1_i64, -2, 3, 4]).unwrap()
    );
    let tensor = infer("[1, 18446744073709551615]").unwrap();
    assert_eq!(tensor, Tensor::from_vec([2], vec![1, u64::MAX]).unwrap());
    for text in ["[-1, 18446744073709551615]", "[18446744073709551615, -1]"] {
        assert_eq!(infer(text).unwrap().dtype(), DataType::Fp64, "{text}");
    }
    assert_eq!(
        infer("[36893488147419103232]").unwrap().dtype(),
        DataType::Fp64
    );
}

#[test]
fn one_float_makes_all_of_them_floats() {
    for text in [
        "[0, 0.5, 1]",
        "[0.0, 0.5, 1.0]",
        "[0e0, 5e-1, 1]",
        "[false, 0.5, true]",
    ] {
        let expected = Tensor::from_vec([3], vec![0.0, 0.5, 1.0]).unwrap();
        assert_eq!(infer(text).unwrap(), expected, "{text}");
    }
    assert_eq!(infer("[1.0]").unwrap().dtype(), DataType::Fp64);
}

#[test]
fn booleans_are_their_own_type_and_count_among_numbers() {
    assert_eq!(
        infer("[true, false]").unwrap(),
        Tensor::from_bools([2], &[true, false]).unwrap()
    );
    for text in ["[true, 2, false]", "[1, 2, false]"] {
        assert_eq!(
            infer(text).unwrap(),
            Tensor::from_vec([3], vec![1_i64, 2, 0]).unwrap(),
            "{text}"
        );
    }
}

#[test]
fn numbers_among_strings_become_their_text() {
    for (text, expected) in [
        (r#"["a", "b\n"]"#, ["a", "b\n"]),
        (r#"[1, "a"]"#, ["1", "a"]),
        (r#"["a", 1.50]"#, ["a", "1.50"]),
        (r#"[true, "a"]"#, ["True", "a"]),
        (r#"["a", false]"#, ["a", "False"]),
    ] {
        assert_eq!(strings(&infer(text).unwrap()), expected, "{text}");
    }
}

#[test]
fn nothing_is_double_precision_of_its_shape() {
    assert_eq!(
        infer("[]").unwrap(),
        Tensor::from_vec([0], Vec::<f64>::new()).unwrap()
    );
    assert_eq!(infer("[[],[]]").unwrap().shape(), [2, 0]);
    assert_eq!(
        infer(" 7 ").unwrap(),
        Tensor::from_vec([], vec![7_i64]).unwrap()
    );
}

#[test]
fn what_is_no_number_is_written_bare() {
    let tensor = infer("[NaN, Infinity, -Infinity, 1]").unwrap();
    let values = tensor.values::<f64>().unwrap();
    assert!(values[0].is_nan());
    assert_eq!(values[1..], [f64::INFINITY, f64::NEG_INFINITY, 1.0]);
    let error = declare("[NaN]", DataType::Int32).unwrap_err();
    assert_eq!(error.message(), "x[0]: NaN does not fit INT32");
}

#[test]
fn errors_name_the_element() {
    for (text, message) in [
        (
            "[[1,2],[3]]",
            "x[1]: expected 2 elements as in the first row, found 1",
        ),
        (
            "[1,[2]]",
            "x[1]: expected a single value as in the first row, found an array",
        ),
        (
            "[[1,2],[3,null]]",
            "x[1][1]: null is no element of a tensor; a missing number is sent as NaN",
        ),
        (
            "[{}]",
            "x[0]: expected a number, a string or a boolean, found an object",
        ),
        ("[0.5,1e999]", "x[1]: 1e999 does not fit FP64"),
        ("[[[[[1]]]]]", "x[0][0][0][0]: more than 4 dimensions"),
        (
            "[1",
            "x: invalid JSON at line 1 column 3: expected `,` or `]`, found the end",
        ),
        (
            "[1,]",
            "x: invalid JSON at line 1 column 4: expected a value, found `]`",
        ),
    ] {
        assert_eq!(infer(text).unwrap_err().message(), message, "{text}");
    }
}

#[test]
fn a_declared_type_is_held_to() {
    for (text, dtype, message) in [
        ("[1, 256]", DataType::Uint8, "x[1]: 256 does not fit UINT8"),
        ("[-1]", DataType::Uint64, "x[0]: -1 does not fit UINT64"),
        ("[1.5]", DataType::Int32, "x[0]: 1.5 does not fit INT32"),
        ("[1e39]", DataType::Fp32, "x[0]: 1e39 does not fit FP32"),
        ("[70000]", DataType::Fp16, "x[0]: 70000 does not fit FP16"),
        ("[2]", DataType::Bool, "x[0]: 2 does not fit BOOL"),
        (
            "[true]",
            DataType::Fp32,
            "x[0]: expected FP32, found a boolean",
        ),
        (
            "[\"1\"]",
            DataType::Int64,
            "x[0]: expected INT64, found a string",
        ),
        (
            "[1]",
            DataType::Bytes,
            "x[0]: expected a string, found a number",
        ),
    ] {
        assert_eq!(
            declare(text, dtype).unwrap_err().message(),
            message,
            "{text}"
        );
    }
}

#[test]
fn a_declared_type_takes_every_way_to_write_its_values() {
    let tensor = declare("[3, 3.0, 3e0, -0]", DataType::Int8).unwrap();
    assert_eq!(tensor, Tensor::from_vec([4], vec![3_i8, 3, 3, 0]).unwrap());
    let tensor = declare("[true, 0]", DataType::Bool).unwrap();
    assert_eq!(tensor, Tensor::from_bools([2], &[true, false]).unwrap());
    let tensor = declare("[0.1, 16777217]", DataType::Fp32).unwrap();
    assert_eq!(
        tensor,
        Tensor::from_vec([2], vec![0.1_f32, 16_777_216.0]).unwrap()
    );
}

#[test]
fn numbers_may_be_quoted_where_the_protocol_quotes_them() {
    let elements = Elements::declared(DataType::Int64).with_quoted_numbers();
    let tensor = read_as(r#"["9223372036854775807", 1]"#, elements).unwrap();
    assert_eq!(tensor, Tensor::from_vec([2], vec![i64::MAX, 1]).unwrap());
    assert!(read_as(r#"["1x"]"#, elements).is_err());
}

#[test]
fn base64_objects_are_bytes() {
    let elements = Elements::INFERRED.with_base64();
    let tensor = read_as(r#"[{"b64": "/wA="}, {"b64": ""}]"#, elements).unwrap();
    assert_eq!(tensor.strings().unwrap(), [&b"\xff\x00"[..], b""]);
    for bad in [
        r#"[{"b64": "*"}]"#,
        r#"[{}]"#,
        r#"[{"c": 1}]"#,
        r#"[1, {"b64": ""}]"#,
    ] {
        if let Ok(tensor) = read_as(bad, elements) {
            assert_eq!(strings(&tensor), ["1", ""], "{bad}");
        }
    }
}

#[test]
fn a_tensor_over_its_limit_is_too_large() {
    let long = |element: &str| format!("[{element}{}]", format!(",{element}").repeat(600));
    for text in [long("1"), long("0.5"), long("\"\""), long("true") + "x"] {
        let error = infer(&text).unwrap_err();
        let expected = if text.ends_with('x') {
            Kind::InvalidInput
        } else {
            Kind::TooLarge
        };
        assert_eq!(error.kind(), expected, "{error}");
    }
}

fn rows<T: std::fmt::Debug + Clone>(
    element: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = (Vec<usize>, Vec<T>)> {
    let element = element.boxed();
    (1..4_usize, 1..4_usize, 1..4_usize).prop_flat_map(move |(a, b, c)| {
        prop::collection::vec(element.clone(), a * b * c)
            .prop_map(move |values| (vec![a, b, c], values))
    })
}

fn written(tensor: &Tensor) -> String {
    let mut out = Vec::new();
    write::nested(&mut out, tensor, write::Style::default()).unwrap();
    String::from_utf8(out).unwrap()
}

proptest! {
    #[test]
    fn doubles_come_back((shape, values) in rows(any::<f64>())) {
        prop_assume!(values.iter().all(|value| !value.is_nan()));
        let tensor = Tensor::from_vec(shape, values).unwrap();
        prop_assert_eq!(infer(&written(&tensor)).unwrap(), tensor);
    }

    #[test]
    fn singles_come_back((shape, values) in rows(any::<f32>())) {
        prop_assume!(values.iter().all(|value| !value.is_nan()));
        let tensor = Tensor::from_vec(shape, values).unwrap();
        prop_assert_eq!(declare(&written(&tensor), DataType::Fp32).unwrap(), tensor);
    }

    #[test]
    fn integers_come_back((shape, values) in rows(any::<i64>())) {
        let tensor = Tensor::from_vec(shape, values).unwrap();
        prop_assert_eq!(&infer(&written(&tensor)).unwrap(), &tensor);
        prop_assert_eq!(declare(&written(&tensor), DataType::Int64).unwrap(), tensor);
    }

    #[test]
    fn strings_come_back((shape, values) in rows(any::<String>())) {
        let tensor = Tensor::from_strings(shape, values.into_iter().map(Into::into).collect()).unwrap();
        prop_assert_eq!(infer(&written(&tensor)).unwrap(), tensor);
    }

    #[test]
    fn no_text_is_a_panic(text in r#"[\[\]{}",:0-9.eNaInfity\-true ]{0,16}"#, dtype in 0..14_usize) {
        _ = infer(&text);
        _ = declare(&text, DataType::ALL[dtype]);
    }
}

fn cells(text: &str, elements: Elements) -> Result<(Tensor, Vec<Cell>)> {
    let limits = Limits::default();
    let mut reader = Reader::of_field(text.as_bytes(), "x", &limits)?;
    let (tensor, cells) = read_cells(&mut reader, elements, &limits)?;
    reader.end()?;
    Ok((tensor, cells.as_deref().unwrap_or_default().to_vec()))
}

#[test]
fn null_is_a_missing_number() {
    for (text, elements) in [
        ("[[1,null],[2.5,true]]", Elements::INFERRED),
        ("[[1,null],[2.5,1]]", Elements::declared(DataType::Fp32)),
    ] {
        let (tensor, cells) = cells(text, elements).unwrap();
        assert_eq!(
            (tensor.dtype(), tensor.shape()),
            (DataType::Fp64, &[2, 2][..])
        );
        let values = tensor.to_f64().unwrap();
        assert!(values[1].is_nan(), "{text}");
        assert_eq!((values[0], values[2], values[3]), (1.0, 2.5, 1.0));
        assert_eq!(cells[..3], [Cell::Number, Cell::Missing, Cell::Number]);
    }
    let (all, _) = cells("[null]", Elements::INFERRED).unwrap();
    assert!(all.to_f64().unwrap()[0].is_nan());
    let error = cells("[300,null]", Elements::declared(DataType::Uint8)).unwrap_err();
    assert_eq!(error.message(), "x[0]: 300 does not fit UINT8");
    let error = cells("[true,null]", Elements::declared(DataType::Fp32)).unwrap_err();
    assert_eq!(error.message(), "x[0]: expected FP32, found a boolean");
    let (bools, _) = cells("[true,null,0]", Elements::declared(DataType::Bool)).unwrap();
    assert_eq!(bools.to_f64().unwrap()[0], 1.0);
}

#[test]
fn null_is_a_missing_text() {
    let (tensor, kinds) = cells(r#"["a",null,1.50,false]"#, Elements::INFERRED).unwrap();
    let texts = tensor.strings().unwrap();
    assert!(is_missing_text(&texts[1]));
    assert_eq!((&*texts[2], &*texts[3]), (&b"1.50"[..], &b"False"[..]));
    assert_eq!(kinds, [Cell::Text, Cell::Missing, Cell::Number, Cell::Bool]);
    let (tensor, kinds) = cells(r#"["a",null]"#, Elements::declared(DataType::Bytes)).unwrap();
    assert!(is_missing_text(&tensor.strings().unwrap()[1]));
    assert_eq!(kinds, [Cell::Text, Cell::Missing]);
    let mut json = Vec::new();
    write::nested(&mut json, &tensor, write::Style::default()).unwrap();
    assert_eq!(json, br#"["a",null]"#);
    let error = cells(r#"[1,null]"#, Elements::declared(DataType::Bytes)).unwrap_err();
    assert_eq!(error.message(), "x[0]: expected a string, found a number");
}

#[test]
fn elements_that_are_alike_have_no_cells() {
    for text in ["[1,2]", "[1,0.5]", r#"["a","b"]"#, "[true,1]"] {
        assert!(
            cells(text, Elements::INFERRED).unwrap().1.is_empty(),
            "{text}"
        );
    }
}
