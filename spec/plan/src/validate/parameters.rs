//! Parameters: names and types as the implementation takes them, values that can be read.

use std::collections::HashSet;

use hari_api::path::{field, item};
use hari_api::{Issue, Parameter, ParameterType};

use super::subject::{Subject, Unit};
use super::{did_you_mean, enough, listed, shortened, unknown_word};
use crate::catalogue::parameter::{expected, read};
use crate::catalogue::{self, Check, ParameterSpec};
use crate::rule;

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    for unit in subject.units() {
        if enough(issues) {
            return;
        }
        let known = Known::of(unit.implementation());
        let mut seen = HashSet::new();
        for (index, parameter) in unit.spec.parameters.iter().enumerate() {
            let path = item(&unit.field("parameters"), index);
            let spec = known.find(&parameter.name);
            issues.extend(name(unit, &known, parameter, &path));
            issues.extend(value(&known, parameter, &path));
            let may_repeat = spec.is_some_and(|spec| spec.check == Check::Repeated);
            if !seen.insert(parameter.name.as_str()) && !may_repeat {
                issues.push(repeated(parameter, &path));
            }
        }
    }
}

/// What an implementation takes; `None` where no one knows.
struct Known {
    specs: Option<Vec<&'static ParameterSpec>>,
    builtin: bool,
}

impl Known {
    fn of(implementation: &str) -> Self {
        let builtin = catalogue::builtin(implementation);
        let specs = match (builtin, catalogue::server(implementation)) {
            (Some(builtin), _) => Some(builtin.parameters.iter().collect()),
            (None, Some(server)) => Some(server.parameters().collect()),
            (None, None) => None,
        };
        Self {
            specs,
            builtin: builtin.is_some(),
        }
    }

    fn find(&self, name: &str) -> Option<&'static ParameterSpec> {
        let mut specs = self.specs.iter().flatten();
        specs.find(|spec| spec.name == name).copied()
    }
}

fn name(unit: &Unit<'_>, known: &Known, parameter: &Parameter, path: &str) -> Option<Issue> {
    let specs = known.specs.as_ref()?;
    // A server without a table takes what it takes.
    if known.find(&parameter.name).is_some() || (specs.is_empty() && !known.builtin) {
        return None;
    }
    let message = format!(
        "{} takes no such parameter: it is ignored",
        unit.implementation()
    );
    let names: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
    let hint = match did_you_mean(&parameter.name, names.iter().copied()) {
        Some(question) => question,
        None if names.is_empty() => "remove it: there are no parameters".to_owned(),
        None => format!("known are {}", listed(names)),
    };
    let issue = Issue::warning(rule::UNKNOWN_PARAMETER, field(path, "name"), message);
    Some(issue.with_value(&parameter.name).with_hint(hint))
}

fn value(known: &Known, parameter: &Parameter, path: &str) -> Option<Issue> {
    let declared = match parameter.parameter_type() {
        Ok(declared) => declared,
        Err(error) => {
            let path = field(path, "type");
            return Some(unknown_word(rule::PARAMETER_TYPE, path, &error));
        }
    };
    let Some(spec) = known.find(&parameter.name) else {
        let fits = read(declared, &parameter.value).is_some();
        let hint = || format!("it is declared as {declared}: change the value or the type");
        return (!fits).then(|| unreadable(parameter, path, expected(declared)).with_hint(hint()));
    };
    if spec.read(&parameter.value).is_err() {
        let issue = unreadable(parameter, path, &spec.expected());
        return Some(issue.with_hint(format!("it is: {}", spec.doc)));
    }
    (!spec.takes(declared)).then(|| wrong_type(known, spec, declared, path))
}

fn unreadable(parameter: &Parameter, path: &str, expected: &str) -> Issue {
    let Parameter { name, value, .. } = parameter;
    let found = shortened(value);
    let message = format!("expected `{name}` to be {expected}, found {found:?}");
    Issue::error(rule::PARAMETER_VALUE, field(path, "value"), message).with_value(value)
}

/// Built-in units read the text whatever its type says, as they always did.
fn wrong_type(known: &Known, spec: &ParameterSpec, declared: ParameterType, path: &str) -> Issue {
    let message = format!("`{}` has the type {}, not {declared}", spec.name, spec.kind);
    let path = field(path, "type");
    let issue = match known.builtin {
        true => Issue::warning(rule::PARAMETER_TYPE, path, message),
        false => Issue::error(rule::PARAMETER_TYPE, path, message),
    };
    issue
        .with_value(declared.to_string())
        .with_hint(format!("write `type: {}`", spec.kind))
}

fn repeated(parameter: &Parameter, path: &str) -> Issue {
    let message = format!(
        "`{}` is given more than once: the last one counts",
        parameter.name
    );
    Issue::warning(rule::DUPLICATE_PARAMETER, field(path, "name"), message)
        .with_value(&parameter.name)
        .with_hint("keep one of them")
}
