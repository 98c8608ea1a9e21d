//! Units of the graph: what answers them, and the words that say what they are.

use hari_api::path::{field, item};
use hari_api::{Endpoint, Issue, Method, Protocol, UnitType};

use super::payload_log;
use super::subject::{Predictor, Subject, Unit};
use super::{did_you_mean, enough, listed, unknown_word};
use crate::catalogue::{self, is_prepackaged};
use crate::rule;

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    for predictor in &subject.predictors {
        for unit in &predictor.units {
            if enough(issues) {
                return;
            }
            vocabulary(unit, issues);
            match is_prepackaged(Some(unit.implementation())) {
                true => server(subject, predictor, unit, issues),
                false => component(predictor, unit, issues),
            }
            issues.extend(ignored_type(unit));
            issues.extend(model_transforms(unit));
        }
    }
}

/// The words of type, methods, endpoint and logger.
fn vocabulary(unit: &Unit<'_>, issues: &mut Vec<Issue>) {
    if let Err(error) = unit.written.unit_type() {
        issues.push(unknown_word(rule::UNKNOWN_TYPE, unit.field("type"), &error));
    }
    let methods = unit.written.methods.iter().enumerate();
    issues.extend(methods.filter_map(|(index, word)| {
        let error = word.parse::<Method>().err()?;
        let path = item(&unit.field("methods"), index);
        Some(unknown_word(rule::UNKNOWN_METHOD, path, &error))
    }));
    let endpoint = unit.written.endpoint.as_ref();
    if let Some(Err(error)) = endpoint.map(Endpoint::endpoint_type) {
        let path = field(&unit.field("endpoint"), "type");
        issues.push(unknown_word(rule::UNKNOWN_ENDPOINT_TYPE, path, &error));
    }
    logger(unit, issues);
}

fn logger(unit: &Unit<'_>, issues: &mut Vec<Issue>) {
    let Some(logger) = &unit.written.logger else {
        return;
    };
    issues.extend(
        logger
            .url
            .as_deref()
            .filter(|url| !url.is_empty())
            .and_then(|url| payload_log::url(unit, url)),
    );
    match logger.logger_mode() {
        Ok(Some(_)) => {}
        Ok(None) => {
            let message = "No logger mode specified";
            let issue = Issue::error(rule::NO_LOGGER_MODE, unit.field("logger"), message);
            let hint = "add `mode`: all, request or response";
            issues.push(issue.with_value("").with_hint(hint));
        }
        Err(error) => {
            let path = field(&unit.field("logger"), "mode");
            issues.push(unknown_word(rule::UNKNOWN_LOGGER_MODE, path, &error));
        }
    }
}

/// A unit without an implementation: a container of the user's own.
fn component(predictor: &Predictor<'_>, unit: &Unit<'_>, issues: &mut Vec<Issue>) {
    if unit.implementation() != catalogue::UNKNOWN_IMPLEMENTATION {
        return;
    }
    let name = unit.spec.name.as_str();
    if !predictor.containers.contains_key(name) && !listens(unit) {
        let message = "Can't find container for Predictive Unit";
        let issue = Issue::error(rule::NO_CONTAINER, unit.field("name"), message);
        issues.push(
            issue
                .with_value(name)
                .with_hint(container_hint(predictor, name)),
        );
    }
    if unit.spec.unit_type() == Ok(Some(UnitType::Unknown)) && unit.spec.methods.is_empty() {
        let message = "Predictive Unit has no implementation methods defined. Change to a known \
                       type or add what methods it defines";
        let issue = Issue::error(rule::NO_METHODS, unit.field("type"), message);
        let hint = "write `type: MODEL`, or what the unit is";
        issues.push(issue.with_value(name).with_hint(hint));
    }
}

/// Whether the user says where the unit listens: then someone else starts it.
fn listens(unit: &Unit<'_>) -> bool {
    let endpoint = unit.written.endpoint.as_ref();
    let host = endpoint.and_then(|endpoint| endpoint.service_host.as_deref());
    host.is_some_and(|host| !host.is_empty())
}

/// Most names of containers that a name is compared with.
const MAX_COMPARED: usize = 256;

fn container_hint(predictor: &Predictor<'_>, name: &str) -> String {
    let mut names: Vec<&str> = predictor.containers.keys().copied().collect();
    names.sort_unstable();
    match did_you_mean(name, names.iter().copied().take(MAX_COMPARED)) {
        Some(question) => format!("no container is called `{name}`: {question}"),
        None if names.is_empty() => {
            format!("add a container `{name}` below `componentSpecs`, or an `implementation`")
        }
        None => format!(
            "no container is called `{name}`; there are {}",
            listed(names)
        ),
    }
}

