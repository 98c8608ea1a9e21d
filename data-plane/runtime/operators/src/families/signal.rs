//! Fourier transforms and windows.

use std::f64::consts::TAU;

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use crate::Inputs;
use crate::array::{int, scalar};
use crate::compile::{Entry, Node};
use crate::constant::data_type;
use crate::convert::of_doubles;
use crate::number::FLOATS;
use crate::rule::{Built, Rule, computed, moved};
use crate::size::{self, axis, sizes};
use crate::view::View;

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("BlackmanWindow", 17, |node| {
        window(node, [0.42, -0.5, 0.08])
    }),
    Entry::onnx("DFT", 17, dft),
    Entry::onnx("HammingWindow", 17, |node| {
        window(node, [25.0 / 46.0, -21.0 / 46.0, 0.0])
    }),
    Entry::onnx("HannWindow", 17, |node| window(node, [0.5, -0.5, 0.0])),
    Entry::onnx("MelWeightMatrix", 17, mel),
    Entry::onnx("STFT", 17, stft),
];

fn output(node: &Node<'_>) -> Result<DataType> {
    let elem = node.attributes.int_or("output_datatype", 1)?;
    i32::try_from(elem).ok().and_then(data_type).ok_or_else(|| {
        Error::model(format!(
            "attribute `output_datatype`: no tensor has element type {elem}"
        ))
    })
}

/// A sum of cosines with these factors.
fn window(node: &mut Node<'_>, factors: [f64; 3]) -> Built {
    let dtype = output(node)?;
    let periodic = node.attributes.flag("periodic", true)?;
    moved(Rule::Is(dtype), move |inputs| {
        let size = sizes(&[int(inputs.tensor(0)?)?])?[0];
        size::count(&[size], DataType::Fp64)?;
        let span = if periodic {
            size
        } else {
            size.saturating_sub(1)
        } as f64;
        let at = |at: usize| {
            let angle = TAU * at as f64 / span;
            let terms = factors.iter().enumerate();
            terms
                .map(|(n, factor)| factor * (angle * n as f64).cos())
                .sum()
        };
        let made: Vec<f64> = match size {
            1 => vec![1.0],
            _ => (0..size).map(at).collect(),
        };
        of_doubles(&[size], dtype, made)
    })
}

/// Complex numbers: real and imaginary part.
type Complex = [f64; 2];

/// The transform of `line` to `bins` numbers, of length `length`; missing elements are zero.
fn transformed(line: &[Complex], length: usize, bins: usize, inverse: bool) -> Vec<Complex> {
    let sign = if inverse { 1.0 } else { -1.0 };
    let turns: Vec<Complex> = (0..length)
        .map(|step| (sign * TAU * step as f64 / length as f64).sin_cos())
        .map(|(sin, cos)| [cos, sin])
        .collect();
    let scale = if inverse {
        (length as f64).recip()
    } else {
        1.0
    };
    let bin = |bin: usize| {
        let mut sum = [0.0; 2];
        for (at, &[re, im]) in line.iter().take(length).enumerate() {
            let [cos, sin] = turns[(at as u128 * bin as u128 % length as u128) as usize];
            sum[0] += re * cos - im * sin;
            sum[1] += re * sin + im * cos;
        }
        sum.map(|part| part * scale)
    };
    (0..bins).map(bin).collect()
}

/// The axis is an attribute before version 20 and an input later.
fn dft(node: &mut Node<'_>) -> Built {
    let inverse = node.attributes.flag("inverse", false)?;
    let onesided = node.attributes.flag("onesided", false)?;
    let old = (node.version < 20).then_some(node.attributes.int_or("axis", 1)?);
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let rank = tensor.shape().len();
        let at = match (old, inputs.optional(2)?) {
            (Some(at), _) => at,
            (None, Some(at)) => int(at)?,
            (None, None) => -2,
        };
        let at = axis(at, rank)?;
        if at + 1 == rank {
            return Err(Error::invalid("the last axis holds complex numbers"));
        }
        let length = inputs.optional(1)?.map(int).transpose()?;
        Transform {
            at,
            inverse,
            onesided,
        }
        .run(tensor, length)
    })
}

