//! `cargo xtask image`: an image of Hari as an OCI archive, made without a container engine. The same
//! input gives the same bytes.

#![expect(clippy::print_stderr, reason = "what was made is the output of a task")]

mod contents;
mod debian;
mod elf;
mod libraries;
mod licences;
mod onnxruntime;
mod packages;
mod sbom;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::oci::{Archive, Image, architecture};
use crate::workspace;
use contents::Contents;

/// Most bytes of an archive.
const MOST: u64 = 60_000_000;

/// The user of the program.
const USER: &str = "8888:8888";

/// The path of the program in the image.
const PROGRAM: &str = "usr/bin/hari";

/// Make an image of Hari, without a container engine (needs Debian's apt-get and dpkg)
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What is in it
    #[arg(long, value_enum, default_value_t = Variant::Default)]
    variant: Variant,
    /// The archive [default: target/image/hari[-VARIANT].tar]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the files into this folder, rather than an archive: for Dockerfiles
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["out", "name"])]
    root: Option<PathBuf>,
    /// Take this program rather than building one
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    binary: Option<PathBuf>,
    /// Profile to build with
    #[arg(long, default_value = "dist")]
    profile: String,
    /// Name of the image [default: docker.io/library/hari:VERSION, with -VARIANT]
    #[arg(long)]
    name: Option<String>,
    /// How hard to compress, 0 to 9; lower is for tests
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(0..=9))]
    level: u32,
    /// Time of everything in the image, in seconds since 1970
    #[arg(
        long,
        env = "SOURCE_DATE_EPOCH",
        default_value_t = 0,
        value_name = "SECONDS"
    )]
    time: u64,
}

/// What is in an image.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Variant {
    /// The program and what it links to
    Default,
    /// ONNX Runtime as well
    Onnxruntime,
}

impl Variant {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Default => "",
            Self::Onnxruntime => "-onnxruntime",
        }
    }
}

/// Runs the task.
pub(crate) fn run(args: &Args) -> Result<()> {
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => built(&args.profile)?,
    };
    let contents = Contents::collect(&binary, args.variant)?;
    if let Some(root) = &args.root {
        return contents.unpack(root);
    }
    let out = match &args.out {
        Some(out) => out.clone(),
        None => default_out(args.variant)?,
    };
    let layers = contents.layers(args.time, args.level)?;
    let name = args.name.clone().unwrap_or_else(|| name(args.variant));
    let image = Image {
        name: &name,
        layers: &layers,
        time: args.time,
        labels: labels(&name),
        config: config(),
    };
    let archive = Archive::of(&image)?;
    archive.write(&out)?;
    std::fs::write(beside(&out), &contents.sbom).context("writing the bill of materials")?;
    report(&out, &name, &archive, args)
}

fn built(profile: &str) -> Result<PathBuf> {
    workspace::cargo(["build", "--package", "hari", "--profile", profile])?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(workspace::target()?.join(folder).join("hari"))
}

fn default_out(variant: Variant) -> Result<PathBuf> {
    let file = format!("image/hari{}.tar", variant.suffix());
    Ok(workspace::target()?.join(file))
}

/// The bill of materials beside an archive.
fn beside(out: &Path) -> PathBuf {
    out.with_extension("cdx.json")
}

fn name(variant: Variant) -> String {
    let (version, suffix) = (env!("CARGO_PKG_VERSION"), variant.suffix());
    format!("docker.io/library/hari:{version}{suffix}")
}

/// How the program is run.
fn config() -> Value {
    json!({
        "User": USER,
        "Env": ["PATH=/usr/bin", "HOME=/tmp"],
        "Entrypoint": [format!("/{PROGRAM}")],
        "Cmd": ["--help"],
        "WorkingDir": "/",
    })
}

/// What the image says of itself.
fn labels(name: &str) -> Vec<(&'static str, String)> {
    vec![
        (
            "org.opencontainers.image.description",
            "Serves machine-learning models described by SeldonDeployments".to_owned(),
        ),
        ("org.opencontainers.image.licenses", "Apache-2.0".to_owned()),
        ("org.opencontainers.image.ref.name", name.to_owned()),
        ("org.opencontainers.image.title", "hari".to_owned()),
        (
            "org.opencontainers.image.version",
            env!("CARGO_PKG_VERSION").to_owned(),
        ),
    ]
}

fn report(out: &Path, name: &str, archive: &Archive, args: &Args) -> Result<()> {
    let size = archive.size();
    eprintln!(
        "{}: {name}, {} ({}), {:.1} MB",
        out.display(),
        archive.digest(),
        "linux/".to_owned() + architecture()?,
        size as f64 / 1e6
    );
    let shipped = args.binary.is_none() && args.profile == "dist";
    ensure!(
        size < MOST || !shipped,
        "the image has {size} bytes, and {MOST} is the most"
    );
    Ok(())
}

#[cfg(test)]
mod tests;
