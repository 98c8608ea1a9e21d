//! Requests held to the signature: names, types and shapes, as MLflow holds them. Types are
//! widened where nothing is lost; no string becomes a number.

use hari_core::{NamedTensor, Tensor};
use hari_error::{Error, Result};

use super::schema::{self, Column, Kind, Schema};
use crate::table::{Frame, Naming};

/// The tensors of a request as the signature has them: columns in its order, of its types.
///
/// # Errors
/// `InvalidInput` that names the column, its row, what was expected and what was found.
pub(super) fn enforce(
    schema: &Schema,
    tensors: Vec<NamedTensor>,
    naming: Naming<'_>,
) -> Result<Vec<NamedTensor>> {
    match schema {
        Schema::Columns(columns) => by_column(columns, &tensors, naming),
        Schema::Tensors(specs) => shaped(specs, tensors),
    }
}

fn by_column(
    columns: &[Column],
    tensors: &[NamedTensor],
    naming: Naming<'_>,
) -> Result<Vec<NamedTensor>> {
    let frame = Frame::of(tensors, Some(columns.len()), naming)?;
    let named = columns.iter().all(|one| one.name.is_some());
    let mut taken = Vec::with_capacity(columns.len());
    if frame.is_named() && named {
        complete(columns, &frame)?;
    } else if frame.width() < columns.iter().filter(|one| one.required).count() {
        return Err(Error::invalid(format!(
            "Model inference is missing inputs. The model signature declares {} inputs but the \
             provided value only has {} inputs",
            columns.len(),
            frame.width()
        )));
    }
    for (at, column) in columns.iter().enumerate() {
        let place = match &column.name {
            Some(name) if frame.is_named() => frame.position(name),
            _ => Some(at).filter(|&at| at < frame.width()),
        };
        if let Some(place) = place {
            let name = column.name.clone().unwrap_or_else(|| at.to_string());
            let tensor = typed(&frame, place, column.kind, &name)?;
            taken.push(NamedTensor::new(name, tensor));
        }
    }
    Ok(taken)
}

/// Checks that every column that has to be there is. More columns are no fault: they are left out.
fn complete(columns: &[Column], frame: &Frame<'_>) -> Result<()> {
    let there = |name: &&String| frame.position(name).is_some();
    let required = columns.iter().filter(|one| one.required);
    let names = required.filter_map(|one| one.name.as_ref());
    let missing: Vec<_> = names.filter(|name| !there(name)).cloned().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let known = |name: &&str| columns.iter().any(|one| one.name.as_deref() == Some(*name));
    let extra: Vec<_> = frame.names().filter(|name| !known(name)).collect();
    let extra = match extra.as_slice() {
        [] => String::new(),
        extra => format!(" Note that there were extra inputs: {}.", quoted(extra)),
    };
    Err(Error::invalid(format!(
        "Model is missing inputs {}.{extra}",
        quoted(&missing)
    )))
}

fn quoted<S: AsRef<str>>(names: &[S]) -> String {
    let names = names.iter().map(|name| format!("`{}`", name.as_ref()));
    names.collect::<Vec<_>>().join(", ")
}

/// The values of a column in the type of the signature.
fn typed(frame: &Frame<'_>, at: usize, kind: Kind, name: &str) -> Result<Tensor> {
    let rows = [frame.rows()];
    let of = |error: Error| error.context(format!("the signature has {} here", kind.name()));
    match kind {
        Kind::Boolean => Tensor::from_bools(rows, &frame.truths(at).map_err(of)?),
        Kind::Integer => {
            let values = frame.integers(at).map_err(of)?;
            let narrow = values.iter().find(|&&value| i32::try_from(value).is_err());
            match narrow {
                None => Tensor::from_vec(rows, values),
                Some(value) => Err(Error::invalid(format!(
                    "column `{name}`: {value} does not fit an integer of 32 bits"
                ))),
            }
        }
        Kind::Long => Tensor::from_vec(rows, frame.integers(at).map_err(of)?),
        Kind::Float | Kind::Double => Tensor::from_vec(rows, frame.floats(at).map_err(of)?),
        Kind::String | Kind::Binary => Tensor::from_strings(rows, frame.texts(at).map_err(of)?),
        Kind::Datetime | Kind::Other => Err(Error::unimplemented(format!(
            "column `{name}`: the signature has a column {}, which no model here takes",
            match kind {
                Kind::Datetime => "of dates",
                _ => kind.name(),
            }
        ))),
    }
}

/// Arrays by name, each of a shape that the signature admits.
fn shaped(specs: &[schema::Tensor], tensors: Vec<NamedTensor>) -> Result<Vec<NamedTensor>> {
    if let ([spec], [only]) = (specs, &*tensors) {
        admit(spec, only)?;
        return Ok(tensors);
    }
    for spec in specs {
        let named = |one: &&NamedTensor| spec.name.as_ref().is_none_or(|name| one.name == *name);
        let found = tensors.iter().find(named).ok_or_else(|| {
            let name = spec.name.clone().unwrap_or_default();
            Error::invalid(format!("Model is missing inputs `{name}`."))
        })?;
        admit(spec, found)?;
    }
    Ok(tensors)
}

