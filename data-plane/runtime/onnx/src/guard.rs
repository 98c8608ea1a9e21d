//! The last wall: a panic in the engine becomes an error of the model.
//!
//! The engine is meant to return errors, and the checks before it refuse what is malformed. A
//! panic that gets through all the same must not take a thread of the pool with it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hari_error::{Error, Result};

/// Runs `work`; a panic in it is an error that says what was being done.
pub(crate) fn catch<T>(doing: &str, work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        Error::model(format!("the engine failed while {doing}")).with_source(words(&*panic))
    })
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn a_panic_is_an_error_and_its_words_stay_in_the_log() {
        let error = catch("adding", || panic!("at {}", "/secret")).unwrap_err();
        assert_eq!(error.message(), "the engine failed while adding");
        assert_eq!(error.source().unwrap().to_string(), "at /secret");
        assert_eq!(catch("adding", || 1 + 1).unwrap(), 2);
    }
}
