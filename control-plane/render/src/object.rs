//! An object of Kubernetes, of any kind.

use serde::Serialize;
use serde_json::Value;

/// An object as the API server takes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Object(Value);

impl Object {
    /// From a typed object. Its types have text as keys alone, so that nothing can fail here.
    pub(crate) fn of(typed: &impl Serialize) -> Self {
        Self(serde_json::to_value(typed).unwrap_or_default())
    }

    /// `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// `kind`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// The whole of it.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.0
    }

    fn text(&self, pointer: &str) -> &str {
        let found = self.0.pointer(pointer);
        found.and_then(Value::as_str).unwrap_or_default()
    }
}
