//! A loaded model, and one run of it.

use std::fmt;
use std::sync::{Condvar, Mutex, PoisonError};

use bytes::Bytes;
use hari_error::{Error, Result, catch};
use hari_operators::{Type, Value};
use ort::ep::CUDA;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{OutputSelector, RunOptions, SessionInputValue};

use crate::{Device, Library, Options, log, refusal, value};

/// An input or an output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its type; none for one that no [`Value`] has, 8-bit floats say.
    pub r#type: Option<Type>,
}

/// A model, loaded.
pub struct Session {
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    device: Device,
    memory: u64,
    free: Mutex<Vec<ort::session::Session>>,
    freed: Condvar,
}

impl Session {
    pub(crate) fn load(library: &Library, model: &Bytes, options: &Options) -> Result<Self> {
        let threads = match options.threads {
            Some(threads) => threads.max(1),
            None => share(hari_settings::threads()?, options.instances),
        };
        let builder = configured(library.builder()?, options, threads);
        let builder = builder.map_err(|error| refusal::of_model(&error))?;
        let (builder, device) = placed(builder, library, options.device)?;
        let (mut builder, first) = committed(builder, model)?;
        let mut free = vec![first];
        for _ in 1..options.instances {
            let made = builder.commit_from_memory(model);
            free.push(made.map_err(|error| refusal::of_model(&error))?);
        }
        let files: usize = options.files.values().map(|file| file.len()).sum();
        let memory = (model.len() + files).saturating_mul(free.len()) as u64;
        let first = free.first().ok_or_else(|| Error::internal("no instance"))?;
        Ok(Self {
            inputs: ports(first.inputs()),
            outputs: ports(first.outputs()),
            device,
            memory,
            free: Mutex::new(free),
            freed: Condvar::new(),
        })
    }

    /// What the model takes.
    #[must_use]
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What the model makes.
    #[must_use]
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// Where the model computes: the CPU or a CUDA device, never [`Device::Auto`].
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// About how many bytes the weights take, over all instances: the size of the file and of the
    /// files beside it. The engine's working memory comes on top.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.memory
    }

    /// Computes the wanted outputs, in their order. Waits while all instances are busy. All inputs
    /// have to be given, and all of the model is computed, whichever outputs are wanted.
    ///
    /// # Errors
    /// `InvalidInput` if the engine blames an input, `Model` for all else.
    pub fn run(&self, inputs: &[(&str, &Value)], outputs: &[&str]) -> Result<Vec<Value>> {
        let lent = inputs
            .iter()
            .map(|&(name, value)| self.lend(name, value))
            .collect::<Result<Vec<_>>>()?;
        let mut wanted = outputs.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let mut instance = self.take();
        let values = catch("ONNX Runtime failed while running the model", || {
            compute(instance.session()?, &lent, &wanted)
        })??;
        drop(instance);
        pick(outputs, &wanted, &values)
    }

    fn lend<'v>(
        &self,
        name: &'v str,
        value: &'v Value,
    ) -> Result<(&'v str, SessionInputValue<'v>)> {
        let port = self.inputs.iter().find(|port| port.name == name);
        let port =
            port.ok_or_else(|| Error::internal(format!("the model has no input `{name}`")))?;
        let lent = catch("ONNX Runtime failed while taking an input", || {
            value::lend(value, port.r#type.as_ref())
        })
        .flatten();
        Ok((
            name,
            lent.map_err(|error| error.context(format!("input `{name}`")))?,
        ))
    }

    /// An instance that is free, for this call alone.
    fn take(&self) -> Instance<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(session) = free.pop() {
                let session = Some(session);
                return Instance { session, of: self };
            }
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("inputs", &self.inputs)
            .field("outputs", &self.outputs)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

/// An instance in use; it is free again when this is dropped.
struct Instance<'s> {
    session: Option<ort::session::Session>,
    of: &'s Session,
}

impl Instance<'_> {
    fn session(&mut self) -> Result<&mut ort::session::Session> {
        let session = self.session.as_mut();
        session.ok_or_else(|| Error::internal("an instance without a session"))
    }
}

impl Drop for Instance<'_> {
    fn drop(&mut self) {
        let mut free = self.of.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.extend(self.session.take());
        drop(free);
        self.of.freed.notify_one();
    }
}

