//! Networks of three sizes: Hari on each engine and in each protocol, against the same network
//! called in process.

#![expect(clippy::print_stderr, reason = "what takes minutes says so")]

mod table;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::load::{InProcess, Load, Measured, json};
use super::server::Server;
use super::subjects::Tools;
use super::texts::Peers;
use super::{RUNS, SERVER_CORE, middle, requirements, text};
use crate::venv::{self, Venv};
use crate::{engines, workspace};
pub(super) use table::{aims, text as tables};

/// What the networks need.
pub(super) struct Material {
    /// Where `bench/models/make.py` wrote.
    models: PathBuf,
    /// Python with ONNX Runtime.
    onnxruntime: Venv,
    /// Python with TensorFlow.
    tensorflow: Venv,
    /// Python with MLServer's Hugging Face runtime.
    huggingface: Venv,
}

/// A network, and how it is called in process.
struct Network {
    name: &'static str,
    /// Name of its cases, and of the model.
    stem: &'static str,
    what: &'static str,
    /// What calls it in process.
    peer: Peer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    OnnxRuntime,
    TensorFlow,
}

const NETWORKS: [Network; 3] = [
    Network {
        name: "MNIST CNN",
        stem: "mnist",
        what: "the SavedModel of `examples/mnist`",
        peer: Peer::TensorFlow,
    },
    Network {
        name: "ResNet-18",
        stem: "resnet18",
        what: "ONNX, 224x224 pixels",
        peer: Peer::OnnxRuntime,
    },
    Network {
        name: "MiniLM-L6",
        stem: "minilm",
        what: "ONNX, 32 tokens",
        peer: Peer::OnnxRuntime,
    },
];

const BATCHES: [usize; 2] = [1, 32];
const PROTOCOLS: [&str; 2] = ["grpc", "rest"];
const ENGINES: [&str; 2] = ["rten", "onnxruntime"];

/// One network with one batch size.
#[derive(Default)]
pub(super) struct Line {
    pub(super) network: &'static str,
    pub(super) what: &'static str,
    pub(super) batch: usize,
    pub(super) peer: &'static str,
    /// The network called in process from Python.
    pub(super) python: InProcess,
    /// The built-in engine in process.
    pub(super) rten: InProcess,
    /// Hari, by engine and protocol.
    pub(super) served: Vec<(&'static str, &'static str, Measured)>,
}

impl Material {
    /// Python environments and networks; made if they are not there.
    pub(super) fn ready(models: Option<&Path>, tensorflow: Venv) -> Result<Self> {
        let models = match models {
            Some(folder) => std::path::absolute(folder)?,
            None => made()?,
        };
        Ok(Self {
            models,
            onnxruntime: engines::environment()?,
            huggingface: Venv::ready(&requirements("huggingface"))?,
            tensorflow,
        })
    }

    /// What texts are asked of.
    pub(super) fn texts(&self) -> Result<Peers<'_>> {
        Ok(Peers {
            models: &self.models,
            library: engines::library(&self.onnxruntime)?,
            mlserver: &self.huggingface,
        })
    }

    fn case(&self, network: &Network, batch: usize) -> PathBuf {
        self.models.join(format!("{}-{batch}.json", network.stem))
    }

    fn model(&self, network: &Network) -> PathBuf {
        match network.peer {
            Peer::TensorFlow => workspace::root().join("examples/mnist/model/1"),
            Peer::OnnxRuntime => self.models.join(network.stem).with_extension("onnx"),
        }
    }

    /// What `hari run` is given. It names the model by its file, or the folder around `model`.
    fn served(&self, network: &Network) -> PathBuf {
        match network.peer {
            Peer::TensorFlow => workspace::root().join("examples/mnist/model"),
            Peer::OnnxRuntime => self.model(network),
        }
    }

    /// The network in Python, on the core of the servers. Writes what is right.
    fn python(&self, network: &Network, batch: usize, seconds: f64) -> Result<InProcess> {
        let venv = match network.peer {
            Peer::TensorFlow => &self.tensorflow,
            Peer::OnnxRuntime => &self.onnxruntime,
        };
        let mut command = Command::new("taskset");
        command
            .args(["-c", &SERVER_CORE.to_string()])
            .arg(venv.interpreter())
            .arg(workspace::root().join("bench/peers/inprocess.py"))
            .arg(network.peer.module())
            .arg(self.model(network))
            .arg(self.case(network, batch))
            .arg(seconds.to_string())
            .env("TF_CPP_MIN_LOG_LEVEL", "2");
        InProcess::read(&json(&mut command)?)
    }
}