/// A unit with a prepackaged server.
fn server(
    subject: &Subject<'_>,
    predictor: &Predictor<'_>,
    unit: &Unit<'_>,
    issues: &mut Vec<Issue>,
) {
    let implementation = unit.implementation();
    let spec = catalogue::server(implementation);
    let name = unit.spec.name.as_str();
    let no_uri = unit
        .spec
        .model_uri
        .as_deref()
        .unwrap_or_default()
        .is_empty();
    if no_uri && spec.is_none_or(|spec| spec.needs_model_uri) {
        let message = "Predictive unit modelUri required when using standalone servers";
        let issue = Issue::error(rule::NO_MODEL_URI, unit.field("modelUri"), message);
        let hint = "add `modelUri`: where the model's files are";
        issues.push(issue.with_value(name).with_hint(hint));
    }
    let tensorflow = subject.resource.spec.protocol() == Ok(Protocol::Tensorflow);
    if tensorflow && spec.is_some_and(|spec| !spec.speaks_tensorflow) {
        let message =
            format!("Prepackaged server does not handle tensorflow protocol {implementation}");
        let issue = Issue::error(
            rule::NO_TENSORFLOW_PROTOCOL,
            unit.field("implementation"),
            message,
        );
        let hint = "set `spec.protocol` to seldon or v2";
        issues.push(issue.with_value(name).with_hint(hint));
    }
    issues.extend(unknown_implementation(subject, predictor, unit));
}

fn unknown_implementation(
    subject: &Subject<'_>,
    predictor: &Predictor<'_>,
    unit: &Unit<'_>,
) -> Option<Issue> {
    let implementation = unit.implementation();
    if subject.installation.knows(implementation) {
        return None;
    }
    let container = predictor.containers.get(unit.spec.name.as_str());
    let image = container.and_then(|container| container.image.as_deref());
    let question = did_you_mean(implementation, implementations(subject));
    let path = unit.field("implementation");
    if !image.unwrap_or_default().is_empty() {
        let message =
            format!("no server `{implementation}` is installed: its container is run as it is");
        let issue = Issue::warning(rule::UNKNOWN_IMPLEMENTATION, path, message);
        return Some(issue.with_value(implementation).with_hint(question?));
    }
    let message = format!("No entry in predictors map for {implementation}");
    let hint = question.unwrap_or_else(|| {
        format!(
            "known are {}",
            implementations(subject).collect::<Vec<_>>().join(", ")
        )
    });
    let issue = Issue::error(rule::UNKNOWN_IMPLEMENTATION, path, message);
    Some(issue.with_value(&unit.spec.name).with_hint(hint))
}

/// Everything that `implementation` may name.
fn implementations<'a>(subject: &'a Subject<'_>) -> impl Iterator<Item = &'a str> {
    let servers = subject.installation.servers.keys().map(String::as_str);
    servers.chain(catalogue::BUILTINS.iter().map(|spec| spec.implementation))
}

/// A type that is written though the implementation decides.
fn ignored_type(unit: &Unit<'_>) -> Option<Issue> {
    let written = unit.written.unit_type().ok()??;
    let implementation = unit.implementation();
    if catalogue::is_python(Some(implementation)) {
        return None;
    }
    let kind = match catalogue::builtin(implementation) {
        Some(builtin) => builtin.kind,
        None if is_prepackaged(Some(implementation)) => UnitType::Model,
        None => return None,
    };
    if written == kind || written == UnitType::Unknown {
        return None;
    }
    let message = format!("`{implementation}` is a {kind}: the type is ignored");
    let issue = Issue::warning(rule::TYPE_IGNORED, unit.field("type"), message);
    Some(
        issue
            .with_value(written.to_string())
            .with_hint("remove `type`"),
    )
}

/// Transforming goes before predicting, so that the model would never predict.
fn model_transforms(unit: &Unit<'_>) -> Option<Issue> {
    let methods = unit.spec.unit_methods().ok()?;
    let builtin = catalogue::builtin(unit.implementation()).is_some();
    let model = unit.spec.unit_type() == Ok(Some(UnitType::Model));
    if builtin || !model || !methods.contains(&Method::TransformInput) {
        return None;
    }
    let message = "a MODEL with TRANSFORM_INPUT transforms its input and is never asked to predict";
    let issue = Issue::warning(rule::MODEL_TRANSFORMS, unit.field("methods"), message);
    Some(issue.with_hint("remove TRANSFORM_INPUT, or write `type: TRANSFORMER`"))
}
