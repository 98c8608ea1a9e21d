//! Document -> `SeldonDeployment`, with everything that is wrong about its shape.

use serde_json::Value;

use crate::issue::Issue;
use crate::schema::check::check;
use crate::{ApiVersion, Document, GROUP, KIND, SeldonDeployment};

/// Reads a document as a `SeldonDeployment`.
///
/// The issues are those of the reading and those of the shape, each with its place; all of them
/// are found at once. A deployment comes back whenever enough could be read for further checks to
/// make sense: with an error among the issues it lacks what was wrong and is not to be served.
///
/// A document of another kind is no error: it gives a warning (`other-kind`) and no deployment.
///
/// ```
/// let text = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\n\
///             spec:\n  predictors:\n  - name: main\n    graph: {name: digits}\n    trafic: 100\n";
/// let documents = hari_api::read_documents(text, "digits.yaml");
/// let (deployment, issues) = hari_api::parse(&documents[0]);
/// assert_eq!(deployment.unwrap().spec.predictors[0].graph.name, "digits");
/// assert_eq!(
///     issues[0].to_string(),
///     "digits.yaml:7:5: warning[unknown-field] spec.predictors[0].trafic: unknown field: it \
///      would be ignored\n  hint: did you mean `traffic`?"
/// );
/// ```
#[must_use]
pub fn parse(document: &Document) -> (Option<SeldonDeployment>, Vec<Issue>) {
    let mut issues = document.issues.clone();
    if document.value.is_null() && !issues.is_empty() {
        return (None, issues);
    }
    if let Some(issue) = other_kind(document) {
        issues.push(document.locate(issue));
        return (None, issues);
    }
    issues.extend(unknown_version(document).map(|issue| document.locate(issue)));
    let checked = check(document.value.clone(), &document.positions);
    issues.extend(
        checked
            .issues
            .into_iter()
            .map(|issue| document.locate(issue)),
    );
    let deployment = checked.value.and_then(|value| {
        let deployment = serde_json::from_value(value);
        deployment
            .map_err(|error| issues.push(document.locate(unreadable(&error))))
            .ok()
    });
    issues.sort_by_key(|issue| (issue.line, issue.column));
    (deployment, issues)
}

/// Why the document is no `SeldonDeployment`, if it is none.
fn other_kind(document: &Document) -> Option<Issue> {
    if !document.value.is_object() {
        let issue = Issue::error("not-a-resource", "", "the document is not a mapping");
        return Some(issue.with_hint("write apiVersion, kind, metadata and spec"));
    }
    match document.value.get("kind") {
        Some(Value::String(kind)) if kind == KIND => None,
        Some(Value::String(kind)) if !kind.is_empty() => Some(left_out(kind)),
        _ => {
            let issue = Issue::error("missing-kind", "kind", "the document does not say its kind");
            Some(issue.with_hint(format!("add `kind: {KIND}`")))
        }
    }
}

fn left_out(kind: &str) -> Issue {
    let message = format!("this is no {KIND}: the document is left out");
    let issue = Issue::warning("other-kind", "kind", message).with_value(kind);
    match crate::nearest(kind, [KIND]) {
        Some(meant) => Issue {
            severity: crate::Severity::Error,
            ..issue
        }
        .with_hint(format!("did you mean `{meant}`?")),
        None => issue,
    }
}

fn unknown_version(document: &Document) -> Option<Issue> {
    let found = document.api_version();
    let error = found.parse::<ApiVersion>().err()?;
    let message = match found.split_once('/') {
        None if found.is_empty() => "the document does not say its version".to_owned(),
        Some((GROUP, version)) => {
            format!(
                "unknown version {:?} of {GROUP}",
                crate::path::shortened(version)
            )
        }
        _ => format!("{KIND} is a kind of the group {GROUP}"),
    };
    let meant = error.suggestion().unwrap_or(ApiVersion::V1.as_str());
    let issue = Issue::error("unknown-api-version", "apiVersion", message);
    Some(
        issue
            .with_value(found)
            .with_hint(format!("write `apiVersion: {meant}`")),
    )
}

