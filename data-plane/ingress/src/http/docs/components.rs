//! Schemas and examples that the operations of a document refer to.

mod shared;

use hari_core::{DataType, TensorSpec};
use serde_json::{Map, Value, json};

use super::schema::{array, element, object, reference, row};
use super::subject::{Subject, Tensors};
use super::{example, subject};
use crate::reply::Dialect;

pub(super) use shared::{error_name, parameters, responses, shared};

/// Models of one deployment that take and give the same.
pub(super) struct Variant<'a> {
    /// Behind the names of its components: empty for the whole graph, else `.` and a number.
    pub(super) suffix: String,
    /// The models' names.
    names: Vec<&'a str>,
    tensors: Tensors<'a>,
}

impl<'a> Variant<'a> {
    /// Those of a deployment, the whole graph first.
    pub(super) fn all(subject: &'a Subject) -> Vec<Self> {
        let mut variants = vec![Self {
            suffix: String::new(),
            names: Vec::new(),
            tensors: Tensors::of(&subject.whole),
        }];
        for known in &subject.models {
            let tensors = Tensors::of(&known.metadata);
            let same = |variant: &&mut Self| variant.tensors == tensors;
            match variants.iter_mut().find(same) {
                Some(variant) => variant.names.push(&known.name),
                None => variants.push(Self {
                    suffix: format!(".{}", variants.len()),
                    names: vec![&known.name],
                    tensors,
                }),
            }
        }
        variants
    }

    /// Those of `models` that are its own.
    pub(super) fn among(&self, models: &[&'a str]) -> Vec<&'a str> {
        let own = |name: &&&str| self.names.contains(name);
        models.iter().filter(own).copied().collect()
    }

    /// Whether there is an example of this name.
    pub(super) fn has_example(&self, name: &str) -> bool {
        self.example(name).is_some()
    }

    fn example(&self, name: &str) -> Option<Value> {
        let Tensors { inputs, outputs } = self.tensors;
        match name {
            "SeldonRequest" => example::seldon(inputs),
            "SeldonReply" => example::seldon(outputs),
            "SeldonMessageList" => {
                let reply = example::seldon(outputs)?;
                Some(json!([reply, reply]))
            }
            "SeldonFeedback" => Some(json!({"request": example::seldon(inputs)?, "reward": 1.0})),
            "InferRequest" => example::open_inference(inputs),
            "PredictRequest" | "Invocation" => example::tensorflow(inputs),
            "Examples" => example::features(inputs),
            _ => None,
        }
    }
}

/// The component's name of a schema that is made for a model.
pub(super) fn schema_name(key: &str, name: &str, suffix: &str) -> String {
    format!("{key}.{name}{suffix}")
}

/// The component's name of an example.
pub(super) fn example_name(key: &str, name: &str, suffix: &str) -> String {
    format!("{key}.{name}{suffix}")
}

/// The schemas of one deployment in the words of `dialect`.
pub(super) fn schemas(
    subject: &Subject,
    variants: &[Variant<'_>],
    dialect: Dialect,
) -> Vec<(String, Value)> {
    let each = |variant: &Variant<'_>| {
        let named = |(name, schema)| (schema_name(&subject.key, name, &variant.suffix), schema);
        made(variant.tensors, dialect).map(named)
    };
    let all = variants.iter().flat_map(each);
    all.collect()
}

fn made(tensors: Tensors<'_>, dialect: Dialect) -> [(&'static str, Value); 2] {
    let Tensors { inputs, outputs } = tensors;
    match dialect {
        Dialect::Seldon => [
            ("SeldonRequest", seldon(inputs)),
            ("SeldonReply", seldon(outputs)),
        ],
        Dialect::OpenInference => [
            ("InferRequest", infer_request(inputs, outputs)),
            ("InferReply", infer_reply(outputs)),
        ],
        Dialect::Tensorflow => [
            ("PredictRequest", predict(inputs, ["instances", "inputs"])),
            ("PredictReply", predict(outputs, ["predictions", "outputs"])),
        ],
        Dialect::Mlflow => [
            ("Invocation", invocation(inputs)),
            ("InvocationReply", reference("Predictions")),
        ],
    }
}

/// The examples of one deployment in the words of `dialect`; those that are too long are left out.
pub(super) fn examples(
    subject: &Subject,
    variants: &[Variant<'_>],
    dialect: Dialect,
) -> Vec<(String, Value)> {
    let names: &[&str] = match dialect {
        Dialect::Seldon => &[
            "SeldonRequest",
            "SeldonReply",
            "SeldonMessageList",
            "SeldonFeedback",
        ],
        Dialect::OpenInference => &["InferRequest"],
        Dialect::Tensorflow => &["PredictRequest", "Examples"],
        Dialect::Mlflow => &["Invocation"],
    };
    let mut examples = Vec::new();
    for variant in variants {
        for name in names {
            if let Some(value) = variant.example(name) {
                let component = example_name(&subject.key, name, &variant.suffix);
                examples.push((component, json!({"value": value})));
            }
        }
    }
    examples
}

/// Rows in one of MLflow's forms.
fn invocation(specs: &[TensorSpec]) -> Value {
    let mut schema = predict(specs, ["instances", "inputs"]);
    for form in ["dataframe_split", "params"] {
        schema["properties"][form] = json!({"type": "object"});
    }
    schema["properties"]["dataframe_records"] =
        json!({"type": "array", "items": {"type": "object"}});
    schema
}

/// A Seldon message whose array has the shape of the only tensor, or holds all by name.
fn seldon(specs: &[TensorSpec]) -> Value {
    let mut schema = shared::message();
    let fill = |schema: &mut Value, pointer: &str, value: Value| {
        if let Some(place) = schema.pointer_mut(pointer) {
            *place = value;
        }
    };
    match specs {
        [] => {}
        [only] => {
            let (pointer, leaf) = ("/properties/data/properties", element(only.dtype));
            fill(&mut schema, &format!("{pointer}/ndarray"), array(only));
            let values = json!({"type": "array", "items": leaf});
            fill(
                &mut schema,
                &format!("{pointer}/tensor/properties/values"),
                values,
            );
        }
        several => fill(&mut schema, "/properties/jsonData", by_name(several)),
    }
    schema["x-tensors"] = subject::tensors(specs);
    schema
}

fn by_name(specs: &[TensorSpec]) -> Value {
    let each = |spec: &TensorSpec| (spec.name.clone(), array(spec));
    object(specs.iter().map(each).collect())
}

fn infer_request(inputs: &[TensorSpec], outputs: &[TensorSpec]) -> Value {
    let names: Vec<_> = outputs.iter().map(|spec| &spec.name).collect();
    let name = match names.as_slice() {
        [] => json!({"type": "string"}),
        names => json!({"type": "string", "enum": names}),
    };
    let output = json!({
        "type": "object",
        "required": ["name"],
        "properties": {"name": name, "parameters": {"type": "object"}},
    });
    json!({
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "parameters": {"type": "object"},
            "inputs": tensors(inputs, true),
            "outputs": {"type": "array", "items": output},
        },
        "x-tensors": subject::tensors(inputs),
    })
}

fn infer_reply(outputs: &[TensorSpec]) -> Value {
    json!({
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "parameters": {"type": "object"},
            "outputs": tensors(outputs, false),
        },
        "x-tensors": subject::tensors(outputs),
    })
}

