//! Tests of tables: names, order, kinds, what is missing and what is refused.

use hari_core::{Cell, is_missing_text};

use super::*;

fn matrix(names: &[&str]) -> Table {
    Table::Matrix(Matrix {
        input: "input-0".to_owned(),
        dtype: DataType::Fp32,
        width: Some(2),
        columns: names.iter().map(|&name| name.to_owned()).collect(),
    })
}

fn people() -> Table {
    let column = |(name, kind): (&str, Kind)| Column {
        name: name.to_owned(),
        kind,
    };
    let all = [
        ("age", Kind::Number),
        ("id", Kind::Unused),
        ("city", Kind::Text),
    ];
    Table::Columns(all.into_iter().map(column).collect())
}

fn named(name: &str, shape: &[usize], values: Vec<f64>) -> NamedTensor {
    NamedTensor::new(name, Tensor::from_vec(shape.to_vec(), values).unwrap())
}

fn texts(name: &str, shape: &[usize], values: &[&str]) -> NamedTensor {
    let values = values.iter().map(|&one| one.to_owned().into()).collect();
    NamedTensor::new(name, Tensor::from_strings(shape.to_vec(), values).unwrap())
}

/// An array as it is read of JSON.
fn json(text: &str) -> Vec<NamedTensor> {
    let body = format!(r#"{{"data":{text}}}"#);
    let limits = hari_core::Limits::default();
    let message = hari_protocol::seldon::decode_message(body.as_bytes(), &limits).unwrap();
    message.as_tensors().unwrap().to_vec()
}

fn numbers(fitted: &NamedTensor) -> Vec<f64> {
    fitted.tensor.to_f64().unwrap()
}

fn strings(fitted: &NamedTensor) -> Vec<&str> {
    let all = fitted.tensor.strings().unwrap().iter();
    all.map(|one| std::str::from_utf8(one).unwrap_or("<missing>"))
        .collect()
}

fn refusal(table: &Table, tensors: Vec<NamedTensor>) -> String {
    table.fit(tensors).unwrap_err().message().to_owned()
}

#[test]
fn one_tensor_may_have_any_name_and_type() {
    let fitted = matrix(&[])
        .fit(vec![named("x", &[1, 2], vec![1.0, 2.0])])
        .unwrap();
    assert_eq!(
        (&*fitted[0].name, fitted[0].typing),
        ("input-0", Typing::Inferred)
    );
    let flat = matrix(&[])
        .fit(vec![named("x", &[2], vec![1.0, 2.0])])
        .unwrap();
    assert_eq!(flat[0].tensor.shape(), [2]);
    let truths = Tensor::from_bools([1, 2], &[true, false]).unwrap();
    let fitted = matrix(&[])
        .fit(vec![NamedTensor::new("x", truths)])
        .unwrap();
    assert_eq!(fitted[0].typing, Typing::Inferred);
}

#[test]
fn a_wrong_number_of_features_is_said_as_xgboost_says_it() {
    let message = refusal(&matrix(&[]), vec![named("x", &[2, 3], vec![0.0; 6])]);
    assert_eq!(message, "Expected 2 features, got 3");
}

#[test]
fn named_columns_are_put_in_order() {
    let names = |names: &[&str]| NamedTensor {
        columns: names.iter().map(|&name| name.to_owned()).collect(),
        ..named("", &[2, 2], vec![1.0, 2.0, 3.0, 4.0])
    };
    let table = matrix(&["a", "b"]);
    let ordered = |given: NamedTensor| numbers(&table.fit(vec![given]).unwrap()[0]);
    assert_eq!(ordered(names(&["b", "a"])), [2.0, 1.0, 4.0, 3.0]);
    assert_eq!(ordered(names(&["a", "b"])), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(ordered(names(&["t:0", "t:1"])), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(
        refusal(&table, vec![names(&["a", "c"])]),
        "column `c` is unknown: the model takes a, b"
    );
    assert_eq!(
        refusal(&table, vec![names(&["a", "a"])]),
        "column `b` is missing: the model takes a, b"
    );
    assert_eq!(
        refusal(&table, vec![names(&["a", "b", "a"])]),
        "3 names for 2 columns"
    );
}

#[test]
fn columns_may_come_one_by_one() {
    let b = named("b", &[2], vec![1.0, f64::NAN]);
    let a = named("a", &[2, 1], vec![3.0, 4.0]);
    let fitted = matrix(&["a", "b"]).fit(vec![b.clone(), a.clone()]).unwrap();
    assert_eq!(
        (fitted[0].tensor.shape(), fitted[0].tensor.dtype()),
        (&[2, 2][..], DataType::Fp32)
    );
    let values = numbers(&fitted[0]);
    assert_eq!(values[..3], [3.0, 1.0, 4.0]);
    assert!(values[3].is_nan());
    let unnamed = matrix(&[]).fit(vec![b.clone(), a.clone()]).unwrap();
    assert_eq!(numbers(&unnamed[0])[..2], [1.0, 3.0]);
    let short = named("a", &[1], vec![3.0]);
    let table = matrix(&["a", "b"]);
    assert_eq!(
        refusal(&table, vec![b.clone(), short]),
        "column `a` has 1 rows, the first has 2"
    );
    assert_eq!(
        refusal(&matrix(&[]), vec![b.clone(), a.clone(), b.clone()]),
        "Expected 2 features, got 3"
    );
    assert_eq!(
        refusal(&table, vec![b.clone(), a.clone(), b.clone()]),
        "column `b` is given twice"
    );
    let wide = named("a", &[1, 2], vec![3.0, 4.0]);
    assert!(refusal(&table, vec![b, wide]).contains("found [1, 2]"));
}

#[test]
fn null_is_nan_and_text_is_no_number() {
    let fitted = matrix(&[]).fit(json(r#"{"ndarray":[[1,null]]}"#)).unwrap();
    assert!(numbers(&fitted[0])[1].is_nan());
    assert!(fitted[0].cells.is_none());
    let table = matrix(&["a", "b"]);
    let fitted = table
        .fit(json(r#"{"names":["b","a"],"ndarray":[[null,2]]}"#))
        .unwrap();
    assert_eq!(numbers(&fitted[0])[0], 2.0);
    assert_eq!(
        refusal(&table, json(r#"{"ndarray":[[1,2],[3,"4"]]}"#)),
        "column `b`, row 1: expected a number, found the string \"4\""
    );
}

#[test]
fn mixed_rows_are_columns_of_their_kind() {
    let fitted = people()
        .fit(json(
            r#"{"ndarray":[[31,1,"Rome"],[null,2,null],[true,3,7]]}"#,
        ))
        .unwrap();
    assert_eq!((&*fitted[0].name, &*fitted[1].name), ("age", "city"));
    let age = numbers(&fitted[0]);
    assert!(age[0] == 31.0 && age[1].is_nan() && age[2] == 1.0);
    assert_eq!(strings(&fitted[1]), ["Rome", "<missing>", "7"]);
    assert_eq!(fitted[1].tensor.shape(), [3]);
}

#[test]
fn records_are_columns_by_name() {
    let rows = r#"{"ndarray":[{"city":"Rome","age":31},{"city":null,"age":2.5}]}"#;
    let fitted = people().fit(json(rows)).unwrap();
    assert_eq!(numbers(&fitted[0]), [31.0, 2.5]);
    assert!(is_missing_text(&fitted[1].tensor.strings().unwrap()[1]));
    assert_eq!(
        refusal(&people(), json(r#"{"ndarray":[{"city":"Rome"}]}"#)),
        "column `age` is missing: the model takes age, city"
    );
    let unknown = r#"{"ndarray":[{"city":"Rome","age":1,"size":2}]}"#;
    assert_eq!(
        refusal(&people(), json(unknown)),
        "column `size` is unknown: the model takes age, id, city"
    );
}

#[test]
fn numbers_for_text_are_written_as_python_does() {
    let ints = NamedTensor::new("city", Tensor::from_vec([2], vec![1_i64, 2]).unwrap());
    let age = named("age", &[2], vec![1.0, 2.0]);
    let fitted = people().fit(vec![ints, age.clone()]).unwrap();
    assert_eq!(strings(&fitted[1]), ["1", "2"]);
    let floats = named("city", &[2, 1], vec![1.0, f64::NAN]);
    let fitted = people().fit(vec![floats, age.clone()]).unwrap();
    assert_eq!(strings(&fitted[1]), ["1.0", "<missing>"]);
    let beside_null = NamedTensor {
        cells: Some([Cell::Number, Cell::Missing].into()),
        ..named("city", &[2], vec![1.0, f64::NAN])
    };
    let fitted = people().fit(vec![beside_null, age]).unwrap();
    assert_eq!(strings(&fitted[1]), ["1", "<missing>"]);
}

#[test]
fn a_missing_category_is_empty() {
    let column = Column {
        name: "city".to_owned(),
        kind: Kind::Category,
    };
    let fitted = Table::Columns(vec![column])
        .fit(json(r#"{"ndarray":[["Rome"],[null]]}"#))
        .unwrap();
    assert_eq!(strings(&fitted[0]), ["Rome", ""]);
}

#[test]
fn a_column_of_text_is_no_number() {
    let tensors = vec![texts("age", &[1], &["31"]), texts("city", &[1], &["Rome"])];
    assert_eq!(
        refusal(&people(), tensors),
        "column `age`, row 0: expected a number, found the string \"31\""
    );
    assert_eq!(
        refusal(&people(), json(r#"{"ndarray":[[1,"Rome"]]}"#)),
        "Expected 3 features, got 2: age, id, city"
    );
}

#[test]
fn rows_of_nothing_are_refused() {
    let free = Table::Matrix(Matrix {
        input: "x".to_owned(),
        dtype: DataType::Fp64,
        width: None,
        columns: Vec::new(),
    });
    let documents = Table::Documents("x".to_owned());
    for table in [free, documents, people()] {
        for given in [
            named("x", &[1 << 40, 0], vec![]),
            texts("x", &[1 << 40, 0], &[]),
        ] {
            assert_eq!(
                refusal(&table, vec![given]),
                "expected columns in each row, found none"
            );
        }
    }
}

#[test]
fn documents_are_texts_in_any_form() {
    let table = Table::Documents("input-0".to_owned());
    for given in [
        texts("x", &[2], &["good", "bad"]),
        texts("", &[2, 1], &["good", "bad"]),
    ] {
        let fitted = table.fit(vec![given]).unwrap();
        assert_eq!(
            (&*fitted[0].name, fitted[0].tensor.shape()),
            ("input-0", &[2][..])
        );
        assert_eq!(strings(&fitted[0]), ["good", "bad"]);
    }
    let wide = texts("x", &[1, 2], &["good", "bad"]);
    assert!(refusal(&table, vec![wide]).contains("found 2 columns"));
}
