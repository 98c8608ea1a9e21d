//! From a file to a model.

use std::path::Path;

use hari_error::{Error, Result};
use hari_pickle::{Document, Limits};

use crate::estimator::{Estimator as _, Method};
use crate::model::SklearnModel;
use crate::reader::Reader;

/// How a model is read.
#[derive(Clone, Debug)]
pub struct Options {
    /// The methods that a call without outputs may mean: the first one that the model has.
    pub methods: Vec<Method>,
    /// How much the file may ask for.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            methods: vec![Method::Predict, Method::Transform, Method::ScoreSamples],
            limits: Limits::default(),
        }
    }
}

/// Reads a fitted estimator from a pickle or a joblib file.
///
/// # Errors
/// What the reader says of the file; a class that is not supported, an object that is not fitted,
/// or attributes that do not fit each other, with their place in the file.
pub fn load(path: &Path, options: &Options) -> Result<SklearnModel> {
    from_document(&hari_pickle::read_file(path, &options.limits)?, options)
}

/// [`load`] of bytes.
///
/// # Errors
/// As above.
pub fn load_bytes(bytes: &[u8], options: &Options) -> Result<SklearnModel> {
    from_document(&hari_pickle::read(bytes, &options.limits)?, options)
}

fn from_document(document: &Document, options: &Options) -> Result<SklearnModel> {
    let root = Reader::default().read(&document.root())?;
    let wanted = options.methods.iter().copied();
    let method = wanted.into_iter().find(|&method| root.has(method));
    let method = method.ok_or_else(|| {
        let names = |methods: &mut dyn Iterator<Item = Method>| {
            methods.map(Method::name).collect::<Vec<_>>().join("`, `")
        };
        Error::model(format!(
            "`{}` has no method `{}`: it has `{}`",
            root.class(),
            names(&mut options.methods.iter().copied()),
            names(
                &mut Method::ALL
                    .into_iter()
                    .filter(|&method| root.form(method).is_some())
            ),
        ))
    })?;
    Ok(SklearnModel::new(root, method, document.sklearn_version()))
}
