//! The words that fields without an enumeration in the schema may hold.

use std::fmt;
use std::str::FromStr;

use crate::nearest;

/// A word that a field may not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownValue {
    /// What the word should have named, such as `unit type`.
    pub what: &'static str,
    /// The word.
    pub found: String,
    /// The words that are known.
    pub known: &'static [&'static str],
}

impl UnknownValue {
    /// The known word that was probably meant.
    #[must_use]
    pub fn suggestion(&self) -> Option<&'static str> {
        nearest(&self.found, self.known.iter().copied())
    }
}

impl fmt::Display for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, found, known } = self;
        write!(f, "unknown {what} {found:?}: expected {}", known.join(", "))
    }
}

impl std::error::Error for UnknownValue {}

/// Reads a word where one is written; an empty one counts as absent.
pub(crate) fn read_optional<T>(word: Option<&str>) -> Result<Option<T>, UnknownValue>
where
    T: FromStr<Err = UnknownValue>,
{
    word.filter(|word| !word.is_empty())
        .map(str::parse)
        .transpose()
}

/// An enumeration with the words that stand for its values; more than one word may stand for the
/// same value, and the first is the one that is written.
macro_rules! vocabulary {
    (
        $(#[$doc:meta])* $name:ident, $what:literal,
        { $($(#[$variant_doc:meta])* $variant:ident = $word:literal $(| $alias:literal)*,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every word that is read, aliases with them.
            pub const WORDS: &'static [&'static str] = &[$($word, $($alias,)*)+];

            /// The word of this value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = UnknownValue;

            fn from_str(word: &str) -> Result<Self, UnknownValue> {
                match word {
                    $($word $(| $alias)* => Ok(Self::$variant),)+
                    _ => Err(UnknownValue {
                        what: $what,
                        found: word.to_owned(),
                        known: Self::WORDS,
                    }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// Reads a word where one is written, with a value for where none is.
macro_rules! with_default {
    ($name:ident, $default:ident) => {
        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        impl $name {
            /// Reads the word; absent or empty is the default.
            pub(crate) fn read_or_default(word: Option<&str>) -> Result<Self, UnknownValue> {
                read_optional(word).map(Option::unwrap_or_default)
            }
        }
    };
}

vocabulary! {
    /// Version of the resource. All have one shape.
    ApiVersion, "apiVersion",
    {
        /// The version that is stored.
        V1 = "machinelearning.seldon.io/v1",
        /// An older version, still served.
        V1Alpha2 = "machinelearning.seldon.io/v1alpha2",
        /// An older version, still served.
        V1Alpha3 = "machinelearning.seldon.io/v1alpha3",
    }
}

vocabulary! {
    /// What a unit of the graph is.
    UnitType, "unit type",
    {
        /// Said by `methods` or `implementation` instead.
        Unknown = "UNKNOWN_TYPE",
        /// Chooses one child.
        Router = "ROUTER",
        /// Merges what its children answer.
        Combiner = "COMBINER",
        /// Predicts.
        Model = "MODEL",
        /// Changes the input of its children.
        Transformer = "TRANSFORMER",
        /// Changes the output of its children.
        OutputTransformer = "OUTPUT_TRANSFORMER",
    }
}

vocabulary! {
    /// What a unit of the graph can be called for.
    Method, "method",
    {
        /// On the way down.
        TransformInput = "TRANSFORM_INPUT",
        /// On the way up.
        TransformOutput = "TRANSFORM_OUTPUT",
        /// To choose a child.
        Route = "ROUTE",
        /// To merge the answers of the children.
        Aggregate = "AGGREGATE",
        /// To learn how good an answer was.
        SendFeedback = "SEND_FEEDBACK",
    }
}

vocabulary! {
    /// How the text of a parameter is read.
    ParameterType, "parameter type",
    {
        /// 32-bit integer.
        Int = "INT",
        /// Single-precision number.
        Float = "FLOAT",
        /// Double-precision number.
        Double = "DOUBLE",
        /// Text.
        String = "STRING",
        /// `true` or `false`.
        Bool = "BOOL",
    }
}

vocabulary! {
    /// Protocol between the parts of a graph.
    Protocol, "protocol",
    {
        /// The Seldon protocol.
        Seldon = "seldon",
        /// The TensorFlow Serving protocol.
        Tensorflow = "tensorflow",
        /// The open inference protocol, version 2.
        V2 = "v2" | "kfserving",
    }
}
with_default!(Protocol, Seldon);

vocabulary! {
    /// Transport between the parts of a graph.
    Transport, "transport",
    {
        /// HTTP with JSON.
        Rest = "rest",
        /// gRPC.
        Grpc = "grpc",
    }
}
with_default!(Transport, Rest);

vocabulary! {
    /// How requests arrive.
    ServerType, "serverType",
    {
        /// By REST and gRPC.
        Rpc = "rpc",
        /// From a Kafka topic.
        Kafka = "kafka",
    }
}
with_default!(ServerType, Rpc);

vocabulary! {
    /// Transport of one unit's endpoint.
    EndpointType, "endpoint type",
    {
        /// HTTP with JSON.
        Rest = "REST",
        /// gRPC.
        Grpc = "GRPC",
    }
}

vocabulary! {
    /// What a logger records.
    LoggerMode, "logger mode",
    {
        /// Requests and responses.
        All = "all",
        /// Requests.
        Request = "request",
        /// Responses.
        Response = "response",
    }
}

vocabulary! {
    /// How an explainer explains.
    ExplainerType, "explainer type",
    {
        /// Anchors of rows.
        AnchorTabular = "AnchorTabular",
        /// Anchors of images.
        AnchorImages = "AnchorImages",
        /// Anchors of text.
        AnchorText = "AnchorText",
        /// Counterfactual instances.
        Counterfactuals = "Counterfactuals",
        /// Contrastive explanations.
        Contrastive = "Contrastive",
        /// Shapley values of any model.
        KernelShap = "KernelShap",
        /// Integrated gradients.
        IntegratedGradients = "IntegratedGradients",
        /// Accumulated local effects.
        Ale = "ALE",
        /// Shapley values of trees.
        TreeShap = "TreeShap",
    }
}

vocabulary! {
    /// How a deployment is, as a whole.
    DeploymentState, "state",
    {
        /// Everything answers.
        Available = "Available",
        /// Not yet.
        Creating = "Creating",
        /// It will not without help.
        Failed = "Failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_from_what_is_written() {
        for word in UnitType::WORDS {
            assert_eq!(&word.parse::<UnitType>().unwrap().to_string(), word);
        }
        for word in ApiVersion::WORDS {
            assert_eq!(&word.parse::<ApiVersion>().unwrap().to_string(), word);
        }
    }

    #[test]
    fn an_alias_is_read_and_its_first_word_written() {
        let protocol: Protocol = "kfserving".parse().unwrap();
        assert_eq!(protocol, Protocol::V2);
        assert_eq!(protocol.to_string(), "v2");
    }

    #[test]
    fn an_unknown_word_says_what_is_known() {
        let error = "ROUTR".parse::<UnitType>().unwrap_err();
        assert_eq!(error.suggestion(), Some("ROUTER"));
        assert_eq!(
            error.to_string(),
            "unknown unit type \"ROUTR\": expected UNKNOWN_TYPE, ROUTER, COMBINER, MODEL, \
             TRANSFORMER, OUTPUT_TRANSFORMER"
        );
    }

    #[test]
    fn words_are_case_sensitive() {
        assert!("model".parse::<UnitType>().is_err());
        assert!("REST".parse::<Transport>().is_err());
    }

    #[test]
    fn empty_is_absent() {
        assert_eq!(read_optional::<UnitType>(Some("")), Ok(None));
        assert_eq!(Transport::read_or_default(Some("")), Ok(Transport::Rest));
        assert_eq!(Protocol::read_or_default(None), Ok(Protocol::Seldon));
        assert!(ServerType::read_or_default(Some("amqp")).is_err());
    }
}
