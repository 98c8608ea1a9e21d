//! Operations that cannot be lowered, collected so that one error names them all.

use std::collections::BTreeMap;
use std::fmt;

use hari_error::{Error, Kind};

/// What to do about random operators. Keras 3 exports the layers that augment pictures as they
/// train; this is how it exports the model that predicts.
const AT_RANDOM: &str = "random results come from layers that act in training, such as \
     RandomFlip: export the model without them, or as it predicts, with `archive = \
     keras.export.ExportArchive(); archive.track(model); archive.add_endpoint(\"serve\", \
     lambda x: model(x, training=False), input_signature=[...])`";
const ELSE: &str = "rewrite the model without it, or leave that part of the work to the caller";

/// Why one operation cannot be lowered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    reason: String,
    /// Not this operation's own fault: it reads what another could not make.
    pub(crate) inherited: bool,
}

impl Refusal {
    /// This operation cannot be lowered with these attributes or inputs.
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            inherited: false,
        }
    }

    /// It reads the output of an operation that was refused.
    pub(crate) fn inherited() -> Self {
        Self {
            reason: String::new(),
            inherited: true,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(error.message())
    }
}

/// An operator that the SavedModel uses and that is not lowered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// TensorFlow's name of the operator.
    pub operator: String,
    /// In how many operations of the model it is refused.
    pub nodes: usize,
    /// Why, if the operator as such is known.
    pub reason: Option<String>,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = if self.nodes == 1 {
            "operation"
        } else {
            "operations"
        };
        write!(f, "`{}` ({} {nodes}", self.operator, self.nodes)?;
        match &self.reason {
            Some(reason) => write!(f, ": {reason})"),
            None => f.write_str(")"),
        }
    }
}

/// Everything refused so far, by operator and reason.
#[derive(Debug, Default)]
pub(crate) struct Refusals(BTreeMap<(String, Option<String>), usize>);

impl Refusals {
    /// An operator that has no lowering.
    pub(crate) fn unknown(&mut self, operator: &str) {
        *self.0.entry((operator.to_owned(), None)).or_default() += 1;
    }

    /// An operation that cannot be lowered as it is.
    pub(crate) fn refused(&mut self, operator: &str, refusal: &Refusal) {
        if !refusal.inherited {
            let key = (operator.to_owned(), Some(refusal.reason.clone()));
            *self.0.entry(key).or_default() += 1;
        }
    }

    /// The refused operators, by name.
    pub(crate) fn list(&self) -> Vec<Unsupported> {
        let entry =
            |((operator, reason), &nodes): (&(String, Option<String>), &usize)| Unsupported {
                operator: operator.clone(),
                nodes,
                reason: reason.clone(),
            };
        self.0.iter().map(entry).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds those of another part of the model.
    pub(crate) fn extend(&mut self, other: Self) {
        for (key, nodes) in other.0 {
            *self.0.entry(key).or_default() += nodes;
        }
    }

    /// All of them in a row.
    pub(crate) fn reasons(&self) -> String {
        let names: Vec<_> = self.list().iter().map(ToString::to_string).collect();
        names.join(", ")
    }

    /// One error that names them all; none if nothing was refused.
    pub(crate) fn error(&self) -> Option<Error> {
        if self.0.is_empty() {
            return None;
        }
        let random = self
            .0
            .keys()
            .any(|(operator, _)| operator.contains("Random"));
        let hint = if random { AT_RANDOM } else { ELSE };
        let message = format!(
            "the SavedModel uses what cannot be served: {}; {hint}",
            self.reasons()
        );
        Some(Error::new(Kind::Model, message).with_reason("UNSUPPORTED_OPERATOR"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_error_names_all() {
        let mut refusals = Refusals::default();
        assert!(refusals.error().is_none());
        refusals.unknown("While");
        refusals.unknown("FFT");
        refusals.unknown("FFT");
        refusals.refused("Conv2D", &Refusal::new("its rank is not known"));
        refusals.refused("Relu", &Refusal::inherited());
        let error = refusals.error().unwrap();
        for part in [
            "`FFT` (2 operations)",
            "`While` (1 operation)",
            "`Conv2D` (1 operation: its rank",
        ] {
            assert!(error.message().contains(part), "{error}");
        }
        assert!(!error.message().contains("Relu"));
        assert_eq!(refusals.list().len(), 3);
        assert!(error.message().contains("leave that part"), "{error}");
        let mut random = Refusals::default();
        random.unknown("StatelessRandomUniformV2");
        let error = random.error().unwrap();
        assert!(error.message().contains("training=False"), "{error}");
        let mut all = Refusals::default();
        assert!(all.is_empty());
        all.unknown("FFT");
        all.extend(refusals);
        assert_eq!(all.list().len(), 3);
        assert!(all.reasons().contains("`FFT` (3 operations)"));
    }
}
