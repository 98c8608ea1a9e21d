//! One operation of a document: what it takes, what it answers, and how to try it.

use hari_core::{Method, ModelMetadata};
use serde_json::{Map, Value, json};

use super::components::{Variant, error_name, example_name, schema_name};
use super::schema::reference;
use super::subject::Subject;
use crate::http::route::{Action, Operation, Verb};
use crate::reply::Dialect;

/// A body, by the component that tells its schema.
#[derive(Clone, Copy)]
enum Body {
    Nothing,
    /// A text of this media type.
    Text(&'static str),
    /// The same for every deployment.
    Shared(&'static str),
    /// Made for the model.
    Own(&'static str),
}

/// What an action is, in words and in bodies.
struct Words {
    summary: &'static str,
    request: Body,
    /// The component with the example of the request.
    example: &'static str,
    reply: Body,
}

/// The operation as an OpenAPI object; none if no model has what its path names.
pub(super) fn operation(
    subject: &Subject,
    variants: &[Variant<'_>],
    operation: &Operation,
) -> Option<Value> {
    let mut words = words(operation.action);
    let dialect = Dialect::of_path(&operation.path);
    if let (Action::Live | Action::Ready, Dialect::OpenInference) = (operation.action, dialect) {
        words.reply = Body::Shared("Health");
    }
    let models = models(subject, &operation.path)?;
    let mut object = json!({
        "tags": [subject.tag, section(operation)],
        "summary": words.summary,
        "operationId": id(subject, operation),
        "parameters": parameters(subject, operation, &words, &models),
        "x-kind": kind(operation.action),
    });
    if operation.verb == Verb::Post && !matches!(words.request, Body::Nothing) {
        let fitting = fitting(variants, &operation.path, &models);
        object["requestBody"] = json!({
            "required": true,
            "content": content(subject, operation.action, &words, &fitting),
        });
    }
    object["responses"] = responses(&subject.key, variants, dialect, words.reply);
    Some(object)
}

/// The variants of the models that a path can name, by name; of the whole graph if it names none.
fn fitting<'a, 'v>(
    variants: &'v [Variant<'a>],
    path: &str,
    models: &[&'a str],
) -> Vec<(&'v Variant<'a>, Vec<&'a str>)> {
    if !path.contains("{model}") {
        let whole = variants.iter().take(1);
        return whole.map(|one| (one, models.to_vec())).collect();
    }
    let each = variants.iter().map(|one| (one, one.among(models)));
    each.filter(|(_, names)| !names.is_empty()).collect()
}

fn words(action: Action) -> Words {
    let ask = |summary, reply| Words {
        summary,
        request: Body::Nothing,
        example: "",
        reply,
    };
    let send = |summary, request, example, reply| Words {
        summary,
        request,
        example,
        reply,
    };
    match action {
        Action::Live => ask("Whether the process runs", Body::Nothing),
        Action::Ready => ask("Whether a request sent now is answered", Body::Nothing),
        Action::Page => ask("A page to try the operations", Body::Text("text/html")),
        Action::Document => ask("This document", Body::Text("application/json")),
        Action::Call(method) => call_words(method),
        Action::Ping => ask("Answers `pong`", Body::Text("text/plain")),
        Action::UnitStatus => ask("Whether a unit is ready", Body::Shared("SeldonMessage")),
        Action::UnitMetadata => ask("What a unit says of itself", Body::Shared("SeldonMetadata")),
        Action::GraphMetadata => ask("All units of the graph", Body::Shared("SeldonGraph")),
        Action::Server => ask("Name and extensions of the server", Body::Shared("Server")),
        Action::ModelReady => ask("Whether a model is ready", Body::Nothing),
        Action::ModelMetadata => ask("What a model takes and gives", Body::Shared("Model")),
        Action::Index => ask("Every model with its state", Body::Shared("ModelIndex")),
        Action::VersionStatus => ask("The versions and their state", Body::Shared("ModelStatus")),
        Action::Signatures => ask("The signatures of a model", Body::Shared("ModelSignatures")),
        Action::Infer => send(
            "Predict, with named and typed tensors",
            Body::Own("InferRequest"),
            "InferRequest",
            Body::Own("InferReply"),
        ),
        Action::Predict => send(
            "Predict, by rows or by columns",
            Body::Own("PredictRequest"),
            "PredictRequest",
            Body::Own("PredictReply"),
        ),
        Action::Version => ask("A version", Body::Text("text/plain")),
        Action::Invoke => send(
            "Predict, as MLflow's scoring server does",
            Body::Own("Invocation"),
            "Invocation",
            Body::Own("InvocationReply"),
        ),
        Action::Classify => send(
            "Classes and scores of examples",
            Body::Shared("ExamplesRequest"),
            "Examples",
            Body::Shared("ClassifyReply"),
        ),
        Action::Regress => send(
            "One value for each example",
            Body::Shared("ExamplesRequest"),
            "Examples",
            Body::Shared("RegressReply"),
        ),
    }
}

fn call_words(method: Method) -> Words {
    let message = Body::Shared("SeldonMessage");
    let own = Body::Own("SeldonRequest");
    let (summary, request, example, reply) = match method {
        Method::Predict => ("Predict", own, "SeldonRequest", Body::Own("SeldonReply")),
        Method::TransformInput => ("Change a request", own, "SeldonRequest", message),
        Method::TransformOutput => ("Change a reply", message, "SeldonReply", message),
        Method::Route => ("Choose a child", own, "SeldonRequest", message),
        Method::Aggregate => (
            "Make one reply of several",
            Body::Shared("SeldonMessageList"),
            "SeldonMessageList",
            message,
        ),
        Method::SendFeedback => (
            "Reward an earlier prediction",
            Body::Shared("SeldonFeedback"),
            "SeldonFeedback",
            message,
        ),
    };
    Words {
        summary,
        request,
        example,
        reply,
    }
}

/// The heading under which the page lists it.
fn section(operation: &Operation) -> &'static str {
    match (operation.action, Dialect::of_path(&operation.path)) {
        (Action::Page | Action::Document, _) => "Documents",
        (Action::Live | Action::Ready | Action::Ping | Action::Server, _) => "Health",
        (_, Dialect::OpenInference) => "Open inference protocol",
        (_, Dialect::Tensorflow) => "TensorFlow Serving",
        (_, Dialect::Mlflow) => "MLflow",
        (_, Dialect::Seldon) if operation.path.starts_with("/api/") => "Seldon protocol",
        (_, Dialect::Seldon) => "Seldon units",
    }
}

/// How the page makes a request of a picture.
fn kind(action: Action) -> &'static str {
    match action {
        Action::Call(Method::Predict | Method::TransformInput) => "seldon",
        Action::Infer => "infer",
        Action::Predict => "predict",
        _ => "other",
    }
}

fn id(subject: &Subject, operation: &Operation) -> String {
    let plain = |one: char| {
        if one.is_ascii_alphanumeric() || one == '.' {
            one
        } else {
            '_'
        }
    };
    let path: String = operation.path.chars().map(plain).collect();
    format!("{}.{}{path}", subject.key, operation.verb.key())
}

/// The names that can stand for `{model}`; none if the path names what no model has.
fn models<'a>(subject: &'a Subject, path: &str) -> Option<Vec<&'a str>> {
    let whole = &subject.whole;
    let versioned = |one: &ModelMetadata| one.versions.starts_with(&whole.versions);
    let names = if path.contains("{version}") {
        whole.versions.first()?;
        subject.names(versioned)
    } else if path.contains("{label}") {
        whole.labels.first_key_value()?;
        subject.names(|one| one.labels == whole.labels)
    } else if path.contains("{model}") {
        subject.names(|_| true)
    } else {
        subject.names(|_| true).into_iter().take(1).collect()
    };
    (!names.is_empty()).then_some(names)
}

