//! From the blobs of an artifact to a model's folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use hari_error::{Error, Result};

use super::manifest::{Content, Layer};
use crate::archive::{ArchiveLimits, Watch, is_blank, recognise, unpack_below};
use crate::cache::remove;
use crate::place::{CONTENT, Placed, only_folder, unwritable};

/// In a layer: the file `x` of a layer below is gone if `.wh.x` is here.
const WHITEOUT: &str = ".wh.";
/// In a layer: all that layers below have in this folder is gone.
const OPAQUE: &str = ".wh..wh..opq";
/// Where an image keeps its model.
const MODELS: &str = "models";

/// Puts the layers in `staging/content/layers/<number>` together to the model `staging/content`.
pub(crate) fn assemble(
    layers: &[Layer],
    image: bool,
    staging: &Path,
    limits: &ArchiveLimits,
    watch: Watch<'_>,
) -> Result<Placed> {
    let blobs = staging.join("blobs");
    remove(&blobs)
        .and_then(|()| fs::rename(staging.join(CONTENT), &blobs))
        .and_then(|()| fs::create_dir(staging.join(CONTENT)))
        .map_err(unwritable)?;
    let content = staging.join(CONTENT);
    for (at, layer) in layers.iter().enumerate() {
        let blob = blobs.join("layers").join(at.to_string());
        match &layer.content {
            Content::File(name) => put(&blob, &name.below(&content))?,
            Content::Tar => {
                let fresh = staging.join("layer");
                remove(&fresh)
                    .and_then(|()| fs::create_dir(&fresh))
                    .map_err(unwritable)?;
                unpack_layer(&blob, image, &fresh, limits, watch)?;
                merge(&fresh, &content)?;
                remove(&fresh).map_err(unwritable)?;
            }
        }
    }
    remove(&blobs).map_err(unwritable)?;
    let root = root(&content, image)?;
    let bytes = crate::tree::size(&staging.join(&root))?;
    Ok(Placed { root, bytes })
}

/// The model's folder, relative to the staging folder.
fn root(content: &Path, image: bool) -> Result<PathBuf> {
    let root = Path::new(CONTENT);
    if image {
        return match content.join(MODELS).is_dir() {
            true => Ok(root.join(MODELS)),
            false => Err(Error::not_found(
                "the image has no folder `/models`, where a model in an image lies",
            )),
        };
    }
    Ok(only_folder(content).map_or_else(|| root.to_owned(), |name| root.join(name)))
}

fn unpack_layer(
    blob: &Path,
    image: bool,
    into: &Path,
    limits: &ArchiveLimits,
    watch: Watch<'_>,
) -> Result<()> {
    let Some(form) = recognise(blob, "layer")? else {
        return match is_blank(blob)? {
            true => Ok(()),
            false => Err(Error::invalid(
                "a layer of the artifact: expected a tar, found something else",
            )),
        };
    };
    unpack_below(blob, form, into, limits, (image.then_some(MODELS), watch))
}

fn put(blob: &Path, target: &Path) -> Result<()> {
    let folder = target.parent().unwrap_or(target);
    fs::create_dir_all(folder)
        .and_then(|()| fs::rename(blob, target))
        .map_err(unwritable)
}

/// Lays one layer over those before it, as the OCI image format says.
fn merge(from: &Path, onto: &Path) -> Result<()> {
    if from.join(OPAQUE).exists() {
        remove(onto)
            .and_then(|()| fs::create_dir(onto))
            .map_err(unwritable)?;
    }
    for item in fs::read_dir(from).map_err(unwritable)? {
        let item = item.map_err(unwritable)?;
        let name = item.file_name();
        let target = onto.join(&name);
        match hidden(&name) {
            Some(gone) => clear(&onto.join(gone))?,
            None if item.path().is_dir() => {
                if !target.is_dir() {
                    clear(&target)?;
                    fs::create_dir(&target).map_err(unwritable)?;
                }
                merge(&item.path(), &target)?;
            }
            None => {
                clear(&target)?;
                fs::rename(item.path(), &target).map_err(unwritable)?;
            }
        }
    }
    Ok(())
}

