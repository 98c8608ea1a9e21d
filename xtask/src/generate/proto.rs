//! Protocol buffer code, made by the program in `xtask/proto-gen`.

use anyhow::Result;

use super::{Output, read_folder};
use crate::workspace;

pub(super) fn generate() -> Result<Vec<Output>> {
    let made = workspace::scratch("proto")?;
    let protos = workspace::root().join("data-plane/proto/proto");
    let program = ["run", "--quiet", "--package", "proto-gen", "--"].map(Into::into);
    workspace::cargo(
        program
            .into_iter()
            .chain([protos.into_os_string(), made.clone().into()]),
    )?;
    let files = read_folder(&made)?;
    Ok(vec![Output {
        folder: "data-plane/proto/src/gen".into(),
        files,
        owns_folder: true,
    }])
}
