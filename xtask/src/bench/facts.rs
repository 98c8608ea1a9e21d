//! What the figures depend on: machine, versions, time.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

/// Machine, versions, time.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Year, month, day.
    pub(super) date: String,
    /// What and its value, in the order of the report.
    pub(super) rows: Vec<(&'static str, String)>,
}

pub(super) fn facts(profile: &str) -> Result<Facts> {
    let cpu = fs::read_to_string("/proc/cpuinfo").context("this task needs Linux")?;
    let memory = fs::read_to_string("/proc/meminfo")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let cores = cpu
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let rows = vec![
        (
            "processor",
            format!("{}, {cores} cores", value(&cpu, "model name")),
        ),
        ("memory", value(&memory, "MemTotal")),
        ("kernel", say("uname", &["-sr"])?),
        ("compiler", say("rustc", &["--version"])?),
        (
            "revision",
            say("git", &["describe", "--always", "--dirty"])?,
        ),
        ("profile", profile.to_owned()),
        (
            "load before the run (1, 5, 15 min)",
            load.split(' ').take(3).collect::<Vec<_>>().join(" "),
        ),
        (
            "wrapper",
            "seldon-core 1.17.1, TensorFlow 2.15.1, one worker".into(),
        ),
        (
            "MLServer",
            "1.7.1, TensorFlow 2.21.0, parallel_workers 0".into(),
        ),
        (
            "in Python",
            "onnxruntime 1.32.0, TensorFlow 2.21.0, one thread".into(),
        ),
        (
            "tables",
            "MLServer 1.7.1; scikit-learn 1.9.1 (wrapper: 1.5.2), XGBoost 3.2.0, LightGBM 4.7.0, \
             treelite 4.8.1"
                .into(),
        ),
        (
            "MLServer's Hugging Face runtime",
            "1.7.1, transformers 4.41.2, optimum 1.21.4, torch 2.7.1".into(),
        ),
    ];
    Ok(Facts {
        date: say("date", &["+%F"])?,
        rows,
    })
}

/// The value of the first line of this name, as in `/proc/cpuinfo`.
fn value(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value.map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

/// What a command prints.
fn say(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(crate::workspace::root())
        .output()
        .with_context(|| format!("starting {program}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_a_colon() {
        assert_eq!(value("a\t: b\nmodel name\t: X: Y\n", "model name"), "X: Y");
        assert_eq!(value("a: b\n", "c"), "");
    }
}
