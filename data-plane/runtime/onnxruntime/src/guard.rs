//! From the engine's errors to ours, and the last wall against panics of its bindings.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hari_error::{Error, Result};
use ort::ErrorCode;

/// Runs `work`, which calls the engine; a panic in it is an error that says what was being done.
pub(crate) fn catch<T>(doing: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(Error::model(format!("ONNX Runtime failed while {doing}")).with_source(words(&*panic)))
    })
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

/// The engine's refusal of a model.
pub(crate) fn of_model<R>(error: &ort::Error<R>) -> Error {
    let said = error.message();
    Error::model(format!("ONNX Runtime: {}", plain(said))).with_source(said.to_owned())
}

/// The engine's refusal of a run. It blames the caller only for arguments that it names as wrong.
pub(crate) fn of_run(error: &ort::Error) -> Error {
    let said = error.message();
    let message = format!("ONNX Runtime: {}", plain(said));
    let error = match error.code() {
        ErrorCode::InvalidArgument => Error::invalid(message),
        _ => Error::model(message),
    };
    error.with_source(said.to_owned())
}

/// The engine's words without the places in its sources: `.../softmax.cc:58 void f(int) x` is `x`.
fn plain(message: &str) -> String {
    let message = message.trim();
    let Some(at) = message
        .find(" /")
        .map(|at| at + 1)
        .or_else(|| message.starts_with('/').then_some(0))
    else {
        return message.to_owned();
    };
    let (before, place) = message.split_at(at);
    let after = place
        .split_once(") ")
        .or_else(|| place.split_once(' '))
        .map_or("", |(_, after)| after);
    format!("{} {}", before.trim_end(), plain(after))
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn a_panic_is_an_error_and_its_words_stay_in_the_log() {
        let error = catch::<()>("adding", || panic!("at {}", "/secret")).unwrap_err();
        assert_eq!(error.message(), "ONNX Runtime failed while adding");
        assert_eq!(error.source().unwrap().to_string(), "at /secret");
        assert_eq!(catch("adding", || Ok(2)).unwrap(), 2);
    }

    #[test]
    fn places_in_sources_are_left_out() {
        let said = "Non-zero status code returned while running Add node. Name:'a' Status Message: \
                    /src/core/element_wise_ops.h:540 void Init(ptrdiff_t, ptrdiff_t) 2 by 3";
        assert_eq!(
            plain(said),
            "Non-zero status code returned while running Add node. Name:'a' Status Message: 2 by 3"
        );
        assert_eq!(plain("/src/a.cc:1 f(int) no"), "no");
        assert_eq!(plain("/src/a.cc:1"), "");
        assert_eq!(plain(" nothing to hide "), "nothing to hide");
    }
}
