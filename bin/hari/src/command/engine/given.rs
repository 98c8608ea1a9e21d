//! Which predictor is served: that of the environment, or one of a file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use hari_api::{ApiVersion, Document, KIND};
use hari_error::Error;
use hari_local::Source;
use hari_settings as settings;
use serde_json::{Map, Value, json};

use super::annotations::Annotations;

/// What serves all predictors of a deployment, or what another pod does.
const NOT_OF_THE_GRAPH: [&str; 4] = ["traffic", "replicas", "shadow", "explainer"];

/// Which predictor of which deployment.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Given {
    /// Name of the deployment [default: that of the file]
    #[arg(long, value_name = "NAME")]
    sdep: Option<String>,
    /// Its namespace [default: that of the file, else `default`]
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Name of the predictor [default: that of ENGINE_PREDICTOR, or the only one of the file]
    #[arg(long, value_name = "NAME")]
    predictor: Option<String>,
    /// SeldonDeployment to read, rather than ENGINE_PREDICTOR
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// `seldon`, `v2` or `tensorflow`: what nodes elsewhere speak [default: the file's, else seldon]
    #[arg(long, value_name = "PROTOCOL")]
    protocol: Option<String>,
    /// `rest` or `grpc`: how nodes elsewhere are called [default: the file's, else rest]
    #[arg(long, value_name = "TRANSPORT")]
    transport: Option<String>,
}

impl Given {
    /// One deployment, and the name of its predictor that is served.
    pub(super) fn source(&self, annotations: &Annotations) -> anyhow::Result<(Source, String)> {
        let (mut source, name) = match (&self.file, settings::ENGINE_PREDICTOR.get()) {
            (Some(file), _) => self.of_file(file)?,
            (None, Some(text)) => self.of_text(&text).context("ENGINE_PREDICTOR")?,
            (None, None) => bail!(Error::invalid(
                "nothing to serve: set ENGINE_PREDICTOR, or name a --file"
            )),
        };
        if let Some(document) = source.documents.first_mut() {
            self.overlay(&mut document.value);
            annotate(&mut document.value, &name, annotations);
        }
        Ok((source, name))
    }

    fn of_text(&self, text: &str) -> anyhow::Result<(Source, String)> {
        let mut predictor = decoded(text)?;
        for field in NOT_OF_THE_GRAPH {
            predictor.remove(field);
        }
        let name = predictor.get("name").and_then(Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        ensure!(
            self.predictor.as_ref().is_none_or(|asked| *asked == name),
            Error::invalid(format!(
                "it is predictor `{name}`, and --predictor asks for another"
            ))
        );
        ensure!(
            self.sdep.is_some(),
            Error::invalid("say whose predictor it is with --sdep")
        );
        let value = json!({
            "apiVersion": ApiVersion::V1.to_string(),
            "kind": KIND,
            "metadata": {},
            "spec": {"predictors": [predictor]},
        });
        let source = Source {
            name: settings::ENGINE_PREDICTOR.name.to_owned(),
            file: None,
            base: PathBuf::new(),
            documents: vec![Document::from_value(value)],
        };
        Ok((source, name))
    }

    fn of_file(&self, file: &Path) -> anyhow::Result<(Source, String)> {
        let mut source = Source::file(file)?;
        let of_kind = |document: &Document| document.kind() == KIND;
        if source.documents.iter().filter(|one| of_kind(one)).count() > 1 {
            let sdep = self.sdep.as_deref();
            source.documents.retain(|document| {
                let name = document.value.pointer("/metadata/name");
                of_kind(document) && name.and_then(Value::as_str) == sdep
            });
        }
        let [document] = source.documents.as_slice() else {
            bail!(unnamed(file, "one of its deployments with --sdep"));
        };
        let name = match &self.predictor {
            Some(name) => name.clone(),
            None => only_predictor(&document.value)
                .ok_or_else(|| unnamed(file, "its predictor with --predictor"))?,
        };
        Ok((source, name))
    }

    /// Flags win over the document.
    fn overlay(&self, document: &mut Value) {
        let flags = [
            ("metadata", "name", &self.sdep),
            ("metadata", "namespace", &self.namespace),
            ("spec", "protocol", &self.protocol),
            ("spec", "transport", &self.transport),
        ];
        for (part, field, flag) in flags {
            if let (Some(flag), Some(part)) = (flag, object(document, part)) {
                part.insert(field.to_owned(), flag.clone().into());
            }
        }
    }
}

fn unnamed(file: &Path, what: &str) -> Error {
    Error::invalid(format!("{}: name {what}", file.display()))
}

fn object<'a>(value: &'a mut Value, field: &str) -> Option<&'a mut Map<String, Value>> {
    value.get_mut(field)?.as_object_mut()
}

fn only_predictor(document: &Value) -> Option<String> {
    match document.pointer("/spec/predictors")?.as_array()?.as_slice() {
        [only] => Some(only.get("name")?.as_str()?.to_owned()),
        _ => None,
    }
}

/// The pod's annotations are the last word on those of its predictor.
fn annotate(document: &mut Value, name: &str, annotations: &Annotations) {
    let predictors = document.pointer_mut("/spec/predictors");
    let Some(predictors) = predictors.and_then(Value::as_array_mut) else {
        return;
    };
    let mut named = predictors
        .iter_mut()
        .filter(|one| one.get("name").is_some_and(|it| it == name));
    let Some(predictor) = named.next().and_then(Value::as_object_mut) else {
        return;
    };
    for (name, value) in annotations.of_predictor() {
        let all = predictor.entry("annotations").or_insert_with(|| json!({}));
        if let Some(all) = all.as_object_mut() {
            all.insert(name.to_owned(), value.into());
        }
    }
}

fn decoded(text: &str) -> Result<Map<String, Value>, Error> {
    let padding = DecodePaddingMode::Indifferent;
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(padding);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    let json = engine
        .decode(text.trim())
        .map_err(|error| Error::invalid("it is not base64").with_source(error))?;
    serde_json::from_slice(&json).map_err(|error| {
        Error::invalid("it is not the JSON of a predictor's spec").with_source(error)
    })
}

#[cfg(test)]
mod tests;
