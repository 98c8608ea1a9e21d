//! A model's metadata as the configuration that Triton's clients ask for.

use hari_core::{DataType, ModelMetadata, TensorSpec};
use hari_proto::inference as pb;

/// The configuration that says what `metadata` says, for its default signature. `max_batch_size`
/// is 0, so that dimensions are given in full, a dynamic first one as -1.
pub(super) fn of(metadata: &ModelMetadata) -> pb::ModelConfigResponse {
    let signature = metadata.signature(None);
    let (inputs, outputs) = signature.map_or((&[][..], &[][..]), |one| (&one.inputs, &one.outputs));
    let config = pb::ModelConfig {
        name: metadata.name.clone(),
        platform: metadata.platform.clone(),
        backend: metadata
            .platform
            .split('_')
            .next()
            .unwrap_or_default()
            .to_owned(),
        input: inputs.iter().map(input).collect(),
        output: outputs.iter().map(output).collect(),
        ..pb::ModelConfig::default()
    };
    pb::ModelConfigResponse {
        config: Some(config),
    }
}

fn input(spec: &TensorSpec) -> pb::ModelInput {
    pb::ModelInput {
        name: spec.name.clone(),
        data_type: data_type(spec.dtype).into(),
        dims: spec.wire_shape(),
        ..pb::ModelInput::default()
    }
}

fn output(spec: &TensorSpec) -> pb::ModelOutput {
    pb::ModelOutput {
        name: spec.name.clone(),
        data_type: data_type(spec.dtype).into(),
        dims: spec.wire_shape(),
        ..pb::ModelOutput::default()
    }
}

fn data_type(dtype: DataType) -> pb::DataType {
    match dtype {
        DataType::Bool => pb::DataType::TypeBool,
        DataType::Uint8 => pb::DataType::TypeUint8,
        DataType::Uint16 => pb::DataType::TypeUint16,
        DataType::Uint32 => pb::DataType::TypeUint32,
        DataType::Uint64 => pb::DataType::TypeUint64,
        DataType::Int8 => pb::DataType::TypeInt8,
        DataType::Int16 => pb::DataType::TypeInt16,
        DataType::Int32 => pb::DataType::TypeInt32,
        DataType::Int64 => pb::DataType::TypeInt64,
        DataType::Fp16 => pb::DataType::TypeFp16,
        DataType::Bf16 => pb::DataType::TypeBf16,
        DataType::Fp32 => pb::DataType::TypeFp32,
        DataType::Fp64 => pb::DataType::TypeFp64,
        DataType::Bytes => pb::DataType::TypeString,
    }
}

#[cfg(test)]
mod tests {
    use hari_core::{Dim, Signature, SignatureMethod};

    use super::*;

    #[test]
    fn every_type_has_its_own_number() {
        let numbers: std::collections::HashSet<i32> = DataType::ALL
            .iter()
            .map(|&dtype| data_type(dtype).into())
            .collect();
        assert_eq!(numbers.len(), DataType::ALL.len());
        assert!(!numbers.contains(&pb::DataType::TypeInvalid.into()));
        for dtype in DataType::ALL
            .into_iter()
            .filter(|&dtype| dtype != DataType::Bytes)
        {
            assert_eq!(data_type(dtype).as_str_name(), format!("TYPE_{dtype}"));
        }
    }

    #[test]
    fn a_configuration_has_the_shapes_in_full() {
        let spec = TensorSpec {
            name: "image".into(),
            dtype: DataType::Fp32,
            shape: Some(vec![Dim::Dynamic(None), Dim::Fixed(784)]),
        };
        let signature = Signature {
            name: Signature::DEFAULT.into(),
            method: SignatureMethod::Predict,
            inputs: vec![spec],
            outputs: vec![],
        };
        let metadata = ModelMetadata {
            name: "mnist".into(),
            platform: "tensorflow_savedmodel".into(),
            signatures: vec![signature],
            ..ModelMetadata::default()
        };
        let config = of(&metadata).config.unwrap();
        assert_eq!((&*config.name, &*config.backend), ("mnist", "tensorflow"));
        assert_eq!(config.max_batch_size, 0);
        assert_eq!(config.input[0].dims, [-1, 784]);
        assert_eq!(config.input[0].data_type(), pb::DataType::TypeFp32);
        assert!(config.output.is_empty());
    }
}
