//! This process' own metrics, under the names of Prometheus' client libraries. Linux only.

use std::fmt::Write as _;
use std::fs;

/// Resident memory in bytes, if the system tells.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Seconds of processor time, user and system. Linux counts in hundredths.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(ticks as f64 / 100.0)
}

fn open_files() -> Option<usize> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count())
}

pub(crate) fn render() -> String {
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            let _ = write!(
                text,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
            );
        }
    };
    let resident = resident_bytes().map(|bytes| bytes as f64);
    metric(
        "process_resident_memory_bytes",
        "gauge",
        "Resident memory in bytes.",
        resident,
    );
    metric(
        "process_cpu_seconds_total",
        "counter",
        "Processor time in seconds.",
        cpu_seconds(),
    );
    let files = open_files().map(|files| files as f64);
    metric("process_open_fds", "gauge", "Open file descriptors.", files);
    text
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_uses_memory_files_and_time() {
        assert!(super::resident_bytes().unwrap() > 100_000);
        assert!(super::open_files().unwrap() > 2);
        assert!(super::cpu_seconds().unwrap() >= 0.0);
    }
}
