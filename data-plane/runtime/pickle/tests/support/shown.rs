//! What was read, in the form of the fixtures' JSON.

use hari_pickle::{Array, Cursor, Dtype, Kind, Value};
use serde_json::{Map, Value as Json, json};

/// The value and all that it holds.
pub(crate) fn show(cursor: &Cursor<'_>) -> Json {
    let items = || Json::from(cursor.items().unwrap().iter().map(show).collect::<Vec<_>>());
    match cursor.value() {
        Value::None => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!({ "int": value.to_string() }),
        Value::BigInt(bytes) => json!({ "int": big(bytes) }),
        Value::Float(value) => json!({ "float": bits(*value) }),
        Value::Bytes(bytes) => json!({ "bytes": hex(bytes) }),
        Value::Str(text) => json!(&**text),
        Value::Tuple(_) => json!({ "tuple": items() }),
        Value::List(_) => json!({ "list": items() }),
        Value::Set(_) => {
            let mut shown: Vec<_> = cursor.items().unwrap().iter().map(show).collect();
            shown.sort_by_key(ToString::to_string);
            json!({ "set": shown })
        }
        Value::Dict(_) => json!({ "dict": entries(cursor) }),
        Value::Name(class) => json!({ "name": class.name }),
        Value::Object(_) => object(cursor),
        Value::Array(found) => array(found, cursor),
        Value::Scalar(found) if found.dtype().kind == Kind::Str => json!(cursor.text().unwrap()),
        Value::Scalar(found) => json!({ "scalar": array(found, cursor) }),
        Value::Dtype(dtype) => json!({ "dtype": name(dtype) }),
    }
}

fn entries(cursor: &Cursor<'_>) -> Vec<Json> {
    let entries = cursor.entries().unwrap();
    let pairs = entries.iter();
    pairs
        .map(|(key, value)| json!([show(key), show(value)]))
        .collect()
}

/// With its attributes, where it is an estimator.
fn object(cursor: &Cursor<'_>) -> Json {
    let class = match cursor.class().unwrap().as_str() {
        "numpy.ma.core._mareconstruct" => "numpy.ma.core.MaskedArray".to_owned(),
        "numpy.random._pickle.__generator_ctor" => "numpy.random._generator.Generator".to_owned(),
        "numpy.random._pickle.__randomstate_ctor" => "numpy.random.mtrand.RandomState".to_owned(),
        other => other.to_owned(),
    };
    let mut shown = Map::new();
    let attributes = cursor
        .state()
        .ok()
        .filter(|_| class.starts_with("sklearn."));
    if let Some(attributes) = attributes.and_then(|state| state.entries().ok()) {
        let mut pairs: Vec<_> = attributes
            .iter()
            .map(|(key, value)| (key.text().unwrap(), show(value)))
            .collect();
        pairs.sort_by(|left, right| left.0.cmp(&right.0));
        shown.insert(
            "attributes".to_owned(),
            Json::Object(pairs.into_iter().collect()),
        );
    }
    shown.insert("object".to_owned(), json!(class));
    Json::Object(shown)
}

fn array(found: &Array, cursor: &Cursor<'_>) -> Json {
    let dtype = found.dtype();
    if dtype.kind == Kind::Struct {
        let fields = dtype.fields.iter().map(|field| {
            let column = found.field(&field.name).unwrap();
            (field.name.clone(), array(&column, cursor))
        });
        let fields: Map<_, _> = fields.collect();
        return json!({ "array": "record", "shape": found.shape(), "fields": fields });
    }
    let values: Vec<Json> = match dtype.kind {
        Kind::Object => cursor.items().unwrap().iter().map(show).collect(),
        Kind::Bool => list(found.typed::<bool>().unwrap().values),
        Kind::Float => {
            let values = found.numbers().unwrap().values;
            values.into_iter().map(|value| json!(bits(value))).collect()
        }
        Kind::Uint if dtype.size == 8 => list(found.typed::<u64>().unwrap().values),
        Kind::Int | Kind::Uint => list(found.integers().unwrap().values),
        Kind::Bytes | Kind::Str => list(found.texts().unwrap().values),
        Kind::Struct => Vec::new(),
    };
    json!({ "array": name(dtype), "shape": found.shape(), "values": values })
}

fn list<T: Into<Json>>(values: Vec<T>) -> Vec<Json> {
    values.into_iter().map(Into::into).collect()
}

/// In numpy's words.
fn name(dtype: &Dtype) -> String {
    match dtype.kind {
        Kind::Str => format!("<U{}", dtype.size / 4),
        Kind::Bytes => format!("|S{}", dtype.size),
        _ => dtype.to_string(),
    }
}

fn bits(value: f64) -> String {
    format!("{:016x}", value.to_bits())
}

/// The float of [`bits`].
pub(crate) fn float(bits: &str) -> f64 {
    f64::from_bits(u64::from_str_radix(bits, 16).unwrap())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An integer of up to 128 bits.
fn big(bytes: &[u8]) -> String {
    let fill = if bytes.last().is_some_and(|byte| *byte >= 0x80) {
        0xff
    } else {
        0
    };
    let mut whole = bytes.to_vec();
    whole.resize(16, fill);
    i128::from_le_bytes(whole.try_into().unwrap()).to_string()
}

/// Compares, and says the first place that differs.
pub(crate) fn same(found: &Json, expected: &Json, place: &str) {
    match (found, expected) {
        (Json::Array(left), Json::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                same(left, right, &format!("{place}[{index}]"));
            }
        }
        (Json::Object(left), Json::Object(right)) => {
            let keys = |map: &Map<_, _>| map.keys().cloned().collect::<Vec<_>>();
            for key in keys(left).iter().chain(&keys(right)) {
                let missing = Json::from("nothing");
                let of = |map: &Map<String, Json>| map.get(key).unwrap_or(&missing).clone();
                same(&of(left), &of(right), &format!("{place}.{key}"));
            }
        }
        (Json::String(left), Json::String(right)) => assert_eq!(*left, today(right), "{place}"),
        _ => assert_eq!(found, expected, "{place}"),
    }
}

/// The classes of the fixtures that moved, under the name of today.
fn today(class: &str) -> String {
    if let Some(name) = class.strip_prefix("_loss.Cy") {
        return format!("sklearn._loss._loss.Cy{name}");
    }
    class
        .replace(
            "sklearn.neighbors._dist_metrics.",
            "sklearn.metrics._dist_metrics.",
        )
        .replace("scipy.sparse.csr.", "scipy.sparse._csr.")
        .replace("scipy.sparse.dia.", "scipy.sparse._dia.")
}
