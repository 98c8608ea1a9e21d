//! Whether a configuration fits the model that was loaded for it.

use hari_core::{DataType, Dim, Signature, TensorSpec};
use hari_error::{Error, Result};
use hari_proto::inference::{self as pb, ModelConfig};

/// Checks names, element types and dimensions of `config` against the model's own. A configuration
/// without inputs or outputs says nothing of them.
///
/// # Errors
/// `Model`, naming every tensor that differs with both sides.
pub fn agree(config: &ModelConfig, signature: &Signature) -> Result<()> {
    let batched = config.max_batch_size > 0;
    let mut wrong = Vec::new();
    for input in &config.input {
        let given = Given::input(input, batched);
        given.check("input", &signature.inputs, &mut wrong);
    }
    for output in &config.output {
        let given = Given::output(output, batched);
        given.check("output", &signature.outputs, &mut wrong);
    }
    if !config.input.is_empty() {
        let named = |name: &str| config.input.iter().any(|input| input.name == name);
        let left_out = signature.inputs.iter().filter(|spec| !named(&spec.name));
        wrong.extend(left_out.map(|spec| format!("input {spec} of the model is left out")));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::model(format!(
        "config.pbtxt does not fit the model: {}",
        wrong.join("; ")
    )))
}

/// A tensor as a configuration has it.
struct Given<'a> {
    name: &'a str,
    dtype: Option<DataType>,
    dims: &'a [i64],
    batched: bool,
    reshaped: bool,
}

impl<'a> Given<'a> {
    fn input(input: &'a pb::ModelInput, batched: bool) -> Self {
        Self {
            name: &input.name,
            dtype: data_type(input.data_type()),
            dims: &input.dims,
            batched,
            reshaped: input.reshape.is_some(),
        }
    }

    fn output(output: &'a pb::ModelOutput, batched: bool) -> Self {
        Self {
            name: &output.name,
            dtype: data_type(output.data_type()),
            dims: &output.dims,
            batched,
            reshaped: output.reshape.is_some(),
        }
    }

    fn check(&self, what: &str, specs: &[TensorSpec], wrong: &mut Vec<String>) {
        let name = self.name;
        let Some(spec) = specs.iter().find(|spec| spec.name == name) else {
            let there: Vec<_> = specs
                .iter()
                .map(|spec| format!("`{}`", spec.name))
                .collect();
            wrong.push(format!(
                "no {what} `{name}`; the model has {}",
                there.join(", ")
            ));
            return;
        };
        if self.reshaped {
            wrong.push(format!("{what} `{name}`: `reshape` is not served"));
        }
        if self.dtype.is_some_and(|dtype| dtype != spec.dtype) || !self.fits(spec) {
            wrong.push(format!("{what} {self}, the model has {spec}"));
        }
    }

    fn fits(&self, spec: &TensorSpec) -> bool {
        let Some(shape) = spec.shape.as_deref() else {
            return true;
        };
        if self.dims.is_empty() {
            return true;
        }
        let shape = match (self.batched, shape) {
            (false, all) => all,
            (true, [Dim::Dynamic(_), rest @ ..]) => rest,
            (true, _) => return false,
        };
        let fits = |(&dim, own): (&i64, &Dim)| {
            dim < 0 || usize::try_from(dim).is_ok_and(|size| own.admits(size))
        };
        self.dims.len() == shape.len() && self.dims.iter().zip(shape).all(fits)
    }
}

impl std::fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dtype = self.dtype.map_or("of any type", DataType::name);
        write!(f, "`{}` {dtype} {:?}", self.name, self.dims)?;
        f.write_str(if self.batched {
            " with a batch before it"
        } else {
            ""
        })
    }
}

/// The element type; none if the configuration gives none.
pub(crate) fn data_type(given: pb::DataType) -> Option<DataType> {
    Some(match given {
        pb::DataType::TypeInvalid => return None,
        pb::DataType::TypeBool => DataType::Bool,
        pb::DataType::TypeUint8 => DataType::Uint8,
        pb::DataType::TypeUint16 => DataType::Uint16,
        pb::DataType::TypeUint32 => DataType::Uint32,
        pb::DataType::TypeUint64 => DataType::Uint64,
        pb::DataType::TypeInt8 => DataType::Int8,
        pb::DataType::TypeInt16 => DataType::Int16,
        pb::DataType::TypeInt32 => DataType::Int32,
        pb::DataType::TypeInt64 => DataType::Int64,
        pb::DataType::TypeFp16 => DataType::Fp16,
        pb::DataType::TypeBf16 => DataType::Bf16,
        pb::DataType::TypeFp32 => DataType::Fp32,
        pb::DataType::TypeFp64 => DataType::Fp64,
        pb::DataType::TypeString => DataType::Bytes,
    })
}

#[cfg(test)]
mod tests {
    use hari_core::SignatureMethod;

    use super::*;

    fn model() -> Signature {
        let spec = |name: &str, last: usize| TensorSpec {
            name: name.into(),
            dtype: DataType::Fp32,
            shape: Some(vec![Dim::Dynamic(None), Dim::Fixed(last)]),
        };
        Signature {
            name: Signature::DEFAULT.into(),
            method: SignatureMethod::Predict,
            inputs: vec![spec("x", 4)],
            outputs: vec![spec("y", 2)],
        }
    }

    fn said(text: &str) -> String {
        let config = crate::parse(text).unwrap();
        match agree(&config, &model()) {
            Ok(()) => String::new(),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn a_configuration_may_leave_out_what_the_model_knows() {
        assert_eq!(said(""), "");
        assert_eq!(
            said("max_batch_size: 8 input { name: 'x' data_type: TYPE_FP32 dims: 4 }"),
            ""
        );
        assert_eq!(
            said("input { name: 'x' data_type: TYPE_FP32 dims: [-1, 4] }"),
            ""
        );
        assert_eq!(said("max_batch_size: 8 output { name: 'y' dims: -1 }"), "");
    }

    #[test]
    fn both_sides_are_named_where_they_differ() {
        let found = said(
            "max_batch_size: 8 input { name: 'x' data_type: TYPE_INT64 dims: 4 } \
             output { name: 'z' dims: 2 }",
        );
        assert!(
            found.contains("input `x` INT64 [4] with a batch before it, the model has `x` FP32")
        );
        assert!(
            found.contains("no output `z`; the model has `y`"),
            "{found}"
        );
        assert!(said("input { name: 'x' dims: 4 }").contains("the model has"));
        assert!(
            said("input { name: 'w' dims: 4 }").contains("input `x` FP32 [-1, 4] of the model")
        );
        assert!(said("input { name: 'x' reshape { shape: 4 } }").contains("reshape"));
    }

    #[test]
    fn a_batch_needs_a_dynamic_dimension() {
        let mut fixed = model();
        fixed.inputs[0].shape = Some(vec![Dim::Fixed(1), Dim::Fixed(4)]);
        let config = crate::parse("max_batch_size: 8 input { name: 'x' dims: 4 }").unwrap();
        assert!(agree(&config, &fixed).is_err());
    }
}
