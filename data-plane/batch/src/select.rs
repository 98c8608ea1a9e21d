//! Which signature and which outputs a request asks for.

use hari_core::{Signature, Target, TensorSpec};
use hari_error::{Error, Result};

/// A signature and outputs of it, as indices.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) signature: usize,
    /// Empty for all.
    pub(crate) outputs: Vec<usize>,
}

/// Finds what `target` names.
///
/// # Errors
/// `InvalidInput` for an unknown signature or output; both name what there is.
pub(crate) fn choose(signatures: &[Signature], target: &Target) -> Result<Choice> {
    let signature = match target.signature.as_deref() {
        None | Some("") => 0,
        Some(name) => signatures
            .iter()
            .position(|signature| signature.name == name)
            .ok_or_else(|| {
                let known = quoted(signatures.iter().map(|signature| &*signature.name));
                Error::invalid(format!("no signature `{name}`: the model has {known}"))
            })?,
    };
    let chosen = signatures
        .get(signature)
        .ok_or_else(|| Error::internal("the model has no signature"))?;
    let find = |name: &String| place(&chosen.outputs, name);
    let outputs = target.outputs.iter().map(find).collect::<Result<_>>()?;
    Ok(Choice { signature, outputs })
}

fn place(outputs: &[TensorSpec], name: &str) -> Result<usize> {
    outputs
        .iter()
        .position(|spec| spec.name == name)
        .ok_or_else(|| {
            let known = quoted(outputs.iter().map(|spec| &*spec.name));
            Error::invalid(format!("no output `{name}`: the model gives {known}"))
        })
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use hari_core::{DataType, SignatureMethod};
    use hari_error::Kind;

    use super::*;

    fn signatures() -> Vec<Signature> {
        let spec = |name: &str| TensorSpec {
            name: name.into(),
            dtype: DataType::Fp32,
            shape: None,
        };
        let signature = |name: &str| Signature {
            name: name.into(),
            method: SignatureMethod::Predict,
            inputs: vec![spec("x")],
            outputs: vec![spec("a"), spec("b")],
        };
        vec![signature("serving_default"), signature("other")]
    }

    fn target(signature: &str, outputs: &[&str]) -> Target {
        let outputs = outputs.iter().map(|&name| name.into()).collect();
        Target {
            signature: Some(signature.into()),
            outputs,
            ..Target::default()
        }
    }

    #[test]
    fn names_are_found_and_the_first_signature_is_the_default() {
        let choice = |target: &Target| {
            let choice = choose(&signatures(), target).unwrap();
            (choice.signature, choice.outputs)
        };
        assert_eq!(choice(&Target::default()), (0, vec![]));
        assert_eq!(choice(&target("", &[])), (0, vec![]));
        assert_eq!(choice(&target("other", &["b", "a"])), (1, vec![1, 0]));
    }

    #[test]
    fn unknown_names_are_told_what_there_is() {
        let error = choose(&signatures(), &target("third", &[])).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        let known = "no signature `third`: the model has `serving_default`, `other`";
        assert_eq!(error.message(), known);
        let error = choose(&signatures(), &target("other", &["c"])).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput);
        assert_eq!(error.message(), "no output `c`: the model gives `a`, `b`");
    }
}
