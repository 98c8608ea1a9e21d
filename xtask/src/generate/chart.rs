//! The page of the chart's values, made from the comments in `values.yaml`.

use anyhow::{Context as _, Result, ensure};

use super::Output;
use crate::workspace;

const VALUES: &str = "charts/seldon-core-operator/values.yaml";

const INTRODUCTION: &str = "# Values of the chart

<!-- Made from charts/seldon-core-operator/values.yaml by `cargo xtask gen chart`. Do not edit. -->

`helm install seldon-core charts/seldon-core-operator --set NAME=VALUE`. A name that is not here, or a
value of another kind, is refused. Names that Seldon Core v1 had mean what they meant there; those below
`hari` are new.

| Name | Default | Meaning |
|---|---|---|
";

/// A value: its name with those above it, its default, and its comment.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: String,
    default: String,
    meaning: String,
}

pub(super) fn generate() -> Result<Vec<Output>> {
    let files = [("chart.md".to_owned(), page()?.into_bytes())];
    Ok(vec![Output {
        folder: "docs/src/reference".into(),
        files: files.into(),
        owns_folder: false,
    }])
}

fn page() -> Result<String> {
    let path = workspace::root().join(VALUES);
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {VALUES}"))?;
    let mut page = INTRODUCTION.to_owned();
    for Row {
        name,
        default,
        meaning,
    } in rows(&text)?
    {
        let meaning = meaning.replace('|', "\\|");
        page.push_str(&format!("| `{name}` | `{default}` | {meaning} |\n"));
    }
    Ok(page)
}

/// Every value that holds no others. Each has its comment in the line above.
fn rows(yaml: &str) -> Result<Vec<Row>> {
    let mut above: Vec<&str> = Vec::new();
    let (mut rows, mut comment) = (Vec::new(), "");
    for line in yaml.lines() {
        let text = line.trim_start();
        if let Some(words) = text.strip_prefix("# ") {
            comment = words;
            continue;
        }
        let Some((key, value)) = text.split_once(':') else {
            comment = "";
            continue;
        };
        above.truncate((line.len() - text.len()) / 2);
        above.push(key);
        if !value.is_empty() {
            let name = above.join(".");
            ensure!(
                !comment.is_empty(),
                "{VALUES}: {name} has no comment above it"
            );
            rows.push(Row {
                name,
                default: value.trim().to_owned(),
                meaning: comment.to_owned(),
            });
        }
        comment = "";
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_with_the_names_above_them() {
        let yaml = "# A heading.\n\n# One thing\na: \"\"\n# Of b\nb:\n  # Two\n  c: [1]\n  d:\n    # Deep\n    e: x\n# Last\nf: {}\n";
        let row = |name: &str, default: &str, meaning: &str| Row {
            name: name.to_owned(),
            default: default.to_owned(),
            meaning: meaning.to_owned(),
        };
        let expected = [
            row("a", "\"\"", "One thing"),
            row("b.c", "[1]", "Two"),
            row("b.d.e", "x", "Deep"),
            row("f", "{}", "Last"),
        ];
        assert_eq!(rows(yaml).unwrap(), expected);
    }

    #[test]
    fn a_value_without_words_is_refused() {
        let error = rows("# One\na: 1\nb: 2\n").unwrap_err();
        assert!(error.to_string().contains(": b has no comment"), "{error}");
    }

    #[test]
    fn the_chart_is_of_the_version_of_the_workspace() {
        let chart = workspace::root().join("charts/seldon-core-operator/Chart.yaml");
        let text = std::fs::read_to_string(chart).unwrap();
        let version = concat!("\nappVersion: ", env!("CARGO_PKG_VERSION"), "\n");
        assert!(text.contains(version), "expected{version}");
    }

    #[test]
    fn every_value_is_in_the_schema() {
        let folder = workspace::root().join("charts/seldon-core-operator");
        let text = std::fs::read_to_string(folder.join("values.schema.json")).unwrap();
        let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
        let yaml = std::fs::read_to_string(folder.join("values.yaml")).unwrap();
        for Row { name, .. } in rows(&yaml).unwrap() {
            let parts = name.split('.');
            let found = parts.fold(&schema, |schema, part| &schema["properties"][part]);
            assert!(found.is_object(), "{name}");
        }
    }
}
