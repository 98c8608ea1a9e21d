//! The shared library: found, opened once, asked what it can.

mod places;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hari_error::{Error, Result, catch};
use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::ep::ExecutionProvider;
use ort::session::builder::SessionBuilder;

use crate::{Options, Session, external, log, refusal};

/// The oldest version of the library that is taken.
pub const OLDEST: &str = "1.18";

/// ONNX Runtime, opened. Cloning shares it.
#[derive(Clone)]
pub struct Library(Arc<Opened>);

struct Opened {
    path: PathBuf,
    version: String,
    environment: Environment,
}

/// The library of this process: the bindings hold one, and for good.
static OPENED: Mutex<Option<Library>> = Mutex::new(None);

impl Library {
    /// The library that the settings name, or that is installed where libraries are; none if there
    /// is none, or if the setting says `none`.
    ///
    /// # Errors
    /// If a setting names what is not there or cannot be used. What is merely found and cannot be
    /// used is passed over with a warning in the log.
    pub fn find() -> Result<Option<Self>> {
        match places::configured()? {
            places::Configured::No => Ok(None),
            places::Configured::File(setting, file) => Self::open(&file)
                .map(Some)
                .map_err(|error| error.context(setting)),
            places::Configured::Unset => Ok(places::installed().and_then(|file| found(&file))),
        }
    }

    /// Opens the library at `path`, a file or the folder it lies in.
    ///
    /// # Errors
    /// `Unavailable` if there is no such file, if it is not ONNX Runtime, if it is older than
    /// [`OLDEST`], or if this process opened another one before.
    pub fn open(path: &Path) -> Result<Self> {
        let file = places::file(path)?;
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = opened.as_ref() {
            return if known.0.path == file {
                Ok(known.clone())
            } else {
                Err(Error::unavailable(
                    "another ONNX Runtime library is open already; a process can hold one",
                ))
            };
        }
        let library = catch("ONNX Runtime failed while opening the library", || {
            load(file)
        })??;
        Ok(opened.insert(library).clone())
    }

    /// The library's version, `1.31.0` say, as its file or its build says it; empty if neither does.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// Where the library can compute, under its own names, `CPUExecutionProvider` say. Only those
    /// that Hari has a name for are asked for.
    #[must_use]
    pub fn providers(&self) -> Vec<&'static str> {
        let asked = catch("ONNX Runtime failed while listing its providers", || {
            PROVIDERS.map(available)
        });
        let asked = asked.unwrap_or([None; PROVIDERS.len()]);
        asked.into_iter().flatten().collect()
    }

    /// Whether the library was built for NVIDIA GPUs.
    #[must_use]
    pub fn has_cuda(&self) -> bool {
        self.providers().contains(&ort::ep::CUDA::NAME)
    }

    /// Loads a model, the bytes of a `.onnx` file.
    ///
    /// # Errors
    /// `Model` if the engine refuses it or if it names a file that [`Options::files`] lacks;
    /// `Unavailable` if the device is not there.
    pub fn load(&self, model: &Bytes, options: &Options) -> Result<Session> {
        external::check(model, &options.files)?;
        catch("ONNX Runtime failed while loading the model", || {
            Session::load(self, model, options)
        })?
    }

    pub(crate) fn builder(&self) -> Result<SessionBuilder> {
        ort::session::Session::builder(&self.0.environment)
            .map_err(|error| refusal::of_model(&error))
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Library").field(&self.0.version).finish()
    }
}

/// A library that nobody asked for: what is wrong with it is no error.
fn found(file: &Path) -> Option<Library> {
    match Library::open(file) {
        Ok(library) => Some(library),
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "ONNX Runtime is passed over");
            None
        }
    }
}

fn load(path: PathBuf) -> Result<Library> {
    let builder = ort::init_from(&path).map_err(|error| unusable(&error))?;
    let environment = builder
        .with_name("hari")
        .with_telemetry(false)
        .with_logger(log::logger())
        .build()
        .map_err(|error| refusal::of_model(&error))?;
    environment.set_log_level(log::level());
    let version = version(&path, ort::info());
    tracing::info!(file = %path.display(), version, "ONNX Runtime is open");
    Ok(Library(Arc::new(Opened {
        path,
        version,
        environment,
    })))
}

fn unusable(error: &LoadDynamicError) -> Error {
    let why = match error {
        LoadDynamicError::Dlopen { .. } => {
            "the file is not a shared library that this machine can load".to_owned()
        }
        LoadDynamicError::MissingApi { .. } => {
            "the file is a shared library, but not ONNX Runtime".to_owned()
        }
        LoadDynamicError::InvalidVersionString => "the library does not say its version".to_owned(),
        LoadDynamicError::BadVersion { version_str, .. } => {
            format!("the library is ONNX Runtime {version_str}; {OLDEST} or newer is needed")
        }
    };
    Error::unavailable(why).with_source(error.to_string())
}

/// `libonnxruntime.so.1.31.0` says it, else the branch in the build's words, `rel-1.31.0`.
fn version(path: &Path, build: &str) -> String {
    let file = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let branch = build.split_once("git-branch=rel-").map(|(_, rest)| rest);
    [Some(&*name), branch]
        .into_iter()
        .flatten()
        .find_map(dotted)
        .unwrap_or_default()
}

/// The first number with two dots in `text`.
fn dotted(text: &str) -> Option<String> {
    let mut words = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let found = words.find_map(|word| {
        let word = word.trim_matches('.');
        (word.matches('.').count() == 2).then(|| word.to_owned())
    });
    found.filter(|version| !version.contains(".."))
}

/// Declares what the library can be asked for by name.
macro_rules! providers {
    ($($kind:ident = $name:literal),*) => {
        $(struct $kind;
        impl ExecutionProvider for $kind {
            const NAME: &'static str = $name;
            fn register(&self, _: &mut SessionBuilder) -> ort::Result<()> {
                Err(ort::Error::new("only asked for, never used"))
            }
        })*
        const PROVIDERS: [(&str, fn() -> ort::Result<bool>); [$($name),*].len()] =
            [$(($name, <$kind as ExecutionProvider>::is_available)),*];
    };
}

providers! {
    Cpu = "CPUExecutionProvider",
    Cuda = "CUDAExecutionProvider",
    TensorRt = "TensorrtExecutionProvider",
    Rocm = "ROCMExecutionProvider",
    MiGraphX = "MIGraphXExecutionProvider",
    OpenVino = "OpenVINOExecutionProvider",
    Dnnl = "DnnlExecutionProvider",
    CoreMl = "CoreMLExecutionProvider",
    Xnnpack = "XnnpackExecutionProvider",
    Azure = "AzureExecutionProvider"
}

fn available((name, ask): (&'static str, fn() -> ort::Result<bool>)) -> Option<&'static str> {
    ask().unwrap_or(false).then_some(name)
}

#[cfg(test)]
mod tests;
