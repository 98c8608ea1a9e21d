//! Requests of the Seldon protocol in files, and what comes back when nothing is computed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use hari_core::Limits;
use hari_protocol::seldon::{decode_message, encode_error, encode_message};

fn requests() -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/seldon");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".request.json") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Reads the request and writes it as a reply.
fn echo(request: &[u8]) -> Vec<u8> {
    let message = decode_message(request, &Limits::default());
    let reply = message.and_then(|message| encode_message(&message));
    reply.unwrap_or_else(|error| encode_error(&error)).into()
}

#[test]
fn every_request_has_its_reply() -> Result<()> {
    let requests = requests()?;
    ensure!(
        requests.len() >= 16,
        "found only {} requests",
        requests.len()
    );
    for request in requests {
        let reply = request.to_string_lossy().replace(".request.", ".reply.");
        let expected = std::fs::read_to_string(&reply).with_context(|| reply.clone())?;
        let found = String::from_utf8(echo(&std::fs::read(&request)?))?;
        assert_eq!(found, expected.trim_end(), "{}", request.display());
    }
    Ok(())
}
