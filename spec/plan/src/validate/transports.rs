//! Types of endpoints: one for the whole deployment.

use hari_api::path::field;
use hari_api::{EndpointType, Issue};

use super::subject::{Subject, Unit};
use crate::rule;

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    let typed: Vec<(&Unit<'_>, EndpointType)> = subject.units().filter_map(typed).collect();
    let Some((first, kind)) = typed.first().copied() else {
        return;
    };
    match typed.iter().find(|(_, other)| *other != kind) {
        Some((other, _)) => issues.push(several(first, other)),
        None => issues.extend(mixed(subject, first, kind)),
    }
}

fn typed<'a, 'b>(unit: &'a Unit<'b>) -> Option<(&'a Unit<'b>, EndpointType)> {
    let endpoint = unit.written.endpoint.as_ref()?;
    Some((unit, endpoint.endpoint_type().ok()??))
}

fn several(first: &Unit<'_>, other: &Unit<'_>) -> Issue {
    let message = "Multiple endpoint.types found - can only have 1 type in graph. Please use \
                   spec.transport";
    Issue::error(rule::SEVERAL_ENDPOINT_TYPES, path(other), message)
        .with_value("")
        .with_hint(format!("{} has another type: remove both", path(first)))
}

fn mixed(subject: &Subject<'_>, first: &Unit<'_>, kind: EndpointType) -> Option<Issue> {
    let transport = subject.written.spec.transport.as_deref();
    let transport = transport.filter(|transport| !transport.is_empty())?;
    if transport == kind.as_str().to_lowercase() {
        return None;
    }
    let message = "Mixed transport types found. Remove graph endpoint.types if transport set at \
                   deployment level";
    let issue = Issue::error(rule::MIXED_TRANSPORTS, path(first), message).with_value("");
    Some(issue.with_hint(format!(
        "`spec.transport` is {transport}, this endpoint {kind}"
    )))
}

fn path(unit: &Unit<'_>) -> String {
    field(&unit.field("endpoint"), "type")
}
