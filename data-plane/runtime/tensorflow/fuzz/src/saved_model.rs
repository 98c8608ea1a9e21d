//! Any `saved_model.pb` over the variables of a fixture.

use hari_error::Result;
use hari_tensorflow::Inspection;

use super::folder::Parts;

/// Their variables are there for the graph that comes.
const FIXTURES: [Parts<'_>; 12] = [
    fixture!("tf1_resource_variables"),
    fixture!("tf1_frozen_signature"),
    fixture!("int_input_argmax"),
    fixture!("tf_module_function"),
    fixture!("operators_logic"),
    fixture!("operators_reduce"),
    fixture!("operators_integer"),
    fixture!("zero_padding_cropping"),
    fixture!("global_pools"),
    fixture!("dot_einsum"),
    fixture!("cnn_groups"),
    fixture!("keras3_savedmodel_save"),
];

/// The first byte chooses the fixture, the rest is the graph.
pub fn read(data: &[u8]) -> Option<Result<Inspection>> {
    let (&choice, graph) = data.split_first()?;
    let fixture = FIXTURES.get(usize::from(choice) % FIXTURES.len())?;
    Some(Parts { graph, ..*fixture }.inspect())
}