/// Threads of one instance, so that all together have no more than `threads`, and each has one.
fn share(threads: usize, instances: usize) -> usize {
    (threads / instances.max(1)).max(1)
}

/// How the engine works, whatever the model.
fn configured(
    mut builder: SessionBuilder,
    options: &Options,
    threads: usize,
) -> ort::Result<SessionBuilder> {
    for (name, content) in &options.files {
        builder = builder.with_external_initializer_file_in_memory(name, content.clone())?;
    }
    let builder = builder
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .with_log_level(log::level())?;
    Ok(builder)
}

/// Gives the session its device, and says which one that became.
fn placed(
    builder: SessionBuilder,
    library: &Library,
    device: Device,
) -> Result<(SessionBuilder, Device)> {
    let number = match device {
        Device::Cuda(number) => number,
        Device::Auto if library.has_cuda() => 0,
        Device::Auto | Device::Cpu => return Ok((builder, Device::Cpu)),
    };
    let cuda = CUDA::default()
        .with_device_id(number.into())
        .build()
        .error_on_failure();
    match builder.with_execution_providers([cuda]) {
        Ok(builder) => Ok((builder, Device::Cuda(number))),
        Err(error) if device == Device::Auto => {
            tracing::debug!(%error, "no CUDA device can be used; computing on the CPU");
            Ok((error.recover(), Device::Cpu))
        }
        Err(error) => {
            let why = refusal::of_model(&error);
            Err(Error::unavailable(format!(
                "device `{device}`: {}",
                why.message()
            )))
        }
    }
}

/// The model as the engine improves it, or as it is written if the engine breaks it by improving it:
/// fusions of some versions leave out what other nodes still use.
fn committed(
    mut builder: SessionBuilder,
    model: &Bytes,
) -> Result<(SessionBuilder, ort::session::Session)> {
    let error = match builder.commit_from_memory(model) {
        Ok(session) => return Ok((builder, session)),
        Err(error) => error,
    };
    let plain = builder.with_optimization_level(GraphOptimizationLevel::Level1);
    let mut plain = plain.map_err(|error| refusal::of_model(&error))?;
    match plain.commit_from_memory(model) {
        Ok(session) => {
            tracing::warn!(%error, "onnx runtime could not improve the model; it runs as written");
            Ok((plain, session))
        }
        Err(_) => Err(refusal::of_model(&error)),
    }
}

fn ports(outlets: &[ort::value::Outlet]) -> Vec<Port> {
    let port = |outlet: &ort::value::Outlet| Port {
        name: outlet.name().to_owned(),
        r#type: value::r#type(outlet.dtype()),
    };
    outlets.iter().map(port).collect()
}

/// One run. The caller keeps the inputs until the outputs are copied: a tensor of an output, inside
/// a sequence too, may be one of an input.
fn compute(
    session: &mut ort::session::Session,
    inputs: &[(&str, SessionInputValue<'_>)],
    outputs: &[&str],
) -> Result<Vec<Value>> {
    let selected = outputs
        .iter()
        .fold(OutputSelector::no_default(), |all, &name| all.with(name));
    let options = RunOptions::new().map_err(|error| refusal::of_model(&error))?;
    let options = options.with_outputs(selected);
    let views = inputs.iter().map(|(name, value)| (*name, &**value));
    let made = session
        .run_with_options(views.collect::<Vec<_>>(), &options)
        .map_err(|error| refusal::of_run(&error))?;
    let values = made.values().zip(outputs);
    values
        .map(|(made, name)| {
            value::copy(&made).map_err(|error| error.context(format!("output `{name}`")))
        })
        .collect()
}

/// The value of each wanted output, among the distinct ones.
fn pick(wanted: &[&str], distinct: &[&str], values: &[Value]) -> Result<Vec<Value>> {
    let find = |name: &&str| {
        let place = distinct.binary_search(name).ok();
        let value = place.and_then(|place| values.get(place)).cloned();
        value.ok_or_else(|| Error::internal(format!("the engine left out output `{name}`")))
    };
    wanted.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_share_the_threads_and_each_has_one() {
        let of = |instances| share(8, instances);
        assert_eq!([0, 1, 2, 3, 8, 9].map(of), [8, 8, 4, 2, 1, 1]);
    }
}