fn parameters(
    subject: &Subject,
    operation: &Operation,
    words: &Words,
    models: &[&str],
) -> Vec<Value> {
    let labels: Vec<_> = subject.whole.labels.keys().map(String::as_str).collect();
    let versions: Vec<_> = subject.whole.versions.iter().map(String::as_str).collect();
    let mut all: Vec<_> = [
        ("model", models),
        ("version", &versions),
        ("label", &labels),
    ]
    .into_iter()
    .filter(|(name, _)| operation.path.contains(&format!("{{{name}}}")))
    .map(|(name, values)| parameter(name, values))
    .collect();
    if let (Action::Call(_), Verb::Get) = (operation.action, operation.verb) {
        all.push(message_parameter(subject, words));
    }
    if matches!(kind(operation.action), "seldon" | "infer" | "predict") {
        all.push(json!({"$ref": "#/components/parameters/Puid"}));
    }
    all
}

fn parameter(name: &str, values: &[&str]) -> Value {
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "schema": {"type": "string", "enum": values},
        "example": values.first(),
    })
}

/// The message as text in the query.
fn message_parameter(subject: &Subject, words: &Words) -> Value {
    let example = example_name(&subject.key, words.example, "");
    json!({
        "name": "json",
        "in": "query",
        "required": true,
        "description": format!("The message as JSON text, `{example}` say."),
        "schema": {"type": "string"},
    })
}

