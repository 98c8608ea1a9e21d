//! The name of a file that is fetched: from the URL, or from the server if the URL has none.

use percent_encoding::percent_decode_str;
use reqwest::header::{CONTENT_DISPOSITION, HeaderMap};
use url::Url;

/// The name if nothing better is known.
const NAMELESS: &str = "model";

/// A plain file name: the URL's last part if it has an extension, else what the server says, else
/// the URL's last part, else `model`.
pub(super) fn file_name(url: &Url, headers: &HeaderMap) -> String {
    let last = url
        .path_segments()
        .and_then(|mut parts| parts.next_back())
        .unwrap_or_default();
    let ours = plain(&percent_decode_str(last).decode_utf8_lossy());
    let theirs = || {
        headers
            .get(CONTENT_DISPOSITION)?
            .to_str()
            .ok()
            .and_then(disposition)
    };
    match ours {
        Some(name) if name.contains('.') => name,
        ours => theirs().or(ours).unwrap_or_else(|| NAMELESS.to_owned()),
    }
}

/// The `filename` of `attachment; filename="model.onnx"`.
fn disposition(value: &str) -> Option<String> {
    let parameter = value
        .split(';')
        .find_map(|part| part.trim().strip_prefix("filename="))?;
    plain(parameter.trim_matches('"'))
}

/// The name, if it is one that can stand in a folder and means nothing else.
fn plain(name: &str) -> Option<String> {
    let odd = |c: char| c.is_control() || "/\\:".contains(c);
    let fits =
        !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && !name.contains(odd);
    fits.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(url: &str, disposition: &str) -> String {
        let mut headers = HeaderMap::new();
        if let Ok(value) = disposition.parse() {
            headers.insert(CONTENT_DISPOSITION, value);
        }
        file_name(&Url::parse(url).unwrap(), &headers)
    }

    #[test]
    fn the_url_comes_first_if_it_has_an_extension() {
        let attached = "attachment; filename=\"theirs.onnx\"";
        assert_eq!(name("http://h/a/ours.onnx?x=1", attached), "ours.onnx");
        assert_eq!(name("http://h/a/my%20net.onnx", ""), "my net.onnx");
        assert_eq!(name("http://h/download", attached), "theirs.onnx");
        assert_eq!(name("http://h/download", ""), "download");
        assert_eq!(name("http://h/", ""), "model");
    }

    #[test]
    fn a_name_that_would_leave_is_not_taken() {
        for odd in ["..%2f..%2fetc", "%2e%2e%2fx", ".hidden", "a%5Cb", "c:x"] {
            assert_eq!(name(&format!("http://h/{odd}"), ""), "model", "{odd}");
        }
        assert_eq!(
            name("http://h/", "attachment; filename=\"../../x\""),
            "model"
        );
    }

    proptest! {
        #[test]
        fn names_are_plain(text in any::<String>(), said in "[ -~]{0,40}") {
            let Ok(url) = Url::parse(&format!("http://h/{text}")) else { return Ok(()) };
            let name = name(url.as_str(), &format!("attachment; filename={said}"));
            prop_assert!(!name.is_empty() && !name.contains(['/', '\\', '\0']));
            prop_assert!(name != "." && name != "..");
        }
    }
}
