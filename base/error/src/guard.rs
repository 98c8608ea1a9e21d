//! The last wall: a panic in the code of others becomes an error.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Error, Result};

/// Runs `work`, which calls an engine or a library that is meant to return errors. A panic that
/// gets through all the same must not take a thread of a pool with it: it is an error of kind
/// `Model` with this message, and the panic's own words are its source, for the log alone.
///
/// What `work` was changing when it panicked must not be looked at again, or be sound half changed.
///
/// # Errors
/// `Model` if `work` panics.
pub fn catch<T>(message: &str, work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|panic| Error::model(message).with_source(words(&*panic)))
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
    use crate::Kind;

    #[test]
    fn a_panic_is_an_error_and_its_words_stay_in_the_log() {
        let error = catch("the engine failed", || panic!("at {}", "/secret")).unwrap_err();
        assert_eq!(error.kind(), Kind::Model);
        assert_eq!(error.message(), "the engine failed");
        assert_eq!(error.source().unwrap().to_string(), "at /secret");
        let error = catch("the engine failed", || panic!("in plain words")).unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "in plain words");
    }

    #[test]
    fn a_panic_with_a_value_that_is_no_text_is_an_error_too() {
        let error = catch("failed", || std::panic::panic_any(7)).unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "");
    }

    #[test]
    fn what_does_not_panic_is_handed_on() {
        assert_eq!(catch("the engine failed", || 1 + 1).unwrap(), 2);
    }
}
