//! Pictures read at places that a grid says: `AffineGrid` and `GridSample`.

use hari_core::Tensor;
use hari_error::{Error, Result};

use super::geometry::pictures;
use crate::Inputs;
use crate::array::ints;
use crate::compile::{Entry, Node};
use crate::convert::of_doubles;
use crate::number::FLOATS;
use crate::rule::{Built, Rule, computed};
use crate::size::{self, sizes};

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("AffineGrid", 20, affine_grid),
    Entry::onnx("GridSample", 16, grid_sample),
];

/// The places of a picture, from -1 to 1, moved by an affine map for each picture.
fn affine_grid(node: &mut Node<'_>) -> Built {
    let corners = node.attributes.flag("align_corners", false)?;
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let (theta, size) = (inputs.tensor(0)?, sizes(&ints(inputs.tensor(1)?)?)?);
        let [batch, _, spatial @ ..] = size.as_slice() else {
            return Err(Error::invalid(
                "the size names batch, channels and spatial axes",
            ));
        };
        let rank = spatial.len();
        if *theta.shape() != [*batch, rank, rank + 1] {
            return Err(Error::invalid(format!(
                "maps of shape {:?} do not fit size {size:?}",
                theta.shape()
            )));
        }
        let shape = [&[*batch], spatial, &[rank]].concat();
        let mut made = Vec::with_capacity(size::count(&shape, hari_core::DataType::Fp64)?);
        let theta_values = theta.to_f64()?;
        let places: usize = spatial.iter().product();
        for map in theta_values.chunks(rank * (rank + 1)) {
            for place in 0..places {
                let mut left = place;
                let mut at: Vec<f64> = spatial
                    .iter()
                    .rev()
                    .map(|&size| {
                        let here = left % size;
                        left /= size;
                        normal(here, size, corners)
                    })
                    .collect();
                at.push(1.0);
                let rows = map.chunks(rank + 1);
                made.extend(rows.map(|row| row.iter().zip(&at).map(|(a, b)| a * b).sum::<f64>()));
            }
        }
        of_doubles(&shape, theta.dtype(), made)
    })
}

/// The place of an element between -1 and 1: of its middle, or so that the outermost lie on them.
fn normal(at: usize, size: usize, corners: bool) -> f64 {
    match corners {
        true => 2.0 * at as f64 / (size as f64 - 1.0) - 1.0,
        false => (2.0 * at as f64 + 1.0) / size as f64 - 1.0,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Nearest,
    Linear,
    Cubic,
}

/// What lies outside of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outside {
    Zeros,
    Border,
    Reflection,
}

struct Sampler {
    mode: Mode,
    outside: Outside,
    corners: bool,
}

fn grid_sample(node: &mut Node<'_>) -> Built {
    let attributes = node.attributes;
    let mode = match attributes.text("mode")?.unwrap_or("linear") {
        "nearest" => Mode::Nearest,
        "linear" | "bilinear" => Mode::Linear,
        "cubic" | "bicubic" => Mode::Cubic,
        other => {
            return Err(Error::model(format!(
                "attribute `mode`: expected nearest, linear or cubic, found `{other}`"
            )));
        }
    };
    let outside = match attributes.text("padding_mode")?.unwrap_or("zeros") {
        "zeros" => Outside::Zeros,
        "border" => Outside::Border,
        "reflection" => Outside::Reflection,
        other => {
            return Err(Error::model(format!(
                "attribute `padding_mode`: expected zeros, border or reflection, found `{other}`"
            )));
        }
    };
    let sampler = Sampler {
        mode,
        outside,
        corners: attributes.flag("align_corners", false)?,
    };
    computed(FLOATS, Rule::Like(0), move |inputs| sampler.run(inputs))
}

impl Sampler {
    fn run(&self, inputs: Inputs<'_>) -> Result<Tensor> {
        let (tensor, grid) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let (batch, channels, sizes) = pictures(tensor)?;
        let rank = sizes.len();
        let (Some(&found), places) = (grid.shape().last(), grid.shape().get(1..rank + 1)) else {
            return Err(Error::invalid("the grid is a scalar"));
        };
        let Some(places) = places.filter(|_| found == rank && grid.rows() == batch) else {
            return Err(Error::invalid(format!(
                "a grid of shape {:?} does not fit pictures of shape {:?}",
                grid.shape(),
                tensor.shape()
            )));
        };
        let shape = [&[batch, channels], places].concat();
        let mut made = Vec::with_capacity(size::count(&shape, hari_core::DataType::Fp64)?);
        let (values, grid) = (tensor.to_f64()?, grid.to_f64()?);
        let count: usize = places.iter().product();
        let plane: usize = sizes.iter().product();
        for item in 0..batch {
            let points = &grid[item * count * rank..(item + 1) * count * rank];
            let taps: Vec<_> = points
                .chunks(rank.max(1))
                .map(|at| self.taps(at, sizes))
                .collect();
            for channel in 0..channels {
                let values = &values[(item * channels + channel) * plane..][..plane];
                let read = |taps: &Vec<(usize, f64)>| {
                    taps.iter()
                        .map(|&(at, weight)| values[at] * weight)
                        .sum::<f64>()
                };
                made.extend(taps.iter().map(read));
            }
        }
        of_doubles(&shape, tensor.dtype(), made)
    }

