//! `UnicodeScript`: the script that a character is written in, by ICU's numbers.

use hari_core::{DataType, Tensor};
use hari_error::Result;

use crate::compile::Node;
use crate::families::kernel::{Elements, Kernel, operator};
use crate::{Inputs, Operator};

/// Ranges of characters of one script, as `tests/fixtures/make_scripts.py` wrote them: four bytes
/// each, the first character above the lowest byte, which is the script.
const RANGES: &[u8] = include_bytes!("scripts.bin");

struct Script {
    ranges: Vec<u32>,
}

pub(super) fn unicode_script(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    operator(Script::new())
}

impl Script {
    fn new() -> Self {
        let ranges = RANGES.chunks_exact(4).map(|range| match *range {
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        });
        Self {
            ranges: ranges.collect(),
        }
    }

    /// -1 for what is no character.
    fn of(&self, letter: i32) -> i32 {
        let Some(letter) = u32::try_from(letter).ok().filter(|&l| l <= 0x10_ffff) else {
            return -1;
        };
        let after = self.ranges.partition_point(|range| range >> 8 <= letter);
        let range = after.checked_sub(1).and_then(|at| self.ranges.get(at));
        range.map_or(-1, |range| (range & 0xff) as i32)
    }
}

impl Kernel for Script {
    fn outputs(&self, inputs: Elements<'_>) -> Result<Vec<Option<DataType>>> {
        inputs.one_of(0, &[DataType::Int32])?;
        Ok(vec![Some(DataType::Int32)])
    }

    fn compute(&self, inputs: Inputs<'_>) -> Result<Vec<Tensor>> {
        let x = inputs.tensor(0)?;
        let letters = x.values::<i32>()?;
        let scripts = letters.iter().map(|&letter| self.of(letter)).collect();
        Ok(vec![Tensor::from_vec::<i32>(x.shape().to_vec(), scripts)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers of TensorFlow 2.21: Latin, Greek, Han, common, and no characters.
    #[test]
    fn scripts_are_those_of_icu() {
        let script = Script::new();
        let letters = [0x41, 0x3b1, 0x4e00, 0x1f600, -1, 0x11_0000];
        assert_eq!(
            letters.map(|letter| script.of(letter)),
            [25, 14, 17, 0, -1, -1]
        );
    }
}
