//! `Resize` and `Upsample`: one axis after the other, each new element a weighted sum of old ones.

use hari_core::Tensor;
use hari_error::{Error, Result};

use crate::Inputs;
use crate::array::ints;
use crate::cell::taken;
use crate::compile::{Entry, Node};
use crate::convert::of_doubles;
use crate::number::NUMBERS;
use crate::rule::{Built, Rule, computed};
use crate::size::{self, sizes};
use crate::view::View;

mod coordinate;
mod weights;

use coordinate::{Coordinates, Nearest};
use weights::{Filter, Line, Place};

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("Resize", 10, resize),
    Entry::onnx("Upsample", 7, upsample),
];

/// How elements between the old ones are found.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Nearest(Nearest),
    Linear,
    /// The cubic's coefficient.
    Cubic(f64),
}

/// What the attributes say.
struct Resize {
    mode: Mode,
    coordinates: Coordinates,
    filter: Filter,
    outside: f64,
    axes: Option<Vec<i64>>,
    policy: Policy,
    /// Places of region, scales and sizes among the inputs.
    places: [Option<usize>; 3],
    /// Scales of the oldest version, which are an attribute.
    scales: Option<Vec<f64>>,
}

/// What becomes of sizes that do not keep the proportions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Stretch,
    NotLarger,
    NotSmaller,
}

fn mode(node: &Node<'_>) -> Result<Mode> {
    let attributes = node.attributes;
    match attributes.text("mode")?.unwrap_or("nearest") {
        "nearest" if node.version < 11 => Ok(Mode::Nearest(Nearest::Floor)),
        "nearest" => {
            let how = attributes
                .text("nearest_mode")?
                .unwrap_or("round_prefer_floor");
            Nearest::of(how).map(Mode::Nearest)
        }
        "linear" | "bilinear" => Ok(Mode::Linear),
        "cubic" => {
            let coefficient = attributes.float_or("cubic_coeff_a", -0.75)?;
            Ok(Mode::Cubic(coefficient.into()))
        }
        other => Err(Error::model(format!(
            "attribute `mode`: expected nearest, linear or cubic, found `{other}`"
        ))),
    }
}

fn upsample(node: &mut Node<'_>) -> Built {
    let scales = node.attributes.floats("scales")?;
    Resize {
        mode: match mode(node)? {
            Mode::Nearest(_) => Mode::Nearest(Nearest::Floor),
            other => other,
        },
        coordinates: Coordinates::Asymmetric,
        filter: Filter::default(),
        outside: 0.0,
        axes: None,
        policy: Policy::Stretch,
        places: [None, Some(1), None],
        scales: scales.map(|scales| scales.iter().map(|&scale| scale.into()).collect()),
    }
    .built()
}

fn resize(node: &mut Node<'_>) -> Built {
    let attributes = node.attributes;
    let old = node.version < 11;
    let coordinates = match attributes.text("coordinate_transformation_mode")? {
        Some(name) => Coordinates::of(name)?,
        None if old => Coordinates::Asymmetric,
        None => Coordinates::HalfPixel,
    };
    let policy = match attributes
        .text("keep_aspect_ratio_policy")?
        .unwrap_or("stretch")
    {
        "stretch" => Policy::Stretch,
        "not_larger" => Policy::NotLarger,
        "not_smaller" => Policy::NotSmaller,
        other => {
            return Err(Error::model(format!(
                "attribute `keep_aspect_ratio_policy`: expected stretch, not_larger or \
                 not_smaller, found `{other}`"
            )));
        }
    };
    Resize {
        mode: mode(node)?,
        coordinates,
        filter: Filter {
            antialias: attributes.flag("antialias", false)?,
            exclude_outside: attributes.flag("exclude_outside", false)?,
        },
        outside: attributes.float_or("extrapolation_value", 0.0)?.into(),
        axes: attributes.ints("axes")?.map(<[i64]>::to_vec),
        policy,
        places: match old {
            true => [None, Some(1), None],
            false => [Some(1), Some(2), Some(3)],
        },
        scales: None,
    }
    .built()
}

/// One axis to be resized.
#[derive(Clone, Copy, Debug)]
struct Axis {
    at: usize,
    from: usize,
    to: usize,
    scale: f64,
    /// Where the region begins and ends, as parts of the axis.
    region: (f64, f64),
}

