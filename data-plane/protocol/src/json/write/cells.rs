//! Mixed rows as they were written: numbers, texts, booleans and `null` side by side.

use hari_core::{Cell, DataType, Tensor};
use hari_error::Result;
use serde_json::Number;

use super::{Style, boolean, byte_string, float, integer, lists, writable};

/// Writes a tensor as nested lists whose elements are what `cells` says.
///
/// # Errors
/// As [`super::nested`].
pub fn mixed(out: &mut Vec<u8>, tensor: &Tensor, cells: &[Cell], style: Style) -> Result<()> {
    let whole = [tensor.len()];
    let shape = match tensor.shape() {
        [] => &whole[..],
        shape => shape,
    };
    writable(shape)?;
    match tensor.dtype() {
        DataType::Bytes => {
            let pairs = pairs(tensor.strings()?, cells);
            lists(out, shape, &pairs, &|out, (bytes, cell)| {
                text(out, bytes, *cell, style)
            })
        }
        DataType::Int64 => {
            let values = tensor.values::<i64>()?;
            lists(out, shape, &pairs(&values, cells), &|out, (value, cell)| {
                number(out, *cell, **value != 0, |out| integer(out, **value));
                Ok(())
            })
        }
        _ => {
            let values = tensor.to_f64()?;
            lists(out, shape, &pairs(&values, cells), &|out, (value, cell)| {
                number(out, *cell, **value != 0.0, |out| float(out, **value));
                Ok(())
            })
        }
    }
}

fn pairs<'a, T>(values: &'a [T], cells: &[Cell]) -> Vec<(&'a T, Cell)> {
    values.iter().zip(cells.iter().copied()).collect()
}

fn number(out: &mut Vec<u8>, cell: Cell, truth: bool, write: impl Fn(&mut Vec<u8>)) {
    match cell {
        Cell::Missing => out.extend_from_slice(b"null"),
        Cell::Bool => boolean(out, truth),
        Cell::Number | Cell::Text => write(out),
    }
}

/// A cell of a tensor of texts: a number is the text that it was written as.
fn text(out: &mut Vec<u8>, bytes: &[u8], cell: Cell, style: Style) -> Result<()> {
    match cell {
        Cell::Missing => out.extend_from_slice(b"null"),
        Cell::Bool => boolean(out, bytes == b"True"),
        Cell::Number if serde_json::from_slice::<Number>(bytes).is_ok() => {
            out.extend_from_slice(bytes);
        }
        Cell::Number | Cell::Text => byte_string(out, bytes, style)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hari_core::missing_text;

    use super::*;

    fn written(tensor: &Tensor, cells: &[Cell]) -> String {
        let mut out = Vec::new();
        mixed(&mut out, tensor, cells, Style::default()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_and_what_is_beside_them() {
        let texts = ["1.50", "1", "True", "NaN"].map(Bytes::from);
        let values = texts.into_iter().chain([missing_text(), "a\"".into()]);
        let tensor = Tensor::from_strings([2, 3], values.collect()).unwrap();
        let cells = [
            Cell::Number,
            Cell::Text,
            Cell::Bool,
            Cell::Number,
            Cell::Missing,
            Cell::Text,
        ];
        assert_eq!(
            written(&tensor, &cells),
            r#"[[1.50,"1",true],["NaN",null,"a\""]]"#
        );
    }

    #[test]
    fn numbers_and_what_is_beside_them() {
        let cells = [Cell::Number, Cell::Bool, Cell::Missing];
        let whole = Tensor::from_vec([3], vec![7_i64, 1, 0]).unwrap();
        assert_eq!(written(&whole, &cells), "[7,true,null]");
        let floats = Tensor::from_vec([1, 3], vec![1.5, 0.0, f64::NAN]).unwrap();
        assert_eq!(written(&floats, &cells), "[[1.5,false,null]]");
        let one = Tensor::from_vec([], vec![f64::NAN]).unwrap();
        assert_eq!(written(&one, &[Cell::Missing]), "[null]");
    }
}
