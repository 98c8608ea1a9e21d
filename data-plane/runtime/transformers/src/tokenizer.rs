//! Text to tokens and back.

mod build;
mod special;

use hari_error::{Error, Result, catch};
use tokenizers::utils::truncation::{TruncationDirection, TruncationParams, truncate_encodings};
use tokenizers::{
    Decoder as _, Encoding, ModelWrapper, PostProcessor as _, PostProcessorWrapper,
    Tokenizer as Inner,
};

pub(crate) use tokenizers::utils::truncation::TruncationStrategy;

use crate::config::Config;
use crate::folder::Folder;

/// The longest text, in bytes: some pre-tokenizers are regular expressions that look back.
const MOST_BYTES: usize = 1 << 20;

/// Architectures whose tokenizers leave types out unless they say otherwise.
const UNTYPED: [&str; 5] = ["roberta", "xlm-roberta", "camembert", "mpnet", "distilbert"];

/// A tokenizer with what the pipelines need to know of it.
pub(crate) struct Tokenizer {
    /// Without its post-processor, which must see texts after they are cut.
    inner: Inner,
    processor: Option<PostProcessorWrapper>,
    /// Pads a row.
    pub(crate) pad: u32,
    /// Starts a row.
    pub(crate) cls: Option<u32>,
    /// Stands for what is not known.
    pub(crate) unk: Option<u32>,
    /// To be filled in: the token and its text.
    pub(crate) mask: Option<(u32, String)>,
    /// The most tokens of a row that tokenizer and network allow.
    pub(crate) limit: Option<usize>,
    /// Whether spaces in front of punctuation go when tokens become text.
    clean_up: bool,
    /// Whether tokens say that they continue a word (`##ing`).
    pub(crate) continues: bool,
    /// Whether the network is told which of two texts a token is of.
    pub(crate) types: bool,
}

/// How a text that is too long is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Tokens of a row, special ones included.
    pub(crate) length: usize,
    /// Tokens that a part has in common with the one before.
    pub(crate) stride: usize,
    /// Which of two texts is cut.
    pub(crate) strategy: TruncationStrategy,
    /// Whether the rest is kept, in further parts.
    pub(crate) parts: bool,
}

impl Cut {
    /// The longer of two texts is cut, and the rest dropped.
    pub(crate) fn at(length: usize) -> Self {
        Self {
            length,
            stride: 0,
            strategy: TruncationStrategy::LongestFirst,
            parts: false,
        }
    }
}

