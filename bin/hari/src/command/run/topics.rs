//! Flags for requests from a topic: they win over what documents and environment say.

use std::collections::BTreeMap;

use hari_settings::{KAFKA_BROKER, KAFKA_INPUT_TOPIC, KAFKA_OUTPUT_TOPIC, KAFKA_WORKERS, Setting};

/// Where requests come from beside the sockets.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Topics {
    /// Read requests from Kafka too, whatever `serverType` says: brokers, comma-separated
    #[arg(long, value_name = "HOST:PORT")]
    kafka_broker: Option<String>,
    /// Topic that requests are read from
    #[arg(long, value_name = "TOPIC")]
    kafka_input_topic: Option<String>,
    /// Topic that answers are written to
    #[arg(long, value_name = "TOPIC")]
    kafka_output_topic: Option<String>,
    /// Messages answered at the same time
    #[arg(long, value_name = "COUNT")]
    kafka_workers: Option<String>,
}

impl Topics {
    /// The variables that the flags stand for.
    pub(super) fn variables(&self) -> BTreeMap<&'static str, String> {
        let all: [(&Setting, &Option<String>); 4] = [
            (&KAFKA_BROKER, &self.kafka_broker),
            (&KAFKA_INPUT_TOPIC, &self.kafka_input_topic),
            (&KAFKA_OUTPUT_TOPIC, &self.kafka_output_topic),
            (&KAFKA_WORKERS, &self.kafka_workers),
        ];
        let set = all.iter().filter_map(|(setting, value)| {
            let value = value.as_ref()?;
            Some((setting.name, value.clone()))
        });
        set.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_stands_for_its_variable() {
        assert!(Topics::default().variables().is_empty());
        let topics = Topics {
            kafka_broker: Some("kafka".to_owned()),
            kafka_workers: Some("2".to_owned()),
            ..Topics::default()
        };
        let expected = [("KAFKA_BROKER", "kafka"), ("KAFKA_WORKERS", "2")];
        let found = topics.variables();
        assert!(
            found
                .iter()
                .map(|(name, value)| (*name, &**value))
                .eq(expected)
        );
    }
}
