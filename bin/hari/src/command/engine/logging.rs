//! Flags of payload logging: they win over the environment.

use anyhow::Context as _;
use hari_engine::PayloadLogs;
use hari_settings::PayloadLog;

/// How the payloads are logged of nodes that have a `logger`.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Payload logging")]
pub(super) struct PayloadLogging {
    /// Payloads sent at the same time [default: HARI_PAYLOAD_LOG_WORKERS, else 10]
    #[arg(long, alias = "logger_workers", value_name = "N", value_parser = bounded)]
    logger_workers: Option<usize>,
    /// Payloads that may wait [default: HARI_PAYLOAD_LOG_QUEUE, else 10000]
    #[arg(long, alias = "log_work_buffer_size", value_name = "N", value_parser = bounded)]
    log_work_buffer_size: Option<usize>,
    /// Brokers to log to, in place of HTTP [default: LOGGER_KAFKA_BROKER]
    #[arg(long, alias = "log_kafka_broker", value_name = "HOST:PORT")]
    log_kafka_broker: Option<String>,
    /// The topic there [default: LOGGER_KAFKA_TOPIC, else seldon]
    #[arg(long, alias = "log_kafka_topic", value_name = "TOPIC")]
    log_kafka_topic: Option<String>,
}

fn bounded(text: &str) -> Result<usize, String> {
    let number = text.parse().ok();
    number
        .filter(|number| (1..=100_000).contains(number))
        .ok_or_else(|| "expected 1 to 100000".to_owned())
}

impl PayloadLogging {
    pub(super) fn logs(&self) -> anyhow::Result<PayloadLogs> {
        let settings = self.over(PayloadLog::from_env()?);
        hari_engine::payload_logs_with(settings, None).context("payload logging")
    }

    fn over(&self, usual: PayloadLog) -> PayloadLog {
        let said = |flag: &Option<String>| flag.clone().filter(|text| !text.is_empty());
        PayloadLog {
            workers: self.logger_workers.unwrap_or(usual.workers),
            queue: self.log_work_buffer_size.unwrap_or(usual.queue),
            kafka_broker: said(&self.log_kafka_broker).or(usual.kafka_broker),
            kafka_topic: said(&self.log_kafka_topic).or(usual.kafka_topic),
            ..usual
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win() {
        let usual = PayloadLog {
            workers: 3,
            kafka_topic: Some("usual".to_owned()),
            ..PayloadLog::default()
        };
        assert_eq!(PayloadLogging::default().over(usual.clone()), usual);
        let flags = PayloadLogging {
            log_work_buffer_size: Some(5),
            log_kafka_broker: Some("kafka:9092".to_owned()),
            log_kafka_topic: Some(String::new()),
            ..PayloadLogging::default()
        };
        let expected = PayloadLog {
            queue: 5,
            kafka_broker: Some("kafka:9092".to_owned()),
            ..usual.clone()
        };
        assert_eq!(flags.over(usual), expected);
        assert!(bounded("0").is_err() && bounded("x").is_err());
    }
}
