//! `hari.dev/rollout`: how a canary comes to take all requests, step by step.

use std::time::Duration;

use serde_json::Value;

/// How a canary comes to take all requests.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutPolicy {
    /// Percent of the requests, rising; the last is 100.
    pub steps: Vec<u32>,
    /// Least time of a step.
    pub interval: Duration,
    /// Least requests that the canary, and the predictors it is compared with, answer in a step.
    pub min_requests: u64,
    /// Share of failed requests that is always accepted.
    pub max_error_rate: f64,
    /// The canary's latency may be so many times that of the others.
    pub max_latency: f64,
    /// Which quantile of the latency.
    pub quantile: f64,
    /// Probability that a canary as good as the others is rolled back, over the whole rollout.
    pub alpha: f64,
    /// The canary stays at its step.
    pub pause: bool,
}

/// Most steps.
const MAX_STEPS: usize = 32;
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
const MEMBERS: [&str; 8] = [
    "steps",
    "interval",
    "min-requests",
    "max-error-rate",
    "max-latency",
    "quantile",
    "alpha",
    "pause",
];

impl Default for RolloutPolicy {
    fn default() -> Self {
        Self {
            steps: vec![5, 20, 50, 100],
            interval: Duration::from_secs(60),
            min_requests: 100,
            max_error_rate: 0.0,
            max_latency: 1.5,
            quantile: 0.95,
            alpha: 0.05,
            pause: false,
        }
    }
}

impl RolloutPolicy {
    /// Reads `5,20,50,100`; `steps=5,20,50; interval=2m; pause`; or a JSON object of the same
    /// members. An empty text means the defaults.
    ///
    /// # Errors
    /// In words: which member, what was expected, what was found.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let mut policy = Self::default();
        match text.as_bytes().first() {
            Some(b'{') => policy.read_json(text)?,
            Some(b'0'..=b'9') if !text.contains([';', '=']) => policy.set("steps", text)?,
            _ => policy.read_pairs(text)?,
        }
        Ok(policy)
    }

    fn read_json(&mut self, text: &str) -> Result<(), String> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
        for (name, value) in value.as_object().into_iter().flatten() {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Array(items) => {
                    let items: Vec<String> = items.iter().map(Value::to_string).collect();
                    items.join(",")
                }
                other => other.to_string(),
            };
            self.set(name, &text)?;
        }
        Ok(())
    }

    fn read_pairs(&mut self, text: &str) -> Result<(), String> {
        for piece in text
            .split(';')
            .map(str::trim)
            .filter(|piece| !piece.is_empty())
        {
            let (name, value) = piece.split_once('=').unwrap_or((piece, "true"));
            self.set(name.trim(), value.trim())?;
        }
        Ok(())
    }

    fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        match name {
            "steps" => self.steps = steps(text)?,
            "interval" => self.interval = time(text)?,
            "min-requests" => self.min_requests = whole(text)?,
            "max-error-rate" => self.max_error_rate = within(name, text, 0.0, 0.999)?,
            "max-latency" => self.max_latency = within(name, text, 1.0, 1000.0)?,
            "quantile" => self.quantile = within(name, text, 0.5, 0.999)?,
            "alpha" => self.alpha = within(name, text, 1e-9, 0.5)?,
            "pause" => self.pause = truth(text)?,
            _ => {
                let known = MEMBERS.join(", ");
                return Err(format!("unknown member {name:?}; known are {known}"));
            }
        }
        Ok(())
    }
}

fn steps(text: &str) -> Result<Vec<u32>, String> {
    let wrong = || format!("steps: expected rising percents from 1 to 100, found {text:?}");
    let mut steps = Vec::new();
    for piece in text.split(',') {
        let step: u32 = piece.trim().parse().map_err(|_| wrong())?;
        let rises = steps.last().is_none_or(|last| step > *last);
        if !(1..=100).contains(&step) || !rises || steps.len() == MAX_STEPS {
            return Err(wrong());
        }
        steps.push(step);
    }
    if steps.last() != Some(&100) {
        steps.push(100);
    }
    Ok(steps)
}

/// `90s`, `2m`, `1h`, `1d`; a number alone is seconds.
fn time(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("interval: expected a time from 1s to 1d, such as 90s or 5m, found {text:?}");
    let end = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let time = Duration::from_secs(number.saturating_mul(factor));
    if (SECOND..=DAY).contains(&time) {
        Ok(time)
    } else {
        Err(wrong())
    }
}

fn whole(text: &str) -> Result<u64, String> {
    let wrong =
        || format!("min-requests: expected a whole number from 1 to 1000000000, found {text:?}");
    let number = text.parse().map_err(|_| wrong())?;
    if (1..=1_000_000_000).contains(&number) {
        Ok(number)
    } else {
        Err(wrong())
    }
}

fn within(name: &str, text: &str, least: f64, most: f64) -> Result<f64, String> {
    let wrong = || format!("{name}: expected a number from {least} to {most}, found {text:?}");
    let number: f64 = text.parse().map_err(|_| wrong())?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(wrong())
    }
}

fn truth(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("pause: expected true or false, found {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_say_the_same() {
        let short = RolloutPolicy::parse("10, 50").unwrap();
        assert_eq!(short.steps, [10, 50, 100]);
        let pairs =
            RolloutPolicy::parse("steps=10,50; interval=2m; min-requests=500; pause").unwrap();
        let json = r#"{"steps": [10, 50], "interval": "120s", "min-requests": 500, "pause": true}"#;
        assert_eq!(pairs, RolloutPolicy::parse(json).unwrap());
        assert_eq!(
            (pairs.interval, pairs.pause),
            (Duration::from_secs(120), true)
        );
        assert_eq!(RolloutPolicy::parse("").unwrap(), RolloutPolicy::default());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, word) in [
            ("50,20", "steps: expected rising"),
            ("0,20", "steps"),
            ("5,101", "steps"),
            ("step=5", "unknown member \"step\""),
            ("interval=0s", "interval"),
            ("interval=2w", "interval"),
            ("interval=99999999999999999999d", "interval"),
            (
                "max-latency=0.5",
                "max-latency: expected a number from 1 to 1000",
            ),
            ("alpha=NaN", "alpha"),
            ("min-requests=0", "min-requests"),
            ("pause=maybe", "pause"),
            ("{\"steps\": ", "no JSON"),
        ] {
            let error = RolloutPolicy::parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
