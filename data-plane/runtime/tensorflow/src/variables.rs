//! From the name of a variable to its value in the checkpoint.
//!
//! A SavedModel does not say outright which saved tensor belongs to which variable. Two maps do:
//!
//! 1. [`restore`]: the graph that restores the model assigns each saved tensor to a variable;
//! 2. [`objects`]: the saved objects and those of the checkpoint hang together by the same names,
//!    and the functions say which object each of their captured arguments is.
//!
//! Keras' `export` needs the first, `tf.saved_model.save` of a Keras 3 model the second. A variable
//! that neither knows is looked up under its own name, as TensorFlow 1 saved them.

mod objects;
mod restore;

use std::collections::HashMap;

use hari_core::Tensor;
use hari_error::{Error, Result};

use crate::bundle::Bundle;
use crate::function::Library;
use crate::saved_model::SavedModel;

/// The variables of a SavedModel.
pub(crate) struct Variables {
    bundle: Option<Bundle>,
    keys: HashMap<String, String>,
    read: HashMap<String, Tensor>,
}

impl Variables {
    /// Maps every variable of the model; values are read when they are asked for.
    ///
    /// # Errors
    /// If the index of the variables or the restoring graph is broken.
    pub(crate) fn open(model: &SavedModel, library: &Library<'_>) -> Result<Self> {
        let bundle = model.bundle()?;
        let mut keys = HashMap::new();
        if let Some(bundle) = &bundle {
            keys = objects::keys(&model.meta, bundle, library)?;
            let restored = restore::keys(&model.meta, library)?;
            keys.extend(restored.into_iter().filter(|(_, key)| bundle.contains(key)));
        }
        Ok(Self {
            bundle,
            keys,
            read: HashMap::new(),
        })
    }

    /// The value of a variable, by the name of its node and the name it shares.
    ///
    /// # Errors
    /// If no saved tensor belongs to it, or if that cannot be read.
    pub(crate) fn value(&mut self, node: &str, shared: &str) -> Result<Tensor> {
        if let Some(tensor) = self.read.get(node) {
            return Ok(tensor.clone());
        }
        let tensor = self.find(node, shared)?;
        self.read.insert(node.to_owned(), tensor.clone());
        Ok(tensor)
    }

    fn find(&self, node: &str, shared: &str) -> Result<Tensor> {
        let Some(bundle) = &self.bundle else {
            return Err(Error::model(format!(
                "variable `{node}` has no value: the SavedModel has no folder `variables`"
            )));
        };
        let mapped = self.keys.get(node).map(String::as_str);
        let key = mapped
            .into_iter()
            .chain([shared, node])
            .find(|key| bundle.contains(key));
        let key = key.ok_or_else(|| {
            Error::model(format!(
                "variable `{node}` has no value in the checkpoint; export the model again, with \
                 `model.export` if it is a Keras model"
            ))
        })?;
        bundle.read(key)
    }
}
