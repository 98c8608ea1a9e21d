//! `AsString`: numbers as C prints them.

use bytes::Bytes;
use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, operator};
use crate::{Inputs, Operator};

/// No number takes more digits or characters.
const MAX_WIDTH: i64 = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    Fixed,
    Scientific,
    /// The shorter of both.
    Shortest,
}

/// What fills a number up to its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fill {
    /// Spaces before it.
    None,
    Zero,
    /// Spaces behind it.
    Left,
    /// A sign before it, always.
    Plus,
    /// A space where a sign would be.
    Space,
}

#[derive(Clone, Copy, Debug)]
struct Format {
    notation: Notation,
    precision: usize,
    width: usize,
    fill: Fill,
}

pub(super) fn as_string(node: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    let attributes = node.attributes;
    let number = |name: &str, default: usize| {
        let given = attributes.int_or(name, -1)?;
        if given > MAX_WIDTH {
            return Err(Error::model(format!(
                "attribute `{name}`: expected at most {MAX_WIDTH}, found {given}"
            )));
        }
        Ok(usize::try_from(given).unwrap_or(default))
    };
    let scientific = attributes.flag("scientific", false)?;
    let notation = match (scientific, attributes.flag("shortest", false)?) {
        (true, true) => {
            return Err(Error::model(
                "attributes `scientific` and `shortest` exclude each other",
            ));
        }
        (true, false) => Notation::Scientific,
        (false, true) => Notation::Shortest,
        (false, false) => Notation::Fixed,
    };
    let fill = match attributes.text("fill")?.unwrap_or("") {
        "" => Fill::None,
        "0" => Fill::Zero,
        "-" => Fill::Left,
        "+" => Fill::Plus,
        " " => Fill::Space,
        other => {
            return Err(Error::model(format!(
                "attribute `fill`: expected none, 0, -, + or a space, found {other}"
            )));
        }
    };
    operator(Format {
        notation,
        precision: number("precision", 6)?,
        width: number("width", 0)?,
        fill,
    })
}

