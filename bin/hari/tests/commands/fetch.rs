//! `hari fetch`.

use crate::hari;

#[test]
fn a_model_is_copied_whole_and_left_alone_the_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("models");
    let there = there.display().to_string();
    let out = hari(&["fetch", "examples/mnist/model", &there]).ok();
    assert!(
        out.starts_with(&format!(
            "{there} now holds examples/mnist/model: 4 files, "
        )),
        "{out}"
    );
    let again = hari(&["fetch", "--json", "examples/mnist/model", &there]).json();
    assert_eq!(
        (&again["reused"], &again["files"]),
        (&true.into(), &4.into())
    );
    let inspected = hari(&["inspect", "--json", &there]).json();
    assert_eq!(inspected["servable"], true);
}

#[test]
fn a_folder_with_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine"), "precious").unwrap();
    let refused = hari(&[
        "fetch",
        "examples/mnist/model",
        &folder.path().display().to_string(),
    ]);
    assert_eq!(refused.code, 1, "{}", refused.err);
    let kept = std::fs::read_to_string(folder.path().join("mine")).unwrap();
    assert_eq!(kept, "precious");
}

#[test]
fn what_is_not_there_or_not_served_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("models").display().to_string();
    let missing = hari(&["fetch", "examples/mnist/nothing", &there]);
    assert!(
        missing.code == 1 && missing.err.contains("nothing"),
        "{}",
        missing.err
    );
    let scheme = hari(&["fetch", "ftp://host/model", &there]);
    assert!(
        scheme.code == 1 && scheme.err.contains("ftp"),
        "{}",
        scheme.err
    );
    assert!(!std::path::Path::new(&there).exists());
}
