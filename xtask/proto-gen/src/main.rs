//! `proto-gen PROTO_DIR OUT_DIR`: compiles every `.proto` file below one folder
//! into Rust files and a descriptor set in another.
//!
//! A program of its own so that `xtask` builds in seconds: only this one needs a
//! protobuf compiler and a code generator.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

/// Services that are served, and so are described by reflection.
const SERVED: [&str; 4] = [
    "seldon/prediction.proto",
    "inference/grpc_service.proto",
    "tensorflow_serving/apis/model_service.proto",
    "tensorflow_serving/apis/prediction_service.proto",
];

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(protos), Some(out), None) = (args.next(), args.next(), args.next()) else {
        bail!("usage: proto-gen PROTO_DIR OUT_DIR");
    };
    fs::create_dir_all(&out)?;
    write_code(&protos, &out)?;
    write_descriptors(&protos, &out)?;
    write_messages(&protos, &out)
}

/// One Rust file for each package, with the comments of the `.proto` files.
fn write_code(protos: &Path, out: &Path) -> Result<()> {
    let mut files = find_protos(protos)?;
    files.sort();
    let set = compile(protos, &files, true)?;
    tonic_prost_build::configure()
        .out_dir(out)
        // Deterministic order on the wire.
        .btree_map(".")
        // Tensor contents are slices of the message that came in, not copies.
        .bytes(".")
        .generate_default_stubs(true)
        .build_transport(true)
        .emit_rerun_if_changed(false)
        .compile_fds(set)
        .context("generating code")
}

/// `descriptor.bin`: what is served, for gRPC reflection.
fn write_descriptors(protos: &Path, out: &Path) -> Result<()> {
    let files: Vec<PathBuf> = SERVED.iter().map(|name| protos.join(name)).collect();
    let set = compile(protos, &files, false)?;
    fs::write(out.join("descriptor.bin"), set.encode_to_vec())?;
    Ok(())
}

/// `prediction.binpb`: the messages that Python components exchange, for the Python package, which has
/// Google's own from the protobuf package. Imports come before those that import them.
fn write_messages(protos: &Path, out: &Path) -> Result<()> {
    let mut compiler = protox::Compiler::new([protos])?;
    compiler
        .include_imports(true)
        .include_source_info(false)
        .open_file(protos.join("seldon/prediction.proto"))?;
    let bytes = compiler.encode_file_descriptor_set();
    let mut set = FileDescriptorSet::decode(bytes.as_slice())?;
    set.file
        .retain(|file: &FileDescriptorProto| !file.name().starts_with("google/"));
    fs::write(out.join("prediction.binpb"), set.encode_to_vec())?;
    Ok(())
}

/// Descriptors of `files` and all they import, in order of name: the order in
/// which a compiler happens to visit files must not change what is generated.
fn compile(root: &Path, files: &[PathBuf], comments: bool) -> Result<FileDescriptorSet> {
    let mut compiler = protox::Compiler::new([root])?;
    compiler
        .include_imports(true)
        .include_source_info(comments)
        .open_files(files)?;
    let bytes = compiler.encode_file_descriptor_set();
    let mut set = FileDescriptorSet::decode(bytes.as_slice())?;
    set.file
        .sort_by(|a: &FileDescriptorProto, b| a.name().cmp(b.name()));
    Ok(set)
}

fn find_protos(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(find_protos(&path)?);
        } else if path.extension() == Some(OsStr::new("proto")) {
            found.push(path);
        }
    }
    Ok(found)
}
