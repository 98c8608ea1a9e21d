//! The last wall around the tokenizer: a panic in it becomes an error.
//!
//! A tokenizer is made of what a folder says, regular expressions among it. What the library does not
//! expect must not take a thread of the pool with it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hari_error::{Error, Result};

/// Runs `work`; a panic in it is an error that says what was being done.
pub(crate) fn catch<T>(doing: &str, work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        Error::model(format!("the tokenizer failed while {doing}")).with_source(words(&*panic))
    })
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let error = catch("counting", || panic!("out of fingers")).unwrap_err();
        assert_eq!(error.message(), "the tokenizer failed while counting");
        assert_eq!(catch("counting", || 3).unwrap(), 3);
    }
}
