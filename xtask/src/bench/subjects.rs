//! What is measured: which servers, started how, asked what.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{free_port, text};
use crate::venv::Venv;
use crate::workspace;

/// A server, and what it is asked.
pub(super) struct Subject {
    pub(super) name: &'static str,
    /// Program and arguments.
    pub(super) command: Vec<String>,
    pub(super) env: Vec<(&'static str, String)>,
    pub(super) folder: PathBuf,
    pub(super) log: PathBuf,
    pub(super) questions: Vec<Question>,
    /// Most cold starts: some take many seconds.
    pub(super) starts: usize,
}

/// A request, and what a right answer looks like.
pub(super) struct Question {
    pub(super) name: &'static str,
    pub(super) url: String,
    pub(super) body: PathBuf,
    /// Where the answer has its numbers, as a JSON pointer.
    pub(super) pointer: &'static str,
    pub(super) right: Right,
}

/// What the numbers of a right answer are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// The highest has this index.
    Highest(usize),
    /// Those in this file, as 64-bit floats.
    Numbers(PathBuf),
}

/// A row that goes through the identity model.
#[derive(Clone, Copy)]
pub(super) struct Row {
    name: &'static str,
    file: &'static str,
    highest: usize,
}

const ROWS: [Row; 2] = [
    Row {
        name: "4 numbers",
        file: "row-4.json",
        highest: 0,
    },
    Row {
        name: "784 numbers",
        file: "row-784.json",
        highest: 657,
    },
];

/// Where everything is.
pub(super) struct Tools<'a> {
    pub(super) built: &'a Path,
    pub(super) scratch: &'a Path,
    venvs: Option<&'a (Venv, Venv)>,
}

impl<'a> Tools<'a> {
    pub(super) fn new(built: &'a Path, scratch: &'a Path, venvs: Option<&'a (Venv, Venv)>) -> Self {
        Self {
            built,
            scratch,
            venvs,
        }
    }

    /// The servers that serve the MNIST model.
    pub(super) fn subjects(&self) -> Result<Vec<Subject>> {
        let mut subjects = vec![self.mnist()?];
        if let Some((wrapper, mlserver)) = self.venvs {
            for threads in [1, 4] {
                subjects.push(self.wrapper(wrapper, threads)?);
            }
            subjects.push(self.mlserver(mlserver)?);
        }
        Ok(subjects)
    }

    pub(super) fn rows(&self) -> [Row; 2] {
        ROWS
    }

    /// Hari on a free port of its own, which speaks REST and gRPC.
    pub(super) fn hari(&self, name: &'static str, what: &str) -> Result<(Subject, u16)> {
        let port = free_port()?;
        let mut command = vec![text(&self.built.join("hari")), "run".into(), what.into()];
        command.extend(["--http".into(), format!("127.0.0.1:{port}")]);
        for flag in ["--grpc", "--metrics"] {
            command.extend([flag.into(), "127.0.0.1:0".into()]);
        }
        let subject = Subject {
            name,
            command,
            env: Vec::new(),
            folder: workspace::root().to_owned(),
            log: self.log(name),
            questions: Vec::new(),
            starts: usize::MAX,
        };
        Ok((subject, port))
    }

    fn mnist(&self) -> Result<Subject> {
        let (mut subject, port) = self.hari("Hari", "examples/mnist/seldondeployment.yaml")?;
        subject.questions = vec![seldon(port), open_inference(port)];
        Ok(subject)
    }

    /// Hari with a model that does nothing.
    pub(super) fn identity(&self, row: Row) -> Result<Subject> {
        let (mut subject, port) = self.hari("identity", "bench/models/identity.onnx")?;
        subject.questions = vec![Question {
            name: row.name,
            url: format!("http://127.0.0.1:{port}/api/v1.0/predictions"),
            body: workspace::root().join("bench/models").join(row.file),
            pointer: "/data/ndarray/0",
            right: Right::Highest(row.highest),
        }];
        Ok(subject)
    }

    /// A server that answers `question` with the content of `reply`, whatever it is asked.
    pub(super) fn constant(&self, question: &Question, reply: &Path) -> Result<Subject> {
        let port = free_port()?;
        let tool = self.built.join("hari-bench-constant");
        Ok(Subject {
            name: "constant",
            command: vec![text(&tool), format!("127.0.0.1:{port}"), text(reply)],
            env: Vec::new(),
            folder: workspace::root().to_owned(),
            log: self.log("constant"),
            questions: vec![Question {
                url: format!("http://127.0.0.1:{port}/"),
                body: question.body.clone(),
                right: question.right.clone(),
                ..*question
            }],
            starts: usize::MAX,
        })
    }

