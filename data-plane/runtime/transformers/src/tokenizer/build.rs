//! A tokenizer from the files of a folder: `tokenizer.json`, else a vocabulary of BERT
//! (`vocab.txt`) or of GPT-2 and RoBERTa (`vocab.json` and `merges.txt`).

use hari_error::{Error, Result};
use serde_json::{Map, Value, json};
use tokenizers::normalizers::BertNormalizer;
use tokenizers::{NormalizerWrapper, Tokenizer};

use super::special::Settings;
use crate::config::Config;
use crate::folder::Folder;

/// The tokenizer, and what is said beside its vocabulary.
pub(super) fn read(folder: &Folder, config: &Config) -> Result<(Tokenizer, Settings)> {
    let mut settings = Settings::read(folder)?;
    let tokenizer = if let Some(text) = folder.text("tokenizer.json")? {
        let mut tokenizer = parse("tokenizer.json", text.as_bytes())?;
        overrule(&mut tokenizer, &settings)?;
        tokenizer
    } else if let Some(text) = folder.text("vocab.txt")? {
        settings.name_missing(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]);
        parse(
            "vocab.txt",
            word_pieces(&text, &settings, config)?
                .to_string()
                .as_bytes(),
        )?
    } else if let (Some(vocabulary), Some(merges)) =
        (folder.json("vocab.json")?, folder.text("merges.txt")?)
    {
        settings.name_missing(["<pad>", "<s>", "</s>", "<unk>", "<mask>"]);
        parse(
            "vocab.json",
            byte_pairs(vocabulary, &merges, &settings)?
                .to_string()
                .as_bytes(),
        )?
    } else {
        return Err(Error::model(
            "the folder has no tokenizer: expected `tokenizer.json`, `vocab.txt`, or `vocab.json` with \
             `merges.txt`; `AutoTokenizer.from_pretrained(folder).save_pretrained(folder)` writes the first",
        ));
    };
    Ok((tokenizer, settings))
}

fn parse(name: &str, bytes: &[u8]) -> Result<Tokenizer> {
    Tokenizer::from_bytes(bytes)
        .map_err(|error| Error::model(format!("`{name}` is not a tokenizer: {error}")))
}

/// `tokenizer_config.json` wins over `tokenizer.json` on case, accents and Chinese characters.
fn overrule(tokenizer: &mut Tokenizer, settings: &Settings) -> Result<()> {
    let Some(NormalizerWrapper::BertNormalizer(found)) = tokenizer.get_normalizer() else {
        return Ok(());
    };
    let (lowercase, chinese) = (
        settings.lowercase.unwrap_or(found.lowercase),
        settings.chinese.unwrap_or(found.handle_chinese_chars),
    );
    let accents = settings.strip_accents.or(found.strip_accents);
    if (lowercase, chinese, accents)
        == (
            found.lowercase,
            found.handle_chinese_chars,
            found.strip_accents,
        )
    {
        return Ok(());
    }
    let normalizer = BertNormalizer::new(found.clean_text, chinese, accents, lowercase);
    let set = tokenizer.with_normalizer(Some(normalizer));
    set.map(|_| ())
        .map_err(|error| Error::model(format!("`tokenizer_config.json`: {error}")))
}

/// The tokenizer of BERT for a vocabulary with a token on each line.
fn word_pieces(text: &str, settings: &Settings, config: &Config) -> Result<Value> {
    let mut vocabulary = Map::new();
    for (id, line) in text.lines().enumerate() {
        vocabulary.insert(line.trim_end().to_owned(), json!(id));
    }
    let (cls, sep) = (settings.cls.as_deref(), settings.sep.as_deref());
    let added = added(&vocabulary, settings)?;
    let named = |token: Option<&str>| {
        let token = token.unwrap_or_default();
        json!([token, vocabulary.get(token).cloned().unwrap_or_default()])
    };
    let processor = match config.model_type() {
        "mpnet" | "roberta" => {
            json!({"type": "RobertaProcessing", "sep": named(sep), "cls": named(cls),
            "trim_offsets": true, "add_prefix_space": false})
        }
        _ => json!({"type": "BertProcessing", "sep": named(sep), "cls": named(cls)}),
    };
    Ok(json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": true,
            "handle_chinese_chars": settings.chinese.unwrap_or(true),
            "strip_accents": settings.strip_accents, "lowercase": settings.lowercase.unwrap_or(true)},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": processor,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": settings.unk, "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary},
    }))
}

/// The tokenizer of RoBERTa for byte pairs.
fn byte_pairs(vocabulary: Value, merges: &str, settings: &Settings) -> Result<Value> {
    let Value::Object(vocabulary) = vocabulary else {
        return Err(Error::model(
            "`vocab.json` is not an object of tokens and their numbers",
        ));
    };
    let merges = merges
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("#version"));
    let merges: Vec<&str> = merges.collect();
    let added = added(&vocabulary, settings)?;
    let named = |token: &Option<String>| {
        let token = token.as_deref().unwrap_or_default();
        json!([token, vocabulary.get(token).cloned().unwrap_or_default()])
    };
    let space = settings.prefix_space.unwrap_or(false);
    Ok(json!({
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": true, "use_regex": true},
        "post_processor": {"type": "RobertaProcessing", "sep": named(&settings.sep), "cls": named(&settings.cls),
            "trim_offsets": true, "add_prefix_space": space},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": false,
            "vocab": vocabulary, "merges": merges},
    }))
}

/// The special tokens, which are not split.
fn added(vocabulary: &Map<String, Value>, settings: &Settings) -> Result<Vec<Value>> {
    let named = [
        ("pad_token", &settings.pad),
        ("cls_token", &settings.cls),
        ("sep_token", &settings.sep),
        ("unk_token", &settings.unk),
        ("mask_token", &settings.mask),
    ];
    let mut added = Vec::new();
    for (role, token) in named {
        let token = token.as_deref().unwrap_or_default();
        let id = vocabulary.get(token).ok_or_else(|| {
            Error::model(format!(
                "the vocabulary has no token `{token}`, which is its {role}"
            ))
        })?;
        // The mask of byte pairs takes the space before it, as RoBERTa has it.
        let lstrip = role == "mask_token" && token == "<mask>";
        added.push(
            json!({"id": id, "content": token, "single_word": false, "lstrip": lstrip,
            "rstrip": false, "normalized": false, "special": true}),
        );
    }
    Ok(added)
}

impl Settings {
    /// Gives the usual names, in the order pad, cls, sep, unk, mask, to tokens that have none.
    fn name_missing(&mut self, names: [&str; 5]) {
        let [pad, cls, sep, unk, mask] = names.map(str::to_owned);
        self.pad.get_or_insert(pad);
        self.cls.get_or_insert(cls);
        self.sep.get_or_insert(sep);
        self.unk.get_or_insert(unk);
        self.mask.get_or_insert(mask);
    }
}
