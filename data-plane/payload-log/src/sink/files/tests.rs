//! Tests of files: what they hold, when they are closed, which ones stay.

use std::path::{Path, PathBuf};
use std::time::Duration;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};

use crate::testing::{LONG, call, context, log, node, numbers};
use crate::{PayloadLog, Target};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn ends(path: &Path, extension: &str) -> bool {
    path.extension().unwrap() == extension
}

fn watched(target: &str) -> (PayloadLog, std::sync::Arc<dyn hari_core::Watch>) {
    let log = log(hari_settings::PayloadLog::default());
    let target = Target::parse(target).unwrap();
    let watch = log.watch(&target, node("m")).unwrap();
    (log, watch)
}

async fn written(target: &str, requests: usize) {
    let (log, watch) = watched(target);
    for at in 0..requests {
        let (id, asked) = (format!("r{at}"), numbers(&[at as f64]));
        call(&*watch, &context(&id), &asked, &numbers(&[0.5]));
    }
    assert_eq!(log.close(LONG).await, 0);
}

#[tokio::test]
async fn lines_are_events() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("made/by us");
    written(target.to_str().unwrap(), 3).await;
    let files = files(&target);
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(ends(&files[0], "jsonl"));
    let text = std::fs::read_to_string(&files[0]).unwrap();
    let read = |line| serde_json::from_str(line).unwrap();
    let lines: Vec<Value> = text.lines().map(read).collect();
    assert_eq!(lines.len(), 6);
    let first = &lines[0];
    assert_eq!(first["specversion"], "1.0");
    assert_eq!(first["type"], "io.seldon.serving.inference.request");
    assert_eq!(first["requestid"], "r0");
    assert_eq!(first["source"], "/seldon/ns/dep/main/m");
    assert_eq!(first["data"]["data"]["ndarray"], json!([[0.0]]));
    assert_eq!(lines[1]["type"], "io.seldon.serving.inference.response");
    assert_eq!(lines[1]["requestid"], "r0");
}

#[tokio::test]
async fn tables_have_a_row_for_each_event() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("{}?format=parquet", folder.path().display());
    written(&target, 2).await;
    let files = files(folder.path());
    assert_eq!(files.len(), 1, "{files:?}");
    let reader = SerializedFileReader::new(std::fs::File::open(&files[0]).unwrap()).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 4);
    let rows = reader.get_row_iter(None).unwrap();
    let rows: Vec<_> = rows.map(Result::unwrap).collect();
    let at = |row: usize, name: &str| {
        let mut columns = rows[row].get_column_iter();
        columns
            .find(|(column, _)| *column == name)
            .unwrap()
            .1
            .clone()
    };
    let text = |text: &str| Field::Str(text.to_owned());
    assert_eq!(at(0, "requestid"), text("r0"));
    assert_eq!(at(3, "requestid"), text("r1"));
    assert_eq!(at(0, "modelid"), text("m"));
    assert_eq!(at(0, "shape"), text("[1, 1]"));
    assert_eq!(at(0, "datatype"), text("FP64"));
    assert_eq!(at(0, "redacted"), Field::Null);
    assert!(matches!(at(0, "time"), Field::TimestampMicros(_)));
    assert!(at(2, "data").to_string().contains("ndarray"));
}

#[tokio::test]
async fn files_are_closed_by_size_and_the_oldest_go() {
    let folder = tempfile::tempdir().unwrap();
    let (log, watch) = watched(&format!("{}?size=100&files=2", folder.path().display()));
    let mut seen = std::collections::BTreeSet::new();
    for at in 0..5 {
        let id = at.to_string();
        call(&*watch, &context(&id), &numbers(&[1.0]), &numbers(&[1.0]));
        let before = seen.len();
        let closed = async {
            while seen.len() == before
                || files(folder.path())
                    .iter()
                    .any(|name| ends(name, "partial"))
            {
                let closed = files(folder.path());
                seen.extend(closed.into_iter().filter(|name| ends(name, "jsonl")));
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, closed).await.unwrap();
    }
    assert_eq!(log.close(LONG).await, 0);
    let left = files(folder.path());
    assert_eq!(left.len(), 2, "{left:?}");
    let text = std::fs::read_to_string(&left[1]).unwrap();
    assert!(
        text.contains(r#""requestid":"4""#),
        "the newest stay: {text}"
    );
}

#[tokio::test]
async fn files_are_closed_by_age() {
    let folder = tempfile::tempdir().unwrap();
    let (_log, watch) = watched(&format!("{}?seconds=1", folder.path().display()));
    call(&*watch, &context("a"), &numbers(&[1.0]), &numbers(&[1.0]));
    let closed = async {
        while !files(folder.path()).iter().any(|name| ends(name, "jsonl")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, closed).await.unwrap();
}

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    written(folder.path().to_str().unwrap(), 1).await;
    let file = std::fs::metadata(&files(folder.path())[0]).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let target = Target::parse(file.join("below").to_str().unwrap()).unwrap();
    let log = log(hari_settings::PayloadLog::default());
    let error = log.watch(&target, node("m")).err().unwrap();
    assert_eq!(error.message(), "the folder cannot be made");
}
