//! An OpenAPI 3 document of the deployments that are served.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::components::{self, Variant};
use super::operation::operation;
use super::subject::Subject;
use crate::http::route::{Operation, operations};
use crate::http::table;
use crate::reply::Dialect;

/// What is routed; the same for every document.
static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| operations(table()));

/// Which protocols a document tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    Only(Dialect),
}

impl Scope {
    fn dialects(self) -> Vec<Dialect> {
        match self {
            Self::All => vec![
                Dialect::Seldon,
                Dialect::OpenInference,
                Dialect::Tensorflow,
                Dialect::Mlflow,
            ],
            Self::Only(dialect) => vec![dialect],
        }
    }
}

/// The document, with every path of every subject.
pub(super) fn document(subjects: &[Subject], scope: Scope) -> Value {
    let mut parts = Parts::default();
    let dialects = scope.dialects();
    for &dialect in &dialects {
        parts.share(dialect);
    }
    for subject in subjects {
        parts.add(subject, &dialects);
    }
    let facts: Vec<_> = subjects.iter().map(|subject| &subject.facts).collect();
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Hari",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every operation that this server answers, with the tensors of its \
                models. Arrays may also come in another shape that has one reading.",
            "license": {"name": "Apache-2.0"},
        },
        "tags": parts.tags,
        "paths": parts.paths,
        "components": {
            "schemas": parts.schemas,
            "examples": parts.examples,
            "responses": parts.responses,
            "parameters": components::parameters(),
        },
        "x-deployments": facts,
    })
}

#[derive(Default)]
struct Parts {
    tags: Vec<Value>,
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    examples: Map<String, Value>,
    responses: Map<String, Value>,
}

impl Parts {
    fn share(&mut self, dialect: Dialect) {
        self.schemas.extend(components::shared(dialect));
        self.responses.extend([components::responses(dialect)]);
    }

    fn add(&mut self, subject: &Subject, dialects: &[Dialect]) {
        let variants = Variant::all(subject);
        self.tags.push(json!({"name": subject.tag}));
        for &dialect in dialects {
            let schemas = components::schemas(subject, &variants, dialect);
            self.schemas.extend(schemas);
            let examples = components::examples(subject, &variants, dialect);
            self.examples.extend(examples);
        }
        let told = |one: &&Operation| dialects.contains(&Dialect::of_path(&one.path));
        for one in OPERATIONS.iter().filter(told) {
            if let Some(object) = operation(subject, &variants, one) {
                let path = format!("{}{}", subject.base, one.path);
                let item = self.paths.entry(path).or_insert_with(|| json!({}));
                item[one.verb.key()] = object;
            }
        }
    }
}
