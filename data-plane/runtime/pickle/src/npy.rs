//! numpy's own files: a header that is a Python literal, then the bytes of one array.
//!
//! Format: numpy's `numpy.lib.format`, versions 1 to 3.

use std::sync::Arc;

use bytes::Bytes;
use hari_error::{Error, Result};

use crate::array::{Array, bytes_of};
use crate::dtype::{Dtype, Field};

mod literal;

use literal::Literal;

const MAGIC: &[u8] = b"\x93NUMPY";

/// Bytes of a header; numpy itself reads no more without being told to.
const MAX_HEADER: usize = 10_000;

/// The array of an `.npy` file; its bytes are shared, not copied.
///
/// # Errors
///
/// Another format; objects, which are pickled there; more or fewer bytes than the shape says.
pub(crate) fn read(file: &Bytes) -> Result<Array> {
    let (header, start) = split(file).ok_or_else(|| Error::model("it is no `.npy` file"))?;
    let header = str::from_utf8(header).map_err(|_| bad_header())?;
    let header = literal::parse(header).ok_or_else(bad_header)?;
    let dtype = dtype(header.get("descr").ok_or_else(bad_header)?)?;
    if dtype.is_object() {
        return Err(Error::model("an `.npy` file holds pickled objects"));
    }
    let fortran = header.get("fortran_order").and_then(Literal::flag);
    let shape = header.get("shape").and_then(shape).ok_or_else(bad_header)?;
    let expected = bytes_of(&dtype, &shape)?;
    let data = file.slice(start..);
    if data.len() != expected {
        return Err(Error::model(format!(
            "an `.npy` file of {dtype} with shape {shape:?} needs {expected} bytes of data, {} are \
             there",
            data.len()
        )));
    }
    let fortran = fortran.ok_or_else(bad_header)?;
    Array::raw(Arc::new(dtype), shape, fortran, data)
}

/// The header, and where the data begins.
fn split(file: &Bytes) -> Option<(&[u8], usize)> {
    let rest = file.strip_prefix(MAGIC)?;
    let (length, before) = match rest {
        [1, _, a, b, ..] => (usize::from(u16::from_le_bytes([*a, *b])), 10),
        [2 | 3, _, a, b, c, d, ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, 12),
        _ => return None,
    };
    let end = before + Some(length).filter(|length| *length <= MAX_HEADER)?;
    Some((file.get(before..end)?, end))
}

fn bad_header() -> Error {
    Error::model("the header of an `.npy` file is not numpy's")
}

fn shape(literal: &Literal) -> Option<Vec<usize>> {
    let lengths = literal.items()?;
    lengths.iter().map(Literal::count).collect()
}

/// `'<f8'`, or a list of fields.
fn dtype(literal: &Literal) -> Result<Dtype> {
    if let Literal::Text(text) = literal {
        return Dtype::parse(text);
    }
    let parts = literal.items().ok_or_else(bad_header)?;
    let (mut fields, mut offset) = (Vec::new(), 0_usize);
    for part in parts {
        let Some([Literal::Text(name), Literal::Text(kind)]) = part.items() else {
            return Err(Error::model(
                "an `.npy` file has records of records or of arrays, which are not read",
            ));
        };
        let dtype = Arc::new(Dtype::parse(kind)?);
        let end = offset.checked_add(dtype.size).ok_or_else(bad_header)?;
        // Without a name it is what fills a record up.
        if !name.is_empty() {
            let name = name.clone();
            fields.push(Field {
                name,
                offset,
                dtype,
            });
        }
        offset = end;
    }
    Dtype::parse(&format!("V{offset}"))?.with_fields(fields, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Bytes {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), data]
            .concat()
            .into()
    }

    #[test]
    fn arrays_are_read_with_order_and_shape() {
        let header = "{'descr': '<u2', 'fortran_order': True, 'shape': (2, 2), }      \n";
        let array = read(&file(header, &[1, 0, 3, 0, 2, 0, 4, 0])).unwrap();
        assert_eq!(array.typed::<u16>().unwrap().values, [1, 2, 3, 4]);
        let header = "{'descr': '>f4', 'fortran_order': False, 'shape': (), }\n";
        let single = read(&file(header, &1.5_f32.to_be_bytes())).unwrap();
        assert_eq!(single.numbers().unwrap().values, [1.5]);
    }

    #[test]
    fn records_are_filled_up() {
        let header = "{'descr': [('a', '|u1'), ('', '|V1'), ('b', '<u2')], \
                      'fortran_order': False, 'shape': (2,), }\n";
        let array = read(&file(header, &[1, 0, 2, 0, 3, 0, 4, 0])).unwrap();
        assert_eq!(array.column::<u8>("a").unwrap().values, [1, 3]);
        assert_eq!(array.column::<u16>("b").unwrap().values, [2, 4]);
        assert_eq!(array.dtype().fields.len(), 2);
    }

    #[test]
    fn what_is_not_numpy_s_is_refused() {
        let of = |descr: &str, shape: &str, data: &[u8]| {
            let header =
                format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
            read(&file(&header, data)).map_err(|error| error.message().to_owned())
        };
        assert!(of("'|u1'", "(2,)", &[1, 2]).is_ok());
        for (descr, shape, word) in [
            ("'|u1'", "(3,)", "needs 3 bytes"),
            ("'|u1'", "(1,)", "needs 1 bytes"),
            ("'|u1'", "(-1,)", "header"),
            (
                "'|u1'",
                "(9223372036854775807, 9223372036854775807)",
                "no array",
            ),
            ("'|O'", "(2,)", "pickled"),
            ("[('a', '|O')]", "(2,)", "field `a`"),
            ("[('a', '|u1', (2,))]", "(1,)", "records"),
            ("[('a', [('b', '|u1')])]", "(2,)", "records"),
            ("'<M8[ns]'", "(2,)", "dates"),
            ("__import__('os')", "(2,)", "header"),
            ("'|u1'", "2", "header"),
        ] {
            let message = of(descr, shape, &[1, 2]).unwrap_err();
            assert!(message.contains(word), "{descr} {shape}: {message}");
        }
        for bytes in [
            &b""[..],
            b"\x93NUMPY",
            b"\x93NUMPY\x01\x00\xff\xff{}",
            b"\x93NUMPY\x09\x00aaaa",
        ] {
            assert!(read(&Bytes::copy_from_slice(bytes)).is_err());
        }
    }
}
