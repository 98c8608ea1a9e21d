//! Requests of classify and regress in JSON: rows of named features, with those that all rows
//! share in `context`.

use hari_core::{DataType, Limits, Tensor};
use hari_error::{Error, Result};

use super::example::{Example, Feature};
use super::predict::ELEMENTS;
use crate::json::Reader;
use crate::json::array;

/// A request to classify or to regress.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExamplesRequest {
    /// The signature that the caller named.
    pub signature_name: Option<String>,
    /// The rows, each with the features of the context.
    pub examples: Vec<Example>,
}

/// Reads a request.
///
/// # Errors
/// `InvalidInput` with the path of the value, what was expected and what was found; `TooLarge`
/// beyond a limit.
pub fn decode_examples(body: &[u8], limits: &Limits) -> Result<ExamplesRequest> {
    let mut reader = Reader::new(body, limits)?;
    let mut request = ExamplesRequest::default();
    let (mut context, mut examples) = (Example::default(), None);
    reader.object(|reader, key| {
        match key {
            "signature_name" if !reader.null()? => {
                request.signature_name = Some(reader.string()?.into_owned());
            }
            "context" => context = example(reader, limits)?,
            "examples" => examples = Some(list(reader, limits)?),
            "signature_name" => {}
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    let examples = examples.ok_or_else(|| Error::invalid("`examples` is missing"))?;
    request.examples = with_context(examples, &context, limits)?;
    Ok(request)
}

fn list(reader: &mut Reader<'_>, limits: &Limits) -> Result<Vec<Example>> {
    let (mut examples, mut size) = (Vec::new(), 0);
    reader.array(|reader, _| {
        let example = example(reader, limits)?;
        size += example.size();
        examples.push(example);
        check_size(size, limits)
    })?;
    if examples.is_empty() {
        return Err(reader.error("expected at least one example, found none"));
    }
    Ok(examples)
}

fn example(reader: &mut Reader<'_>, limits: &Limits) -> Result<Example> {
    let mut example = Example::default();
    reader.object(|reader, name| {
        let tensor = array::read(reader, ELEMENTS, limits)?;
        let feature = feature(&tensor).map_err(|error| error.context(reader.path()))?;
        // An empty list says nothing of its kind: the feature is not there.
        if let Some(feature) = feature {
            example.features.insert(name.to_owned(), feature);
        }
        Ok(())
    })?;
    Ok(example)
}

/// The feature of a value or of a flat list of values.
fn feature(tensor: &Tensor) -> Result<Option<Feature>> {
    if tensor.shape().len() > 1 {
        return Err(Error::invalid(
            "expected a value or a flat list, found a nested list",
        ));
    }
    if tensor.is_empty() {
        return Ok(None);
    }
    Ok(Some(match tensor.dtype() {
        DataType::Bytes => Feature::Bytes(tensor.strings()?.to_vec()),
        DataType::Bool | DataType::Int64 => {
            Feature::Int64s(tensor.cast(DataType::Int64)?.to_vec()?)
        }
        DataType::Fp64 => Feature::Floats(floats(tensor)?),
        _ => return Err(Error::invalid("an integer is beyond 64 bits with a sign")),
    }))
}

fn floats(tensor: &Tensor) -> Result<Vec<f32>> {
    let narrow = |wide: &f64| {
        let single = *wide as f32;
        let fits = single.is_finite() || !wide.is_finite();
        fits.then_some(single)
            .ok_or_else(|| Error::invalid(format!("{wide} does not fit FP32")))
    };
    tensor.values::<f64>()?.iter().map(narrow).collect()
}

fn check_size(size: usize, limits: &Limits) -> Result<()> {
    if size <= limits.tensor {
        return Ok(());
    }
    Err(Error::too_large(format!(
        "examples: they take more than {} bytes",
        limits.tensor
    )))
}

/// The examples, each with a copy of the context's features.
///
/// # Errors
/// If an example has a feature of the context too, or if the copies would be over the limit for a
/// tensor.
pub(super) fn with_context(
    mut examples: Vec<Example>,
    context: &Example,
    limits: &Limits,
) -> Result<Vec<Example>> {
    if context.features.is_empty() {
        return Ok(examples);
    }
    check_size(context.size().saturating_mul(examples.len()), limits)
        .map_err(|error| error.context("context"))?;
    for (at, example) in examples.iter_mut().enumerate() {
        if let Some(name) = context
            .features
            .keys()
            .find(|name| example.features.contains_key(*name))
        {
            return Err(Error::invalid(format!(
                "examples[{at}].{name}: stands in the context too"
            )));
        }
        example.features.extend(context.features.clone());
    }
    Ok(examples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use hari_error::Kind;
    use proptest::prelude::*;

    fn texts(texts: &[&'static str]) -> Feature {
        Feature::Bytes(texts.iter().map(|text| Bytes::from(*text)).collect())
    }

    fn decode(text: &str) -> Result<ExamplesRequest> {
        decode_examples(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn features_of_every_kind_are_read_and_the_context_joins_each() {
        let request = decode(
            r#"{"signature_name": "classify",
                "context": {"site": "north"},
                "examples": [
                    {"image": {"b64": "aGk="}, "caption": "seaside", "size": [1, 2]},
                    {"image": [{"b64": "aGk"}], "caption": ["hill", "sea"], "size": 1.5,
                     "on": [true, false], "none": []}
                ]}"#,
        )
        .unwrap();
        assert_eq!(request.signature_name.as_deref(), Some("classify"));
        let [first, second] = &*request.examples else {
            panic!("two examples")
        };
        assert_eq!(first.features["image"], texts(&["hi"]));
        assert_eq!(first.features["size"], Feature::Int64s(vec![1, 2]));
        assert_eq!(second.features["image"], texts(&["hi"]));
        assert_eq!(second.features["caption"], texts(&["hill", "sea"]));
        assert_eq!(second.features["size"], Feature::Floats(vec![1.5]));
        assert_eq!(second.features["on"], Feature::Int64s(vec![1, 0]));
        assert!(!second.features.contains_key("none"));
        assert!(
            request
                .examples
                .iter()
                .all(|e| e.features["site"] == texts(&["north"]))
        );
    }

    #[test]
    fn what_is_no_example_is_refused() {
        let message = |text| decode(text).unwrap_err().message().to_owned();
        assert_eq!(message("{}"), "`examples` is missing");
        assert_eq!(
            message(r#"{"examples": []}"#),
            "examples: expected at least one example, found none"
        );
        assert_eq!(
            message(r#"{"examples": [{"x": [[1]]}]}"#),
            "examples[0].x: expected a value or a flat list, found a nested list"
        );
        assert_eq!(
            message(r#"{"examples": [{"x": 18446744073709551615}]}"#),
            "examples[0].x: an integer is beyond 64 bits with a sign"
        );
        assert_eq!(
            message(r#"{"examples": [{"x": 1e300}]}"#),
            format!("examples[0].x: {} does not fit FP32", 1e300_f64)
        );
        assert_eq!(
            message(r#"{"context": {"x": 1}, "examples": [{"y": 1}, {"x": 2}]}"#),
            "examples[1].x: stands in the context too"
        );
        assert_eq!(
            message(r#"{"examples": [7]}"#),
            "examples[0]: expected an object, found a number"
        );
    }

    #[test]
    fn a_context_cannot_be_multiplied_beyond_the_limit() {
        let limits = Limits {
            tensor: 100_000,
            ..Limits::default()
        };
        let context = format!(r#"{{"x":[{}1]}}"#, "1,".repeat(1000));
        let body = format!(
            r#"{{"context":{context},"examples":[{}{{}}]}}"#,
            "{},".repeat(100)
        );
        let error = decode_examples(body.as_bytes(), &limits).unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in r#"\{"examples":\[[a-z0-9\[\]{}":,.-]{0,30}\]\}"#) {
            if let Ok(request) = decode(&text) {
                prop_assert!(!request.examples.is_empty());
            }
        }
    }
}