impl Tokenizer {
    /// Reads the tokenizer of a folder.
    pub(crate) fn read(folder: &Folder, config: &Config) -> Result<Self> {
        let (mut inner, settings) = catch("the tokenizer failed while being read", || {
            build::read(folder, config)
        })??;
        let processor = inner.get_post_processor().cloned();
        inner.with_post_processor(None::<PostProcessorWrapper>);
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|error| Error::model(format!("the tokenizer: {error}")))?;
        let id = |token: &Option<String>| token.as_ref().and_then(|token| inner.token_to_id(token));
        let mask = settings
            .mask
            .clone()
            .and_then(|text| Some((inner.token_to_id(&text)?, text)));
        let limit = [settings.limit, config.positions()]
            .into_iter()
            .flatten()
            .min();
        Ok(Self {
            pad: id(&settings.pad).or(config.pad()).unwrap_or(0),
            cls: id(&settings.cls),
            unk: id(&settings.unk),
            mask,
            limit,
            clean_up: settings.clean_up,
            types: settings
                .types
                .unwrap_or(!UNTYPED.contains(&config.model_type())),
            continues: continues(inner.get_model()),
            inner,
            processor,
        })
    }

    /// Tokens of a text, or of two: one part, or several if the cut keeps them. Offsets count
    /// characters.
    ///
    /// # Errors
    /// `InvalidInput` if the text is too long.
    pub(crate) fn encode(
        &self,
        text: &str,
        pair: Option<&str>,
        cut: Option<Cut>,
    ) -> Result<Vec<Encoding>> {
        catch("the tokenizer failed while reading a text", || {
            self.parts(text, pair, cut)
        })?
    }

    fn parts(&self, text: &str, pair: Option<&str>, cut: Option<Cut>) -> Result<Vec<Encoding>> {
        let first = self.raw(text)?;
        let mut second = pair.map(|pair| self.raw(pair)).transpose()?;
        if let Some(second) = &mut second {
            // Before it is cut: the library gives its type to the first part alone.
            second.set_type_ids(vec![1; second.len()]);
        }
        let (mut first, mut second) = match cut {
            Some(cut) => self.cut(first, second, cut)?,
            None => (first, second),
        };
        if !cut.is_some_and(|cut| cut.parts) {
            first.take_overflowing();
            second
                .iter_mut()
                .for_each(|second| drop(second.take_overflowing()));
        }
        let mut whole = match &self.processor {
            Some(processor) => processor.process(first, second, true).map_err(failed)?,
            None => Encoding::merge([Some(first), second].into_iter().flatten(), false),
        };
        let rest = whole.take_overflowing();
        Ok(std::iter::once(whole).chain(rest).collect())
    }

    fn raw(&self, text: &str) -> Result<Encoding> {
        if text.len() > MOST_BYTES {
            return Err(Error::too_large(format!(
                "a text has {} bytes, at most {MOST_BYTES} are taken",
                text.len()
            )));
        }
        self.inner.encode_char_offsets(text, false).map_err(failed)
    }

    fn cut(
        &self,
        first: Encoding,
        second: Option<Encoding>,
        cut: Cut,
    ) -> Result<(Encoding, Option<Encoding>)> {
        let added = self.added(second.is_some());
        let length = cut
            .length
            .checked_sub(added)
            .filter(|&left| left > 0)
            .ok_or_else(|| {
                Error::invalid(format!(
                    "a length of {} leaves no room for text: the tokenizer adds {added} tokens",
                    cut.length
                ))
            })?;
        check_rest(&first, second.as_ref(), cut, length)?;
        let params = TruncationParams {
            direction: TruncationDirection::Right,
            max_length: length,
            strategy: cut.strategy,
            stride: if cut.parts { cut.stride } else { 0 },
        };
        truncate_encodings(first, second, &params).map_err(failed)
    }

    /// Special tokens that are added to a text, or to two.
    pub(crate) fn added(&self, pair: bool) -> usize {
        self.processor
            .as_ref()
            .map_or(0, |processor| processor.added_tokens(pair))
    }

    /// Tokens of a text without special ones.
    pub(crate) fn bare(&self, text: &str) -> Result<Vec<u32>> {
        catch("the tokenizer failed while reading a text", || {
            Ok(self.raw(text)?.get_ids().to_vec())
        })?
    }

    /// The number of a token.
    pub(crate) fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Text of tokens.
    pub(crate) fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String> {
        let text = catch("the tokenizer failed while writing a text", || {
            self.inner.decode(ids, skip_special)
        })?;
        let text = text.map_err(failed)?;
        Ok(if self.clean_up {
            special::clean_up(&text)
        } else {
            text
        })
    }

    /// Text of tokens that are text already, as they stand in the vocabulary.
    pub(crate) fn join(&self, tokens: Vec<String>) -> Result<String> {
        match self.inner.get_decoder() {
            None => Ok(tokens.join(" ")),
            Some(decoder) => catch("the tokenizer failed while writing a word", || {
                decoder.decode(tokens)
            })?
            .map_err(failed),
        }
    }
}

/// What the library would panic on or refuse in words of its own.
fn check_rest(first: &Encoding, second: Option<&Encoding>, cut: Cut, length: usize) -> Result<()> {
    let (one, two) = (first.len(), second.map_or(0, Encoding::len));
    if one + two <= length {
        return Ok(());
    }
    let kept = match cut.strategy {
        TruncationStrategy::LongestFirst => length,
        TruncationStrategy::OnlyFirst => length.saturating_sub(two),
        TruncationStrategy::OnlySecond => length.saturating_sub(one),
    };
    if kept == 0 {
        return Err(Error::invalid(format!(
            "the text that is not cut leaves no room for the other: together they have {} tokens, \
             {length} are taken",
            one + two
        )));
    }
    if cut.parts && cut.stride >= kept {
        return Err(Error::invalid(format!(
            "the overlap of parts is {} tokens, but a part has room for {kept}: make it smaller",
            cut.stride
        )));
    }
    Ok(())
}

fn failed(error: tokenizers::Error) -> Error {
    Error::model("the tokenizer cannot read or write this text").with_source(error)
}

fn continues(model: &ModelWrapper) -> bool {
    match model {
        ModelWrapper::WordPiece(pieces) => !pieces.continuing_subword_prefix.is_empty(),
        ModelWrapper::BPE(pairs) => pairs
            .continuing_subword_prefix
            .as_ref()
            .is_some_and(|prefix| !prefix.is_empty()),
        ModelWrapper::WordLevel(_) | ModelWrapper::Unigram(_) => false,
    }
}

#[cfg(test)]
mod tests;