impl Resize {
    fn built(self) -> Built {
        computed(NUMBERS, Rule::Like(0), move |inputs| {
            let tensor = inputs.tensor(0)?;
            let mut made = tensor.clone();
            for axis in self.axes(inputs)? {
                made = self.along(&made, axis)?;
            }
            of_doubles(made.shape(), tensor.dtype(), rounded(&made, tensor)?)
        })
    }

    /// The tensor that an input holds, where an empty one stands for none.
    fn input<'a>(&self, inputs: Inputs<'a>, number: usize) -> Result<Option<&'a Tensor>> {
        let Some(at) = self.places[number] else {
            return Ok(None);
        };
        Ok(inputs.optional(at)?.filter(|tensor| !tensor.is_empty()))
    }

    fn axes(&self, inputs: Inputs<'_>) -> Result<Vec<Axis>> {
        let shape = inputs.tensor(0)?.shape();
        let axes = match &self.axes {
            Some(axes) => size::axes(axes, shape.len())?,
            None => (0..shape.len()).collect(),
        };
        let scales = match &self.scales {
            Some(scales) => Some(scales.clone()),
            None => self.input(inputs, 1)?.map(Tensor::to_f64).transpose()?,
        };
        let wanted = self
            .input(inputs, 2)?
            .map(|list| sizes(&ints(list)?))
            .transpose()?;
        let region = self.input(inputs, 0)?.map(Tensor::to_f64).transpose()?;
        let given = scales
            .as_ref()
            .map(Vec::len)
            .or(wanted.as_ref().map(Vec::len));
        if given != Some(axes.len()) {
            return Err(Error::invalid(format!(
                "expected scales or sizes for {} axes, found {given:?}",
                axes.len()
            )));
        }
        let common = wanted
            .as_ref()
            .and_then(|wanted| self.kept_scale(&axes, shape, wanted));
        let one = |(number, &at): (usize, &usize)| {
            let from = shape[at];
            let start = region
                .as_ref()
                .and_then(|region| region.get(number))
                .copied();
            let end = region
                .as_ref()
                .and_then(|region| region.get(axes.len() + number))
                .copied();
            let region = (start.unwrap_or(0.0), end.unwrap_or(1.0));
            let (to, scale) = match (&wanted, &scales, common) {
                (Some(_), _, Some(scale)) => ((from as f64 * scale).round() as usize, scale),
                (Some(wanted), _, None) => (wanted[number], wanted[number] as f64 / from as f64),
                (None, Some(scales), _) => {
                    (self.length(from, scales[number], region), scales[number])
                }
                (None, None, _) => (from, 1.0),
            };
            if from == 0 || !scale.is_finite() || scale <= 0.0 {
                return Err(Error::invalid(format!(
                    "axis {at} of {from} elements cannot be scaled by {scale}"
                )));
            }
            Ok(Axis {
                at,
                from,
                to,
                scale,
                region,
            })
        };
        axes.iter().enumerate().map(one).collect()
    }

    fn length(&self, from: usize, scale: f64, region: (f64, f64)) -> usize {
        let part = match self.coordinates {
            Coordinates::CropAndResize => region.1 - region.0,
            _ => 1.0,
        };
        // Scales are single precision: a product that should be whole may fall just short of it.
        (from as f64 * part * scale + 1e-6).floor() as usize
    }

    /// One scale for all axes, if the proportions are to be kept.
    fn kept_scale(&self, axes: &[usize], shape: &[usize], wanted: &[usize]) -> Option<f64> {
        let scales = axes
            .iter()
            .zip(wanted)
            .map(|(&at, &to)| to as f64 / shape[at] as f64);
        match self.policy {
            Policy::Stretch => None,
            Policy::NotLarger => scales.reduce(f64::min),
            Policy::NotSmaller => scales.reduce(f64::max),
        }
    }

    fn along(&self, tensor: &Tensor, axis: Axis) -> Result<Tensor> {
        let mut shape = tensor.shape().to_vec();
        shape[axis.at] = axis.to;
        size::count(&shape, hari_core::DataType::Fp64)?;
        if axis.from == axis.to && axis.scale == 1.0 && axis.region == (0.0, 1.0) {
            return Ok(tensor.clone());
        }
        let lines: Vec<Line> = (0..axis.to).map(|at| self.line(at, axis)).collect();
        if let Some(places) = lines.iter().map(Line::copied).collect::<Option<Vec<_>>>() {
            return taken(tensor, axis.at, &places, None);
        }
        let values = tensor.to_f64()?;
        let inner: usize = tensor.shape().iter().skip(axis.at + 1).product();
        let mut made = vec![0.0; shape.iter().product()];
        let olds = values.chunks((axis.from * inner).max(1));
        for (new, old) in made.chunks_mut((axis.to * inner).max(1)).zip(olds) {
            for (line, row) in lines.iter().zip(new.chunks_mut(inner.max(1))) {
                line.add(old, inner, row);
            }
        }
        Tensor::from_vec(shape, made)
    }

    /// What the new element at `at` is made of.
    fn line(&self, at: usize, axis: Axis) -> Line {
        let x = self.coordinates.old(at, axis);
        if self.coordinates == Coordinates::CropAndResize
            && !(0.0..=(axis.from - 1) as f64).contains(&x)
        {
            return Line::fixed(self.outside);
        }
        let (size, scale) = (axis.from, axis.scale);
        let place = Place { x, size, scale };
        match self.mode {
            Mode::Nearest(nearest) => Line::at(nearest.place(x, axis.from)),
            Mode::Linear => self.filter.linear(place),
            Mode::Cubic(coefficient) => self.filter.cubic(place, coefficient),
        }
    }
}