/// The networks, in the cache folder.
fn made() -> Result<PathBuf> {
    let root = workspace::root();
    let venv = Venv::ready(&requirements("models"))?;
    let folder = venv::cache_dir()?.join("bench-models");
    // Written last.
    if !folder.join("text-32.json").exists() {
        let mut python = venv.python();
        venv::run(python.arg(root.join("bench/models/make.py")).arg(&folder))?;
    }
    Ok(folder)
}

/// Every network in every way.
pub(super) fn measure(tools: &Tools<'_>, load: &Load, material: &Material) -> Result<Vec<Line>> {
    let bench = Bench {
        tools,
        load,
        material,
    };
    let mut lines = Vec::new();
    for network in &NETWORKS {
        let mut of_network = Vec::new();
        for batch in BATCHES {
            of_network.push(bench.in_process(network, batch)?);
        }
        for engine in ENGINES {
            bench.serve(network, engine, &mut of_network)?;
        }
        lines.extend(of_network);
    }
    Ok(lines)
}

/// What measuring needs.
struct Bench<'a> {
    tools: &'a Tools<'a>,
    load: &'a Load,
    material: &'a Material,
}

impl Bench<'_> {
    fn in_process(&self, network: &Network, batch: usize) -> Result<Line> {
        eprintln!("{}, batch {batch}: in process", network.name);
        let program = self.tools.built.join("hari-bench-inprocess");
        let model = self.material.model(network);
        let case = self.material.case(network, batch);
        let (mut python, mut rten) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            python.push(self.material.python(network, batch, self.load.seconds)?);
            rten.push(self.load.inprocess(&program, &model, &case, SERVER_CORE)?);
        }
        Ok(Line {
            network: network.name,
            what: network.what,
            batch,
            peer: network.peer.module(),
            python: InProcess::middle(python)?,
            rten: InProcess::middle(rten)?,
            served: Vec::new(),
        })
    }

    /// Hari with this engine, asked in every protocol.
    fn serve(&self, network: &Network, engine: &'static str, lines: &mut [Line]) -> Result<()> {
        let model = self.material.served(network);
        let (mut subject, port) = self.tools.hari(network.stem, &text(&model))?;
        let library = engines::library(&self.material.onnxruntime)?;
        subject.env.push(("HARI_ENGINE", engine.into()));
        subject.env.push(("HARI_ONNXRUNTIME", text(&library)));
        let _server = Server::start(&subject, SERVER_CORE)?;
        for line in lines {
            let case = self.material.case(network, line.batch);
            for protocol in PROTOCOLS {
                eprintln!(
                    "{}, batch {}: {engine}, {protocol}",
                    network.name, line.batch
                );
                let ask = || self.load.tensors(protocol, port, network.stem, &case);
                line.served.push((engine, protocol, middle(RUNS, ask)?));
            }
        }
        Ok(())
    }
}

impl Peer {
    /// Its module in Python.
    fn module(self) -> &'static str {
        match self {
            Self::TensorFlow => "tensorflow",
            Self::OnnxRuntime => "onnxruntime",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_is_served_by_its_name() {
        for network in NETWORKS {
            let named = match network.peer {
                Peer::TensorFlow => workspace::root().join("examples").join(network.stem),
                Peer::OnnxRuntime => continue,
            };
            assert!(named.join("model/1/saved_model.pb").exists());
        }
        let script = workspace::root().join("bench/models/make.py");
        let script = std::fs::read_to_string(script).unwrap();
        for network in NETWORKS {
            let case = format!("f\"{}-{{batch}}\"", network.stem);
            assert!(script.contains(&case), "{case}");
        }
    }
}
