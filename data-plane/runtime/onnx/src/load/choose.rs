//! Which engine gets a model.

use hari_error::{Error, Result};
use hari_onnxruntime::Library;
use hari_operators::Type;
use hari_proto::onnx::GraphProto;

use super::Prepared;
use crate::check::{Problem, not_held};
use crate::engine::rten::OnRtens;
use crate::model::{EngineChoice, Options};
use crate::place::{Placer, control};
use crate::scope::Scope;
use crate::{element, tensors, types};

/// What computes a model.
pub(crate) enum Taken {
    /// The built-in engine alone; the graph that it gets, if it is to get another.
    Rten(Option<Box<GraphProto>>),
    /// ONNX Runtime alone.
    OnnxRuntime(Library),
    /// Our own operators together with ONNX Runtime, or with the built-in engine.
    Parts(Option<Library>),
}

/// What computes a model, and why.
pub(crate) struct Choice {
    pub(crate) taken: Taken,
    pub(crate) why: String,
}

/// Chooses what computes a model.
///
/// # Errors
/// `Unavailable` if ONNX Runtime is asked for and not there.
pub(crate) fn choose(prepared: &Prepared, options: &Options) -> Result<Choice> {
    let own = has_own(&prepared.graph);
    if options.engine == EngineChoice::OnnxRuntime {
        return asked(own);
    }
    let problem = match whole(prepared, options)? {
        Ok(graph) => {
            return Ok(Choice {
                taken: Taken::Rten(graph.map(Box::new)),
                why: "the built-in engine takes every node".to_owned(),
            });
        }
        Err(problem) => problem,
    };
    let why = format!("the built-in engine does not take all: {problem}");
    let auto = options.engine == EngineChoice::Auto && !own;
    let library = if auto { Library::find()? } else { None };
    let taken = library.map_or(Taken::Parts(None), Taken::OnnxRuntime);
    Ok(Choice { taken, why })
}

/// ONNX Runtime, because it was asked for.
fn asked(own: bool) -> Result<Choice> {
    let library = Library::find()?.ok_or_else(|| {
        Error::unavailable(
            "the engine `onnxruntime` is asked for and no library of it is found: \
             install it and set HARI_ONNXRUNTIME to where it lies",
        )
    })?;
    let (taken, why) = match own {
        false => (Taken::OnnxRuntime(library), "it is asked for"),
        true => (
            Taken::Parts(Some(library)),
            "it is asked for, and some operators are Hari's own",
        ),
    };
    let why = why.to_owned();
    Ok(Choice { taken, why })
}

/// Whether the built-in engine takes the whole graph, and the graph that it gets if that is
/// another; else the first thing that it does not take.
fn whole(prepared: &Prepared, options: &Options) -> Result<Result<Option<GraphProto>, Problem>> {
    let graph = &prepared.graph;
    if let Some(problem) = border(graph) {
        return Ok(Err(problem));
    }
    let segments = OnRtens::new(&prepared.model, options);
    let empty = Scope::default();
    let placed = Placer::new(&prepared.model, &segments).engine(graph, &empty)?;
    if !placed.whole() {
        let other = || Problem::new("a node", "is not taken", "see the operators");
        return Ok(Err(placed
            .problems()
            .into_iter()
            .next()
            .unwrap_or_else(other)));
    }
    if placed.as_written() {
        return Ok(Ok(None));
    }
    let flat = control::flat(graph, placed);
    crate::check::wiring::check(&flat)?;
    Ok(Ok(Some(flat)))
}

/// An input, an output or a constant that the built-in engine does not hold.
fn border(graph: &GraphProto) -> Option<Problem> {
    let mut values = graph.input.iter().chain(&graph.output);
    let value = values.find_map(|value| {
        let (why, hint) = match types::declared(value) {
            Some(Type::Tensor(dtype)) if element::held_exactly(dtype) => return None,
            None => return None,
            Some(Type::Tensor(dtype)) => not_held(element::elem(dtype) as i32),
            Some(kind) => (
                format!("is a {kind}"),
                "export the model with tensors alone",
            ),
        };
        Some(Problem::new(format!("`{}`", value.name()), why, hint))
    });
    value.or_else(|| constant(graph))
}

/// The first constant of a type that the built-in engine lacks.
fn constant(graph: &GraphProto) -> Option<Problem> {
    let mut found = None;
    tensors::each_tensor(graph, &mut |place, tensor| {
        let dtype = element::data_type(tensor.data_type());
        if found.is_none() && dtype.and_then(element::engine_size).is_none() {
            let (why, hint) = not_held(tensor.data_type());
            found = Some(Problem::new(place(), why, hint));
        }
    });
    found
}

/// Whether a node, however deep, is of Hari's own domain.
fn has_own(graph: &GraphProto) -> bool {
    let mut own = false;
    tensors::each_node(graph, &mut |node| own |= node.domain() == "hari");
    own
}
