//! The status of a model's versions.

use bytes::Bytes;
use hari_error::{Error, Result};
pub use hari_proto::tensorflow::serving::model_version_status::State as VersionState;
use serde_json::json;

/// The body of a reply to the status of a model: each version with its state.
///
/// # Errors
/// `NotFound` if the model `name` has no version.
pub fn encode_status(name: &str, versions: &[(String, VersionState)]) -> Result<Bytes> {
    if versions.is_empty() {
        return Err(none(name));
    }
    let each = |(version, state): &(String, VersionState)| {
        json!({
            "version": version,
            "state": state.as_str_name(),
            "status": {"error_code": "OK", "error_message": ""},
        })
    };
    let versions: Vec<_> = versions.iter().map(each).collect();
    Ok(json!({"model_version_status": versions}).to_string().into())
}

pub(super) fn none(name: &str) -> Error {
    Error::not_found(format!("no version of model `{name}` is known"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_state() {
        let versions = [
            ("2".to_owned(), VersionState::Loading),
            ("1".to_owned(), VersionState::Available),
        ];
        assert_eq!(
            encode_status("mnist", &versions).unwrap(),
            r#"{"model_version_status":[{"version":"2","state":"LOADING","status":{"error_code":"OK","error_message":""}},{"version":"1","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]}"#
        );
        let error = encode_status("mnist", &[]).unwrap_err();
        assert_eq!(error.message(), "no version of model `mnist` is known");
    }
}
