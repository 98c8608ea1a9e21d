//! Tests of the cache.

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use super::*;
use crate::testing::{folder, write};

fn put(shelf: &Shelf, content: &str) -> Record {
    let staging = shelf.staging().unwrap();
    write(&staging, "content/model.onnx", content);
    let placed = Placed {
        root: "content/model.onnx".into(),
        bytes: content.len().try_into().unwrap(),
    };
    shelf
        .publish(
            &placed,
            &Sha256::of(content.as_bytes()),
            Validators::default(),
        )
        .unwrap()
}

#[test]
fn what_is_put_is_found_until_it_is_touched() {
    let cache = folder(&[]);
    let shelf = Shelf::open(cache.path(), "source").unwrap();
    assert_eq!(shelf.current(), None);
    let record = put(&shelf, "one");
    assert_eq!(shelf.current(), Some(record.clone()));
    let file = shelf.root(&record);
    assert_eq!(fs::read(&file).unwrap(), b"one");
    assert!(fs::metadata(&file).unwrap().permissions().readonly());
    fs::remove_file(&file).unwrap();
    fs::write(&file, "evil").unwrap();
    assert_eq!(shelf.current(), None);
    put(&shelf, "one");
    assert_eq!(fs::read(&file).unwrap(), b"one");
}

#[test]
fn two_models_of_a_source_are_kept() {
    let cache = folder(&[]);
    let shelf = Shelf::open(cache.path(), "source").unwrap();
    let roots: Vec<_> = ["1", "2", "3"]
        .iter()
        .map(|text| shelf.root(&put(&shelf, text)))
        .collect();
    let there: Vec<_> = roots.iter().map(|root| root.exists()).collect();
    assert_eq!(there.iter().filter(|there| **there).count(), 2);
    assert!(there[2], "the newest is kept");
}

#[test]
fn a_record_that_points_elsewhere_is_not_followed() {
    let cache = folder(&[]);
    let shelf = Shelf::open(cache.path(), "source").unwrap();
    let record = put(&shelf, "one");
    for root in ["../x", "/etc", ""] {
        shelf
            .write_current(&Record {
                root: root.into(),
                ..record.clone()
            })
            .unwrap();
        assert_eq!(shelf.current(), None, "{root}");
    }
    fs::write(shelf.folder.join(CURRENT), "{").unwrap();
    assert_eq!(shelf.current(), None);
}

#[test]
fn what_a_dead_fetch_left_is_removed() {
    let cache = folder(&[]);
    let shelf = Shelf::open(cache.path(), "source").unwrap();
    write(&shelf.staging().unwrap(), "half", "x");
    assert_eq!(fs::read_dir(shelf.staging().unwrap()).unwrap().count(), 0);
}

#[test]
fn a_second_fetch_of_a_source_waits_and_of_another_does_not() {
    let cache = folder(&[]);
    let first = Shelf::open(cache.path(), "source").unwrap();
    Shelf::open(cache.path(), "another").unwrap();
    let (send, receive) = sync_channel(1);
    let path = cache.path().to_owned();
    let second = thread::spawn(move || {
        let shelf = Shelf::open(&path, "source").unwrap();
        send.send(()).unwrap();
        shelf.current()
    });
    assert!(receive.recv_timeout(Duration::from_millis(50)).is_err());
    let record = put(&first, "one");
    drop(first);
    receive.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(second.join().unwrap(), Some(record));
}

#[test]
fn without_a_cache_the_setting_is_named() {
    let error = Shelf::open(Path::new(""), "source").err().unwrap();
    assert!(error.message().contains("HARI_CACHE_DIR"));
}

#[test]
#[cfg(unix)]
fn only_this_user_may_enter() {
    use std::os::unix::fs::PermissionsExt;
    let cache = folder(&[]);
    let shelf = Shelf::open(cache.path(), "source").unwrap();
    assert_eq!(
        fs::metadata(&shelf.folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
}