/// Integers are rounded, not cut.
fn rounded(made: &Tensor, like: &Tensor) -> Result<Vec<f64>> {
    let mut values = View::of(made.shape()).copy(made)?.to_f64()?;
    if like.dtype().is_integer() {
        values
            .iter_mut()
            .for_each(|value| *value = value.round_ties_even());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, longs, run_some, singles};

    fn resized(attributes: &[(&str, Attr)], x: Tensor, scales: &[f32]) -> Result<Tensor> {
        let scales = singles(&[scales.len()], scales);
        let inputs = [Some(x), None, Some(scales)];
        run_some("Resize", 19, attributes, &inputs)?
            .remove(0)
            .into_tensor()
    }

    #[test]
    fn each_element_is_doubled() {
        let x = longs(&[2, 2], &[1, 2, 3, 4]);
        let made = resized(&[], x.clone(), &[1.0, 2.0]).unwrap();
        assert_eq!(made, longs(&[2, 4], &[1, 1, 2, 2, 3, 3, 4, 4]));
        let old = first("Upsample", 9, &[], &[x, singles(&[2], &[1.0, 2.0])]).unwrap();
        assert_eq!(old, made);
    }

    #[test]
    fn elements_between_are_means() {
        let x = singles(&[2], &[0.0, 4.0]);
        let linear = [("mode", Attr::Text("linear"))];
        let made = resized(&linear, x.clone(), &[2.0]).unwrap();
        assert_eq!(made, singles(&[4], &[0.0, 1.0, 3.0, 4.0]));
        let corners = [
            ("mode", Attr::Text("linear")),
            (
                "coordinate_transformation_mode",
                Attr::Text("align_corners"),
            ),
        ];
        let inputs = [Some(x), None, None, Some(longs(&[1], &[3]))];
        let made = run_some("Resize", 19, &corners, &inputs).unwrap();
        assert_eq!(made[0].tensor().unwrap(), &singles(&[3], &[0.0, 2.0, 4.0]));
    }

    #[test]
    fn proportions_are_kept_if_wanted() {
        let x = singles(&[2, 4], &[0.0; 8]);
        let sizes = longs(&[2], &[4, 4]);
        let inputs = [Some(x), None, None, Some(sizes)];
        let made = |policy| {
            let attributes = [("keep_aspect_ratio_policy", Attr::Text(policy))];
            let made = run_some("Resize", 19, &attributes, &inputs).unwrap();
            made[0].tensor().unwrap().shape().to_vec()
        };
        assert_eq!(made("not_larger"), [2, 4]);
        assert_eq!(made("not_smaller"), [4, 8]);
    }

    #[test]
    fn impossible_scales_are_refused() {
        let x = singles(&[2], &[0.0, 4.0]);
        for bad in [f32::NAN, 0.0, -1.0, 1e12] {
            assert!(resized(&[], x.clone(), &[bad]).is_err(), "{bad}");
        }
        assert!(resized(&[], x, &[1.0, 1.0]).is_err());
    }
}
