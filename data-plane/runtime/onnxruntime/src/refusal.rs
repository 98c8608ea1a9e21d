//! From the engine's errors to ours.

use hari_error::Error;
use ort::ErrorCode;

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
    use super::*;

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
