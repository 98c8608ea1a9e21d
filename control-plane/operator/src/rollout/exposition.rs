//! What a pod's metrics say of the predictions of a predictor.

use std::collections::BTreeMap;

use hari_rollout::Arm;

/// The histogram of requests, by service and code.
const HISTOGRAM: &str = "seldon_api_executor_server_requests_seconds";
/// Codes of gRPC that are the server's fault, in lower case.
const FAULTS: [&str; 5] = [
    "unknown",
    "deadlineexceeded",
    "internal",
    "unavailable",
    "dataloss",
];
/// Ends of the names of gRPC methods that predict.
const METHODS: [&str; 5] = [
    "/Predict",
    "/ModelInfer",
    "/Classify",
    "/Regress",
    "/MultiInference",
];
/// Most bounds of a histogram.
const BOUNDS: usize = 128;

/// The predictions of one predictor, whatever the transport.
pub(super) fn arm(text: &str, deployment: &str, predictor: &str) -> Arm {
    let mut arm = Arm::default();
    let mut buckets: BTreeMap<u64, u64> = BTreeMap::new();
    for line in text.lines() {
        let Some(sample) = Sample::read(line) else {
            continue;
        };
        let label = |name: &str| sample.labels.get(name).map_or("", String::as_str);
        let mine = label("deployment_name") == deployment && label("predictor_name") == predictor;
        if !mine || !predicts(label("service")) {
            continue;
        }
        match sample.suffix {
            "_count" => {
                arm.requests = arm.requests.saturating_add(sample.value);
                if is_fault(label("code")) {
                    arm.errors = arm.errors.saturating_add(sample.value);
                }
            }
            _ => {
                let bound = bound(label("le"));
                if let Some(bound) =
                    bound.filter(|bound| buckets.len() < BOUNDS || buckets.contains_key(bound))
                {
                    let count = buckets.entry(bound).or_default();
                    *count = count.saturating_add(sample.value);
                }
            }
        }
    }
    // Floats above zero are ordered as their bits are.
    let bounds = buckets.into_iter();
    arm.buckets = bounds
        .map(|(bound, count)| (f64::from_bits(bound), count))
        .collect();
    arm
}

fn predicts(service: &str) -> bool {
    service == "predictions" || METHODS.iter().any(|method| service.ends_with(method))
}

fn is_fault(code: &str) -> bool {
    match code.parse::<u16>() {
        Ok(status) => status >= 500,
        Err(_) => FAULTS.contains(&&*code.to_lowercase()),
    }
}

fn bound(text: &str) -> Option<u64> {
    let bound: f64 = text.parse().ok()?;
    (bound > 0.0).then(|| bound.to_bits())
}

/// A line of the histogram.
struct Sample<'a> {
    /// `_count` or `_bucket`.
    suffix: &'a str,
    labels: BTreeMap<&'a str, String>,
    value: u64,
}

impl<'a> Sample<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let rest = line.strip_prefix(HISTOGRAM)?;
        let (suffix, rest) = rest.split_once('{')?;
        if !matches!(suffix, "_count" | "_bucket") {
            return None;
        }
        let (labels, rest) = labels(rest)?;
        let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
        let whole = value.is_finite() && value >= 0.0;
        Some(Self {
            suffix,
            labels,
            value: if whole { value as u64 } else { return None },
        })
    }
}

/// Labels up to the brace that ends them, and what follows it.
fn labels(text: &str) -> Option<(BTreeMap<&str, String>, &str)> {
    let (mut labels, mut rest) = (BTreeMap::new(), text);
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.insert(name.trim(), value);
        rest = after;
    }
}

/// A text up to its closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut letters) = (String::new(), text.char_indices());
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# HELP seldon_api_executor_server_requests_seconds time
# TYPE seldon_api_executor_server_requests_seconds histogram
seldon_api_executor_server_requests_seconds_bucket{deployment_name="d",predictor_name="canary",service="predictions",method="post",code="200",le="0.1"} 90
seldon_api_executor_server_requests_seconds_bucket{deployment_name="d",predictor_name="canary",service="predictions",method="post",code="200",le="+Inf"} 100
seldon_api_executor_server_requests_seconds_sum{deployment_name="d",predictor_name="canary",service="predictions",code="200"} 3.5
seldon_api_executor_server_requests_seconds_count{deployment_name="d",predictor_name="canary",service="predictions",method="post",code="200"} 100
seldon_api_executor_server_requests_seconds_bucket{deployment_name="d",predictor_name="canary",service="predictions",code="503",le="0.1"} 4
seldon_api_executor_server_requests_seconds_bucket{deployment_name="d",predictor_name="canary",service="predictions",code="503",le="+Inf"} 4
seldon_api_executor_server_requests_seconds_count{deployment_name="d",predictor_name="canary",service="predictions",code="503"} 4
seldon_api_executor_server_requests_seconds_count{deployment_name="d",predictor_name="canary",service="predictions",code="400"} 2
seldon_api_executor_server_requests_seconds_count{deployment_name="d",predictor_name="canary",service="/seldon.protos.Seldon/Predict",code="Internal"} 3
seldon_api_executor_server_requests_seconds_count{deployment_name="d",predictor_name="canary",service="feedback",code="500"} 50
seldon_api_executor_server_requests_seconds_count{deployment_name="d",predictor_name="main",service="predictions",code="500"} 7
seldon_api_executor_server_requests_seconds_summary{deployment_name="d",predictor_name="canary",quantile="0.5"} 1
"#;

    #[test]
    fn predictions_of_one_predictor_are_counted() {
        let canary = arm(TEXT, "d", "canary");
        assert_eq!((canary.requests, canary.errors), (109, 7));
        assert_eq!(canary.buckets, [(0.1, 94), (f64::INFINITY, 104)]);
        let main = arm(TEXT, "d", "main");
        assert_eq!((main.requests, main.errors), (7, 7));
        assert_eq!(arm(TEXT, "other", "canary"), Arm::default());
    }

    #[test]
    fn labels_may_hold_anything() {
        let (labels, rest) = labels(r#"a="x\"},b=\"y",b="\\n\n"} 7"#).unwrap();
        assert_eq!(
            (&*labels["a"], &*labels["b"], rest),
            ("x\"},b=\"y", "\\n\n", " 7")
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_does_harm(text in ".{0,200}") {
            for line in [text.clone(), format!("{HISTOGRAM}_count{{{text}"), format!("{HISTOGRAM}_count{{a=\"{text}\"}} {text}")] {
                let _ = arm(&line, "d", "p");
            }
        }
    }
}
