//! What can go wrong in an exchange, and whether it may pass by itself.

use std::error::Error as StdError;
use std::time::Duration;
use std::{fmt, io};

use hari_error::{Error, Kind};
use reqwest::StatusCode;

use crate::policy::RefusedAddress;

/// The reason of [`Fault::changed`].
const CHANGED: &str = "CHANGED";

/// Whether the error says that what is fetched became something else meanwhile.
pub(crate) fn is_changed(error: &Error) -> bool {
    error.reason() == CHANGED
}

/// A failed attempt.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Another attempt would end the same way.
    Final(Error),
    /// It may pass; the server may have said when.
    Passing {
        error: Error,
        after: Option<Duration>,
    },
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Final(error) | Self::Passing { error, .. }) = self;
        f.write_str(error.message())
    }
}

/// So that it can pass through the client of a store.
impl StdError for Fault {}

impl Fault {
    /// The fault again, as the one that came through the client of a store is borrowed.
    pub(crate) fn again(&self) -> Self {
        let same = |error: &Error| {
            Error::new(error.kind(), error.message()).with_reason(error.reason().to_owned())
        };
        match self {
            Self::Final(error) => Self::Final(same(error)),
            Self::Passing { error, after } => Self::Passing {
                error: same(error),
                after: *after,
            },
        }
    }

    /// A connection that broke or never came to be.
    pub(crate) fn of_connection(error: reqwest::Error) -> Self {
        // Its `Display` would show the URL with its query.
        let error = error.without_url();
        if find::<RefusedAddress>(&error).is_some() {
            let why = "the host's name leads to a link-local or metadata address, \
                       which is never fetched from";
            return Self::Final(Error::new(Kind::Forbidden, why).with_source(error));
        }
        if let Some(tls) = find::<rustls::Error>(&error)
            && matches!(tls, rustls::Error::InvalidCertificate(_))
        {
            let why = format!(
                "the server's certificate is not trusted: {tls}; add its CA to this machine's \
                 certificates, or name them with SSL_CERT_FILE"
            );
            return Self::Final(Error::new(Kind::Forbidden, why).with_source(error));
        }
        let what = match () {
            () if error.is_timeout() => "the server sent nothing in time".to_owned(),
            () if error.is_connect() => format!("cannot connect ({})", innermost(&error)),
            () => format!("the transfer broke ({})", innermost(&error)),
        };
        Self::Passing {
            error: Error::unavailable(what).with_source(error),
            after: None,
        }
    }

    /// A status other than 200, 206 and 304.
    pub(crate) fn of_status(status: StatusCode, after: Option<Duration>) -> Self {
        match status.as_u16() {
            404 | 410 => Self::Final(Error::not_found(format!("the server answers {status}"))),
            401 | 403 | 407 => Self::Final(Error::new(
                Kind::Forbidden,
                format!("the server answers {status}; does the URL carry its key?"),
            )),
            408 | 425 | 429 | 500.. => Self::Passing {
                error: Error::unavailable(format!("the server answers {status}")),
                after,
            },
            _ => Self::Final(Error::invalid(format!(
                "expected the file, found that the server answers {status}"
            ))),
        }
    }

    /// What is fetched became something else meanwhile.
    pub(crate) fn changed() -> Self {
        let why = "the model is being changed in its store while it is fetched";
        Self::Final(Error::unavailable(why).with_reason(CHANGED))
    }

    /// The kind of its error.
    pub(crate) fn kind(&self) -> Kind {
        let (Self::Final(error) | Self::Passing { error, .. }) = self;
        error.kind()
    }

    /// A transfer that has to start again, or go on, and may then end well.
    pub(crate) fn broken(what: impl Into<String>) -> Self {
        Self::Passing {
            error: Error::unavailable(what),
            after: None,
        }
    }
}

/// The first error of type `E` among the causes.
pub(crate) fn find<'a, E: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a E> {
    let mut next: Option<&'a (dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// The words of the last cause: `Connection refused`, say.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_that_may_pass_are_tried_again() {
        for (status, passes) in [
            (404, false),
            (403, false),
            (400, false),
            (429, true),
            (503, true),
            (500, true),
        ] {
            let fault = Fault::of_status(StatusCode::from_u16(status).unwrap(), None);
            assert_eq!(matches!(fault, Fault::Passing { .. }), passes, "{status}");
        }
    }

    #[test]
    fn causes_are_found_inside_io_errors() {
        let error = io::Error::other(io::Error::other(RefusedAddress));
        assert!(find::<RefusedAddress>(&error).is_some());
        assert!(find::<rustls::Error>(&error).is_none());
        assert!(innermost(&error).contains("link-local"));
    }
}
