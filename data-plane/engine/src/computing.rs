//! What computes a model: parameters of its unit, and settings where they are left out.

use std::collections::BTreeMap;

use hari_error::{Error, Result};
use hari_onnx::{EngineChoice, Options};
use hari_plan::bound::ParameterValue;
use hari_plan::catalogue::parameter::{DEVICE, ENGINE, INSTANCES, THREADS};

/// Options of the runtimes of neural networks, from the parameters of a unit.
///
/// # Errors
/// `InvalidInput` for a parameter or a setting that cannot be read, by its name.
pub fn computing(parameters: &BTreeMap<String, ParameterValue>) -> Result<Options> {
    let text = |name: &str| match parameters.get(name) {
        Some(ParameterValue::String(text)) if !text.is_empty() => Some(text.as_str()),
        _ => None,
    };
    let of = |name: &str, error: Error| error.context(format!("parameter `{name}`"));
    let engine = match text(ENGINE) {
        Some(engine) => engine.parse().map_err(|error| of(ENGINE, error))?,
        None => by_setting(hari_settings::ENGINE.get().as_deref())?,
    };
    let device = text(DEVICE).map(str::parse).transpose();
    Ok(Options {
        engine,
        threads: count(parameters, THREADS, 256)?,
        instances: instances(count(parameters, INSTANCES, 64)?.unwrap_or(1))?,
        device: device
            .map_err(|error| of(DEVICE, error))?
            .unwrap_or_default(),
        ..Options::default()
    })
}

/// The engine that a setting names.
fn by_setting(value: Option<&str>) -> Result<EngineChoice> {
    let named = value.map(|value| value.trim().parse()).transpose();
    let named = named.map_err(|error: Error| error.context(hari_settings::ENGINE.name))?;
    Ok(named.unwrap_or_default())
}

/// Copies of a model for ONNX Runtime where `asked` are wanted: the model pool computes no more than
/// one on each of its threads.
pub(crate) fn instances(asked: usize) -> Result<usize> {
    Ok(asked.clamp(1, hari_settings::threads()?))
}

/// A parameter that counts from 1 to `most`.
fn count(
    parameters: &BTreeMap<String, ParameterValue>,
    name: &str,
    most: usize,
) -> Result<Option<usize>> {
    let number = match parameters.get(name) {
        None => return Ok(None),
        Some(ParameterValue::Int(number)) => usize::try_from(*number).ok(),
        Some(_) => None,
    };
    match number.filter(|number| (1..=most).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(Error::invalid(format!(
            "parameter `{name}`: expected an integer from 1 to {most}, found {:?}",
            parameters.get(name)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use hari_onnx::Device;

    use super::*;

    fn given(name: &str, value: ParameterValue) -> BTreeMap<String, ParameterValue> {
        BTreeMap::from([(name.to_owned(), value)])
    }

    fn text(name: &str, value: &str) -> BTreeMap<String, ParameterValue> {
        given(name, ParameterValue::String(value.to_owned()))
    }

    #[test]
    fn parameters_become_options() {
        let options = computing(&text("engine", "onnxruntime")).unwrap();
        assert_eq!(options.engine, EngineChoice::OnnxRuntime);
        let options = computing(&text("device", "cuda:1")).unwrap();
        assert_eq!(options.device, Device::Cuda(1));
        let options = computing(&given("threads", ParameterValue::Int(4))).unwrap();
        assert_eq!(
            (options.threads, options.engine),
            (Some(4), EngineChoice::Auto)
        );
        assert_eq!(options.instances, 1);
        let options = computing(&given("instances", ParameterValue::Int(3))).unwrap();
        let most = hari_settings::threads().unwrap();
        assert_eq!((options.instances, options.threads), (most.min(3), None));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (parameters, name) in [
            (text("engine", "tract"), "parameter `engine`"),
            (text("device", "gpu"), "parameter `device`"),
            (
                given("threads", ParameterValue::Int(0)),
                "parameter `threads`",
            ),
            (text("threads", "many"), "parameter `threads`"),
            (
                given("instances", ParameterValue::Int(65)),
                "parameter `instances`",
            ),
        ] {
            let error = computing(&parameters).unwrap_err();
            assert!(error.message().starts_with(name), "{error}");
        }
        let error = by_setting(Some("tract")).unwrap_err();
        assert!(
            error
                .message()
                .starts_with("HARI_ENGINE: unknown engine `tract`")
        );
        assert_eq!(by_setting(Some("rten")).unwrap(), EngineChoice::Rten);
    }
}
