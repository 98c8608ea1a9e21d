//! Parameters: what a unit takes, and how their text is read.

use hari_api::ParameterType;

use crate::bound::ParameterValue;

/// Most rows in one batch; batching is off unless it is above 1.
pub const MAX_BATCH_SIZE: &str = "max_batch_size";
/// Milliseconds the first request of a batch waits for company.
pub const BATCH_WINDOW: &str = "batch_window_ms";
/// The window where none is written, in milliseconds.
pub const DEFAULT_BATCH_WINDOW: f64 = 1.0;
/// Names for versions of the model: `stable=1,canary=2`.
pub const VERSION_LABELS: &str = "version_labels";
/// Which versions of the model are served: `latest`, `latest:2`, `all`, or `1,2`.
pub const VERSION_POLICY: &str = "version_policy";
/// What computes a neural network: `auto`, `rten`, `onnxruntime`.
pub const ENGINE: &str = "engine";
/// Threads of one prediction.
pub const THREADS: &str = "threads";
/// Predictions that ONNX Runtime computes at once.
pub const INSTANCES: &str = "instances";
/// Where ONNX Runtime computes: `auto`, `cpu`, `cuda`, `cuda:N`.
pub const DEVICE: &str = "device";
/// Probability of branch 0 of a `RANDOM_ABTEST`.
pub const RATIO_A: &str = "ratioA";
/// How many branches a router that learns has.
pub const N_BRANCHES: &str = "n_branches";
/// How often an epsilon-greedy router explores.
pub const EPSILON: &str = "epsilon";
/// The branch that an epsilon-greedy router takes before it learnt.
pub const BEST_BRANCH: &str = "best_branch";
/// Names of the branches of a router that learns: `a:b`.
pub const BRANCH_NAMES: &str = "branch_names";
/// What the random numbers of a router start from.
pub const SEED: &str = "seed";
/// Whether a router that learns writes to the log.
pub const VERBOSE: &str = "verbose";
/// Whether a router that learns keeps its last rewards.
pub const HISTORY: &str = "history";
/// The folder in which a router keeps what it learnt.
pub const STATE: &str = "state";

/// Whether a model that is not read as data may be loaded by Python.
pub const TRUSTED: &str = "trusted";

/// A parameter that a unit takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterSpec {
    /// Name.
    pub name: &'static str,
    /// Type it is to be declared with.
    pub kind: ParameterType,
    /// Value where none is given.
    pub default: Option<&'static str>,
    /// What it does.
    pub doc: &'static str,
    /// What its value must be.
    pub check: Check,
}

/// What the value of a parameter must be, beyond its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Check {
    /// Anything.
    Any,
    /// A number in this range, ends included.
    Between(f64, f64),
    /// `name=version`, separated by commas.
    Labels,
    /// Which versions of a model are served.
    Versions,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A processor or a graphics card.
    Device,
    /// Anything, and as often as wanted.
    Repeated,
}

impl ParameterSpec {
    /// A parameter whose value may be anything of its type.
    #[must_use]
    pub const fn new(name: &'static str, kind: ParameterType, doc: &'static str) -> Self {
        Self {
            name,
            kind,
            default: None,
            doc,
            check: Check::Any,
        }
    }

    /// With a value where none is given.
    #[must_use]
    pub const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// With a condition on its value.
    #[must_use]
    pub const fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    /// Reads a value.
    ///
    /// # Errors
    /// What the value should have been, such as `an integer from 1 to 65536`.
    pub fn read(&self, text: &str) -> Result<ParameterValue, String> {
        let value = read(self.kind, text).ok_or_else(|| self.expected())?;
        match self.accepts(&value) {
            true => Ok(value),
            false => Err(self.expected()),
        }
    }

    /// What a value must be.
    #[must_use]
    pub fn expected(&self) -> String {
        let kind = expected(self.kind);
        match self.check {
            Check::Any | Check::Repeated => kind.to_owned(),
            Check::Between(low, high) => format!("{kind} from {low} to {high}"),
            Check::Labels => "name=version pairs such as `stable=1,canary=2`".to_owned(),
            Check::Versions => "`latest`, `latest:2`, `all`, or numbers such as `1,2`".to_owned(),
            Check::OneOf(words) => format!("one of `{}`", words.join("`, `")),
            Check::Device => "`auto`, `cpu`, `cuda`, or `cuda:1`".to_owned(),
        }
    }

    /// Whether a declared type stands for the same kind of value.
    #[must_use]
    pub fn takes(&self, declared: ParameterType) -> bool {
        use ParameterType::{Double, Float, Int};
        declared == self.kind
            || matches!(
                (self.kind, declared),
                (Float | Double, Float | Double | Int)
            )
    }

