//! Whether a model changed since it was looked at last, without reading it.

use std::path::Path;

use hari_error::Result;

use crate::digest::Hasher;
use crate::tree::{Found, walk};

/// A short text that changes when a file below `root` (or `root` itself, if it is a file) is added,
/// removed, renamed, resized or written. Names, sizes and times are looked at, contents are not.
///
/// # Errors
/// If `root` is not there or cannot be read.
pub fn fingerprint(root: &Path) -> Result<String> {
    Ok(of(&walk(root)?))
}

fn of(found: &[Found]) -> String {
    let mut hasher = Hasher::default();
    for one in found {
        let name = one.path.as_os_str().as_encoded_bytes();
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name);
        hasher.update(&[u8::from(one.folder)]);
        hasher.update(&one.bytes.to_le_bytes());
        // A folder's time changes with what lies in it, which is listed anyway.
        let modified = if one.folder { 0 } else { one.modified };
        hasher.update(&modified.to_le_bytes());
    }
    hasher.finish().short()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::testing::folder;

    #[test]
    fn it_changes_with_names_sizes_and_times_alone() {
        let root = folder(&[("1/saved_model.pb", "abc"), ("1/variables/x", "1")]);
        let mut seen = vec![fingerprint(root.path()).unwrap()];
        assert_eq!(fingerprint(root.path()).unwrap(), seen[0]);
        let file = root.path().join("1/saved_model.pb");
        let changes: [&dyn Fn(); 4] = [
            &|| fs::write(&file, "abcd").unwrap(),
            &|| fs::rename(root.path().join("1"), root.path().join("2")).unwrap(),
            &|| fs::create_dir(root.path().join("3")).unwrap(),
            &|| {
                let open = File::options()
                    .write(true)
                    .open(root.path().join("2/variables/x"));
                let later = SystemTime::now() + Duration::from_secs(60);
                open.unwrap().set_modified(later).unwrap();
            },
        ];
        for change in changes {
            change();
            let now = fingerprint(root.path()).unwrap();
            assert!(!seen.contains(&now));
            seen.push(now);
        }
    }

    #[test]
    fn a_file_has_one_and_nothing_has_none() {
        let root = folder(&[("model.onnx", "abc")]);
        let file = root.path().join("model.onnx");
        let before = fingerprint(&file).unwrap();
        fs::write(&file, "abcd").unwrap();
        assert_ne!(fingerprint(&file).unwrap(), before);
        assert!(fingerprint(&root.path().join("none")).is_err());
    }
}
