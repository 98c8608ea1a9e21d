//! Folders of this machine as the Hugging Face hub keeps them: `refs/main` names a revision, and
//! `snapshots/<revision>` holds its files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::archive::EntryName;

/// The folder of the revision, if `root` is one of the hub's or holds one alone; else `root`.
pub(crate) fn enter(root: &Path) -> PathBuf {
    revision(root)
        .or_else(|| revision(&only_model(root)?))
        .unwrap_or_else(|| root.to_owned())
}

fn revision(root: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(root.join("refs/main")).ok()?;
    let name = EntryName::parse(text.trim().as_bytes()).ok()?;
    let folder = root.join("snapshots").join(name.path());
    (name.parts().len() == 1 && folder.is_dir()).then_some(folder)
}

/// The one folder `models--organisation--name` in `root`.
fn only_model(root: &Path) -> Option<PathBuf> {
    let items = fs::read_dir(root).ok()?.flatten();
    let named = |item: &fs::DirEntry| item.file_name().to_string_lossy().starts_with("models--");
    let mut models = items.filter(named).map(|item| item.path());
    match (models.next(), models.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::folder;

    #[test]
    fn the_revision_of_main_is_entered() {
        for above in ["", "models--org--tiny/"] {
            let names = [
                "refs/main",
                "snapshots/abc/config.json",
                "snapshots/old/config.json",
            ];
            let names = names.map(|name| format!("{above}{name}"));
            let root = folder(&[(&names[0], "abc\n"), (&names[1], "{}"), (&names[2], "{}")]);
            assert_eq!(
                enter(root.path()),
                root.path().join(format!("{above}snapshots/abc"))
            );
        }
    }

    #[test]
    fn any_other_folder_stays() {
        for files in [
            &[("config.json", "{}")][..],
            &[("refs/main", "../../etc"), ("snapshots/a/x", "")],
            &[("refs/main", "gone"), ("snapshots/a/x", "")],
            &[("models--a/x", ""), ("models--b/x", "")],
        ] {
            let root = folder(files);
            assert_eq!(enter(root.path()), root.path());
        }
    }
}
