//! Text -> documents: YAML or JSON, with the line of every field.

mod build;
mod json;
mod position;
mod scalar;
mod yaml;

use serde_json::Value;

pub use position::{Position, Positions};

use crate::issue::Issue;

/// Largest text that is read, in bytes.
pub const MAX_BYTES: usize = 8 << 20;
/// Deepest nesting of lists and mappings.
pub const MAX_DEPTH: usize = 128;
/// Most values in a file, counted after aliases are expanded.
pub const MAX_NODES: usize = 200_000;
/// Most bytes of text in the values of a file, counted after aliases are expanded.
pub const MAX_EXPANDED_BYTES: usize = 32 << 20;

/// One document of a file, whatever its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The file as the caller named it.
    pub file: String,
    /// Which document of the file, from 0. The items of a list count one by one.
    pub index: usize,
    /// What the document says, with fields that no one knows.
    pub value: Value,
    /// Where it says so.
    pub positions: Positions,
    /// What went wrong while reading. With an error among them, `value` may be cut short.
    pub issues: Vec<Issue>,
}

impl Document {
    /// A document made by a program: no file, no lines.
    #[must_use]
    pub fn from_value(value: Value) -> Self {
        Self {
            file: String::new(),
            index: 0,
            value,
            positions: Positions::default(),
            issues: Vec::new(),
        }
    }

    /// `kind` of the resource, or `""`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text_of("kind")
    }

    /// `apiVersion` of the resource, or `""`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.text_of("apiVersion")
    }

    fn text_of(&self, name: &str) -> &str {
        let text = self.value.get(name).and_then(Value::as_str);
        text.unwrap_or_default()
    }

    /// Gives an issue its document, file, line and column, by its path. A field that is not there
    /// gets the place of the nearest one around it.
    #[must_use]
    pub fn locate(&self, mut issue: Issue) -> Issue {
        issue.document = self.index;
        issue.file.clone_from(&self.file);
        match self.positions.nearest(&issue.path) {
            Some(position) if issue.line.is_none() => issue.with_position(position),
            _ => issue,
        }
    }
}

/// Reads all documents of a text; `file` is only repeated in the issues.
///
/// YAML 1.2 (several documents, anchors, aliases, merge keys) or JSON. Lists of resources
/// (`List`, `SeldonDeploymentList`) are taken apart. Empty documents are left out. Text that
/// cannot be read ends in a document with an error among its `issues`, so that the result is never
/// empty.
#[must_use]
pub fn read_documents(text: &str, file: &str) -> Vec<Document> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let trees = match text.len() > MAX_BYTES {
        true => vec![build::Tree::failed(too_large(text.len()))],
        false => read_trees(text),
    };
    let mut documents = Vec::new();
    for tree in trees {
        add(&mut documents, tree, file);
    }
    if documents.is_empty() {
        add(&mut documents, build::Tree::failed(nothing()), file);
    }
    documents
}

fn read_trees(text: &str) -> Vec<build::Tree> {
    match json::is_json(text) {
        true => json::read(text),
        false => yaml::read(text),
    }
}

fn too_large(bytes: usize) -> Issue {
    let message = format!("the file has {bytes} bytes: at most {MAX_BYTES} are read");
    Issue::error("file-too-large", "", message).with_hint("split the file")
}

fn nothing() -> Issue {
    Issue::error("no-document", "", "the file holds no document")
        .with_hint("write a SeldonDeployment: apiVersion, kind, metadata, spec")
}

/// Adds a document, or each of its items where it is a list of resources.
fn add(documents: &mut Vec<Document>, tree: build::Tree, file: &str) {
    for tree in expanded(tree) {
        let mut document = Document {
            file: file.to_owned(),
            index: documents.len(),
            value: tree.value,
            positions: tree.positions,
            issues: Vec::new(),
        };
        document.issues = tree
            .issues
            .into_iter()
            .map(|issue| document.locate(issue))
            .collect();
        documents.push(document);
    }
}

fn expanded(mut tree: build::Tree) -> Vec<build::Tree> {
    let kind = tree.value.get("kind").and_then(Value::as_str);
    if !matches!(kind, Some("List" | "SeldonDeploymentList")) {
        return vec![tree];
    }
    let Some(Value::Array(items)) = tree.value.get_mut("items").map(Value::take) else {
        return vec![tree];
    };
    let mut positions = tree.positions.take_items("items");
    positions.resize_with(items.len(), Positions::default);
    let mut trees: Vec<build::Tree> = items
        .into_iter()
        .zip(positions)
        .map(|(value, positions)| build::Tree {
            value,
            positions,
            issues: Vec::new(),
        })
        .collect();
    match trees.first_mut() {
        Some(first) => first.issues = tree.issues,
        None => trees.push(build::Tree::failed(nothing())),
    }
    trees
}

#[cfg(test)]
mod tests;
