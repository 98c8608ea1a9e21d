//! The interpreter of a class: the user's own, or a virtual environment with what the class needs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use hari_error::{Error, Result};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

/// What an installation may take.
const PATIENCE: Duration = Duration::from_secs(1800);
/// Written last: an environment without it was not finished.
const READY: &str = ".ready";
/// Lines of an installer's output that are shown when it fails.
const SHOWN: usize = 20;
/// Files that requirements may name, each of them once.
const NAMED: usize = 64;

/// A Python interpreter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// How it is called.
    pub program: PathBuf,
    /// What environments made with it depend on: its version and where it lies.
    identity: String,
}

impl Interpreter {
    /// Asks the interpreter who it is.
    ///
    /// # Errors
    /// `Model` if it cannot be started, or is older than Python 3.9.
    pub async fn find(program: impl Into<PathBuf>) -> Result<Self> {
        let program = program.into();
        let ask = "import sys; print(sys.version.replace(chr(10), ' '), sys.base_prefix); \
                   sys.exit(sys.version_info < (3, 9))";
        let mut command = Command::new(&program);
        command
            .args(["-c", ask])
            .kill_on_drop(true)
            .stdin(Stdio::null());
        let told = command.output().await.map_err(|error| {
            let name = program.display();
            Error::model(format!(
                "the Python interpreter `{name}` cannot be started: install Python 3, or name \
                 one with HARI_PYTHON"
            ))
            .with_source(error)
        })?;
        let identity = String::from_utf8_lossy(&told.stdout).trim().to_owned();
        if !told.status.success() {
            let found = identity.split(' ').next().unwrap_or_default();
            let words = format!("expected Python 3.9 or newer, found `{found}`");
            let error = String::from_utf8_lossy(&told.stderr).into_owned();
            return Err(Error::model(words).with_source(error));
        }
        Ok(Self { program, identity })
    }
}

/// A virtual environment that is cached under what went into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// The environment with the packages of `requirements`, a pip requirements file; made if `cache`
    /// does not hold it. `node` is told in the log.
    ///
    /// # Errors
    /// `Model` with the installer's last lines if it fails; `Internal` if the cache cannot be written.
    pub async fn of(
        node: &str,
        interpreter: &Interpreter,
        requirements: &Path,
        cache: &Path,
    ) -> Result<Self> {
        let digest = digest(interpreter, requirements)?;
        let environment = Self {
            folder: cache.join(&digest),
        };
        if environment.is_ready() {
            return Ok(environment);
        }
        let lock = lock(cache, &digest).await?;
        // Another start may have made it while we waited.
        if !environment.is_ready() {
            environment.make(node, interpreter, requirements).await?;
        }
        drop(lock);
        Ok(environment)
    }

    /// Its interpreter.
    #[must_use]
    pub fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    fn is_ready(&self) -> bool {
        self.folder.join(READY).is_file()
    }

    /// Made in its final place, as scripts in it know their path; what was begun before goes first.
    async fn make(&self, node: &str, interpreter: &Interpreter, requirements: &Path) -> Result<()> {
        if self.folder.exists() {
            tokio::fs::remove_dir_all(&self.folder)
                .await
                .map_err(unwritable)?;
        }
        tracing::info!(node, "making a virtual environment for requirements.txt");
        let started = std::time::Instant::now();
        let folder = requirements.parent().unwrap_or(requirements);
        for mut step in self.steps(interpreter, requirements).await {
            step.current_dir(folder);
            run(step).await?;
        }
        tokio::fs::write(self.folder.join(READY), "")
            .await
            .map_err(unwritable)?;
        let took = started.elapsed();
        tracing::info!(node, ?took, "the virtual environment is made");
        Ok(())
    }

    /// uv is quick; where it is not, Python's own tools do the same.
    async fn steps(&self, interpreter: &Interpreter, requirements: &Path) -> [Command; 2] {
        let (uv, python) = (has_uv().await, self.python());
        let program = |name: &Path, arguments: &[&str]| {
            let mut command = Command::new(name);
            command.args(arguments);
            command
        };
        let (mut make, mut install) = if uv {
            let mut make = program(Path::new("uv"), &["venv", "--quiet", "--python"]);
            make.arg(&interpreter.program);
            let arguments = ["pip", "install", "--compile-bytecode", "--python"];
            let mut install = program(Path::new("uv"), &arguments);
            install.arg(&python);
            (make, install)
        } else {
            let make = program(&interpreter.program, &["-m", "venv"]);
            let arguments = [
                "-m",
                "pip",
                "install",
                "--no-input",
                "--disable-pip-version-check",
            ];
            (make, program(&python, &arguments))
        };
        make.arg(&self.folder);
        install.arg("-r").arg(requirements);
        [make, install]
    }
}

