//! Tests of [`super`].

use std::fs;
use std::path::Path;

use hari_error::Kind;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ndog\n##s\nbark\n!\n";

fn folder() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("vocab.txt"), VOCABULARY).unwrap();
    root
}

fn read(root: &Path) -> Result<Tokenizer> {
    let config = Config::from(json!({"model_type": "bert", "max_position_embeddings": 8}));
    Tokenizer::read(&Folder::new(root), &config)
}

fn cut(length: usize, stride: usize, strategy: TruncationStrategy) -> Option<Cut> {
    Some(Cut {
        length,
        stride,
        strategy,
        parts: true,
    })
}

#[test]
fn a_vocabulary_is_enough() {
    let tokenizer = read(folder().path()).unwrap();
    let [one] = &tokenizer.encode("The dogs bark!", None, None).unwrap()[..] else {
        panic!()
    };
    assert_eq!(one.get_ids(), [2, 5, 6, 7, 8, 9, 3]);
    assert_eq!(one.get_offsets()[3], (7, 8));
    assert_eq!(
        (tokenizer.pad, tokenizer.cls, tokenizer.limit),
        (0, Some(2), Some(8))
    );
    assert_eq!(tokenizer.mask, Some((4, "[MASK]".to_owned())));
    assert!(tokenizer.continues);
    assert_eq!(
        tokenizer.decode(&[2, 5, 6, 7, 3], true).unwrap(),
        "the dogs"
    );
    assert_eq!(
        tokenizer.join(vec!["dog".into(), "##s".into()]).unwrap(),
        "dogs"
    );
}

#[test]
fn two_texts_are_told_apart() {
    let tokenizer = read(folder().path()).unwrap();
    let parts = tokenizer.encode("the dog", Some("bark"), None).unwrap();
    assert_eq!(parts[0].get_type_ids(), [0, 0, 0, 0, 1, 1]);
    assert_eq!(parts[0].get_sequence_ids()[4], Some(1));
}

#[test]
fn a_long_text_is_cut_or_comes_in_parts() {
    let tokenizer = read(folder().path()).unwrap();
    let text = "the dog bark the dog bark";
    let parts = tokenizer.encode(text, None, Some(Cut::at(4))).unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].get_ids(), [2, 5, 6, 3]);
    let parts = tokenizer
        .encode(text, None, cut(5, 1, TruncationStrategy::OnlyFirst))
        .unwrap();
    let ids: Vec<_> = parts.iter().map(|part| part.get_ids().to_vec()).collect();
    assert_eq!(
        ids,
        [vec![2, 5, 6, 8, 3], vec![2, 8, 5, 6, 3], vec![2, 6, 8, 3]]
    );
}

#[test]
fn a_cut_that_leaves_nothing_is_refused() {
    let tokenizer = read(folder().path()).unwrap();
    for (pair, cut) in [
        (None, cut(2, 0, TruncationStrategy::LongestFirst)),
        (None, cut(4, 2, TruncationStrategy::LongestFirst)),
        (Some("bark"), cut(6, 0, TruncationStrategy::OnlySecond)),
    ] {
        let error = tokenizer.encode("the dog bark", pair, cut).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidInput, "{error}");
    }
    let error = tokenizer
        .encode(&"a".repeat(MOST_BYTES + 1), None, None)
        .unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
}

#[test]
fn the_configuration_says_whether_case_counts() {
    let root = folder();
    let json = |lower: bool| {
        json!({"version": "1.0", "added_tokens": [],
            "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": null, "lowercase": lower},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "model": {"type": "WordPiece", "unk_token": "u", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": {"u": 0, "dog": 1}}})
    };
    fs::write(root.path().join("tokenizer.json"), json(false).to_string()).unwrap();
    assert_eq!(read(root.path()).unwrap().bare("DOG").unwrap(), [0]);
    fs::write(
        root.path().join("tokenizer_config.json"),
        r#"{"do_lower_case": true}"#,
    )
    .unwrap();
    assert_eq!(read(root.path()).unwrap().bare("DOG").unwrap(), [1]);
}

#[test]
fn what_is_no_tokenizer_is_named() {
    let root = tempfile::tempdir().unwrap();
    let message = |root: &Path| read(root).err().unwrap().message().to_owned();
    assert!(message(root.path()).contains("has no tokenizer"));
    fs::write(root.path().join("vocab.txt"), "a\nb\n").unwrap();
    assert!(message(root.path()).contains("no token `[PAD]`"));
    fs::write(root.path().join("tokenizer.json"), "{}").unwrap();
    assert!(message(root.path()).starts_with("`tokenizer.json` is not a tokenizer"));
}

proptest! {
    #[test]
    fn every_text_has_tokens_whose_offsets_lie_in_it(text in "\\PC{0,60}", length in 3_usize..12) {
        let root = folder();
        let tokenizer = read(root.path()).unwrap();
        let characters = text.chars().count();
        for part in tokenizer.encode(&text, None, cut(length, 0, TruncationStrategy::OnlyFirst)).unwrap() {
            prop_assert!(part.len() <= length);
            for &(start, end) in part.get_offsets() {
                prop_assert!(start <= end && end <= characters);
            }
        }
    }
}
