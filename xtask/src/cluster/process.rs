//! Programs of a cluster that go on after the task has ended. The state is on disk, so that a later
//! task finds them, and one that was cut off leaves nothing unknown.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// How long a program may take to end.
const PATIENCE: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(10);

/// Starts a program whose words go to `NAME.log` of the folder. Does nothing if it runs already.
/// One of its arguments must name the folder.
pub(super) fn start(folder: &Path, name: &str, command: &mut Command) -> Result<()> {
    if found(folder, name).is_some() {
        return Ok(());
    }
    let log = File::create(log(folder, name)).with_context(|| format!("the log of {name}"))?;
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("starting {name}"))?;
    fs::write(pid_file(folder, name), child.id().to_string())
        .with_context(|| format!("writing the process of {name}"))?;
    // The kernel shows the arguments of a program a moment after it has begun.
    let ended = |child: &mut Child| matches!(child.try_wait(), Ok(Some(_)));
    within(PATIENCE, || {
        found(folder, name).is_some() || ended(&mut child)
    });
    Ok(())
}

/// The process that was started under this name, if it runs.
pub(super) fn found(folder: &Path, name: &str) -> Option<u32> {
    let text = fs::read_to_string(pid_file(folder, name)).ok()?;
    let process = text.trim().parse().ok()?;
    runs(process, folder).then_some(process)
}

/// Ends a program and waits until it is gone. None is no error.
pub(super) fn stop(folder: &Path, name: &str, signal: &str) -> Result<()> {
    if let Some(process) = found(folder, name) {
        output(Command::new("kill").args([signal, &process.to_string()]))?;
    }
    let gone = within(PATIENCE, || found(folder, name).is_none());
    ensure!(gone, "{name} does not end");
    remove(&pid_file(folder, name))
}

pub(super) fn log(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

fn pid_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.pid"))
}

/// Whether a process runs that was started for this folder. A number is used again; a folder in
/// the arguments is not.
fn runs(process: u32, folder: &Path) -> bool {
    let Ok(arguments) = fs::read(format!("/proc/{process}/cmdline")) else {
        return false;
    };
    let folder = folder.as_os_str().as_encoded_bytes();
    arguments.windows(folder.len()).any(|part| part == folder)
}

/// What a program said last.
pub(super) fn last_words(folder: &Path, name: &str) -> String {
    let text = fs::read_to_string(log(folder, name)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines
        .get(lines.len().saturating_sub(10)..)
        .unwrap_or_default();
    format!("the last lines of {name}:\n{}", last.join("\n"))
}

/// Whether a condition came true in time.
pub(super) fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(STEP);
    }
}

/// Removes a file that may not be there.
pub(super) fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// What a command prints; an error with its words when it fails.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let told = command
        .output()
        .with_context(|| format!("starting {}", command.get_program().display()))?;
    let words = String::from_utf8_lossy(&told.stderr);
    ensure!(
        told.status.success(),
        "{} failed: {}",
        line(command),
        words.trim()
    );
    Ok(String::from_utf8_lossy(&told.stdout).into_owned())
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(folder: &Path) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo up; while read -r _; do :; done < \"$0/pipe\""])
            .arg(folder);
        command
    }

    #[test]
    fn a_program_is_started_once_found_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        output(Command::new("mkfifo").arg(folder.join("pipe"))).unwrap();
        start(folder, "one", &mut sleeper(folder)).unwrap();
        let first = found(folder, "one").unwrap();
        start(folder, "one", &mut sleeper(folder)).unwrap();
        assert_eq!(found(folder, "one"), Some(first));
        assert!(within(PATIENCE, || last_words(folder, "one").ends_with("\nup")));
        stop(folder, "one", "-TERM").unwrap();
        assert_eq!(found(folder, "one"), None);
        stop(folder, "one", "-TERM").unwrap();
    }

    #[test]
    fn a_number_that_another_program_has_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            pid_file(folder.path(), "one"),
            std::process::id().to_string(),
        )
        .unwrap();
        assert_eq!(found(folder.path(), "one"), None);
    }

    #[test]
    fn a_command_that_fails_is_told_with_its_words() {
        assert_eq!(output(Command::new("echo").arg("one")).unwrap(), "one\n");
        let error = output(Command::new("sh").args(["-c", "echo no such >&2; exit 3"]));
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("sh -c") && error.contains("no such"),
            "{error}"
        );
        let error = output(&mut Command::new("no-such-program")).unwrap_err();
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }
}
