//! This process' own metrics, under the names of Prometheus' client libraries. Linux only.

use std::fmt::Write as _;
use std::fs;

/// Ticks of the clock in which Linux counts a process' time, a second.
const TICKS: f64 = 100.0;
/// Where control groups of version 2 and of version 1 tell the most memory that may be used.
const MEMORY_LIMITS: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];

/// Resident memory in bytes, if the system tells.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    kib("/proc/self/status", "VmRSS:")
}

/// Bytes of memory that this process may take: that of its container, else of the machine.
fn memory_limit() -> Option<u64> {
    let machine = kib("/proc/meminfo", "MemTotal:");
    let own = MEMORY_LIMITS
        .iter()
        .find_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    [machine, own].into_iter().flatten().min()
}

/// The value of a line such as `VmRSS:  123 kB`, in bytes.
fn kib(file: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The fields of `/proc/self/stat` after the name of the process, which may hold blanks.
fn stat(at: usize) -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    after_name.split_ascii_whitespace().nth(at)?.parse().ok()
}

/// Seconds of processor time, user and system.
fn cpu_seconds() -> Option<f64> {
    Some((stat(11)? + stat(12)?) as f64 / TICKS)
}

/// Seconds since 1970.
fn start_seconds() -> Option<f64> {
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(boot.trim().parse::<f64>().ok()? + stat(19)? as f64 / TICKS)
}

fn open_files() -> Option<usize> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count())
}

fn most_open_files() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// A metric: name, kind, help, and the value if the system tells.
type Metric = (&'static str, &'static str, &'static str, Option<f64>);

fn metrics() -> [Metric; 8] {
    let bytes = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64);
    [
        (
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory in bytes.",
            bytes(resident_bytes()),
        ),
        (
            "process_virtual_memory_bytes",
            "gauge",
            "Virtual memory in bytes.",
            bytes(kib("/proc/self/status", "VmSize:")),
        ),
        (
            "hari_memory_limit_bytes",
            "gauge",
            "Memory that this process may take: that of its container, else of the machine.",
            bytes(memory_limit()),
        ),
        (
            "process_cpu_seconds_total",
            "counter",
            "Processor time in seconds.",
            cpu_seconds(),
        ),
        (
            "process_start_time_seconds",
            "gauge",
            "When the process started, in seconds since 1970.",
            start_seconds(),
        ),
        (
            "process_open_fds",
            "gauge",
            "Open file descriptors.",
            open_files().map(|files| files as f64),
        ),
        (
            "process_max_fds",
            "gauge",
            "Most open file descriptors.",
            most_open_files(),
        ),
        (
            "process_threads",
            "gauge",
            "Threads of the process.",
            bytes(stat(17)),
        ),
    ]
}

pub(crate) fn render() -> String {
    let mut text = String::new();
    for (name, kind, help, value) in metrics() {
        if let Some(value) = value {
            let _ = write!(
                text,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
            );
        }
    }
    text
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn this_process_uses_memory_files_threads_and_time() {
        let resident = resident_bytes().unwrap();
        assert!(resident > 100_000);
        assert!(memory_limit().unwrap() > resident);
        assert!(open_files().unwrap() > 2);
        assert!(most_open_files().unwrap() > 2.0);
        assert!(cpu_seconds().unwrap() >= 0.0);
        assert!(stat(17).unwrap() >= 1, "threads");
    }

    #[test]
    fn it_started_a_short_while_ago() {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let age = now.unwrap().as_secs_f64() - start_seconds().unwrap();
        assert!((-2.0..3600.0).contains(&age), "{age}");
    }

    #[test]
    fn all_of_it_is_exposed() {
        let text = render();
        for (name, ..) in metrics() {
            assert!(text.contains(&format!("\n{name} ")), "{name}: {text}");
        }
    }
}