fn content(
    subject: &Subject,
    action: Action,
    words: &Words,
    variants: &[(&Variant<'_>, Vec<&str>)],
) -> Map<String, Value> {
    let mut json = json!({"schema": request_schema(subject, words.request, variants)});
    let examples = examples(subject, words.example, variants);
    if !examples.is_empty() {
        json["examples"] = Value::Object(examples);
    }
    let mut content = Map::from_iter([("application/json".to_owned(), json)]);
    match action {
        Action::Call(_) => content.extend(forms()),
        Action::Infer => {
            let binary = json!({"schema": {"type": "string", "format": "binary"}});
            content.insert("application/octet-stream".to_owned(), binary);
        }
        Action::Invoke => {
            let rows = json!({"schema": {"type": "string"}});
            content.insert("text/csv".to_owned(), rows);
        }
        _ => {}
    }
    content
}

/// A Seldon message in a form: whole in `json`, or member by member.
fn forms() -> [(String, Value); 2] {
    let text = json!({"type": "string"});
    let file = json!({"type": "string", "format": "binary"});
    let encoded = json!({"type": "object", "required": ["json"], "properties": {"json": text}});
    let multipart = json!({
        "type": "object",
        "properties": {"json": text, "strData": text, "jsonData": text, "binData": file},
    });
    [
        (
            "application/x-www-form-urlencoded".to_owned(),
            json!({"schema": encoded}),
        ),
        (
            "multipart/form-data".to_owned(),
            json!({"schema": multipart}),
        ),
    ]
}

fn request_schema(subject: &Subject, body: Body, variants: &[(&Variant<'_>, Vec<&str>)]) -> Value {
    match body {
        Body::Shared(name) => reference(name),
        Body::Own(name) => any_of(&subject.key, name, variants.iter().map(|(one, _)| *one)),
        Body::Nothing | Body::Text(_) => json!({}),
    }
}

/// The schema of one of the variants.
fn any_of<'v>(key: &str, name: &str, variants: impl Iterator<Item = &'v Variant<'v>>) -> Value {
    let own = |one: &Variant<'_>| reference(&schema_name(key, name, &one.suffix));
    let mut each: Vec<_> = variants.map(own).collect();
    match (each.pop(), each.is_empty()) {
        (Some(only), true) => only,
        (last, _) => json!({"anyOf": each.into_iter().chain(last).collect::<Vec<_>>()}),
    }
}

/// One for each name of a model, so that the page can offer the right one.
fn examples(
    subject: &Subject,
    name: &str,
    variants: &[(&Variant<'_>, Vec<&str>)],
) -> Map<String, Value> {
    let mut examples = Map::new();
    for (variant, models) in variants {
        if !variant.has_example(name) {
            continue;
        }
        let component = example_name(&subject.key, name, &variant.suffix);
        let reference = json!({"$ref": format!("#/components/examples/{component}")});
        for &model in models {
            examples.insert(model.to_owned(), reference.clone());
        }
    }
    examples
}

/// A router answers with the reply of any of its children, so a reply may be that of any variant.
fn responses(key: &str, variants: &[Variant<'_>], dialect: Dialect, reply: Body) -> Value {
    let json = |schema: Value| json!({"application/json": {"schema": schema}});
    let content = match reply {
        Body::Nothing => None,
        Body::Text("application/json") => Some(json(json!({"type": "object"}))),
        Body::Text(kind) => Some(json!({kind: {"schema": {"type": "string"}}})),
        Body::Shared(name) => Some(json(reference(name))),
        Body::Own(name) => Some(json(any_of(key, name, variants.iter()))),
    };
    let mut ok = json!({"description": "Done"});
    if let Some(content) = content {
        ok["content"] = content;
    }
    let error = json!({"$ref": format!("#/components/responses/{}", error_name(dialect))});
    json!({"200": ok, "4XX": error, "5XX": error})
}
