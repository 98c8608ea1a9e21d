//! The closed list of kinds and the one table from kind to HTTP status, gRPC code and blame.

/// Who has to change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The caller's request.
    Caller,
    /// The model or its artifact.
    Model,
    /// This server, the network or the machine.
    Infrastructure,
}

/// The kinds of error. Closed: a new one needs a row in every table below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A field, a tensor or a body that cannot be read or does not fit the model.
    InvalidInput,
    /// The caller did not prove who it is.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// No such path, deployment, model, version or signature.
    NotFound,
    /// The path exists, the HTTP method does not.
    MethodNotAllowed,
    /// Headers promise something that the server cannot read.
    UnsupportedMediaType,
    /// A body, a message or a tensor over its limit.
    TooLarge,
    /// Too many requests in flight or in the queue.
    Overloaded,
    /// Not ready, draining, or a dependency is down.
    Unavailable,
    /// The deadline passed.
    DeadlineExceeded,
    /// The caller went away.
    Cancelled,
    /// A node on the other end of a connection failed.
    BadGateway,
    /// The model or its artifact is at fault.
    Model,
    /// Known to the protocol, not offered here.
    Unimplemented,
    /// A fault of this program.
    Internal,
}

/// The gRPC status codes in use, by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[expect(missing_docs, reason = "the names are gRPC's own")]
pub enum GrpcCode {
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl GrpcCode {
    /// The name in metrics, as gRPC's Go implementation writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "Canceled",
            Self::Unknown => "Unknown",
            Self::InvalidArgument => "InvalidArgument",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::NotFound => "NotFound",
            Self::PermissionDenied => "PermissionDenied",
            Self::ResourceExhausted => "ResourceExhausted",
            Self::Unimplemented => "Unimplemented",
            Self::Internal => "Internal",
            Self::Unavailable => "Unavailable",
            Self::Unauthenticated => "Unauthenticated",
        }
    }
}

impl Kind {
    /// Every kind, for tables in the docs and for tests.
    pub const ALL: [Self; 15] = [
        Self::InvalidInput,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::UnsupportedMediaType,
        Self::TooLarge,
        Self::Overloaded,
        Self::Unavailable,
        Self::DeadlineExceeded,
        Self::Cancelled,
        Self::BadGateway,
        Self::Model,
        Self::Unimplemented,
        Self::Internal,
    ];

    /// The HTTP status code of a reply with this error.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::InvalidInput => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Overloaded => 429,
            Self::Cancelled => 499,
            Self::Model | Self::Internal => 500,
            Self::Unimplemented => 501,
            Self::BadGateway => 502,
            Self::Unavailable => 503,
            Self::DeadlineExceeded => 504,
        }
    }

    /// The gRPC status code of a reply with this error.
    #[must_use]
    pub const fn grpc_code(self) -> GrpcCode {
        match self {
            Self::InvalidInput | Self::UnsupportedMediaType => GrpcCode::InvalidArgument,
            Self::Unauthenticated => GrpcCode::Unauthenticated,
            Self::Forbidden => GrpcCode::PermissionDenied,
            Self::NotFound => GrpcCode::NotFound,
            Self::MethodNotAllowed | Self::Unimplemented => GrpcCode::Unimplemented,
            Self::TooLarge | Self::Overloaded => GrpcCode::ResourceExhausted,
            Self::Unavailable | Self::BadGateway => GrpcCode::Unavailable,
            Self::DeadlineExceeded => GrpcCode::DeadlineExceeded,
            Self::Cancelled => GrpcCode::Cancelled,
            Self::Model | Self::Internal => GrpcCode::Internal,
        }
    }

    /// Who has to change something.
    #[must_use]
    pub const fn blame(self) -> Blame {
        match self {
            Self::InvalidInput
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::UnsupportedMediaType
            | Self::TooLarge
            | Self::Cancelled
            | Self::Unimplemented => Blame::Caller,
            Self::Model => Blame::Model,
            Self::Overloaded
            | Self::Unavailable
            | Self::DeadlineExceeded
            | Self::BadGateway
            | Self::Internal => Blame::Infrastructure,
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn retryable(self) -> bool {
        matches!(
            self,
            Self::Overloaded | Self::Unavailable | Self::BadGateway
        )
    }

    /// A stable upper-case word, the default of `Error::reason`.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::InvalidInput => "INVALID_INPUT",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::TooLarge => "TOO_LARGE",
            Self::Overloaded => "OVERLOADED",
            Self::Unavailable => "UNAVAILABLE",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::Cancelled => "CANCELLED",
            Self::BadGateway => "BAD_GATEWAY",
            Self::Model => "MODEL_ERROR",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_faults_are_4xx_and_ours_are_5xx() {
        for kind in Kind::ALL {
            let caller = kind.http_status() < 500 || kind == Kind::Unimplemented;
            let blamed = kind.blame() == Blame::Caller || kind == Kind::Overloaded;
            assert_eq!(caller, blamed, "{kind:?}");
        }
    }

    #[test]
    fn reasons_are_unique() {
        let reasons: std::collections::HashSet<_> = Kind::ALL.iter().map(|k| k.reason()).collect();
        assert_eq!(reasons.len(), Kind::ALL.len());
    }
}
