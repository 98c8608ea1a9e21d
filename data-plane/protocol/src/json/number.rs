//! One JSON number: scanned once, then made into whichever type is wanted, exactly.

use serde_json::Value;

/// A number as it stands in the text, or one of the words `NaN`, `Infinity` and `-Infinity`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number<'a> {
    text: &'a str,
    /// The digits as one integer, if 64 bits hold them.
    digits: Option<u64>,
    /// The power of ten that `digits` is to be multiplied with.
    exponent: i32,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Integer,
    Decimal,
    Word(f64),
}

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Powers of ten that a single holds exactly.
const SINGLE_POWERS: [f32; 11] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];

/// With fewer digits than this, 64 bits hold any number.
const MAX_SURE: usize = 20;

impl<'a> Number<'a> {
    /// The number that starts at `start` of `text`, if one does.
    #[inline]
    pub(super) fn scan(text: &'a str, start: usize) -> Option<Self> {
        let rest = text.as_bytes().get(start..)?;
        let mut scan = Scan {
            rest,
            at: usize::from(rest.first() == Some(&b'-')),
            value: 0,
        };
        if matches!(scan.peek(), Some(b'N' | b'I')) {
            return Self::word(text.get(start..)?);
        }
        let (mut form, mut exponent) = (Form::Integer, 0);
        let leading_zero = scan.peek() == Some(b'0');
        let mut count = scan.run();
        if count == 0 || (leading_zero && count > 1) {
            return None;
        }
        if scan.peek() == Some(b'.') {
            form = Form::Decimal;
            scan.at += 1;
            let fraction = scan.run();
            if fraction == 0 {
                return None;
            }
            count += fraction;
            exponent = -i32::try_from(fraction).ok()?;
        }
        let digits = if count < MAX_SURE {
            Some(scan.value)
        } else {
            scan.checked()
        };
        if matches!(scan.peek(), Some(b'e' | b'E')) {
            form = Form::Decimal;
            exponent = exponent.saturating_add(scan.exponent()?);
        }
        let text = text.get(start..start + scan.at)?;
        Some(Self {
            text,
            digits,
            exponent,
            form,
        })
    }

    fn word(rest: &'a str) -> Option<Self> {
        const WORDS: [(&str, f64); 3] = [
            ("NaN", f64::NAN),
            ("Infinity", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
        ];
        let (word, value) = WORDS.into_iter().find(|(word, _)| rest.starts_with(word))?;
        let text = rest.get(..word.len())?;
        Some(Self {
            text,
            digits: None,
            exponent: 0,
            form: Form::Word(value),
        })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Whether it was written without a point and without an exponent.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        self.form == Form::Integer
    }

    /// The value, if it was written as an integer and fits.
    #[inline]
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        if self.form != Form::Integer {
            return None;
        }
        let digits = self.digits?;
        if self.is_negative() {
            0_i64.checked_sub_unsigned(digits)
        } else {
            i64::try_from(digits).ok()
        }
    }

    /// The value, if it was written as an integer and fits.
    #[inline]
    #[must_use]
    pub fn to_u64(&self) -> Option<u64> {
        if self.form != Form::Integer || (self.is_negative() && self.digits != Some(0)) {
            return None;
        }
        self.digits
    }

    /// The nearest double; nothing if it is too large for one.
    #[inline]
    #[must_use]
    pub fn to_f64(&self) -> Option<f64> {
        if let Form::Word(value) = self.form {
            return Some(value);
        }
        if let Some(value) = self.exact() {
            return Some(value);
        }
        self.text
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
    }

    /// The nearest single; nothing if it is too large for one.
    #[inline]
    #[must_use]
    pub fn to_f32(&self) -> Option<f32> {
        if let Form::Word(value) = self.form {
            return Some(value as f32);
        }
        if let Some(value) = self.exact_single() {
            return Some(value);
        }
        self.text
            .parse()
            .ok()
            .filter(|value: &f32| value.is_finite())
    }

    /// The value as a node of a tree; nothing for a word or a value out of range.
    #[must_use]
    pub fn to_value(&self) -> Option<Value> {
        if let Some(value) = self.to_u64().filter(|_| !self.is_negative()) {
            return Some(Value::from(value));
        }
        if let Some(value) = self.to_i64().filter(|&value| value != 0) {
            return Some(Value::from(value));
        }
        self.to_f64()
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number)
    }

    /// One multiplication or division of two exact doubles is rounded once, hence right: the fast
    /// path of W. Clinger, "How to read floating point numbers accurately", 1990.
    #[inline]
    fn exact(&self) -> Option<f64> {
        let digits = self.digits.filter(|&digits| digits <= 1 << 53)? as f64;
        let power = *POWERS.get(usize::try_from(self.exponent.unsigned_abs()).ok()?)?;
        let value = if self.exponent < 0 {
            digits / power
        } else {
            digits * power
        };
        Some(if self.is_negative() { -value } else { value })
    }

    /// As [`Number::exact`], with singles.
    #[inline]
    fn exact_single(&self) -> Option<f32> {
        let digits = self.digits.filter(|&digits| digits <= 1 << 24)? as f32;
        let power = usize::try_from(self.exponent.unsigned_abs()).ok()?;
        let power = *SINGLE_POWERS.get(power)?;
        let value = if self.exponent < 0 {
            digits / power
        } else {
            digits * power
        };
        Some(if self.is_negative() { -value } else { value })
    }

    fn is_negative(&self) -> bool {
        self.text.as_bytes().first() == Some(&b'-')
    }
}