fn tensors(specs: &[TensorSpec], all: bool) -> Value {
    let each: Vec<_> = specs.iter().map(|spec| infer_tensor(spec, all)).collect();
    match each.as_slice() {
        [] => json!({"type": "array", "items": reference("Tensor")}),
        _ if all => {
            let count = each.len();
            json!({"type": "array", "minItems": count, "maxItems": count, "items": {"anyOf": each}})
        }
        _ => json!({"type": "array", "items": {"anyOf": each}}),
    }
}

/// A tensor of the open inference protocol. An input may come in any type that widens to the
/// model's without loss.
fn infer_tensor(spec: &TensorSpec, input: bool) -> Value {
    let fits = |dtype: &DataType| *dtype == spec.dtype || input && dtype.widens_to(spec.dtype);
    let dtypes = DataType::ALL.into_iter().filter(fits).map(DataType::name);
    json!({
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"type": "string", "enum": [spec.name]},
            "shape": shape(spec),
            "datatype": {"type": "string", "enum": dtypes.collect::<Vec<_>>()},
            "parameters": {"type": "object"},
            "data": {
                "type": "array",
                "items": {},
                "description": format!("Row-major, flat or nested; {spec}"),
            },
        },
    })
}

fn shape(spec: &TensorSpec) -> Value {
    let mut schema = json!({"type": "array", "items": {"type": "integer", "minimum": 0}});
    if let Some(shape) = &spec.shape {
        schema["minItems"] = json!(shape.len());
        schema["maxItems"] = json!(shape.len());
        schema["description"] = json!(format!("{:?}, -1 for any size", spec.wire_shape()));
    }
    schema
}

/// Rows under one key or columns under the other, of one tensor plain or of several by name.
fn predict(specs: &[TensorSpec], [rows, columns]: [&str; 2]) -> Value {
    let name = json!({"type": "string", "description": "Default: the first signature"});
    let one = |key: &str, schema: Value| {
        let mut members = Map::new();
        if key == "instances" || key == "inputs" {
            members.insert("signature_name".to_owned(), name.clone());
        }
        members.insert(key.to_owned(), schema);
        json!({"type": "object", "required": [key], "properties": members})
    };
    json!({
        "anyOf": [one(rows, row_wise(specs)), one(columns, column_wise(specs))],
        "x-tensors": subject::tensors(specs),
    })
}

fn row_wise(specs: &[TensorSpec]) -> Value {
    let any = || json!({"type": "array", "items": {}});
    let named: Option<Map<_, _>> = specs
        .iter()
        .map(|spec| Some((spec.name.clone(), row(spec)?)))
        .collect();
    match (specs, named) {
        ([], _) | (_, None) => any(),
        ([only], Some(named)) => {
            let plain = row(only).unwrap_or_default();
            json!({"type": "array", "items": {"anyOf": [plain, object(named)]}})
        }
        (_, Some(named)) => json!({"type": "array", "items": object(named)}),
    }
}

fn column_wise(specs: &[TensorSpec]) -> Value {
    match specs {
        [] => json!({}),
        [only] => json!({"anyOf": [array(only), by_name(specs)]}),
        several => by_name(several),
    }
}
