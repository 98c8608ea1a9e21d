//! `EncodeBase64` and `DecodeBase64`, in the alphabet that is safe in addresses.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hari_error::{Error, Result};

use crate::Operator;
use crate::compile::Node;
use crate::families::kernel::each;

const fn engine(pad: bool) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(pad)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&URL_SAFE, config)
}

pub(super) fn encode(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let engine = engine(node.attributes.flag("pad", false)?);
    each(move |text| Ok(engine.encode(text).into()))
}

pub(super) fn decode(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let engine = engine(false);
    each(move |text| {
        let made = engine.decode(text);
        made.map(Into::into).map_err(|error| {
            Error::invalid("a string is not Base64 in the web-safe alphabet").with_source(error)
        })
    })
}
