//! `CastMap`, `DictVectorizer` and `ZipMap`: maps from and to tensors.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::labels::Labels;
use crate::compile::Node;
use crate::families::kernel::{matrix, take};
use crate::value::{Key, Map};
use crate::{Inputs, Operator, Type, Value, size};

fn map(value: &Value) -> Result<&Map> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(Error::model(format!(
            "expected a map, found {}",
            other.kind()
        ))),
    }
}

fn no_map(found: &Type) -> Error {
    Error::model(format!("input 0: expected a map, found {found}"))
}

struct ZipMap {
    labels: Labels,
}

pub(super) fn zip_map(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let labels = Labels::of(node.attributes, "classlabels_int64s")?;
    Ok(Box::new(ZipMap { labels }))
}

impl ZipMap {
    fn keys(&self) -> Vec<Key> {
        match &self.labels {
            Labels::Ints(labels) => labels.iter().copied().map(Key::Int).collect(),
            Labels::Strings(labels) => labels.iter().cloned().map(Key::String).collect(),
        }
    }
}

impl Operator for ZipMap {
    fn types(&self, inputs: &[Option<Type>]) -> Result<Vec<Option<Type>>> {
        let value = match inputs.first().and_then(Option::as_ref) {
            None => Type::Tensor(DataType::Fp32),
            Some(found @ Type::Tensor(DataType::Fp32 | DataType::Fp64)) => found.clone(),
            Some(other) => {
                return Err(Error::model(format!(
                    "input 0: expected tensor(FP32), found {other}"
                )));
            }
        };
        let map = Type::Map(self.labels.dtype(), Box::new(value));
        Ok(vec![Some(Type::Sequence(Box::new(map)))])
    }

    fn run(&self, inputs: Inputs<'_>) -> Result<Vec<Value>> {
        let x = inputs.tensor(0)?;
        let (rows, columns) = matrix(x)?;
        let keys = self.keys();
        if columns != keys.len() {
            return Err(Error::invalid(format!(
                "expected {} columns, one for each label, found {columns}",
                keys.len()
            )));
        }
        let (Some(bytes), Some(size)) = (x.bytes(), x.dtype().size()) else {
            return Err(Error::invalid("expected numbers, found BYTES"));
        };
        let mut maps = Vec::with_capacity(rows);
        for row in 0..rows {
            let mut map = Vec::with_capacity(columns);
            for (column, key) in keys.iter().enumerate() {
                let from = (row * columns + column) * size;
                let one = Tensor::from_bytes(x.dtype(), [], bytes.slice(from..from + size))?;
                map.push((key.clone(), Value::Tensor(one)));
            }
            maps.push(Value::Map(map));
        }
        Ok(vec![Value::Sequence(maps)])
    }
}

struct DictVectorizer {
    vocabulary: Vec<Key>,
}

pub(super) fn dict_vectorizer(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let strings = node.attributes.strings("string_vocabulary")?.unwrap_or(&[]);
    let integers = node.attributes.ints("int64_vocabulary")?.unwrap_or(&[]);
    if strings.is_empty() == integers.is_empty() {
        return Err(Error::model(
            "exactly one of `string_vocabulary` and `int64_vocabulary` is needed",
        ));
    }
    let strings = strings.iter().cloned().map(Key::String);
    let integers = integers.iter().copied().map(Key::Int);
    Ok(Box::new(DictVectorizer {
        vocabulary: strings.chain(integers).collect(),
    }))
}

impl DictVectorizer {
    /// The values of `map` in the order of the vocabulary; zero, or no text, where it has none.
    fn row(&self, map: &Map) -> Result<Tensor> {
        let values = map.iter().map(|(_, value)| value.tensor().cloned());
        let mut values = values.collect::<Result<Vec<_>>>()?;
        let dtype = values.first().map_or(DataType::Fp32, Tensor::dtype);
        let missing = values.len();
        values.push(zero(dtype)?);
        let flat = values.into_iter().map(|value| value.reshape([1]));
        let values = Tensor::concat_rows(&flat.collect::<Result<Vec<_>>>()?)?;
        let place = |key: &Key| map.iter().position(|(found, _)| found == key);
        let picks = self
            .vocabulary
            .iter()
            .map(|key| place(key).unwrap_or(missing));
        let shape = vec![1, self.vocabulary.len()];
        take(&values, &picks.collect::<Vec<_>>(), shape)
    }
}

