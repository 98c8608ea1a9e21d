//! The smallest graph that reads variables, so that most of the time goes into reading them.

use hari_proto::tensorflow::meta_graph_def::MetaInfoDef;
use hari_proto::tensorflow::op_def::ArgDef;
use hari_proto::tensorflow::tensor_info::Encoding;
use hari_proto::tensorflow::{
    DataType, GraphDef, MetaGraphDef, NodeDef, OpDef, OpList, SavedModel, SignatureDef, TensorInfo,
};
use prost::Message;

/// A SavedModel whose only signature gives the values of variables of these names.
pub(crate) fn of_variables(names: &[&str]) -> Vec<u8> {
    let node = names.iter().flat_map(|name| nodes(name)).collect();
    let output = |name: &&str| ((*name).to_owned(), info(&format!("{name}/Read:0")));
    let signature = SignatureDef {
        outputs: names.iter().map(output).collect(),
        ..SignatureDef::default()
    };
    let meta = MetaGraphDef {
        meta_info_def: Some(MetaInfoDef {
            tags: vec!["serve".to_owned()],
            stripped_op_list: Some(OpList {
                op: ["VarHandleOp", "ReadVariableOp"].map(operator).to_vec(),
            }),
            ..MetaInfoDef::default()
        }),
        graph_def: Some(GraphDef {
            node,
            ..GraphDef::default()
        }),
        signature_def: [("serving_default".to_owned(), signature)].into(),
        ..MetaGraphDef::default()
    };
    let file = SavedModel {
        saved_model_schema_version: 1,
        meta_graphs: vec![meta],
    };
    file.encode_to_vec()
}

fn nodes(name: &str) -> [NodeDef; 2] {
    let node = |name: String, op: &str, input| NodeDef {
        name,
        op: op.to_owned(),
        input,
        ..NodeDef::default()
    };
    [
        node(name.to_owned(), "VarHandleOp", Vec::new()),
        node(
            format!("{name}/Read"),
            "ReadVariableOp",
            vec![name.to_owned()],
        ),
    ]
}

/// An operator of one output.
fn operator(name: &str) -> OpDef {
    let output_arg = vec![ArgDef {
        name: "value".to_owned(),
        ..ArgDef::default()
    }];
    OpDef {
        name: name.to_owned(),
        output_arg,
        ..OpDef::default()
    }
}

fn info(tensor: &str) -> TensorInfo {
    TensorInfo {
        dtype: DataType::DtFloat.into(),
        encoding: Some(Encoding::Name(tensor.to_owned())),
        ..TensorInfo::default()
    }
}
