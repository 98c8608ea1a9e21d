//! One worker's process: started in a group of its own, with a private socket, and ended for sure.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use hari_error::{Error, Result};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};

use crate::lines::{self, Tail};
use crate::settings::Settings;

/// A process that was started; it and all that it started end when this is dropped.
pub(crate) struct Process {
    child: Child,
    _group: Group,
    listener: UnixListener,
    socket: PathBuf,
    pub(crate) token: String,
    pub(crate) tail: Tail,
}

impl Process {
    /// Starts worker `index` of a node, whose private folder is `home` and whose package is in
    /// `package`.
    ///
    /// # Errors
    /// `Model` if the interpreter cannot be started; `Internal` if the socket cannot be made.
    pub(crate) fn start(
        settings: &Settings,
        (home, package): (&Path, &Path),
        index: usize,
    ) -> Result<Self> {
        let socket = home.join(index.to_string());
        // One that a worker before left.
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).map_err(|error| {
            Error::internal("a socket for the Python worker cannot be made").with_source(error)
        })?;
        let token = uuid::Uuid::new_v4().simple().to_string();
        let mut command = command(settings, package, index);
        command
            .env("HARI_WORKER_SOCKET", &socket)
            .env("HARI_WORKER_TOKEN", &token);
        let mut child = command
            .spawn()
            .map_err(|error| unstartable(settings, error))?;
        let group = Group::of(&child);
        group.limit(settings.memory);
        let tail = Tail::default();
        log(&mut child, settings, index, &tail);
        Ok(Self {
            child,
            _group: group,
            listener,
            socket,
            token,
            tail,
        })
    }

    /// The connection that the worker opens.
    ///
    /// # Errors
    /// `Model` if the process ends first.
    pub(crate) async fn connected(&mut self) -> Result<UnixStream> {
        let accepted = tokio::select! {
            accepted = self.listener.accept() => accepted,
            status = self.child.wait() => return Err(self.ended(status.ok())),
        };
        let (stream, _) = accepted.map_err(|error| {
            Error::internal("the Python worker's connection cannot be taken").with_source(error)
        })?;
        // Whoever comes later finds no door.
        let _ = std::fs::remove_file(&self.socket);
        Ok(stream)
    }

    /// Resolves when the process ends.
    pub(crate) async fn ends(&mut self) -> Option<ExitStatus> {
        self.child.wait().await.ok()
    }

    /// Waits this long for the process to end by itself, and ends it then.
    pub(crate) async fn end(mut self, patience: Duration) {
        // Too slow or gone: either way the group is ended next.
        let _ = tokio::time::timeout(patience, self.child.wait()).await;
    }

    /// How it ended, for the log: its status if it comes within a moment.
    pub(crate) async fn fate(&mut self) -> String {
        let status = tokio::time::timeout(Duration::from_millis(500), self.child.wait()).await;
        status.ok().and_then(Result::ok).map_or_else(
            || "it closed its connection".to_owned(),
            |status| status.to_string(),
        )
    }

    /// Why nothing came of the start.
    fn ended(&self, status: Option<ExitStatus>) -> Error {
        let status = status.map_or_else(String::new, |status| format!(" ({status})"));
        let words = format!("the Python worker ended before it was ready{status}");
        Error::model(words).with_source(self.tail.text())
    }
}

fn command(settings: &Settings, package: &Path, index: usize) -> Command {
    let mut command = Command::new(&settings.python);
    command
        .args(["-m", "hari.worker"])
        .envs(&settings.env)
        .env("HARI_WORKER_INDEX", index.to_string())
        .env("PYTHONPATH", path(settings, package))
        .env("PYTHONUNBUFFERED", "1")
        // The folder of a fetched model is not to be written to.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(&settings.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// The package first, then the class's folder, then what the node's environment adds.
fn path(settings: &Settings, package: &Path) -> std::ffi::OsString {
    let more = settings.env.get("PYTHONPATH");
    let more = more.map(PathBuf::from);
    let parts = [package.to_owned(), settings.folder.clone()];
    let parts = parts.into_iter().chain(more);
    let joined: Vec<_> = parts.map(PathBuf::into_os_string).collect();
    joined.join(std::ffi::OsStr::new(":"))
}

fn unstartable(settings: &Settings, error: std::io::Error) -> Error {
    let words = if settings.folder.is_dir() {
        "the Python interpreter cannot be started: install Python 3, or name it with HARI_PYTHON"
    } else {
        "the folder of the Python class is not there"
    };
    Error::model(words).with_source(error)
}

/// Sends what the process prints to the log.
fn log(child: &mut Child, settings: &Settings, worker: usize, tail: &Tail) {
    if let Some(stream) = child.stdout.take() {
        let node = settings.node.clone();
        let say = move |line: &str| tracing::info!(node, worker, "{line}");
        tokio::spawn(lines::each(stream, tail.clone(), say));
    }
    if let Some(stream) = child.stderr.take() {
        let node = settings.node.clone();
        let say = move |line: &str| tracing::warn!(node, worker, "{line}");
        tokio::spawn(lines::each(stream, tail.clone(), say));
    }
}

/// A process and all that it started.
struct Group(Option<rustix::process::Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(rustix::process::Pid::from_raw))
    }

    /// Bounds the memory, and forbids to write it to the disk after a crash.
    fn limit(&self, memory: Option<u64>) {
        #[cfg(target_os = "linux")]
        {
            use rustix::process::{Resource, Rlimit, prlimit};
            let to = |most| Rlimit {
                current: Some(most),
                maximum: Some(most),
            };
            let memory = memory.map(|memory| (Resource::As, to(memory)));
            for (resource, limit) in [(Resource::Core, to(0))].into_iter().chain(memory) {
                // Fails only for a process that ended already.
                let _ = prlimit(self.0, resource, limit);
            }
        }
        #[cfg(not(target_os = "linux"))]
        if memory.is_some() {
            tracing::warn!("the memory of Python workers is limited on Linux alone");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Fails where all of them have ended.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}
