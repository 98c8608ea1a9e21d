//! A server under load: pinned to its core, in a process group of its own, ended with it.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::subjects::Subject;

/// Kernel ticks in a second, as `/proc` counts processor time.
const TICKS: f64 = 100.0;

/// A running server.
pub(super) struct Server {
    pub(super) name: &'static str,
    child: Child,
}

impl Server {
    /// Starts it on one core.
    pub(super) fn start(subject: &Subject, core: usize) -> Result<Self> {
        let log = File::create(&subject.log)
            .with_context(|| format!("creating {}", subject.log.display()))?;
        let mut command = Command::new("taskset");
        command
            .args(["-c", &core.to_string()])
            .args(&subject.command)
            .envs(subject.env.iter().cloned())
            .current_dir(&subject.folder)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = command
            .spawn()
            .context("starting taskset (Debian: apt-get install util-linux)")?;
        Ok(Self {
            name: subject.name,
            child,
        })
    }

    /// Bytes resident, and bytes with shared pages split among those that share them; over all
    /// its processes.
    pub(super) fn memory(&self) -> Result<(u64, u64)> {
        let (mut resident, mut proportional) = (0, 0);
        for process in self.processes()? {
            let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))
                .with_context(|| format!("reading the memory of {}", self.name))?;
            resident += kibibytes(&text, "Rss:")? * 1024;
            proportional += kibibytes(&text, "Pss:")? * 1024;
        }
        Ok((resident, proportional))
    }

    /// Processor time of all its processes so far.
    pub(super) fn processor_seconds(&self) -> Result<f64> {
        let mut ticks = 0;
        for process in self.processes()? {
            let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
            ticks += field(&text, 11)? + field(&text, 12)?;
        }
        Ok(ticks as f64 / TICKS)
    }

    /// The processes of its group, and those that they started in groups of their own.
    fn processes(&self) -> Result<Vec<u32>> {
        let group = u64::from(self.child.id());
        let mut all = Vec::new();
        for entry in fs::read_dir("/proc").context("this task needs Linux")? {
            let name = entry?.file_name();
            let Some(process) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // A process may end while the list is read.
            let Ok(text) = fs::read_to_string(format!("/proc/{process}/stat")) else {
                continue;
            };
            all.push((process, field(&text, 1)?, field(&text, 2)?));
        }
        // A process is listed after the one that started it, as a rule; numbers may wrap, so that
        // the list is looked through until nothing is added.
        let mut found: Vec<u32> = Vec::new();
        loop {
            let before = found.len();
            for (process, parent, of) in &all {
                let child = found.iter().any(|one| u64::from(*one) == *parent);
                if (*of == group || child) && !found.contains(process) {
                    found.push(*process);
                }
            }
            if found.len() == before {
                break;
            }
        }
        if found.is_empty() {
            bail!("{} is not running any more: see its log", self.name);
        }
        Ok(found)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        // A server that has ended by itself has no group any more.
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
        let _ = self.child.wait();
    }
}

/// A number of `/proc/PID/stat`, counted from the process state, which follows the name.
fn field(stat: &str, index: usize) -> Result<u64> {
    let after = stat.rsplit_once(')').map(|(_, after)| after);
    let word = after.and_then(|after| after.split_whitespace().nth(index));
    let word = word.context("/proc/PID/stat is not as expected")?;
    Ok(word.parse()?)
}

fn kibibytes(text: &str, key: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let number = number.with_context(|| format!("no {key} in smaps_rollup"))?;
    Ok(number.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_moves_nothing() {
        let stat = "12 (a (b) c) S 1 77 77 0 -1 4194560 1 2 3 4 250 50 0 0 20 0";
        assert_eq!(field(stat, 2).unwrap(), 77);
        assert_eq!(field(stat, 11).unwrap() + field(stat, 12).unwrap(), 300);
        assert!(field("12 (a", 2).is_err());
    }

    #[test]
    fn memory_is_read_by_its_name() {
        let text = "55a-7ff ---p 0 0 [rollup]\nRss:      27332 kB\nPss:      25471 kB\n";
        assert_eq!(kibibytes(text, "Rss:").unwrap(), 27332);
        assert_eq!(kibibytes(text, "Pss:").unwrap(), 25471);
        assert!(kibibytes(text, "Swap:").is_err());
    }

    #[test]
    fn a_server_is_measured_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let subject = Subject {
            name: "sleep",
            command: vec!["sleep".into(), "1000".into()],
            env: Vec::new(),
            folder: folder.path().to_owned(),
            log: folder.path().join("log"),
            questions: Vec::new(),
            starts: 1,
        };
        let server = Server::start(&subject, 0).unwrap();
        let id = server.child.id();
        let (resident, proportional) = server.memory().unwrap();
        assert!(resident > 0 && proportional <= resident);
        assert!(server.processor_seconds().unwrap() < 100.0);
        drop(server);
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    }
}