fn zero(dtype: DataType) -> Result<Tensor> {
    match dtype.size() {
        Some(size) => Tensor::from_bytes(dtype, [1], vec![0; size]),
        None => Tensor::from_strings([1], vec![Bytes::new()]),
    }
}

impl Operator for DictVectorizer {
    fn types(&self, inputs: &[Option<Type>]) -> Result<Vec<Option<Type>>> {
        let map = match inputs.first().and_then(Option::as_ref) {
            Some(Type::Sequence(inner)) => Some(&**inner),
            other => other,
        };
        match map {
            None => Ok(vec![None]),
            Some(Type::Map(_, value)) => Ok(vec![Some((**value).clone())]),
            Some(other) => Err(no_map(other)),
        }
    }

    fn run(&self, inputs: Inputs<'_>) -> Result<Vec<Value>> {
        let rows = match inputs.value(0)? {
            Value::Sequence(maps) => maps.iter().map(|one| self.row(map(one)?)).collect(),
            one => Ok(vec![self.row(map(one)?)?]),
        };
        Ok(vec![Tensor::concat_rows(&rows?)?.into()])
    }
}

struct CastMap {
    to: DataType,
    /// The length of a sparse output, where the key is the place.
    sparse: Option<usize>,
}

pub(super) fn cast_map(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let to = match attributes.text("cast_to")?.unwrap_or("TO_FLOAT") {
        "TO_FLOAT" => DataType::Fp32,
        "TO_INT64" => DataType::Int64,
        "TO_STRING" => DataType::Bytes,
        other => {
            return Err(Error::model(format!(
                "attribute `cast_to`: expected TO_FLOAT, TO_INT64 or TO_STRING, found {other}"
            )));
        }
    };
    let sparse = match attributes.text("map_form")?.unwrap_or("DENSE") {
        "DENSE" => None,
        "SPARSE" => {
            let length = size::sizes(&[attributes.int_or("max_map", 1)?])?;
            Some(size::count(&length, to)?)
        }
        other => {
            return Err(Error::model(format!(
                "attribute `map_form`: expected DENSE or SPARSE, found {other}"
            )));
        }
    };
    Ok(Box::new(CastMap { to, sparse }))
}

impl CastMap {
    fn values(&self, map: &Map) -> Result<Vec<(i64, Tensor)>> {
        let mut entries = Vec::with_capacity(map.len());
        for (key, value) in map {
            let Key::Int(key) = key else {
                return Err(Error::invalid("expected integer keys, found byte strings"));
            };
            entries.push((*key, self.cast(value.tensor()?)?));
        }
        entries.sort_by_key(|(key, _)| *key);
        Ok(entries)
    }

    fn cast(&self, value: &Tensor) -> Result<Tensor> {
        if value.dtype() == self.to {
            return value.clone().reshape([1]);
        }
        let number = match value.dtype() {
            DataType::Bytes => parse(value.strings()?.first())?,
            _ => value.to_f64()?.first().copied().unwrap_or_default(),
        };
        match self.to {
            DataType::Bytes => Tensor::from_strings([1], vec![format!("{number:.6}").into()]),
            DataType::Int64 => Tensor::from_vec([1], vec![number as i64]),
            _ => Tensor::from_vec([1], vec![number as f32]),
        }
    }

    fn pad(&self) -> Result<Tensor> {
        match self.to {
            // What ONNX Runtime writes.
            DataType::Bytes => Tensor::from_strings([1], vec![Bytes::from_static(b"0.f")]),
            other => zero(other),
        }
    }
}

fn parse(text: Option<&Bytes>) -> Result<f64> {
    let text = text.and_then(|text| std::str::from_utf8(text).ok());
    let text = text.unwrap_or_default().trim();
    text.parse()
        .map_err(|_| Error::invalid(format!("`{text}` is not a number")))
}

impl Operator for CastMap {
    fn types(&self, inputs: &[Option<Type>]) -> Result<Vec<Option<Type>>> {
        match inputs.first().and_then(Option::as_ref) {
            None | Some(Type::Map(DataType::Int64, _)) => Ok(vec![Some(Type::Tensor(self.to))]),
            Some(other) => Err(no_map(other)),
        }
    }