async fn has_uv() -> bool {
    let mut command = Command::new("uv");
    command
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
        .output()
        .await
        .is_ok_and(|told| told.status.success())
}

/// Runs one step of an installation.
async fn run(mut step: Command) -> Result<()> {
    step.stdin(Stdio::null()).kill_on_drop(true);
    let finished = tokio::time::timeout(PATIENCE, step.output()).await;
    let failed = "the packages of requirements.txt cannot be installed";
    let told = match finished {
        Ok(Ok(told)) if told.status.success() => return Ok(()),
        Ok(Ok(told)) => [told.stdout, told.stderr].concat(),
        Ok(Err(error)) => return Err(Error::model(failed).with_source(error)),
        Err(_) => format!("not finished after {} s", PATIENCE.as_secs()).into_bytes(),
    };
    let told = String::from_utf8_lossy(&told);
    let lines: Vec<_> = told
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = lines
        .get(lines.len().saturating_sub(SHOWN)..)
        .unwrap_or_default();
    let words = format!("{failed}: look at the last lines of the installer");
    Err(Error::model(words).with_source(last.join("\n")))
}

/// What an environment depends on, as 16 hex digits: the interpreter, and the requirements with all
/// files that they name.
fn digest(interpreter: &Interpreter, requirements: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(&interpreter.identity);
    let mut files = vec![requirements.to_owned()];
    let mut at = 0;
    while let Some(file) = files.get(at).cloned() {
        let text = std::fs::read_to_string(&file).map_err(|error| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            Error::model(format!("`{name}` cannot be read")).with_source(error)
        })?;
        hash.update([0]);
        hash.update(&text);
        for named in text.lines().filter_map(named) {
            let named = file.parent().unwrap_or(&file).join(named);
            if named.is_file() && !files.contains(&named) && files.len() < NAMED {
                files.push(named);
            }
        }
        at += 1;
    }
    let digest = hash.finalize();
    Ok(digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// The file that a line of requirements names: `-r more.txt`, `--constraint pins.txt`.
fn named(line: &str) -> Option<&str> {
    let line = line.split(" #").next().unwrap_or(line).trim();
    let flags = ["--requirement", "--constraint", "-r", "-c"];
    let rest = flags.iter().find_map(|flag| line.strip_prefix(flag))?;
    Some(rest.trim_start_matches(['=', ' ']).trim())
}

/// One start at a time makes the environment; the system frees the lock of one that died.
async fn lock(cache: &Path, digest: &str) -> Result<File> {
    let (cache, file) = (cache.to_owned(), cache.join(format!("{digest}.lock")));
    let locked = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(cache)?;
        let file = File::create(file)?;
        file.lock()?;
        Ok(file)
    });
    let lost = |error| unwritable(std::io::Error::other(error));
    locked.await.map_err(lost)?.map_err(unwritable)
}

fn unwritable(error: std::io::Error) -> Error {
    Error::internal("the virtual environment cannot be stored").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interpreter(identity: &str) -> Interpreter {
        Interpreter {
            program: "python3".into(),
            identity: identity.to_owned(),
        }
    }

    #[test]
    fn an_environment_depends_on_all_that_goes_into_it() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let file = folder.path().join("requirements.txt");
        let of = |identity: &str| digest(&interpreter(identity), &file).unwrap();
        write("requirements.txt", "-r more.txt\nnumpy\n");
        write("more.txt", "-r requirements.txt\nsix==1.16 # why\n");
        let first = of("3.11");
        assert_eq!((first.len(), &first), (16, &of("3.11")));
        assert_ne!(first, of("3.12"));
        write("more.txt", "six==1.17\n");
        let second = of("3.11");
        assert_ne!(first, second);
        write("requirements.txt", "numpy\n");
        assert_ne!(second, of("3.11"));
    }

    #[test]
    fn lines_that_name_files_are_known() {
        assert_eq!(named("-r more.txt"), Some("more.txt"));
        assert_eq!(named("--constraint=pins.txt # why"), Some("pins.txt"));
        assert_eq!(named("requests"), None);
        assert_eq!(named("# -r more.txt"), None);
    }

    #[tokio::test]
    async fn what_is_no_interpreter_is_named() {
        let error = Interpreter::find("no-such-python").await.unwrap_err();
        assert!(error.message().contains("`no-such-python`"), "{error}");
        let error = Interpreter::find("false").await.unwrap_err();
        assert!(error.message().contains("expected Python 3.9"), "{error}");
    }
}