struct Transform {
    at: usize,
    inverse: bool,
    onesided: bool,
}

impl Transform {
    fn run(&self, tensor: &Tensor, length: Option<i64>) -> Result<Tensor> {
        let found = tensor.shape()[self.at];
        let back = self.inverse && self.onesided;
        let default = if back {
            2 * found.saturating_sub(1)
        } else {
            found
        };
        let length = length.map_or(Ok(default), |length| Ok::<_, Error>(sizes(&[length])?[0]))?;
        let bins = if self.onesided && !self.inverse {
            length / 2 + 1
        } else {
            length
        };
        let rank = tensor.shape().len();
        let view = View::of(tensor.shape()).moved(self.at, rank - 2);
        let lines = view.copy(tensor)?;
        let parts = if back { 1 } else { 2 };
        let mut shape = lines.shape().to_vec();
        shape[rank - 2] = bins;
        shape[rank - 1] = parts;
        let count = size::count(&shape, DataType::Fp64)?;
        let mut made = Vec::with_capacity(count);
        for line in complex(&lines)?.chunks(found.max(1)) {
            let line = if back {
                mirrored(line, length)
            } else {
                line.to_vec()
            };
            for number in transformed(&line, length, bins, self.inverse) {
                made.extend_from_slice(&number[..parts]);
            }
        }
        let made = of_doubles(&shape, tensor.dtype(), made)?;
        View::of(made.shape()).moved(rank - 2, self.at).copy(&made)
    }
}

/// The other half of a spectrum of real numbers.
fn mirrored(line: &[Complex], length: usize) -> Vec<Complex> {
    let at = |at: usize| match line.get(at) {
        Some(&number) if at <= length / 2 => number,
        _ => line
            .get(length - at)
            .map_or([0.0; 2], |&[re, im]| [re, -im]),
    };
    (0..length).map(at).collect()
}

/// The numbers of the last axis: a real part alone, or both.
fn complex(tensor: &Tensor) -> Result<Vec<Complex>> {
    let values = tensor.to_f64()?;
    match tensor.shape().last() {
        Some(1) => Ok(values.into_iter().map(|re| [re, 0.0]).collect()),
        Some(2) => Ok(values.chunks(2).map(|pair| [pair[0], pair[1]]).collect()),
        _ => Err(Error::invalid(format!(
            "the last axis of shape {:?} is neither 1 nor 2 long",
            tensor.shape()
        ))),
    }
}

/// The transforms of frames of a signal, each through a window.
fn stft(node: &mut Node<'_>) -> Built {
    let onesided = node.attributes.flag("onesided", true)?;
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let signal = inputs.tensor(0)?;
        let &[batch, steps, _] = signal.shape() else {
            return Err(Error::invalid(
                "a signal has batch, time and complex numbers as axes",
            ));
        };
        let (step, length) = frames(inputs, steps)?;
        let window = match inputs.optional(2)? {
            Some(window) => window.to_f64()?,
            None => vec![1.0; length],
        };
        if window.len() != length {
            return Err(Error::invalid(format!(
                "a window of {} for frames of {length}",
                window.len()
            )));
        }
        let count = (steps - length) / step + 1;
        let bins = if onesided { length / 2 + 1 } else { length };
        let shape = [batch, count, bins, 2];
        let mut made = Vec::with_capacity(size::count(&shape, DataType::Fp64)?);
        for signal in complex(signal)?.chunks(steps.max(1)) {
            for frame in 0..count {
                let frame = &signal[frame * step..frame * step + length];
                let frame = frame
                    .iter()
                    .zip(&window)
                    .map(|(&[re, im], w)| [re * w, im * w]);
                let frame: Vec<Complex> = frame.collect();
                made.extend(
                    transformed(&frame, length, bins, false)
                        .into_iter()
                        .flatten(),
                );
            }
        }
        of_doubles(&shape, signal.dtype(), made)
    })
}