    fn run(&self, inputs: Inputs<'_>) -> Result<Vec<Value>> {
        let entries = self.values(map(inputs.value(0)?)?)?;
        let negative = entries.first().filter(|(key, _)| *key < 0);
        if let Some((key, _)) = negative.filter(|_| self.sparse.is_some()) {
            return Err(Error::invalid(format!("key {key} is negative")));
        }
        let count = self.sparse.unwrap_or(entries.len());
        let missing = entries.len();
        let places = (0..count).map(|place| match self.sparse {
            None => place,
            Some(_) => entries
                .binary_search_by_key(&(place as i64), |(key, _)| *key)
                .unwrap_or(missing),
        });
        let places: Vec<usize> = places.collect();
        let mut values: Vec<Tensor> = entries.into_iter().map(|(_, value)| value).collect();
        values.push(self.pad()?);
        let values = Tensor::concat_rows(&values)?;
        Ok(vec![take(&values, &places, vec![1, count])?.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::compile;
    use crate::testing::{Attr, NoBodies, node};

    fn run(name: &str, attributes: &[(&str, Attr)], map: Map) -> Result<Tensor> {
        let mut node = node(name, attributes);
        node.domain = Some("ai.onnx.ml".to_owned());
        let compiled =
            compile(&node, 1, &NoBodies).map_err(|refusal| Error::model(refusal.to_string()))?;
        let made = compiled.operator.run(Inputs(&[Some(Value::Map(map))]))?;
        made.into_iter().next().unwrap().into_tensor()
    }

    fn number(value: f32) -> Value {
        Tensor::from_vec([], vec![value]).unwrap().into()
    }

    /// The keys 2, 0 and 5 with the values 1.5, -2.9 and 0.25.
    fn numbers() -> Map {
        [(2, 1.5), (0, -2.9), (5, 0.25)]
            .map(|(key, value)| (Key::Int(key), number(value)))
            .to_vec()
    }

    #[test]
    fn a_dense_map_is_written_by_its_keys() {
        let made = run("CastMap", &[], numbers()).unwrap();
        assert_eq!(made.shape(), [1, 3]);
        assert_eq!(made.to_vec::<f32>().unwrap(), [-2.9, 1.5, 0.25]);
        let to = [("cast_to", Attr::Text("TO_INT64"))];
        let made = run("CastMap", &to, numbers()).unwrap();
        assert_eq!(made.to_vec::<i64>().unwrap(), [-2, 1, 0]);
        let to = [("cast_to", Attr::Text("TO_STRING"))];
        let made = run("CastMap", &to, numbers()).unwrap();
        assert_eq!(made.strings().unwrap()[1], "1.500000");
    }

    #[test]
    fn a_sparse_map_puts_values_where_keys_say() {
        let sparse = [
            ("map_form", Attr::Text("SPARSE")),
            ("max_map", Attr::Int(4)),
        ];
        let made = run("CastMap", &sparse, numbers()).unwrap();
        assert_eq!(made.to_vec::<f32>().unwrap(), [-2.9, 0.0, 1.5, 0.0]);
        let negative = vec![(Key::Int(-1), number(1.0))];
        assert!(run("CastMap", &sparse, negative).is_err());
        let endless = [
            ("map_form", Attr::Text("SPARSE")),
            ("max_map", Attr::Int(i64::MAX)),
        ];
        assert!(run("CastMap", &endless, numbers()).is_err());
    }

    #[test]
    fn a_vocabulary_orders_values() {
        let words = [("string_vocabulary", Attr::Texts(vec!["a", "c", "b", "z"]))];
        let map = [("c", 8.0), ("a", 4.0), ("unknown", 1.0)]
            .map(|(key, value)| (Key::String(key.into()), number(value)));
        let made = run("DictVectorizer", &words, map.to_vec()).unwrap();
        assert_eq!(made.shape(), [1, 4]);
        assert_eq!(made.to_vec::<f32>().unwrap(), [4.0, 8.0, 0.0, 0.0]);
        assert!(run("DictVectorizer", &[], Map::new()).is_err());
    }
}