impl Kernel for Format {
    fn outputs(&self, _: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        Ok(vec![Some(DataType::Bytes)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let made: Vec<Bytes> = match x.dtype() {
            DataType::Bytes => return Ok(vec![x.clone()]),
            DataType::Bool => {
                let values = x.values::<u8>()?;
                values.iter().map(|&value| truth(value)).collect()
            }
            dtype if dtype.is_float() => {
                x.to_f64()?.iter().map(|&value| self.float(value)).collect()
            }
            DataType::Uint8 | DataType::Uint16 | DataType::Uint32 | DataType::Uint64 => {
                let values = x.cast(DataType::Uint64)?.to_vec::<u64>()?;
                values.iter().map(|&value| self.unsigned(value)).collect()
            }
            _ => {
                let values = x.cast(DataType::Int64)?.to_vec::<i64>()?;
                values.iter().map(|&value| self.whole(value)).collect()
            }
        };
        Ok(vec![Tensor::from_strings(x.shape().to_vec(), made)?])
    }
}

fn truth(value: u8) -> Bytes {
    Bytes::from_static(if value == 0 { b"false" } else { b"true" })
}

impl Format {
    /// What has no sign leaves no room for one.
    fn unsigned(&self, value: u64) -> Bytes {
        let fill = match self.fill {
            Fill::Plus | Fill::Space => Fill::None,
            fill => fill,
        };
        Self { fill, ..*self }.padded("", &value.to_string())
    }

    fn whole(&self, value: i64) -> Bytes {
        let sign = if value < 0 { "-" } else { "" };
        self.padded(sign, &value.unsigned_abs().to_string())
    }

    fn float(&self, value: f64) -> Bytes {
        let sign = if value.is_sign_negative() && !value.is_nan() {
            "-"
        } else {
            ""
        };
        let size = value.abs();
        if value.is_nan() || value.is_infinite() {
            let word = if value.is_nan() { "nan" } else { "inf" };
            // Zeros are digits: they do not fill a word.
            let fill = match self.fill {
                Fill::Zero => Fill::None,
                fill => fill,
            };
            return Self { fill, ..*self }.padded(sign, word);
        }
        let digits = match self.notation {
            Notation::Fixed => format!("{size:.*}", self.precision),
            Notation::Scientific => scientific(size, self.precision).0,
            Notation::Shortest => shortest(size, self.precision.max(1)),
        };
        self.padded(sign, &digits)
    }

    fn padded(&self, sign: &str, digits: &str) -> Bytes {
        let sign = match (sign, self.fill) {
            ("", Fill::Plus) => "+",
            ("", Fill::Space) => " ",
            (sign, _) => sign,
        };
        let missing = self.width.saturating_sub(sign.len() + digits.len());
        Bytes::from(match self.fill {
            Fill::Zero => format!("{sign}{}{digits}", "0".repeat(missing)),
            Fill::Left => format!("{sign}{digits}{}", " ".repeat(missing)),
            _ => format!("{}{sign}{digits}", " ".repeat(missing)),
        })
    }
}

/// With an exponent of at least two digits, and that exponent.
fn scientific(size: f64, precision: usize) -> (String, i32) {
    let made = format!("{size:.precision$e}");
    let (digits, exponent) = made.split_once('e').unwrap_or((&made, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    let power = exponent.unsigned_abs();
    (format!("{digits}e{sign}{power:02}"), exponent)
}

/// As many significant digits as `precision`, without zeros at the end.
fn shortest(size: f64, precision: usize) -> String {
    let (made, exponent) = scientific(size, precision - 1);
    let places = i64::try_from(precision).unwrap_or(i64::MAX) - 1 - i64::from(exponent);
    if exponent >= -4 && places >= 0 {
        let places = usize::try_from(places).unwrap_or(0);
        return without_zeros(&format!("{size:.places$}")).to_owned();
    }
    let (digits, power) = made.split_once('e').unwrap_or((&made, "+00"));
    format!("{}e{power}", without_zeros(digits))
}

fn without_zeros(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Format = Format {
        notation: Notation::Fixed,
        precision: 6,
        width: 0,
        fill: Fill::None,
    };

    /// The answers of TensorFlow 2.21, for every notation and every fill.
    #[test]
    fn numbers_are_written_as_by_tensorflow() {
        let two = Format {
            precision: 2,
            ..PLAIN
        };
        let scientific = Format {
            notation: Notation::Scientific,
            ..PLAIN
        };
        let shortest = Format {
            notation: Notation::Shortest,
            ..PLAIN
        };
        let three = Format {
            precision: 3,
            ..shortest
        };
        let single = f64::from(123_456.79_f32);
        for (value, expected) in [
            (0.1, ["0.100000", "0.10", "1.000000e-01", "0.1", "0.1"]),
            (
                1e10,
                [
                    "10000000000.000000",
                    "10000000000.00",
                    "1.000000e+10",
                    "1e+10",
                    "1e+10",
                ],
            ),
            (1e-7, ["0.000000", "0.00", "1.000000e-07", "1e-07", "1e-07"]),
            (
                single,
                [
                    "123456.789062",
                    "123456.79",
                    "1.234568e+05",
                    "123457",
                    "1.23e+05",
                ],
            ),
            (-0.0, ["-0.000000", "-0.00", "-0.000000e+00", "-0", "-0"]),
            (
                1e5,
                [
                    "100000.000000",
                    "100000.00",
                    "1.000000e+05",
                    "100000",
                    "1e+05",
                ],
            ),
            (3.0, ["3.000000", "3.00", "3.000000e+00", "3", "3"]),
            (f64::INFINITY, ["inf"; 5]),
            (f64::NAN, ["nan"; 5]),
        ] {
            let found = [PLAIN, two, scientific, shortest, three].map(|format| format.float(value));
            assert_eq!(found, expected.map(Bytes::from), "{value}");
        }
    }

    #[test]
    fn widths_are_filled() {
        let fills = [Fill::None, Fill::Zero, Fill::Left, Fill::Plus];
        let at = |width: usize| {
            fills.map(|fill| Format {
                width,
                fill,
                ..PLAIN
            })
        };
        let fives = at(6).map(|format| format.whole(5));
        assert_eq!(
            fives,
            ["     5", "000005", "5     ", "    +5"].map(Bytes::from)
        );
        let negative = at(6).map(|format| format.whole(-3));
        assert_eq!(
            negative,
            ["    -3", "-00003", "-3    ", "    -3"].map(Bytes::from)
        );
        let words = at(8).map(|format| format.float(f64::INFINITY));
        assert_eq!(
            words,
            ["     inf", "     inf", "inf     ", "    +inf"].map(Bytes::from)
        );
        assert_eq!(
            Format {
                fill: Fill::Space,
                ..PLAIN
            }
            .whole(5),
            " 5"
        );
    }
}