fn unreadable(error: &serde_json::Error) -> Issue {
    Issue::error(
        "unreadable-field",
        "",
        format!("a field cannot be read: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parsed(value: Value) -> (Option<SeldonDeployment>, Vec<String>) {
        let (deployment, issues) = parse(&Document::from_value(value));
        (
            deployment,
            issues
                .into_iter()
                .map(|issue| issue.rule.into_owned())
                .collect(),
        )
    }

    fn resource(api_version: &str) -> Value {
        let spec = json!({"predictors": [{"name": "p", "graph": {"name": "m"}}]});
        json!({"apiVersion": api_version, "kind": KIND, "metadata": {"name": "d"}, "spec": spec})
    }

    #[test]
    fn all_versions_have_one_shape() {
        for version in ApiVersion::WORDS {
            let (deployment, rules) = parsed(resource(version));
            assert_eq!(rules, [""; 0]);
            let deployment = deployment.unwrap();
            assert_eq!(deployment.version().unwrap().as_str(), *version);
            let stored = deployment.into_version(ApiVersion::V1);
            assert_eq!(
                serde_json::to_value(stored).unwrap(),
                resource("machinelearning.seldon.io/v1")
            );
        }
    }

    #[test]
    fn other_versions_are_errors() {
        let cases = [
            (
                "machinelearning.seldon.io/v1beta1",
                "unknown version \"v1beta1\" of machinelearning.seldon.io",
            ),
            (
                "v1",
                "SeldonDeployment is a kind of the group machinelearning.seldon.io",
            ),
            (
                "apps/v1",
                "SeldonDeployment is a kind of the group machinelearning.seldon.io",
            ),
        ];
        for (version, message) in cases {
            let (deployment, issues) = parse(&Document::from_value(resource(version)));
            assert!(deployment.is_some());
            let [issue] = issues.as_slice() else {
                panic!("{issues:?}")
            };
            assert_eq!(
                (issue.rule.as_ref(), issue.message.as_str()),
                ("unknown-api-version", message)
            );
        }
    }

    #[test]
    fn other_kinds_are_left_out() {
        let (deployment, issues) = parse(&Document::from_value(json!({"kind": "Secret"})));
        assert_eq!(deployment, None);
        assert!(
            matches!(issues.as_slice(), [issue] if issue.rule == "other-kind" && !issue.is_error())
        );

        let (_, issues) = parse(&Document::from_value(json!({"kind": "seldonDeploymnt"})));
        assert!(issues[0].is_error());
        assert_eq!(
            issues[0].hint.as_deref(),
            Some("did you mean `SeldonDeployment`?")
        );
    }

    #[test]
    fn what_is_no_resource_says_so() {
        assert_eq!(
            parsed(json!([1])),
            (None, vec!["not-a-resource".to_owned()])
        );
        assert_eq!(
            parsed(json!({"spec": {}})),
            (None, vec!["missing-kind".to_owned()])
        );
        assert_eq!(
            parsed(json!({"kind": 5})),
            (None, vec!["missing-kind".to_owned()])
        );
    }

    #[test]
    fn what_types_refuse_is_an_issue() {
        let mut value = resource("machinelearning.seldon.io/v1");
        value["metadata"]["creationTimestamp"] = json!("yesterday");
        let (deployment, rules) = parsed(value);
        assert_eq!(deployment, None);
        assert_eq!(rules, ["unreadable-field"]);
    }

    /// Puts a value in the place that `at` picks among all places of a document.
    fn replace(value: &mut Value, at: &mut usize, new: &Value) {
        if *at == 0 {
            value.clone_from(new);
        }
        *at = at.wrapping_sub(1);
        match value {
            Value::Object(fields) => fields
                .values_mut()
                .for_each(|below| replace(below, at, new)),
            Value::Array(items) => items.iter_mut().for_each(|below| replace(below, at, new)),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn a_deployment_comes_back_or_an_error_says_why(
            at in 0_usize..60,
            new in crate::yaml::tests::any_value(),
        ) {
            let text = include_str!("../tests/golden/manifests/pod.yaml");
            let mut document = crate::read_documents(text, "pod.yaml").remove(0);
            replace(&mut document.value, &mut at.clone(), &new);
            let (deployment, issues) = parse(&document);
            prop_assert!(deployment.is_some() || !issues.is_empty(), "{}", document.value);
        }
    }

    #[test]
    fn unknown_fields_stay_in_the_document() {
        let mut value = resource("machinelearning.seldon.io/v1");
        value["spec"]["colour"] = json!("blue");
        let document = Document::from_value(value);
        let (deployment, issues) = parse(&document);
        assert!(deployment.is_some());
        assert_eq!(issues.len(), 1);
        assert_eq!(document.value["spec"]["colour"], "blue");
    }
}