fn admit(spec: &schema::Tensor, found: &NamedTensor) -> Result<()> {
    let shape = found.tensor.shape();
    let fits = |(&dim, &size): (&i64, &usize)| dim < 0 || usize::try_from(dim) == Ok(size);
    if shape.len() == spec.shape.len() && spec.shape.iter().zip(shape).all(fits) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "Shape of input {shape:?} does not match expected shape {:?}.",
        spec.shape
    )))
}

#[cfg(test)]
mod tests {
    use hari_core::{DataType, Limits};
    use serde_json::{Value, json};

    use super::*;

    fn schema() -> Schema {
        let inputs = json!([
            {"type": "long", "name": "age"},
            {"type": "double", "name": "income"},
            {"type": "string", "name": "city"},
            {"type": "boolean", "name": "new", "required": false},
        ]);
        Schema::read(&json!({"inputs": inputs}), "inputs")
            .unwrap()
            .unwrap()
    }

    fn enforced(schema: &Schema, table: &Value) -> Result<Vec<NamedTensor>> {
        let tensors = hari_protocol::mlflow::read_table(table, &Limits::default()).unwrap();
        enforce(schema, tensors, Naming::All)
    }

    #[test]
    fn columns_get_the_order_and_the_types_of_the_signature() {
        let rows = json!([
            {"city": "Rome", "income": 3, "age": 31, "extra": 1},
            {"city": null, "income": null, "age": 7, "extra": 2},
        ]);
        let columns = enforced(&schema(), &rows).unwrap();
        let types: Vec<_> = columns
            .iter()
            .map(|one| (&*one.name, one.tensor.dtype()))
            .collect();
        assert_eq!(
            types,
            [
                ("age", DataType::Int64),
                ("income", DataType::Fp64),
                ("city", DataType::Bytes)
            ]
        );
        let split = json!({"columns": ["new", "city", "age", "income"],
                           "data": [[true, "Rome", 31, 2.5]]});
        let columns = enforced(&schema(), &split).unwrap();
        assert_eq!(columns[3].tensor, Tensor::from_bools([1], &[true]).unwrap());
        assert_eq!(
            columns[0].tensor,
            Tensor::from_vec([1], vec![31_i64]).unwrap()
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (row, message) in [
            (
                json!([{"age": 1, "income": 2, "town": "x"}]),
                "Model is missing inputs `city`. Note that there were extra inputs: `town`.",
            ),
            (
                json!([{"age": "31", "income": 2, "city": "x"}]),
                "the signature has long here: column `age`, row 0: expected an integer, found the \
                 string \"31\"",
            ),
            (
                json!([{"age": 1.5, "income": 2, "city": "x"}]),
                "the signature has long here: column `age`, row 0: expected an integer, found 1.5",
            ),
            (
                json!([{"age": 1, "income": "2", "city": "x"}]),
                "the signature has double here: column `income`, row 0: expected a number, found \
                 the string \"2\"",
            ),
            (
                json!([{"age": 1, "income": true, "city": "x"}]),
                "the signature has double here: column `income`, row 0: expected a number, found a \
                 boolean",
            ),
            (
                json!([{"age": 1, "income": 1, "city": "x", "new": 1}]),
                "the signature has boolean here: column `new`, row 0: expected a boolean, found a \
                 number",
            ),
            (
                json!([{"age": 1, "income": 1, "city": "x"}, {"age": null, "income": 1, "city": "x"}]),
                "the signature has long here: column `age`, row 1: expected an integer, found null",
            ),
        ] {
            assert_eq!(enforced(&schema(), &row).unwrap_err().message(), message);
        }
    }

    #[test]
    fn columns_without_names_are_counted() {
        let inputs = json!([{"type": "double"}, {"type": "double"}]);
        let schema = Schema::read(&json!({"inputs": inputs}), "inputs")
            .unwrap()
            .unwrap();
        let columns = enforced(&schema, &json!([[1, 2], [3, 4]])).unwrap();
        assert_eq!(
            (&*columns[1].name, columns[1].tensor.shape()),
            ("1", &[2][..])
        );
        let error = enforced(&schema, &json!([[1], [2], [3]])).unwrap_err();
        assert!(
            error
                .message()
                .contains("declares 2 inputs but the provided value only has 1")
        );
    }

    #[test]
    fn dates_are_refused_and_small_integers_are_held_to_their_size() {
        let of = |kind: &str, value: Value| {
            let inputs = json!([{"type": kind, "name": "x"}]);
            let schema = Schema::read(&json!({"inputs": inputs}), "inputs")
                .unwrap()
                .unwrap();
            enforced(&schema, &json!([{"x": value}]))
        };
        let error = of("datetime", json!("2026-01-01")).unwrap_err();
        assert_eq!(
            error.message(),
            "column `x`: the signature has a column of dates, which no model here takes"
        );
        assert!(of("integer", json!(3_000_000_000_i64)).is_err());
        assert!(of("integer", json!(3)).is_ok());
        assert!(of("array", json!(1)).is_err());
    }

    #[test]
    fn tensors_are_held_to_their_shape() {
        let inputs =
            json!([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}]);
        let schema = Schema::read(&json!({"inputs": inputs}), "inputs")
            .unwrap()
            .unwrap();
        assert!(enforced(&schema, &json!([[1, 2]])).is_ok());
        let error = enforced(&schema, &json!([[1, 2, 3]])).unwrap_err();
        assert_eq!(
            error.message(),
            "Shape of input [1, 3] does not match expected shape [-1, 2]."
        );
    }
}
