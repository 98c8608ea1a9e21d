//! Everything below folders that may be a deployment: charts, overlays, and what else lies there.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use hari_api::{Document, KIND, read_documents};
use hari_error::Error;

/// Deepest folder that is looked into, and most files that are read.
const DEPTH: usize = 32;
const FILES: usize = 20_000;
/// What a template of Helm has and YAML has not.
const TEMPLATE: &str = "{{";
/// How files are counted that are left out.
const TEMPLATES: &str = "file that is a template (`helm template` first)";
const OTHERS: &str = "other file";

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) documents: Vec<Document>,
    /// Files that are left out, by why.
    pub(super) skipped: BTreeMap<String, usize>,
}

/// Reads what the paths name. A file that is named itself is read whatever its ending.
pub(super) fn read(paths: &[String]) -> anyhow::Result<Found> {
    let mut found = Found::default();
    for path in paths {
        if path == "-" {
            let mut text = String::new();
            let mut input = std::io::stdin();
            input
                .read_to_string(&mut text)
                .context("cannot read standard input")?;
            found.add(&text, "<stdin>");
            continue;
        }
        let file = Path::new(path);
        if file.is_file() {
            found.add(&text(file)?, path);
            continue;
        }
        if !file.is_dir() {
            let message = format!("{path}: there is no such file or folder");
            return Err(Error::not_found(message).into());
        }
        found.folder(file)?;
    }
    Ok(found)
}

fn text(path: &Path) -> anyhow::Result<String> {
    let read = fs::read(path).map_err(|error| {
        Error::not_found(format!("cannot read {}", path.display())).with_source(error)
    })?;
    Ok(String::from_utf8_lossy(&read).into_owned())
}

impl Found {
    fn folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        let mut files = Vec::new();
        below(folder, 0, &mut files)?;
        files.sort();
        for file in files {
            let ending = file.extension().and_then(|ending| ending.to_str());
            let text = match ending {
                Some("yaml" | "yml" | "json") => text(&file)?,
                _ => String::new(),
            };
            match text.contains(KIND) {
                true => self.add(&text, &file.display().to_string()),
                false => self.skip(OTHERS),
            }
        }
        Ok(())
    }

    fn add(&mut self, text: &str, name: &str) {
        match text.contains(TEMPLATE) && text.contains(KIND) && !is_yaml(text, name) {
            true => self.skip(TEMPLATES),
            false => self.documents.extend(read_documents(text, name)),
        }
    }

    fn skip(&mut self, why: &str) {
        *self.skipped.entry(why.to_owned()).or_default() += 1;
    }
}

/// Whether the text can be read, and its SeldonDeployments have names that are no templates.
fn is_yaml(text: &str, name: &str) -> bool {
    let documents = read_documents(text, name);
    let read = |document: &Document| {
        let named = document.value.pointer("/metadata/name");
        let named = named
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        document.issues.is_empty() && !named.contains(TEMPLATE)
    };
    documents.iter().all(read)
}

/// The files below a folder, but for hidden ones. Links are not followed.
fn below(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let name = folder.display();
    anyhow::ensure!(
        depth <= DEPTH,
        Error::invalid(format!(
            "{name}: expected at most {DEPTH} folders in each other"
        ))
    );
    let entries = fs::read_dir(folder)
        .map_err(|error| Error::not_found(format!("cannot read {name}")).with_source(error))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {name}"))?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let kind = entry
            .file_type()
            .with_context(|| format!("cannot read {name}"))?;
        if kind.is_dir() {
            below(&entry.path(), depth + 1, files)?;
        } else if kind.is_file() {
            anyhow::ensure!(
                files.len() < FILES,
                Error::invalid(format!("{name}: expected at most {FILES} files"))
            );
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\n\
                        metadata: {name: a}\nspec: {predictors: []}\n";

    fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn found(files: &[(&str, &str)]) -> Found {
        let folder = written(files);
        read(&[folder.path().display().to_string()]).unwrap()
    }

    #[test]
    fn a_folder_is_read_with_all_that_is_below() {
        let found = found(&[
            ("values.yaml", "replicas: 1\n"),
            ("overlays/production/a.yaml", GOOD),
            ("b.json", r#"{"kind": "SeldonDeployment"}"#),
            ("model.bin", "\u{0}"),
            (".git/config.yaml", GOOD),
        ]);
        assert_eq!(found.documents.len(), 2);
        assert_eq!(found.skipped.get(OTHERS), Some(&2));
    }

    #[test]
    fn templates_are_counted_and_not_read() {
        let template = GOOD.replace("name: a", "name: {{ .Release.Name }}");
        let quoted = GOOD.replace("name: a", "name: '{{ .Release.Name }}'");
        let whole = format!("{{{{- if .Values.on }}}}\n{GOOD}{{{{- end }}}}\n");
        let found = found(&[
            ("a.yaml", &template),
            ("b.yaml", &quoted),
            ("c.yaml", &whole),
        ]);
        assert_eq!(found.documents.len(), 0);
        assert_eq!(found.skipped.get(TEMPLATES), Some(&3));
    }

    #[test]
    fn braces_in_a_value_make_no_template() {
        let text = GOOD.replace("spec:", "spec:\n  annotations: {a: '{{x}}'}\n#");
        assert_eq!(found(&[("a.yaml", &text)]).documents.len(), 1);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let error = read(&["no/such".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("no such file"), "{error}");
    }
}