    fn accepts(&self, value: &ParameterValue) -> bool {
        match (self.check, value) {
            (Check::Between(low, high), ParameterValue::Float(number)) => {
                (low..=high).contains(number)
            }
            (Check::Between(low, high), ParameterValue::Int(number)) => {
                i32::try_from(*number).is_ok_and(|number| (low..=high).contains(&f64::from(number)))
            }
            (Check::Labels, ParameterValue::String(text)) => labels(text).is_some(),
            (Check::Versions, ParameterValue::String(text)) => versions(text).is_some(),
            (Check::OneOf(words), ParameterValue::String(text)) => words.contains(&text.as_str()),
            (Check::Device, ParameterValue::String(text)) => is_device(text),
            _ => true,
        }
    }
}

/// Reads the text of a parameter as its type says; `None` if it does not.
///
/// Whole numbers have 64 bits; `BOOL` takes y, yes, t, true, on, 1 and their opposites.
#[must_use]
pub fn read(kind: ParameterType, text: &str) -> Option<ParameterValue> {
    let trimmed = text.trim();
    match kind {
        ParameterType::Int => trimmed.parse().ok().map(ParameterValue::Int),
        ParameterType::Float | ParameterType::Double => {
            trimmed.parse().ok().map(ParameterValue::Float)
        }
        ParameterType::String => Some(ParameterValue::String(text.to_owned())),
        ParameterType::Bool => read_bool(trimmed).map(ParameterValue::Bool),
    }
}

fn read_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" | "t" | "true" | "on" | "1" => Some(true),
        "n" | "no" | "f" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// What the text of a parameter of this type must be.
#[must_use]
pub const fn expected(kind: ParameterType) -> &'static str {
    match kind {
        ParameterType::Int => "an integer",
        ParameterType::Float | ParameterType::Double => "a number",
        ParameterType::String => "text",
        ParameterType::Bool => "true or false",
    }
}

/// Reads `stable=1,canary=2`: names with the versions they stand for; `None` if it is not that.
#[must_use]
pub fn labels(text: &str) -> Option<Vec<(String, u64)>> {
    let pair = |pair: &str| {
        let (name, version) = pair.split_once('=')?;
        let name = name.trim();
        (!name.is_empty()).then_some((name.to_owned(), version.trim().parse().ok()?))
    };
    text.split(',').map(pair).collect()
}

/// Which versions of a model are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionPolicy {
    /// The highest numbers, this many.
    Latest(usize),
    /// Every version that is there.
    All,
    /// These.
    Listed(Vec<u64>),
}

/// Reads `latest`, `latest:2`, `all` or `1,2`; `None` if it is none of them.
#[must_use]
pub fn versions(text: &str) -> Option<VersionPolicy> {
    let text = text.trim();
    match text.split_once(':') {
        None if text == "latest" => Some(VersionPolicy::Latest(1)),
        None if text == "all" => Some(VersionPolicy::All),
        Some(("latest", count)) => {
            let count = count.trim().parse().ok().filter(|&count| count > 0)?;
            Some(VersionPolicy::Latest(count))
        }
        _ => {
            let numbers = text.split(',').map(|number| number.trim().parse().ok());
            numbers.collect::<Option<_>>().map(VersionPolicy::Listed)
        }
    }
}

/// Whether `text` is `auto`, `cpu`, `cuda` or `cuda:N`.
fn is_device(text: &str) -> bool {
    let number = |text: &str| text.parse::<u16>().is_ok();
    matches!(text, "auto" | "cpu" | "cuda") || text.strip_prefix("cuda:").is_some_and(number)
}

/// What every server of neural networks that runs in this process takes.
pub(super) const NEURAL: &[ParameterSpec] = &[
    ParameterSpec::new(
        ENGINE,
        ParameterType::String,
        "what computes: `rten`, which is built in, `onnxruntime`, or `auto` for the faster one \
         that holds the model; the setting HARI_ENGINE by default",
    )
    .check(Check::OneOf(&["auto", "rten", "onnxruntime"])),
    ParameterSpec::new(
        THREADS,
        ParameterType::Int,
        "threads of one prediction; by default one on rten, and on ONNX Runtime those that \
         HARI_THREADS says, shared out among its `instances`",
    )
    .check(Check::Between(1.0, 256.0)),
    ParameterSpec::new(
        INSTANCES,
        ParameterType::Int,
        "predictions that ONNX Runtime computes at once, each with its own copy of the weights; \
         rten needs no copies and computes as many as HARI_THREADS says",
    )
    .or("1")
    .check(Check::Between(1.0, 64.0)),
    ParameterSpec::new(
        DEVICE,
        ParameterType::String,
        "where ONNX Runtime computes: `cpu`, `cuda`, `cuda:1`, or `auto` for the first card it \
         can use",
    )
    .or("auto")
    .check(Check::Device),
];