    /// Elements of a plane with their weights. A grid names the last axis first.
    fn taps(&self, at: &[f64], sizes: &[usize]) -> Vec<(usize, f64)> {
        let mut made = vec![(0, 1.0)];
        for (&x, &size) in at.iter().rev().zip(sizes) {
            let line = self.line(x, size);
            let next = made.iter().flat_map(|&(place, weight)| {
                line.iter()
                    .map(move |&(at, factor)| (place * size + at, weight * factor))
            });
            made = next.collect();
        }
        made
    }

    /// Elements along one axis with their weights.
    fn line(&self, x: f64, size: usize) -> Vec<(usize, f64)> {
        let span = size as f64;
        let x = match self.corners {
            true => (x + 1.0) / 2.0 * (span - 1.0),
            false => ((x + 1.0) * span - 1.0) / 2.0,
        };
        let x = if self.mode == Mode::Nearest {
            x.round_ties_even()
        } else {
            x
        };
        let x = self.inside(x, size);
        let floor = x.floor();
        let part = x - floor;
        let taps: Vec<(f64, f64)> = match self.mode {
            Mode::Nearest => vec![(x, 1.0)],
            Mode::Linear => vec![(floor, 1.0 - part), (floor + 1.0, part)],
            Mode::Cubic => {
                let weight = |step: f64| cubic((part - step).abs());
                (-1..=2)
                    .map(|step| (floor + f64::from(step), weight(f64::from(step))))
                    .collect()
            }
        };
        let real = taps.into_iter().filter_map(|(at, weight)| {
            let at = match self.outside {
                Outside::Zeros => at,
                Outside::Border => at.clamp(0.0, span - 1.0),
                Outside::Reflection => self.reflected(at, size).clamp(0.0, span - 1.0),
            };
            (at >= 0.0 && at < span).then_some((at as usize, weight))
        });
        real.collect()
    }

    /// The place moved into the picture, where the mode moves it.
    fn inside(&self, x: f64, size: usize) -> f64 {
        match self.outside {
            Outside::Zeros => x,
            Outside::Border => x.clamp(0.0, (size as f64 - 1.0).max(0.0)),
            Outside::Reflection => self.reflected(x, size),
        }
    }

    fn reflected(&self, x: f64, size: usize) -> f64 {
        let (low, high) = match self.corners {
            true => (0.0, size as f64 - 1.0),
            false => (-0.5, size as f64 - 0.5),
        };
        let span = high - low;
        if span <= 0.0 || (low..=high).contains(&x) {
            return if span <= 0.0 { 0.0 } else { x };
        }
        let turn = (x - low).rem_euclid(2.0 * span);
        low + turn.min(2.0 * span - turn)
    }
}

/// Keys' cubic convolution.
fn cubic(distance: f64) -> f64 {
    let (a, d) = (-0.75, distance);
    if d <= 1.0 {
        ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
    } else if d < 2.0 {
        a * (((d - 5.0) * d + 8.0) * d - 4.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {

    use crate::testing::{Attr, first, longs, singles};

    #[test]
    fn a_grid_of_all_places_gives_the_picture() {
        let theta = singles(&[1, 2, 3], &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        let grid = first(
            "AffineGrid",
            20,
            &[],
            &[theta.clone(), longs(&[4], &[1, 1, 2, 3])],
        )
        .unwrap();
        assert_eq!(grid.shape(), [1, 2, 3, 2]);
        let x = singles(&[1, 1, 2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        for mode in ["nearest", "linear", "cubic"] {
            let mode = [("mode", Attr::Text(mode))];
            let made = first("GridSample", 20, &mode, &[x.clone(), grid.clone()]).unwrap();
            let pairs = made.to_f64().unwrap().into_iter().zip(x.to_f64().unwrap());
            pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{mode:?}"));
        }
        assert!(first("AffineGrid", 20, &[], &[theta, longs(&[4], &[2, 1, 2, 3])]).is_err());
    }

    #[test]
    fn outside_is_what_the_mode_says() {
        let x = singles(&[1, 1, 1, 2], &[1.0, 3.0]);
        let grid = singles(&[1, 1, 1, 2], &[2.0, 0.0]);
        let of = |mode| {
            let attributes = [
                ("padding_mode", Attr::Text(mode)),
                ("mode", Attr::Text("nearest")),
            ];
            first("GridSample", 20, &attributes, &[x.clone(), grid.clone()]).unwrap()
        };
        assert_eq!(of("zeros").to_f64().unwrap(), [0.0]);
        assert_eq!(of("border").to_f64().unwrap(), [3.0]);
        assert_eq!(of("reflection").to_f64().unwrap(), [3.0]);
    }
}
