//! Which objects of a folder in a store are the model: the wanted version, the newest revision.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use hari_error::{Error, Result};

use crate::bucket::Object;
use crate::options::Versions;
use crate::probe::is_marker;
use crate::version::number;

/// In a folder as the Hugging Face hub keeps it: which revision a name means, and each revision.
const REFS: [&str; 2] = ["refs", "main"];
const SNAPSHOTS: &str = "snapshots";

/// The objects of the wanted versions, and all that lies in no version folder. A folder that holds
/// a model itself is taken whole, as [`crate::pick`] would take it.
///
/// # Errors
/// `NotFound` if the wanted version is not there, with those that are.
pub(crate) fn versions(objects: Vec<Object>, wanted: &Versions) -> Result<Vec<Object>> {
    let direct = objects.iter().any(|object| match object.name.parts() {
        [file] => is_marker(file),
        _ => false,
    });
    let Versions::Chosen { latest, listed } = wanted else {
        return Ok(objects);
    };
    let models = numbered(&objects);
    // Versions may lie elsewhere, below a model's folder say: picked once they are here.
    if models.is_empty() || (direct && listed.is_empty()) {
        return Ok(objects);
    }
    if let Some(missing) = listed.iter().find(|number| !models.contains_key(number)) {
        return Err(absent(*missing, &models));
    }
    let mut chosen = newest(&models, *latest);
    chosen.extend(listed);
    let keep = |object: &Object| version(object).is_none_or(|number| chosen.contains(&number));
    Ok(objects.into_iter().filter(keep).collect())
}

/// Each version, and whether it holds a model.
fn numbered(objects: &[Object]) -> BTreeMap<u64, bool> {
    let mut all = BTreeMap::new();
    for object in objects {
        let Some(number) = version(object) else {
            continue;
        };
        let model = match object.name.parts() {
            [_, file] => is_marker(file),
            _ => false,
        };
        *all.entry(number).or_default() |= model;
    }
    all
}

/// The version folder that an object lies in.
fn version(object: &Object) -> Option<u64> {
    match object.name.parts() {
        [folder, _, ..] => number(folder),
        _ => None,
    }
}

/// So many of the highest, those that hold a model first.
fn newest(all: &BTreeMap<u64, bool>, count: usize) -> Vec<u64> {
    let mut numbers: Vec<(bool, u64)> = all
        .iter()
        .map(|(number, model)| (*model, *number))
        .collect();
    numbers.sort_by_key(|one| Reverse(*one));
    numbers
        .into_iter()
        .take(count)
        .map(|(_, number)| number)
        .collect()
}

fn absent(wanted: u64, all: &BTreeMap<u64, bool>) -> Error {
    let mut numbers: Vec<u64> = all.keys().copied().collect();
    numbers.sort_by_key(|number| Reverse(*number));
    let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    Error::not_found(format!(
        "the model has no version {wanted}; it has {}",
        numbers.join(", ")
    ))
}

/// A folder as the Hugging Face hub keeps it, found among the objects.
pub(crate) struct Hub {
    /// How many folders it lies in: one, if that of the model was named by the one above.
    depth: usize,
    /// The object that says which revision `main` is.
    pub(crate) main: Object,
}

impl Hub {
    /// The hub's folder in the listing, if it is one.
    pub(crate) fn find(objects: &[Object]) -> Option<Self> {
        [0, 1].into_iter().find_map(|depth| {
            let ends = |object: &&Object| {
                object.name.parts().get(depth..) == Some(&REFS.map(str::to_owned)[..])
            };
            let mut refs = objects.iter().filter(ends);
            let (main, None) = (refs.next()?, refs.next()) else {
                return None;
            };
            let models = |object: &Object| {
                let first = object.name.parts().first();
                depth == 0 || first.is_some_and(|name| name.starts_with("models--"))
            };
            models(main).then(|| Self {
                depth,
                main: main.clone(),
            })
        })
    }

    /// The files of the revision, named as in its folder.
    ///
    /// # Errors
    /// `NotFound` if the revision is not among the objects.
    pub(crate) fn revision(&self, objects: &[Object], revision: &str) -> Result<Vec<Object>> {
        let revision = revision.trim();
        let depth = self.depth;
        let inside = |object: &&Object| match object.name.parts().get(depth..) {
            Some([folder, name, _, ..]) => folder == SNAPSHOTS && name == revision,
            _ => false,
        };
        let files = objects.iter().filter(inside).map(|object| Object {
            name: object.name.without(depth + 2),
            ..object.clone()
        });
        let files: Vec<_> = files.collect();
        match files.is_empty() {
            true => Err(Error::not_found(
                "the folder is one of the Hugging Face hub, but `snapshots/` lacks the revision \
                 that `refs/main` names; was it copied without following links?",
            )),
            false => Ok(files),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::EntryName;

    fn objects(names: &[&str]) -> Vec<Object> {
        let each = names.iter().map(|name| Object {
            name: EntryName::of_object(name).unwrap(),
            key: (*name).to_owned(),
            bytes: 1,
            tag: String::new(),
        });
        each.collect()
    }

    fn chosen(names: &[&str], wanted: &Versions) -> Vec<String> {
        let found = versions(objects(names), wanted).unwrap();
        found.iter().map(|object| object.name.to_string()).collect()
    }

    const TWO: [&str; 5] = [
        "1/saved_model.pb",
        "2/saved_model.pb",
        "2/variables/x",
        "3/readme",
        "labels.txt",
    ];

    #[test]
    fn only_the_wanted_version_is_chosen() {
        let newest = ["2/saved_model.pb", "2/variables/x", "labels.txt"];
        assert_eq!(chosen(&TWO, &Versions::newest()), newest);
        assert_eq!(
            chosen(&TWO, &Versions::only(1)),
            ["1/saved_model.pb", "labels.txt"]
        );
        assert_eq!(chosen(&TWO, &Versions::All), TWO);
        let both = Versions::Chosen {
            latest: 1,
            listed: vec![1],
        };
        assert_eq!(chosen(&TWO, &both).len(), 4);
        let error = versions(objects(&TWO), &Versions::only(7)).unwrap_err();
        assert!(
            error.message().contains("no version 7; it has 3, 2, 1"),
            "{error}"
        );
    }

    #[test]
    fn a_model_without_versions_is_taken_whole() {
        for names in [
            &["saved_model.pb", "1/saved_model.pb"][..],
            &["config.json", "model.safetensors", "1_Pooling/config.json"],
            &["mnist/1/model.onnx", "mnist/config.pbtxt"],
        ] {
            assert_eq!(chosen(names, &Versions::newest()), names);
        }
        let repository = ["mnist/1/model.onnx", "mnist/2/model.onnx"];
        assert_eq!(chosen(&repository, &Versions::only(1)), repository);
    }

    #[test]
    fn the_hubs_folder_is_entered() {
        for above in ["", "models--org--tiny/"] {
            let names = [
                "blobs/x",
                "refs/main",
                "snapshots/abc/config.json",
                "snapshots/abc/onnx/model.onnx",
                "snapshots/old/config.json",
            ];
            let names: Vec<_> = names.iter().map(|name| format!("{above}{name}")).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let all = objects(&names);
            let hub = Hub::find(&all).unwrap();
            let files = hub.revision(&all, "abc\n").unwrap();
            let found: Vec<_> = files.iter().map(|object| object.name.to_string()).collect();
            assert_eq!(found, ["config.json", "onnx/model.onnx"]);
            assert!(hub.revision(&all, "../old").is_err());
        }
        assert!(Hub::find(&objects(&["other/refs/main", "refs/heads"])).is_none());
    }
}
