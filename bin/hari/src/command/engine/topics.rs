//! Flags for requests from a topic: they win over environment and document.

use std::collections::BTreeMap;

use anyhow::ensure;
use hari_error::Error;
use hari_local::Source;
use hari_settings::{
    KAFKA_AUTO_COMMIT, KAFKA_BROKER, KAFKA_FULL_GRAPH, KAFKA_INPUT_TOPIC, KAFKA_OUTPUT_TOPIC,
    KAFKA_WORKERS, Setting,
};
use serde_json::Value;

use super::flag;

/// Where requests come from beside the sockets.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Requests from Kafka")]
pub(super) struct Topics {
    /// `kafka` reads requests from a topic too; `rpc` does not [default: the document's, else rpc]
    #[arg(long, alias = "server_type", value_name = "TYPE", value_parser = ["rpc", "kafka"])]
    server_type: Option<String>,
    /// Brokers, comma-separated [default: KAFKA_BROKER]
    #[arg(long, alias = "kafka_broker", value_name = "HOST:PORT")]
    kafka_broker: Option<String>,
    /// Topic that requests are read from [default: KAFKA_INPUT_TOPIC]
    #[arg(long, alias = "kafka_input_topic", value_name = "TOPIC")]
    kafka_input_topic: Option<String>,
    /// Topic that answers are written to [default: KAFKA_OUTPUT_TOPIC]
    #[arg(long, alias = "kafka_output_topic", value_name = "TOPIC")]
    kafka_output_topic: Option<String>,
    /// Messages answered at the same time [default: KAFKA_WORKERS, else 4]
    #[arg(long, alias = "kafka_workers", value_name = "N")]
    kafka_workers: Option<u16>,
    /// `false` commits each message by itself [default: KAFKA_AUTO_COMMIT, else true]
    #[arg(long, alias = "kafka_auto_commit", value_parser = flag::truth, value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    kafka_auto_commit: Option<bool>,
    /// Not offered: `true` is refused
    #[arg(long, alias = "kafka_full_graph", value_parser = flag::truth, value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    kafka_full_graph: Option<bool>,
}

type Variables = BTreeMap<&'static str, String>;

impl Topics {
    /// The variables of the stream that the predictor reads. None if the flags ask for none; its
    /// document may.
    pub(super) fn variables(&self, source: &Source, predictor: &str) -> anyhow::Result<Variables> {
        let mut flags = self.flags();
        let asked = self.server_type.as_deref() == Some("kafka");
        let by_document = self.server_type.is_none() && of_kafka(source);
        if !asked && !by_document {
            for name in flags.keys() {
                let hint = "requests come from a topic with --server-type kafka alone";
                tracing::warn!(variable = name, hint, "the flag has no effect");
            }
            return Ok(Variables::new());
        }
        if asked {
            let said = said(source, predictor);
            for setting in [
                KAFKA_BROKER,
                KAFKA_INPUT_TOPIC,
                KAFKA_OUTPUT_TOPIC,
                KAFKA_WORKERS,
                KAFKA_AUTO_COMMIT,
                KAFKA_FULL_GRAPH,
            ] {
                let value = setting.get().or_else(|| said.get(setting.name).cloned());
                if let Some(value) = value {
                    flags.entry(setting.name).or_insert(value);
                }
            }
            ensure!(
                flags.contains_key(KAFKA_BROKER.name),
                Error::invalid(
                    "--server-type kafka: say where with --kafka-broker or KAFKA_BROKER"
                )
            );
        }
        Ok(flags)
    }

    /// The variables that the flags stand for.
    fn flags(&self) -> Variables {
        let text = |flag: &Option<String>| flag.clone().filter(|text| !text.is_empty());
        let truth = |flag: Option<bool>| flag.map(|flag| flag.to_string());
        let all: [(Setting, Option<String>); 6] = [
            (KAFKA_BROKER, text(&self.kafka_broker)),
            (KAFKA_INPUT_TOPIC, text(&self.kafka_input_topic)),
            (KAFKA_OUTPUT_TOPIC, text(&self.kafka_output_topic)),
            (KAFKA_WORKERS, self.kafka_workers.map(|n| n.to_string())),
            (KAFKA_AUTO_COMMIT, truth(self.kafka_auto_commit)),
            (KAFKA_FULL_GRAPH, truth(self.kafka_full_graph)),
        ];
        let set = all.into_iter();
        set.filter_map(|(setting, value)| Some((setting.name, value?)))
            .collect()
    }
}

fn spec(source: &Source) -> Option<&Value> {
    source.documents.first()?.value.get("spec")
}

fn of_kafka(source: &Source) -> bool {
    spec(source).is_some_and(|spec| spec.get("serverType").is_some_and(|kind| kind == "kafka"))
}

/// What `svcOrchSpec.env` says.
fn said(source: &Source, predictor: &str) -> BTreeMap<String, String> {
    let find = || {
        let mut all = spec(source)?.get("predictors")?.as_array()?.iter();
        let found = all.find(|one| one.get("name").is_some_and(|name| name == predictor))?;
        found.pointer("/svcOrchSpec/env")?.as_array()
    };
    let pair = |entry: &Value| {
        let text = |key| Some(entry.get(key)?.as_str()?.to_owned());
        Some((text("name")?, text("value")?))
    };
    find().into_iter().flatten().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use hari_api::Document;
    use serde_json::json;

    use super::*;

    fn source(kind: &str) -> Source {
        let env = json!([{"name": "KAFKA_BROKER", "value": "said:1"}]);
        let predictor = json!({"name": "p", "svcOrchSpec": {"env": env}});
        let value = json!({"spec": {"serverType": kind, "predictors": [predictor]}});
        Source {
            name: String::new(),
            file: None,
            base: PathBuf::new(),
            documents: vec![Document::from_value(value)],
        }
    }

    fn topics(server_type: Option<&str>, broker: Option<&str>) -> Topics {
        Topics {
            server_type: server_type.map(str::to_owned),
            kafka_broker: broker.map(str::to_owned),
            kafka_auto_commit: Some(false),
            ..Topics::default()
        }
    }

    #[test]
    fn flags_win_over_the_document() {
        let broker = |topics: Topics| {
            let found = topics.variables(&source("rpc"), "p").unwrap();
            (
                found.get("KAFKA_BROKER").cloned(),
                found.get("KAFKA_AUTO_COMMIT").cloned(),
            )
        };
        let off = Some("false".to_owned());
        let said = (Some("said:1".to_owned()), off.clone());
        assert_eq!(broker(topics(Some("kafka"), None)), said);
        let flag = (Some("flag:1".to_owned()), off);
        assert_eq!(broker(topics(Some("kafka"), Some("flag:1"))), flag);
        assert_eq!(broker(topics(None, Some("flag:1"))), (None, None));
    }

    #[test]
    fn a_document_of_kafka_needs_no_flag_and_no_broker_is_said() {
        let found = topics(None, None).variables(&source("kafka"), "p").unwrap();
        assert_eq!(found.get("KAFKA_BROKER"), None);
        assert!(found.contains_key("KAFKA_AUTO_COMMIT"));
        let error = topics(Some("kafka"), None).variables(&source("rpc"), "other");
        assert!(error.unwrap_err().to_string().contains("--kafka-broker"));
    }
}