    fn wrapper(&self, venv: &Venv, threads: usize) -> Result<Subject> {
        let folder = workspace::root().join("bench/peers/wrapper");
        let (mut subject, port) = self.wrapper_in(venv, threads, "Mnist", folder)?;
        subject.env.push(model());
        subject.questions = vec![seldon(port)];
        Ok(subject)
    }

    /// One worker, REST alone, around `class`. With one thread it closes the connection after
    /// every reply.
    pub(super) fn wrapper_in(
        &self,
        venv: &Venv,
        threads: usize,
        class: &str,
        folder: PathBuf,
    ) -> Result<(Subject, u16)> {
        let name = match threads {
            1 => "wrapper",
            _ => "wrapper, 4 threads",
        };
        let port = free_port()?;
        let mut command = vec![text(&venv.interpreter())];
        command.extend(["-m", "seldon_core.microservice", class].map(String::from));
        let arguments = "--service-type MODEL --workers 1 --grpc-workers 0 --log-level WARNING";
        command.extend(arguments.split(' ').map(String::from));
        let numbers = [
            ("--threads", threads.to_string()),
            ("--http-port", port.to_string()),
            ("--grpc-port", free_port()?.to_string()),
            ("--metrics-port", free_port()?.to_string()),
        ];
        for (flag, value) in numbers {
            command.extend([flag.to_owned(), value]);
        }
        let subject = Subject {
            name,
            command,
            env: Vec::new(),
            folder,
            log: self.log(name),
            questions: Vec::new(),
            starts: 3,
        };
        Ok((subject, port))
    }

    fn mlserver(&self, venv: &Venv) -> Result<Subject> {
        let folder = workspace::root().join("bench/peers/mlserver");
        let (mut subject, port) = self.mlserver_in(venv, "MLServer", folder)?;
        subject.env.push(model());
        subject.questions = vec![open_inference(port)];
        Ok(subject)
    }

    /// One process: the fastest form for one model.
    pub(super) fn mlserver_in(
        &self,
        venv: &Venv,
        name: &'static str,
        folder: PathBuf,
    ) -> Result<(Subject, u16)> {
        let port = free_port()?;
        let start = "import logging; logging.disable(logging.INFO); \
                     from mlserver.cli import main; main()";
        let mut command = vec![text(&venv.interpreter())];
        command.extend(["-c", start, "start", "."].map(String::from));
        let env = vec![
            ("MLSERVER_HOST", "127.0.0.1".into()),
            ("MLSERVER_HTTP_PORT", port.to_string()),
            ("MLSERVER_GRPC_PORT", free_port()?.to_string()),
            ("MLSERVER_METRICS_PORT", free_port()?.to_string()),
            ("MLSERVER_PARALLEL_WORKERS", "0".into()),
            ("MLSERVER_DEBUG", "false".into()),
            ("MLSERVER_GZIP_ENABLED", "false".into()),
        ];
        let subject = Subject {
            name,
            command,
            env,
            folder,
            log: self.log(name),
            questions: Vec::new(),
            starts: 3,
        };
        Ok((subject, port))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.scratch.join(name).with_extension("log")
    }
}

fn requests() -> PathBuf {
    workspace::root().join("examples/mnist/requests")
}

fn model() -> (&'static str, String) {
    let model = workspace::root().join("examples/mnist/model/1");
    ("BENCH_MODEL", text(&model))
}

fn seldon(port: u16) -> Question {
    Question {
        name: "Seldon protocol",
        url: format!("http://127.0.0.1:{port}/api/v1.0/predictions"),
        body: requests().join("seldon-ndarray.json"),
        pointer: "/data/ndarray/0",
        right: Right::Highest(7),
    }
}

fn open_inference(port: u16) -> Question {
    Question {
        name: "open inference protocol",
        url: format!("http://127.0.0.1:{port}/v2/models/mnist-model/infer"),
        body: requests().join("v2-infer.json"),
        pointer: "/outputs/0/data",
        right: Right::Highest(7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_sent_exists() {
        let tools = Tools::new(Path::new("built"), Path::new("scratch"), None);
        let mut subjects = tools.subjects().unwrap();
        subjects.extend(ROWS.iter().map(|row| tools.identity(*row).unwrap()));
        for subject in subjects {
            assert!(subject.folder.join(&subject.command[2]).exists());
            for question in subject.questions {
                assert!(question.body.is_file(), "{}", question.body.display());
            }
        }
    }

    #[test]
    fn the_constant_server_is_asked_the_same() {
        let tools = Tools::new(Path::new("built"), Path::new("scratch"), None);
        let identity = tools.identity(ROWS[1]).unwrap();
        let asked = &identity.questions[0];
        let constant = tools.constant(asked, Path::new("reply")).unwrap();
        let answered = &constant.questions[0];
        assert_eq!(
            (&answered.body, &answered.right),
            (&asked.body, &asked.right)
        );
        assert_ne!(answered.url, asked.url);
    }
}
