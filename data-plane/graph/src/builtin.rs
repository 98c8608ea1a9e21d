//! The units that are part of the engine: `SIMPLE_MODEL`, `SIMPLE_ROUTER`, `RANDOM_ABTEST` and
//! `AVERAGE_COMBINER` of a resource's `implementation`.

mod average_combiner;
mod random_abtest;
mod simple_model;
mod simple_router;

use hari_core::{Message, Method, ModelMetadata, Tensor};
use hari_error::{Error, Result};

pub use average_combiner::AverageCombiner;
pub use random_abtest::RandomAbTest;
pub use simple_model::SimpleModel;
pub use simple_router::SimpleRouter;

/// What a built-in unit says of itself.
fn metadata(name: &str) -> ModelMetadata {
    ModelMetadata {
        name: name.to_owned(),
        platform: "builtin".to_owned(),
        ..ModelMetadata::default()
    }
}

/// A router's reply: one integer.
fn branch(index: i32) -> Result<Message> {
    Ok(Message::tensor(
        "branch",
        Tensor::from_vec([1, 1], vec![index])?,
    ))
}

fn unimplemented(implementation: &str, method: Method) -> Error {
    Error::unimplemented(format!("{implementation} has no method {}", method.path()))
}
