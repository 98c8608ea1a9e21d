//! Puts the files of the Python package into the library, so that the binary needs nothing beside it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script by the environment where to write"
)]
fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../sdk/python");
    println!("cargo::rerun-if-changed={}", root.join("hari").display());
    let mut files = Vec::new();
    collect(&root.join("hari"), &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&root).unwrap_or(file).display();
        let file = file.canonicalize()?;
        // A path with quotes would not compile; `{:?}` writes it as Rust does.
        let _ = writeln!(
            table,
            "    ({:?}, include_str!({file:?})),",
            name.to_string()
        );
    }
    table.push_str("]\n");
    let out = std::env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    fs::write(out.join("package.rs"), table)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "__pycache__") {
                println!("cargo::rerun-if-changed={}", path.display());
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "py") {
            files.push(path);
        }
    }
    Ok(())
}