/// The name that a whiteout hides; nothing beside it is called so.
fn hidden(name: &OsStr) -> Option<PathBuf> {
    let gone = name.to_str()?.strip_prefix(WHITEOUT)?;
    let plain = !gone.is_empty() && gone != "." && gone != "..";
    Some(PathBuf::from(if plain { gone } else { WHITEOUT }))
}

fn clear(path: &Path) -> Result<()> {
    match path.is_dir() {
        true => remove(path).map_err(unwritable),
        false if path.exists() => fs::remove_file(path).map_err(unwritable),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256;
    use crate::testing::{folder, gzip, tar, write};

    fn layer(content: Content) -> Layer {
        Layer {
            digest: Sha256::of(b""),
            bytes: 0,
            content,
        }
    }

    fn made(blobs: &[Vec<u8>], image: bool) -> Result<Vec<(String, String)>> {
        let staging = folder(&[]);
        for (at, blob) in blobs.iter().enumerate() {
            write(staging.path(), &format!("content/layers/{at}"), blob);
        }
        let layers: Vec<_> = blobs.iter().map(|_| layer(Content::Tar)).collect();
        let placed = assemble(
            &layers,
            image,
            staging.path(),
            &ArchiveLimits::default(),
            &|_, _| {},
        )?;
        let root = staging.path().join(placed.root);
        let files = crate::tree::walk(&root)?
            .into_iter()
            .filter(|found| !found.folder);
        Ok(files
            .map(|found| {
                let text = fs::read_to_string(root.join(&found.path)).unwrap();
                (found.path.display().to_string(), text)
            })
            .collect())
    }

    fn pair(name: &str, text: &str) -> (String, String) {
        (name.to_owned(), text.to_owned())
    }

    #[test]
    fn later_layers_lie_over_earlier_ones() {
        let first = tar(&[
            ("models/1/a", "old"),
            ("models/1/b", "b"),
            ("models/2/x", "x"),
            ("bin/sh", ""),
        ]);
        let second = gzip(&tar(&[
            ("models/1/a", "new"),
            ("models/1/.wh.b", ""),
            ("models/2/.wh..wh..opq", ""),
            ("models/2/y", "y"),
        ]));
        let found = made(&[first, gzip(&[0; 1024]), second], true).unwrap();
        assert_eq!(found, [pair("1/a", "new"), pair("2/y", "y")]);
    }

    #[test]
    fn an_images_other_folders_are_passed_over() {
        let mut builder = ::tar::Builder::new(Vec::new());
        let mut link = ::tar::Header::new_gnu();
        link.set_entry_type(::tar::EntryType::Symlink);
        link.set_size(0);
        builder
            .append_link(&mut link, "bin/ls", "/bin/busybox")
            .unwrap();
        let mut file = ::tar::Header::new_gnu();
        file.set_size(1);
        builder
            .append_data(&mut file, "models/m.onnx", &b"m"[..])
            .unwrap();
        let image = builder.into_inner().unwrap();
        assert_eq!(
            made(std::slice::from_ref(&image), true).unwrap(),
            [pair("m.onnx", "m")]
        );
        assert!(
            made(&[image], false)
                .unwrap_err()
                .message()
                .contains("a link")
        );
        let error = made(&[tar(&[("etc/passwd", "")])], true).unwrap_err();
        assert!(error.message().contains("/models"), "{error}");
    }

    #[test]
    fn a_layer_that_would_leave_is_refused() {
        let mut builder = ::tar::Builder::new(Vec::new());
        let mut header = ::tar::Header::new_gnu();
        header.set_size(1);
        header.as_gnu_mut().unwrap().name[..17].copy_from_slice(b"models/../../evil");
        header.set_cksum();
        builder.append(&header, &b"x"[..]).unwrap();
        let error = made(&[builder.into_inner().unwrap()], true).unwrap_err();
        assert!(error.message().contains("`..`"), "{error}");
        assert!(made(&[b"no tar".to_vec()], false).is_err());
        let up = tar(&[("models/.wh...", "")]);
        assert_eq!(
            made(&[tar(&[("models/a", "a")]), up], true).unwrap(),
            [pair("a", "a")]
        );
    }
}
