//! Tests of the cache.

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use super::*;
use crate::testing::{folder, write};

fn root(shelf: &Shelf, record: &Record) -> PathBuf {
    shelf.artifact(record, false).unwrap().root
}

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
    let file = root(&shelf, &record);
    assert_eq!(fs::read(&file).unwrap(), b"one");
    assert!(fs::metadata(&file).unwrap().permissions().readonly());
    fs::remove_file(&file).unwrap();
    fs::write(&file, "evil").unwrap();
    assert_eq!(shelf.current(), None);
    put(&shelf, "one");
    assert_eq!(fs::read(&file).unwrap(), b"one");
}

#[test]
fn the_same_content_is_kept_once_whatever_its_source() {
    let cache = folder(&[]);
    let shelves = ["one", "two"].map(|key| Shelf::open(cache.path(), key).unwrap());
    let [first, second] = [&shelves[0], &shelves[1]].map(|shelf| root(shelf, &put(shelf, "same")));
    assert_eq!(first, second);
    let third = Shelf::open(cache.path(), "three").unwrap();
    assert_eq!(third.adopt(&Sha256::of(b"other")).unwrap(), None);
    let record = third.adopt(&Sha256::of(b"same")).unwrap().unwrap();
    assert_eq!(root(&third, &record), first);
    assert_eq!(third.current(), Some(record));
}

#[test]
fn what_was_not_used_for_the_longest_time_goes_first_and_what_is_used_stays() {
    let cache = folder(&[]);
    let shelves = ["a", "b", "c"].map(|key| Shelf::open(cache.path(), key).unwrap());
    let roots = [0, 1, 2].map(|at| {
        let root = root(&shelves[at], &put(&shelves[at], &at.to_string().repeat(10)));
        let id = root.ancestors().nth(2).unwrap().to_owned();
        let mark = File::options()
            .write(true)
            .open(id.with_extension("use"))
            .unwrap();
        // The last to be put was not used for the longest time.
        let days = Duration::from_secs(at as u64 * 24 * 3600);
        mark.set_modified(SystemTime::now() - days).unwrap();
        root
    });
    let there = || [&roots[0], &roots[1], &roots[2]].map(|root| root.exists());
    evict(cache.path(), 0).unwrap();
    assert_eq!(there(), [true, true, true], "all are in use");
    shelves
        .iter()
        .for_each(|shelf| content::let_go(&shelf.folder));
    evict(cache.path(), 20).unwrap();
    assert_eq!(there(), [true, true, false]);
    assert!(shelves[0].current().is_some());
    evict(cache.path(), 0).unwrap();
    assert_eq!(there(), [true, false, false], "the first is in use again");
    assert!(shelves[2].current().is_none());
}

#[test]
fn two_models_of_a_source_are_held() {
    let cache = folder(&[]);
    let shelf = Shelf::open(cache.path(), "source").unwrap();
    let roots: Vec<_> = ["1", "2", "3"]
        .iter()
        .map(|text| root(&shelf, &put(&shelf, text)))
        .collect();
    evict(cache.path(), 0).unwrap();
    let there: Vec<_> = roots.iter().map(|root| root.exists()).collect();
    assert_eq!(there, [false, true, true]);
}

#[test]
fn what_a_fetch_left_long_ago_goes() {
    let cache = folder(&[]);
    for (key, days) in [("old", 8), ("new", 1)] {
        let shelf = Shelf::open(cache.path(), key).unwrap();
        let staging = shelf.staging().unwrap();
        write(&staging, "half", "x");
        let time = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
        File::open(&staging).unwrap().set_modified(time).unwrap();
    }
    evict(cache.path(), u64::MAX).unwrap();
    let left = |key| {
        Shelf::open(cache.path(), key)
            .unwrap()
            .staging_again()
            .unwrap()
    };
    assert!(!left("old").join("half").exists() && left("new").join("half").exists());
}

#[test]
fn a_record_that_points_elsewhere_is_not_followed() {
    let cache = folder(&[]);
    let shelf = Shelf::open(cache.path(), "source").unwrap();
    let record = put(&shelf, "one");
    for id in ["../x", "/etc", "", &"0".repeat(32)] {
        shelf
            .write_current(&Record {
                id: id.into(),
                ..record.clone()
            })
            .unwrap();
        assert_eq!(shelf.current(), None, "{id}");
    }
    fs::write(shelf.folder.join(CURRENT), "{").unwrap();
    assert_eq!(shelf.current(), None);
}

#[test]
fn what_a_dead_fetch_left_is_removed() {
    let cache = folder(&[]);
    let shelf = Shelf::open(cache.path(), "source").unwrap();
    write(&shelf.staging().unwrap(), "half", "x");
    assert_eq!(
        fs::read_dir(shelf.staging_again().unwrap())
            .unwrap()
            .count(),
        1
    );
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
