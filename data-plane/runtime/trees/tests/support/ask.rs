//! What may be a model is read and, if it is one, asked for three rows.

use hari_core::{Call, DataType, Model as _, Tensor};
use hari_trees::{Family, Options, TreeModel, load_bytes};

/// Three rows for a model, as its signature wants them.
fn rows(model: &TreeModel) -> Vec<Tensor> {
    let features = model.features();
    let cells = |count: usize| (0..3 * count).map(|at| at as f64 - 4.0).collect::<Vec<_>>();
    let inputs = model.signatures()[0].inputs.iter();
    let inputs = inputs.map(|input| match (input.dtype, model.takes_columns()) {
        (DataType::Bytes, _) => {
            let texts = ["x", "", "u\u{fc}"].map(|text| text.as_bytes().to_vec().into());
            Tensor::from_strings([3], texts.to_vec()).unwrap()
        }
        (_, true) => Tensor::from_vec([3], cells(1)).unwrap(),
        (dtype, false) => {
            let matrix = Tensor::from_vec([3, features], cells(features)).unwrap();
            matrix.cast(dtype).unwrap()
        }
    });
    inputs.collect()
}

/// Reads what may be a model and, if it is one, asks it for three rows.
pub(crate) fn read_and_ask(bytes: &[u8], family: Family) -> bool {
    let Ok(model) = load_bytes(bytes, family, &Options::default()) else {
        return false;
    };
    if model.features() > 1000 {
        return true;
    }
    let call = Call {
        signature: 0,
        inputs: rows(&model),
        outputs: Vec::new(),
    };
    let outputs = model.run(call).unwrap();
    assert_eq!(outputs[0].shape()[0], 3);
    true
}
