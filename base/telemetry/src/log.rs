//! Log lines: text for people, JSON for programs. Lower case, with values as fields.

use std::io::IsTerminal as _;

use hari_error::{Error, Result};
use hari_settings as settings;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::trace;

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(Error::invalid(format!(
                "log format `{text}`: use `text` or `json`"
            ))),
        }
    }
}

/// What is logged and how; nothing set means the settings, then the defaults.
#[derive(Clone, Debug, Default)]
pub struct Logging {
    /// Form of the lines; JSON if standard error is no terminal.
    pub format: Option<LogFormat>,
    /// Lowest level.
    pub level: Option<String>,
}

impl Logging {
    /// Starts logging to standard error, and tracing if its settings ask for it. Once per process,
    /// inside a Tokio runtime.
    ///
    /// # Errors
    /// If a setting cannot be read.
    pub fn init(&self) -> Result<trace::Guard> {
        let filter = self.filter()?;
        let format = match self.format {
            Some(format) => format,
            None => settings::LOG_FORMAT.parse()?.unwrap_or_else(default_format),
        };
        let (traces, guard) = trace::layer()?;
        let subscriber = tracing_subscriber::registry().with(traces);
        let done = subscriber
            .with(lines(format).with_filter(filter))
            .try_init();
        done.map_err(|error| Error::internal("logging is started already").with_source(error))?;
        Ok(guard)
    }

    fn filter(&self) -> Result<EnvFilter> {
        if let Some(filter) = settings::RUST_LOG.get() {
            return EnvFilter::try_new(&filter).map_err(|error| {
                Error::invalid(format!("environment variable RUST_LOG: {error}"))
            });
        }
        let level = self.level.clone().or_else(|| settings::LOG_LEVEL.get());
        let level = level.unwrap_or_else(|| "info".to_owned()).to_lowercase();
        let level = match level.as_str() {
            "warning" => "warn",
            "fatal" => "error",
            level => level,
        };
        EnvFilter::try_new(format!(
            "{level},h2=warn,hyper=warn,krafka=error,rustls=warn"
        ))
        .map_err(|_| {
            Error::invalid(format!(
                "log level `{level}`: use debug, info, warning or error"
            ))
        })
    }
}

fn default_format() -> LogFormat {
    if std::io::stderr().is_terminal() {
        LogFormat::Text
    } else {
        LogFormat::Json
    }
}

type BoxedLayer<S> = Box<dyn Layer<S> + Send + Sync>;

fn lines<S>(format: LogFormat) -> BoxedLayer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let base = fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Json => base
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal() && settings::NO_COLOR.get().is_none();
            base.with_ansi(colours).with_target(false).boxed()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_parse() {
        assert_eq!("json".parse::<LogFormat>().unwrap(), LogFormat::Json);
        assert!(
            "xml"
                .parse::<LogFormat>()
                .unwrap_err()
                .message()
                .contains("`xml`")
        );
    }

    #[test]
    fn a_bad_level_is_named() {
        let logging = Logging {
            level: Some("loud=x=y".into()),
            ..Logging::default()
        };
        assert!(logging.filter().is_err());
        let logging = Logging {
            level: Some("WARNING".into()),
            ..Logging::default()
        };
        assert!(logging.filter().is_ok());
    }
}
