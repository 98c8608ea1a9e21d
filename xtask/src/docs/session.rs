//! The blocks of one page, played in a folder of its own with the binary that was built.

#![expect(clippy::print_stdout, reason = "what is run")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::blocks::{Action, Block};
use super::expect;
use crate::workspace;

/// Most time for a command, and for a server to be ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// The addresses that pages write, with the key of the ports file.
const ADDRESSES: [(&str, &str); 3] = [
    ("127.0.0.1:8000", "http"),
    ("127.0.0.1:5001", "grpc"),
    ("127.0.0.1:6000", "metrics"),
];

/// A page being played.
pub(super) struct Session {
    folder: PathBuf,
    /// Where `hari` is.
    binaries: PathBuf,
    server: Option<Server>,
    printed: String,
}

struct Server {
    child: Child,
    ports: Value,
}

impl Session {
    /// A fresh folder with a copy of the examples.
    pub(super) fn start(page: &str) -> Result<Self> {
        let folder = workspace::scratch(&format!("docs/{page}"))?;
        copy(
            &workspace::root().join("examples"),
            &folder.join("examples"),
        )?;
        let binaries = workspace::target()?.join("debug");
        Ok(Self {
            folder,
            binaries,
            server: None,
            printed: String::new(),
        })
    }

    /// Does what a block asks for.
    pub(super) fn play(&mut self, block: &Block) -> Result<()> {
        match &block.action {
            Action::Run => self.run(&block.text, true),
            Action::Fails => self.run(&block.text, false),
            Action::Serve => self.serve(&block.text),
            Action::File(name) => fs::write(self.folder.join(name), &block.text)
                .with_context(|| format!("writing {name}")),
            Action::Expect => {
                let same = expect::matches(&block.text, &self.printed);
                ensure!(
                    same,
                    "expected\n{}\nbut the command printed\n{}",
                    block.text,
                    self.printed
                );
                Ok(())
            }
        }
    }

    /// Stops the server; it has to end well.
    pub(super) fn end(&mut self) -> Result<()> {
        match self.server.take() {
            Some(server) => server.stop(),
            None => Ok(()),
        }
    }

    fn shell(&self, text: &str) -> Command {
        let mut command = Command::new("bash");
        command
            .arg("-c")
            .arg(format!("PATH=\"$BINARIES:$PATH\"\n{text}"))
            .current_dir(&self.folder);
        command
            .env("BINARIES", &self.binaries)
            .env("HARI_CACHE_DIR", self.folder.join("cache"));
        command.stdin(Stdio::null());
        command
    }

    fn run(&mut self, text: &str, succeeds: bool) -> Result<()> {
        println!("{}", indented(text));
        let limit = format!(
            "timeout {} bash -euo pipefail -c \"$TEXT\"",
            PATIENCE.as_secs()
        );
        let mut command = self.shell(&limit);
        let output = command
            .env("TEXT", self.addressed(text))
            .output()
            .context("starting bash")?;
        self.printed = self.in_words_of_the_page(&String::from_utf8_lossy(&output.stdout));
        let errors = String::from_utf8_lossy(&output.stderr);
        let printed = &self.printed;
        ensure!(
            output.status.success() == succeeds,
            "{}\n{printed}{errors}",
            output.status
        );
        Ok(())
    }

    /// Starts the last command of `text`, and waits until it says where it listens.
    fn serve(&mut self, text: &str) -> Result<()> {
        println!("{}", indented(text));
        self.end()?;
        let ports = self.folder.join("ports.json");
        if ports.exists() {
            fs::remove_file(&ports)?;
        }
        let free =
            "--http 127.0.0.1:0 --grpc 127.0.0.1:0 --metrics 127.0.0.1:0 --ports-file ports.json";
        let mut command = self.shell(&format!("exec {} {free}", text.trim()));
        let log = |name: &str| fs::File::create(self.folder.join(name));
        command
            .stdout(log("server.out")?)
            .stderr(log("server.err")?);
        let mut child = command.spawn().context("starting the server")?;
        match wait_for(&ports, &mut child) {
            Ok(ports) => {
                self.server = Some(Server { child, ports });
                let printed = fs::read_to_string(self.folder.join("server.out"))?;
                self.printed = self.in_words_of_the_page(&printed);
                Ok(())
            }
            Err(error) => {
                // It may have ended by itself: then there is nothing to kill.
                let _ = child.kill();
                child.wait()?;
                let said = fs::read_to_string(self.folder.join("server.err"))?;
                Err(error.context(said))
            }
        }
    }

