//! `docgen OUT_DIR`: reference pages made from the code, into `OUT_DIR/reference`, and the resource
//! definition into `OUT_DIR/generated`, and for installing it into `OUT_DIR/chart` and `OUT_DIR/install`.
//!
//! A program of its own so that `xtask` builds in seconds: only this one needs the product.

mod chart;
mod errors;
mod metrics;
mod migration;
mod onnx_operators;
mod operators;
mod parity;
mod resource;
mod settings;
mod sklearn;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// A page: its name without the ending, and how it is made.
type Page = (&'static str, fn() -> String);

const PAGES: &[Page] = &[
    ("annotations", resource::annotations),
    ("errors", errors::page),
    ("metrics", metrics::page),
    ("migration", migration::page),
    ("onnx-operators", onnx_operators::page),
    ("operators", operators::page),
    ("parity", parity::page),
    ("rules", resource::rules),
    ("servers", resource::servers),
    ("settings", settings::page),
    ("sklearn", sklearn::page),
];

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(out), None) = (args.next(), args.next()) else {
        bail!("usage: docgen OUT_DIR");
    };
    for (name, page) in PAGES {
        write(
            &out.join("reference").join(name).with_extension("md"),
            &page(),
        )?;
    }
    write(
        &out.join("generated/seldondeployment-crd.yaml"),
        &hari_api::crd_yaml(),
    )?;
    write(&out.join("chart/crd.json"), &chart::definition())?;
    write(&out.join("install/crd.yaml"), &chart::manifest())
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let text = format!("{}\n", text.trim_end());
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_a_heading_and_says_that_it_is_generated() {
        for (name, page) in PAGES {
            let text = page();
            assert!(text.starts_with("# "), "{name}");
            assert!(text.contains("cargo xtask gen docs"), "{name}");
            assert!(
                text.lines().filter(|line| line.starts_with('|')).count() > 3,
                "{name}"
            );
        }
    }

    #[test]
    fn every_row_has_the_cells_of_its_header() {
        for (name, page) in PAGES {
            let text = page();
            let mut cells = 0;
            for line in text.lines() {
                if !line.starts_with('|') {
                    cells = 0;
                    continue;
                }
                let found = line.replace("\\|", "").matches('|').count();
                assert!(cells == 0 || cells == found, "{name}: {line}");
                cells = found;
            }
        }
    }
}
