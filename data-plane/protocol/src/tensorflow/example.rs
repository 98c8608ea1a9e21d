//! `tf.Example`: a row of named features.

use std::collections::BTreeMap;

use bytes::Bytes;
use hari_core::{NamedTensor, Tensor};
use hari_error::{Error, Result};
use hari_proto::tensorflow as wire;
use hari_proto::tensorflow::feature::Kind;
use prost::Message as _;

/// A row of named features. A feature without a value is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Example {
    /// The features, by name.
    pub features: BTreeMap<String, Feature>,
}

/// The values of a feature.
#[derive(Clone, Debug, PartialEq)]
pub enum Feature {
    /// Integers.
    Int64s(Vec<i64>),
    /// Single precision floats.
    Floats(Vec<f32>),
    /// Byte strings.
    Bytes(Vec<Bytes>),
}

impl Example {
    /// What it takes in memory, in bytes, about: the map holds entries in nodes of eleven.
    pub(super) fn size(&self) -> usize {
        let entries = self.features.len().next_multiple_of(11) * size_of::<(String, Feature)>();
        let values = self
            .features
            .iter()
            .map(|(name, feature)| name.len() + feature.size());
        size_of::<Self>() + entries + values.sum::<usize>()
    }
}

impl Feature {
    /// The number of values.
    fn len(&self) -> usize {
        match self {
            Self::Int64s(values) => values.len(),
            Self::Floats(values) => values.len(),
            Self::Bytes(values) => values.len(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Int64s(_) => "integers",
            Self::Floats(_) => "floats",
            Self::Bytes(_) => "strings",
        }
    }

    /// What the values take in memory, in bytes.
    fn size(&self) -> usize {
        match self {
            Self::Int64s(values) => values.len() * size_of::<i64>(),
            Self::Floats(values) => values.len() * size_of::<f32>(),
            Self::Bytes(values) => values.len() * size_of::<Bytes>(),
        }
    }

    fn from_proto(feature: wire::Feature) -> Option<Self> {
        match feature.kind? {
            Kind::BytesList(list) => Some(Self::Bytes(list.value)),
            Kind::FloatList(list) => Some(Self::Floats(list.value)),
            Kind::Int64List(list) => Some(Self::Int64s(list.value)),
        }
    }

    fn to_proto(&self) -> wire::Feature {
        let kind = match self {
            Self::Bytes(value) => Kind::BytesList(wire::BytesList {
                value: value.clone(),
            }),
            Self::Floats(value) => Kind::FloatList(wire::FloatList {
                value: value.clone(),
            }),
            Self::Int64s(value) => Kind::Int64List(wire::Int64List {
                value: value.clone(),
            }),
        };
        wire::Feature { kind: Some(kind) }
    }
}

impl From<wire::Example> for Example {
    fn from(example: wire::Example) -> Self {
        let features = example.features.unwrap_or_default().feature.into_iter();
        let each = |(name, feature)| Some((name, Feature::from_proto(feature)?));
        Self {
            features: features.filter_map(each).collect(),
        }
    }
}

impl From<&Example> for wire::Example {
    fn from(example: &Example) -> Self {
        let each = |(name, feature): (&String, &Feature)| (name.clone(), feature.to_proto());
        let feature = example.features.iter().map(each).collect();
        Self {
            features: Some(wire::Features { feature }),
        }
    }
}

/// The examples as a BYTES tensor of shape `[rows]`, each encoded, for a model that parses them
/// itself.
///
/// # Errors
/// None in practice: the shape is that of the rows.
pub fn to_serialized(examples: &[Example]) -> Result<Tensor> {
    let encode = |example: &Example| Bytes::from(wire::Example::from(example).encode_to_vec());
    Tensor::from_strings([examples.len()], examples.iter().map(encode).collect())
}

/// The examples as one tensor of shape `[rows, values]` for each feature, for a model that takes
/// features as inputs. Names are in alphabetical order.
///
/// # Errors
/// If there is no example, or if a feature is missing in a row or differs there in kind or in
/// number of values.
pub fn to_tensors(examples: &[Example]) -> Result<Vec<NamedTensor>> {
    let first = examples
        .first()
        .ok_or_else(|| Error::invalid("expected at least one example"))?;
    for (at, example) in examples.iter().enumerate() {
        if let Some(name) = example
            .features
            .keys()
            .find(|name| !first.features.contains_key(*name))
        {
            return Err(Error::invalid(format!(
                "examples[{at}].{name}: the first example has no such feature"
            )));
        }
    }
    first
        .features
        .iter()
        .map(|(name, feature)| column(name, feature, examples))
        .collect()
}

fn column(name: &str, first: &Feature, examples: &[Example]) -> Result<NamedTensor> {
    let mut all = Feature::empty_like(first);
    for (at, example) in examples.iter().enumerate() {
        let found = example.features.get(name);
        let fits = found.is_some_and(|found| found.len() == first.len() && all.append(found));
        if !fits {
            let found = found.map_or("nothing".to_owned(), describe);
            return Err(Error::invalid(format!(
                "examples[{at}].{name}: expected {} as in the first example, found {found}",
                describe(first)
            )));
        }
    }
    let shape = [examples.len(), first.len()];
    let tensor = match all {
        Feature::Int64s(values) => Tensor::from_vec(shape, values),
        Feature::Floats(values) => Tensor::from_vec(shape, values),
        Feature::Bytes(values) => Tensor::from_strings(shape, values),
    }?;
    Ok(NamedTensor::inferred(name, tensor))
}

impl Feature {
    fn empty_like(other: &Self) -> Self {
        match other {
            Self::Int64s(_) => Self::Int64s(Vec::new()),
            Self::Floats(_) => Self::Floats(Vec::new()),
            Self::Bytes(_) => Self::Bytes(Vec::new()),
        }
    }