struct Scan<'a> {
    rest: &'a [u8],
    at: usize,
    /// The digits so far as one integer, modulo 2^64.
    value: u64,
}

impl Scan<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.rest.get(self.at).copied()
    }

    /// Takes a run of digits; returns how many.
    #[inline]
    fn run(&mut self) -> usize {
        let start = self.at;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            self.value = self
                .value
                .wrapping_mul(10)
                .wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        self.at - start
    }

    /// The digits up to here as one integer, if 64 bits hold them.
    #[cold]
    fn checked(&self) -> Option<u64> {
        let digits = self
            .rest
            .iter()
            .take(self.at)
            .filter(|byte| byte.is_ascii_digit());
        digits
            .map(|digit| u64::from(digit - b'0'))
            .try_fold(0_u64, |all, digit| all.checked_mul(10)?.checked_add(digit))
    }

    fn exponent(&mut self) -> Option<i32> {
        self.at += 1;
        let negative = self.peek() == Some(b'-');
        if matches!(self.peek(), Some(b'-' | b'+')) {
            self.at += 1;
        }
        let start = self.at;
        let mut value = 0_i32;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value
                .saturating_mul(10)
                .saturating_add(i32::from(digit - b'0'));
            self.at += 1;
        }
        if self.at == start {
            return None;
        }
        Some(if negative { -value } else { value })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(text: &str) -> Option<Number<'_>> {
        Number::scan(text, 0).filter(|number| number.text().len() == text.len())
    }

    #[test]
    fn integers_keep_every_bit() {
        assert_eq!(
            scan("-9223372036854775808").unwrap().to_i64(),
            Some(i64::MIN)
        );
        assert_eq!(scan("9223372036854775808").unwrap().to_i64(), None);
        assert_eq!(
            scan("18446744073709551615").unwrap().to_u64(),
            Some(u64::MAX)
        );
        assert_eq!(scan("18446744073709551616").unwrap().to_u64(), None);
        assert_eq!(scan("-1").unwrap().to_u64(), None);
        assert_eq!(scan("1.0").unwrap().to_i64(), None);
    }

    #[test]
    fn the_sign_of_zero_is_kept() {
        let zero = scan("-0").unwrap();
        assert_eq!((zero.to_i64(), zero.to_u64()), (Some(0), Some(0)));
        assert!(zero.to_f64().unwrap().is_sign_negative());
        assert_eq!(zero.to_value(), Some(serde_json::from_str("-0").unwrap()));
    }

    #[test]
    fn what_json_forbids_is_no_number() {
        for bad in [
            "", "-", "01", "-01", "1.", ".5", "1e", "1e+", "+1", "nan", "Inf", "-NaN", "0x1",
        ] {
            assert_eq!(scan(bad), None, "{bad}");
        }
    }

    #[test]
    fn words_and_values_out_of_range() {
        assert!(scan("NaN").unwrap().to_f64().unwrap().is_nan());
        assert_eq!(scan("-Infinity").unwrap().to_f32(), Some(f32::NEG_INFINITY));
        assert_eq!(scan("Infinity").unwrap().to_value(), None);
        assert_eq!(scan("1e999").unwrap().to_f64(), None);
        assert_eq!(scan("1e39").unwrap().to_f32(), None);
        assert_eq!(scan("1e-99999999999").unwrap().to_f64(), Some(0.0));
    }

    proptest! {
        #[test]
        fn a_double_is_read_as_the_standard_library_reads_it(
            digits in any::<i64>(), fraction in "[0-9]{1,20}", exponent in -30_i32..30,
        ) {
            for text in [format!("{digits}.{fraction}"), format!("{digits}e{exponent}")] {
                prop_assert_eq!(scan(&text).unwrap().to_f64(), text.parse().ok());
            }
        }

        #[test]
        fn a_single_is_read_as_the_standard_library_reads_it(
            digits in 0_u32..1 << 25, negative in any::<bool>(), exponent in -14_i32..14,
        ) {
            let sign = if negative { "-" } else { "" };
            let text = format!("{sign}{digits}e{exponent}");
            prop_assert_eq!(scan(&text).unwrap().to_f32(), text.parse().ok());
            let text = format!("{sign}0.{digits}");
            prop_assert_eq!(scan(&text).unwrap().to_f32(), text.parse().ok());
        }

        #[test]
        fn every_double_and_single_comes_back(double in any::<f64>(), single in any::<f32>()) {
            prop_assume!(double.is_finite() && single.is_finite());
            prop_assert_eq!(scan(&format!("{double:?}")).unwrap().to_f64(), Some(double));
            prop_assert_eq!(scan(&format!("{single:?}")).unwrap().to_f32(), Some(single));
        }
    }
}
