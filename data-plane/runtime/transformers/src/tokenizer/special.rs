//! Special tokens and limits, as `tokenizer_config.json` and `special_tokens_map.json` name them.

use hari_error::Result;
use serde_json::Value;

use crate::folder::Folder;

/// A limit above this means that there is none.
const NO_LIMIT: f64 = 1e9;

/// What is said about a tokenizer beside its vocabulary.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings {
    pub(super) pad: Option<String>,
    pub(super) cls: Option<String>,
    pub(super) sep: Option<String>,
    pub(super) unk: Option<String>,
    pub(super) mask: Option<String>,
    /// Tokens of a row.
    pub(super) limit: Option<usize>,
    pub(super) clean_up: bool,
    pub(super) lowercase: Option<bool>,
    pub(super) strip_accents: Option<bool>,
    pub(super) chinese: Option<bool>,
    pub(super) prefix_space: Option<bool>,
    /// Whether the network is told which of two texts a token is of.
    pub(super) types: Option<bool>,
}

impl Settings {
    pub(super) fn read(folder: &Folder) -> Result<Self> {
        let config = folder.json("tokenizer_config.json")?.unwrap_or_default();
        let map = folder.json("special_tokens_map.json")?.unwrap_or_default();
        let token = |name: &str| token(&config[name]).or_else(|| token(&map[name]));
        let flag = |name: &str| config[name].as_bool();
        let limit = config["model_max_length"]
            .as_f64()
            .filter(|&limit| (1.0..NO_LIMIT).contains(&limit));
        Ok(Self {
            pad: token("pad_token"),
            cls: token("cls_token"),
            sep: token("sep_token"),
            unk: token("unk_token"),
            mask: token("mask_token"),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 1 to 1e9"
            )]
            limit: limit.map(|limit| limit as usize),
            clean_up: flag("clean_up_tokenization_spaces").unwrap_or(false),
            lowercase: flag("do_lower_case"),
            strip_accents: flag("strip_accents"),
            chinese: flag("tokenize_chinese_chars"),
            prefix_space: flag("add_prefix_space"),
            types: config["model_input_names"]
                .as_array()
                .map(|names| names.iter().any(|name| name == "token_type_ids")),
        })
    }
}

/// A token is written as its text, or as an object with it.
fn token(value: &Value) -> Option<String> {
    let text = value.as_str().or_else(|| value["content"].as_str());
    text.map(str::to_owned)
}

/// Takes away the spaces that tokens leave in front of punctuation and in English contractions.
pub(super) fn clean_up(text: &str) -> String {
    const SPACED: [(&str, &str); 10] = [
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ];
    SPACED
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn tokens_are_text_or_objects() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(root.path().join(name), text).unwrap();
        write(
            "tokenizer_config.json",
            r#"{"model_max_length": 1e30, "mask_token": {"content": "<mask>"}, "do_lower_case": false}"#,
        );
        write("special_tokens_map.json", r#"{"pad_token": "<pad>"}"#);
        let settings = Settings::read(&Folder::new(root.path())).unwrap();
        assert_eq!(settings.mask.as_deref(), Some("<mask>"));
        assert_eq!(settings.pad.as_deref(), Some("<pad>"));
        assert_eq!(
            (settings.limit, settings.lowercase, settings.clean_up),
            (None, Some(false), false)
        );
    }

    #[test]
    fn spaces_before_punctuation_go() {
        assert_eq!(clean_up("it 's here , is n't it ?"), "it's here, isn't it?");
    }
}