/// From one frame to the next, and the length of each.
fn frames(inputs: Inputs<'_>, steps: usize) -> Result<(usize, usize)> {
    let step = sizes(&[int(inputs.tensor(1)?)?])?[0];
    let length = match (inputs.optional(3)?, inputs.optional(2)?) {
        (Some(length), _) => sizes(&[int(length)?])?[0],
        (None, Some(window)) => window.len(),
        (None, None) => steps,
    };
    if step == 0 || length == 0 || length > steps {
        return Err(Error::invalid(format!(
            "frames of {length} every {step} steps do not fit a signal of {steps}"
        )));
    }
    Ok((step, length))
}

/// Weights from the bins of a spectrum to bands of equal width on the mel scale.
fn mel(node: &mut Node<'_>) -> Built {
    let dtype = output(node)?;
    moved(Rule::Is(dtype), move |inputs| {
        let one = |at: usize| scalar(inputs.tensor(at)?);
        let (bands, length, rate) = (one(0)?, one(1)?, one(2)?);
        let (low, high) = (one(3)?, one(4)?);
        let (bands, bins) = (
            bands.max(0.0) as usize,
            (length / 2.0).max(0.0) as usize + 1,
        );
        let count = size::count(&[bins, bands], DataType::Fp64)?;
        let to_mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
        let step = (to_mel(high) - to_mel(low)) / (bands + 2) as f64;
        let edge = |at: usize| {
            let hertz = 700.0 * (10.0_f64.powf((at as f64 * step + to_mel(low)) / 2595.0) - 1.0);
            ((length + 1.0) * hertz / rate).floor() as i64
        };
        let mut made = vec![0.0; count];
        for band in 0..bands {
            let (low, centre, high) = (edge(band), edge(band + 1), edge(band + 2));
            for bin in low..=high.min(bins as i64 - 1) {
                let weight = if bin == centre {
                    1.0
                } else if bin < centre {
                    (bin - low) as f64 / (centre - low) as f64
                } else {
                    (high - bin) as f64 / (high - centre) as f64
                };
                if let Some(place) = usize::try_from(bin)
                    .ok()
                    .and_then(|bin| made.get_mut(bin * bands + band))
                {
                    *place = weight;
                }
            }
        }
        of_doubles(&[bins, bands], dtype, made)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, longs, singles};

    #[test]
    fn there_and_back() {
        let x = singles(&[1, 3, 1], &[1.0, 2.0, 4.0]);
        let there = first("DFT", 20, &[], std::slice::from_ref(&x)).unwrap();
        assert_eq!(there.shape(), [1, 3, 2]);
        let inverse = [("inverse", Attr::Int(1))];
        let back = first("DFT", 20, &inverse, &[there])
            .unwrap()
            .to_f64()
            .unwrap();
        let wanted = [1.0, 0.0, 2.0, 0.0, 4.0, 0.0];
        assert!(
            back.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-5),
            "{back:?}"
        );
        let half = [("onesided", Attr::Int(1))];
        assert_eq!(first("DFT", 20, &half, &[x]).unwrap().shape(), [1, 2, 2]);
    }

    #[test]
    fn frames_of_a_signal() {
        let x = singles(&[1, 4, 1], &[1.0; 4]);
        let inputs = [x, longs(&[], &[2]), singles(&[2], &[1.0, 1.0])];
        let made = first("STFT", 17, &[], &inputs).unwrap();
        assert_eq!(made.shape(), [1, 2, 2, 2]);
        assert_eq!(made.to_f64().unwrap()[0], 2.0);
        let still = [inputs[0].clone(), longs(&[], &[0]), inputs[2].clone()];
        assert!(first("STFT", 17, &[], &still).is_err());
    }

    #[test]
    fn windows_begin_low() {
        let made = first("HannWindow", 17, &[], &[longs(&[], &[4])]).unwrap();
        let made = made.to_f64().unwrap();
        let wanted = [0.0, 0.5, 1.0, 0.5];
        assert!(
            made.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6),
            "{made:?}"
        );
        assert_eq!(transformed(&[], 0, 0, false).len(), 0);
    }
}