/// What every server that runs in this process takes.
pub(super) const IN_PROCESS: &[ParameterSpec] = &[
    ParameterSpec::new(
        MAX_BATCH_SIZE,
        ParameterType::Int,
        "most rows in one batch; requests are batched if it is above 1",
    )
    .or("1")
    .check(Check::Between(1.0, 65_536.0)),
    ParameterSpec::new(
        BATCH_WINDOW,
        ParameterType::Float,
        "milliseconds the first request of a batch waits for company",
    )
    .or("1")
    .check(Check::Between(0.0, 60_000.0)),
    ParameterSpec::new(
        VERSION_LABELS,
        ParameterType::String,
        "names for versions of the model, such as `stable=1,canary=2`",
    )
    .check(Check::Labels),
    ParameterSpec::new(
        VERSION_POLICY,
        ParameterType::String,
        "versions of the model that are served: `latest`, `latest:2`, `all`, or `1,2`",
    )
    .or("latest")
    .check(Check::Versions),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(kind: ParameterType, check: Check) -> ParameterSpec {
        ParameterSpec::new("p", kind, "").check(check)
    }

    #[test]
    fn text_is_read_as_its_type_says() {
        use ParameterType::{Bool, Double, Float, Int, String};
        assert_eq!(read(Int, "-3"), Some(ParameterValue::Int(-3)));
        assert_eq!(read(Float, "0.5"), Some(ParameterValue::Float(0.5)));
        assert_eq!(read(Double, "1e3"), Some(ParameterValue::Float(1000.0)));
        assert_eq!(
            read(String, " a "),
            Some(ParameterValue::String(" a ".to_owned()))
        );
        assert_eq!(read(Bool, "Yes"), Some(ParameterValue::Bool(true)));
        assert_eq!(read(Bool, "off"), Some(ParameterValue::Bool(false)));
        for (kind, text) in [(Int, "3.0"), (Int, ""), (Float, "half"), (Bool, "maybe")] {
            assert_eq!(read(kind, text), None, "{text}");
        }
    }

    #[test]
    fn ranges_include_their_ends() {
        let spec = spec(ParameterType::Int, Check::Between(1.0, 8.0));
        assert_eq!(spec.read("8"), Ok(ParameterValue::Int(8)));
        assert_eq!(spec.read("1"), Ok(ParameterValue::Int(1)));
        for text in ["0", "9", "99999999999"] {
            assert_eq!(spec.read(text), Err("an integer from 1 to 8".to_owned()));
        }
    }

    #[test]
    fn not_a_number_is_in_no_range() {
        let spec = spec(ParameterType::Float, Check::Between(0.0, 1.0));
        assert!(spec.read("nan").is_err());
        assert!(spec.read("inf").is_err());
        assert!(spec.read("0").is_ok());
    }

    #[test]
    fn labels_are_names_with_versions() {
        let read = labels("stable=1, canary = 2").unwrap();
        assert_eq!(read, [("stable".to_owned(), 1), ("canary".to_owned(), 2)]);
        for text in ["", "stable", "=1", "stable=one", "stable=1,,"] {
            assert_eq!(labels(text), None, "{text}");
        }
        assert!(
            spec(ParameterType::String, Check::Labels)
                .read("stable")
                .is_err()
        );
    }

    #[test]
    fn versions_are_some_or_all() {
        assert_eq!(versions("latest"), Some(VersionPolicy::Latest(1)));
        assert_eq!(versions("latest:3"), Some(VersionPolicy::Latest(3)));
        assert_eq!(versions(" all "), Some(VersionPolicy::All));
        assert_eq!(versions("2, 1"), Some(VersionPolicy::Listed(vec![2, 1])));
        for text in ["", "newest", "latest:0", "latest:x", "1,", "all:2", "v1"] {
            assert_eq!(versions(text), None, "{text}");
        }
    }

    #[test]
    fn words_and_devices_are_those_that_are_known() {
        let engine = spec(ParameterType::String, Check::OneOf(&["auto", "rten"]));
        assert!(engine.read("rten").is_ok());
        assert_eq!(engine.read("Rten"), Err("one of `auto`, `rten`".to_owned()));
        let device = spec(ParameterType::String, Check::Device);
        for text in ["auto", "cpu", "cuda", "cuda:0", "cuda:12"] {
            assert!(device.read(text).is_ok(), "{text}");
        }
        for text in ["gpu", "cuda:", "cuda:x", "cuda:-1", ""] {
            assert!(device.read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_may_be_declared_as_any_type_of_number_that_fits() {
        let float = spec(ParameterType::Float, Check::Any);
        assert!(float.takes(ParameterType::Double));
        assert!(float.takes(ParameterType::Int));
        assert!(!float.takes(ParameterType::String));
        assert!(!spec(ParameterType::Int, Check::Any).takes(ParameterType::Float));
    }
}
