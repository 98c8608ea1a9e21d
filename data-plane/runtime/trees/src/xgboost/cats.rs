//! The container of categories that XGBoost writes from 3.1 on, `cats` beside the trees.
//!
//! Each column has an encoder: none if it is numeric, texts as bytes with offsets, or numbers.
//! Categories outside ASCII of a table of pandas are cut in the files of 3.1 and 3.2, which take
//! characters for bytes; they are known here as they stand in the file.

use hari_error::{Error, Result};

use crate::categories::Categories;
use crate::document::Value;

/// The categories of a model; none if it has no container.
///
/// # Errors
/// `Model` that names the column whose encoder is wrong.
pub(super) fn read(model: &Value<'_>, features: usize) -> Result<Categories> {
    let mut categories = Categories::default();
    let Some(container) = model.find("cats") else {
        return Ok(categories);
    };
    let encoders = container.list("enc")?;
    if !encoders.is_empty() && encoders.len() != features {
        return Err(Error::model(format!(
            "`cats` has {} columns, but there are {features} features",
            encoders.len()
        )));
    }
    for (column, encoder) in encoders.iter().enumerate() {
        let read = encode(&mut categories, column, encoder);
        read.map_err(|error| error.context(format!("`cats`, column {column}")))?;
    }
    Ok(categories)
}

fn encode(categories: &mut Categories, column: usize, encoder: &Value<'_>) -> Result<()> {
    if encoder.find("offsets").is_none() {
        let values = encoder.doubles("values")?;
        if !values.is_empty() {
            categories.numbers(column, values.into_iter());
        }
        return Ok(());
    }
    let offsets = encoder.ints("offsets")?;
    if offsets.is_empty() {
        return Ok(());
    }
    let bytes: Vec<u8> = encoder
        .ints("values")?
        .iter()
        .map(|&byte| byte as u8)
        .collect();
    let texts = offsets.windows(2).map(|ends| match *ends {
        [start, end] => text(&bytes, start, end),
        _ => None,
    });
    let texts: Option<Vec<_>> = texts.collect();
    let texts = texts.ok_or_else(|| Error::model("`offsets` do not fit `values`"))?;
    categories.texts(column, texts.into_iter());
    Ok(())
}

fn text(bytes: &[u8], start: i64, end: i64) -> Option<&[u8]> {
    bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}
