//! Hostile SavedModels, one module for each fuzz target.
//!
//! The loader gives an error or a model, never panics, and takes no memory that the file does not
//! fill. All goes through the public [`hari_tensorflow::inspect`], which reads the folder, inlines
//! functions, reads every variable in use and lowers every operation; only the engine is left out.
//! The replay of the corpus in `tests/corpus.rs` goes through the same functions.

/// The parts of a fixture.
macro_rules! fixture {
    ($name:literal) => {
        Parts {
            graph: include_bytes!(concat!("../../tests/fixtures/", $name, "/1/saved_model.pb")),
            index: include_bytes!(concat!(
                "../../tests/fixtures/",
                $name,
                "/1/variables/variables.index"
            )),
            shard: include_bytes!(concat!(
                "../../tests/fixtures/",
                $name,
                "/1/variables/variables.data-00000-of-00001"
            )),
        }
    };
}

mod folder;
mod graph;
pub mod saved_model;
mod table;
pub mod tensor_bundle;