    /// Adds the values of `more`; false if they are of another kind. Integers among floats become
    /// floats, as JSON writes `1` for `1.0`.
    fn append(&mut self, more: &Self) -> bool {
        match (self, more) {
            (Self::Int64s(all), Self::Int64s(more)) => all.extend(more),
            (Self::Floats(all), Self::Floats(more)) => all.extend(more),
            (Self::Floats(all), Self::Int64s(more)) => all.extend(more.iter().map(|&v| v as f32)),
            (Self::Bytes(all), Self::Bytes(more)) => all.extend(more.iter().cloned()),
            _ => return false,
        }
        true
    }
}

fn describe(feature: &Feature) -> String {
    format!("{} {}", feature.len(), feature.kind())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hari_core::DataType;
    use proptest::prelude::*;

    fn example(features: &[(&str, Feature)]) -> Example {
        let each = |(name, feature): &(&str, Feature)| ((*name).to_owned(), feature.clone());
        Example {
            features: features.iter().map(each).collect(),
        }
    }

    #[test]
    fn features_become_tensors_by_name() {
        let row = |x: f32, tag: &'static str| {
            example(&[
                ("x", Feature::Floats(vec![x, x])),
                ("tag", Feature::Bytes(vec![tag.into()])),
            ])
        };
        let tensors = to_tensors(&[row(1.0, "a"), row(2.0, "b")]).unwrap();
        assert_eq!(
            (&*tensors[0].name, tensors[0].tensor.shape()),
            ("tag", &[2, 1][..])
        );
        assert_eq!(tensors[1].name, "x");
        assert_eq!(
            *tensors[1].tensor.values::<f32>().unwrap(),
            [1.0, 1.0, 2.0, 2.0]
        );
    }

    #[test]
    fn whole_numbers_among_floats_are_floats() {
        let rows = [
            example(&[("x", Feature::Floats(vec![0.5]))]),
            example(&[("x", Feature::Int64s(vec![2]))]),
        ];
        let tensors = to_tensors(&rows).unwrap();
        assert_eq!(tensors[0].tensor.dtype(), DataType::Fp32);
        assert_eq!(*tensors[0].tensor.values::<f32>().unwrap(), [0.5, 2.0]);
    }

    #[test]
    fn rows_that_differ_are_named() {
        let two = example(&[("x", Feature::Int64s(vec![1, 2]))]);
        let message = |rows: &[Example]| to_tensors(rows).unwrap_err().message().to_owned();
        assert_eq!(
            message(&[two.clone(), example(&[("x", Feature::Int64s(vec![1]))])]),
            "examples[1].x: expected 2 integers as in the first example, found 1 integers"
        );
        assert_eq!(
            message(&[two.clone(), Example::default()]),
            "examples[1].x: expected 2 integers as in the first example, found nothing"
        );
        assert_eq!(
            message(&[Example::default(), two]),
            "examples[1].x: the first example has no such feature"
        );
        assert_eq!(message(&[]), "expected at least one example");
    }

    fn feature() -> impl Strategy<Value = Feature> {
        prop_oneof![
            any::<Vec<i64>>().prop_map(Feature::Int64s),
            any::<Vec<f32>>().prop_map(Feature::Floats),
            any::<Vec<Vec<u8>>>()
                .prop_map(|all| Feature::Bytes(all.into_iter().map(Bytes::from).collect())),
        ]
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(
            features in proptest::collection::btree_map("[a-z]{0,3}", feature(), 0..4),
        ) {
            let example = Example { features };
            let tensor = to_serialized(std::slice::from_ref(&example)).unwrap();
            let back = wire::Example::decode(tensor.strings().unwrap()[0].clone()).unwrap();
            prop_assert_eq!(Example::from(back), example);
        }
    }
}