    /// `text` with the addresses that the server has in truth.
    fn addressed(&self, text: &str) -> String {
        self.addresses()
            .fold(text.to_owned(), |text, (written, real)| {
                text.replace(written, real)
            })
    }

    /// What was printed with the addresses of the page.
    fn in_words_of_the_page(&self, text: &str) -> String {
        self.addresses()
            .fold(text.to_owned(), |text, (written, real)| {
                text.replace(real, written)
            })
    }

    fn addresses(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let ports = self.server.as_ref().map(|server| &server.ports);
        ADDRESSES
            .into_iter()
            .filter_map(move |(written, key)| Some((written, ports?[key].as_str()?)))
    }
}

impl Server {
    fn stop(mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        ensure!(
            Command::new("kill").arg(&pid).status()?.success(),
            "the server had ended already"
        );
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // An error elsewhere brought us here: that one is reported.
            let _ = server.child.kill();
            let _ = server.child.wait();
        }
    }
}

/// The ports file, once it is there.
fn wait_for(ports: &Path, child: &mut Child) -> Result<Value> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Ok(text) = fs::read_to_string(ports) {
            return serde_json::from_str(&text).context("the ports file is not JSON");
        }
        if let Some(status) = child.try_wait()? {
            bail!("the server ended with {status}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("the server was not ready within {PATIENCE:?}")
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("   $ {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A copy of a folder.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).context("copying an example")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(folder: &Path) -> Session {
        Session {
            folder: folder.to_owned(),
            binaries: folder.to_owned(),
            server: None,
            printed: String::new(),
        }
    }

    fn block(action: Action, text: &str) -> Block {
        Block {
            line: 1,
            action,
            text: text.to_owned(),
        }
    }

    #[test]
    fn commands_see_files_and_are_compared_with_what_they_print() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(folder.path());
        session
            .play(&block(Action::File("a.txt".to_owned()), "seven\n"))
            .unwrap();
        session.play(&block(Action::Run, "cat a.txt")).unwrap();
        session.play(&block(Action::Expect, "sev...\n")).unwrap();
        assert!(session.play(&block(Action::Expect, "eight\n")).is_err());
    }

    #[test]
    fn a_command_has_to_end_as_the_page_says() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(folder.path());
        assert!(session.play(&block(Action::Run, "false\ntrue")).is_err());
        assert!(session.play(&block(Action::Run, "false | true")).is_err());
        session.play(&block(Action::Fails, "false")).unwrap();
        assert!(session.play(&block(Action::Fails, "true")).is_err());
    }

    #[test]
    fn a_server_that_does_not_start_is_an_error_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(folder.path());
        let error = session
            .play(&block(
                Action::Serve,
                "bash -c 'cat /dev/null/nothing; echo nothing >&2; exit 3'",
            ))
            .unwrap_err();
        assert!(format!("{error:#}").contains("nothing"), "{error:#}");
    }

    #[test]
    fn a_server_is_asked_at_the_address_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = session(folder.path());
        let fake = "printf '{\"http\": \"127.0.0.1:4711\"}' > ports.json; exec sleep 60;";
        session
            .play(&block(
                Action::Serve,
                &format!("bash -c \"{}\" ", fake.replace('"', "\\\"")),
            ))
            .unwrap();
        session
            .play(&block(
                Action::Run,
                "echo http://127.0.0.1:8000/v2 > seen; cat seen",
            ))
            .unwrap();
        assert_eq!(session.printed, "http://127.0.0.1:8000/v2\n");
        assert_eq!(
            fs::read_to_string(folder.path().join("seen")).unwrap(),
            "http://127.0.0.1:4711/v2\n"
        );
        // `sleep` knows nothing of a clean end.
        assert!(session.end().is_err());
    }
}
