//! `servers.md`, `annotations.md` and `rules.md`: what a `SeldonDeployment` may say.

use hari_plan::catalogue::{BUILTINS, ParameterSpec, SERVERS, ServerSpec};
use hari_plan::contract::annotation::{self, Annotation, Content, Place};
use hari_plan::rule::RULES;

use crate::table::{code, codes, heading, table};

/// What `implementation` may name.
pub(crate) fn servers() -> String {
    let introduction = "What `implementation` of a unit may name, and the `parameters` that it \
                        takes. *Served here* says whether the runtime is part of this build; the \
                        other names are known and validated, and `hari run` says that it cannot \
                        serve them.";
    let mut text = heading("Servers and built-in units", "`spec/plan`", introduction);
    text.push_str("\n## Servers\n");
    let rows = SERVERS.iter().map(|server| {
        let here = if server.is_here() { "yes" } else { "no" };
        let artifacts = codes(server.artifacts.iter().copied());
        [
            code(server.implementation),
            here.to_owned(),
            server.doc.to_owned(),
            artifacts,
        ]
    });
    text.push_str(&table(
        ["Implementation", "Served here", "Models", "Looks for"],
        rows,
    ));
    text.push_str("\n## Built-in units\n");
    let rows = BUILTINS.iter().map(|unit| {
        [
            code(unit.implementation),
            code(&unit.kind.to_string()),
            unit.doc.to_owned(),
        ]
    });
    text.push_str(&table(["Implementation", "Type", "What it does"], rows));
    for unit in BUILTINS {
        text.push_str(&parameters(unit.implementation, unit.parameters.iter()));
    }
    for server in SERVERS {
        text.push_str(&parameters(
            server.implementation,
            ServerSpec::parameters(server),
        ));
    }
    text
}

fn parameters(owner: &str, specs: impl Iterator<Item = &'static ParameterSpec>) -> String {
    let rows: Vec<_> = specs.map(parameter).collect();
    if rows.is_empty() {
        return String::new();
    }
    let rows = table(
        ["Parameter", "Type", "Value", "Default", "What it does"],
        rows,
    );
    format!("\n## Parameters of {owner}\n{rows}")
}

fn parameter(spec: &ParameterSpec) -> [String; 5] {
    let default = spec.default.unwrap_or_default();
    [
        code(spec.name),
        code(&spec.kind.to_string()),
        spec.expected(),
        code(default),
        spec.doc.to_owned(),
    ]
}

/// Annotations that mean something.
pub(crate) fn annotations() -> String {
    let introduction = format!(
        "Annotations that mean something, and where they are read from. Most of them concern a \
         cluster; on one machine the two timeouts count. Annotations that begin \
         with `{}` become environment variables of the orchestrator in a cluster. An unknown \
         annotation that begins with {} is reported.",
        annotation::ENGINE_PREFIX,
        codes(annotation::PREFIXES)
    );
    let mut text = heading("Annotations", "`spec/plan`", &introduction);
    let rows = annotation::ALL.iter().map(|one| {
        [
            code(one.name),
            place(one).to_owned(),
            content(one).to_owned(),
            one.doc.to_owned(),
        ]
    });
    text.push_str(&table(
        ["Annotation", "Read from", "Holds", "What it does"],
        rows,
    ));
    text
}

fn place(annotation: &Annotation) -> &'static str {
    match annotation.place {
        Place::Spec => "`spec`",
        Place::Resource => "`spec`, then `metadata`",
        Place::Predictor => "predictor",
        Place::Graph => "`spec`, predictor or pod template",
        Place::Anywhere => "`metadata`, `spec`, predictor or pod template",
    }
}

fn content(annotation: &Annotation) -> &'static str {
    match annotation.content {
        Content::Text => "text",
        Content::Number => "a whole number from 0; anything else is refused",
        Content::LooseNumber => "a whole number from 0; anything else is ignored",
    }
}

/// Rules of validation.
pub(crate) fn rules() -> String {
    let introduction = "What `hari validate` checks. Each finding carries the name of its rule, the \
                        file, line and field, what was found and what to do. The shape of the \
                        resource (unknown fields, types) is checked against the schema before any \
                        of these.";
    let mut text = heading("Rules of validation", "`spec/plan`", introduction);
    let rows = RULES
        .iter()
        .map(|rule| [code(rule.name), rule.doc.to_owned()]);
    text.push_str(&table(["Rule", "Holds when it is kept"], rows));
    text
}
