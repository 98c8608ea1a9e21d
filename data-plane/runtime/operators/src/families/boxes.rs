//! Boxes in pictures: `NonMaxSuppression` and `RoiAlign`.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::geometry::pictures;
use crate::Inputs;
use crate::array::{ints, scalar};
use crate::compile::{Entry, Node};
use crate::convert::of_doubles;
use crate::number::FLOATS;
use crate::rule::{Built, Rule, computed};
use crate::size::{self, index};

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("NonMaxSuppression", 10, suppression),
    Entry::onnx("RoiAlign", 10, roi_align),
];

/// Of boxes that overlap too much only the one with the best score, by picture and class.
fn suppression(node: &mut Node<'_>) -> Built {
    let centred = node.attributes.flag("center_point_box", false)?;
    computed(FLOATS, Rule::Is(DataType::Int64), move |inputs| {
        let (boxes, scores) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let (&[batch, count, 4], &[scored, classes, found]) = (boxes.shape(), scores.shape())
        else {
            return Err(Error::invalid(
                "expected boxes [n, k, 4] and scores [n, classes, k]",
            ));
        };
        if (scored, found) != (batch, count) {
            return Err(Error::invalid(format!(
                "scores of shape {:?} do not fit boxes of shape {:?}",
                scores.shape(),
                boxes.shape()
            )));
        }
        let one = |at: usize| inputs.optional(at)?.map(scalar).transpose();
        let (most, overlap, least) = (one(2)?.unwrap_or(0.0), one(3)?.unwrap_or(0.0), one(4)?);
        let boxes: Vec<Area> = boxes
            .to_f64()?
            .chunks(4)
            .map(|b| Area::of(b, centred))
            .collect();
        let scores = scores.to_f64()?;
        let mut made = Vec::new();
        for (number, scores) in scores.chunks(count.max(1)).enumerate() {
            let (item, class) = (number / classes, number % classes);
            let boxes = &boxes[item * count..(item + 1) * count];
            let kept = kept(boxes, scores, most as usize, (overlap, least));
            for at in kept {
                made.extend([item as i64, class as i64, at as i64]);
            }
        }
        Tensor::from_vec([made.len() / 3, 3], made)
    })
}

/// A box by its corners.
#[derive(Clone, Copy, Debug)]
struct Area {
    low: [f64; 2],
    high: [f64; 2],
}

impl Area {
    /// Two opposite corners, y first, or the centre with x first and the sizes.
    fn of(numbers: &[f64], centred: bool) -> Self {
        let &[a, b, c, d] = numbers else {
            return Self {
                low: [0.0; 2],
                high: [0.0; 2],
            };
        };
        let (from, to) = if centred {
            ([b - d / 2.0, a - c / 2.0], [b + d / 2.0, a + c / 2.0])
        } else {
            ([a, b], [c, d])
        };
        Self {
            low: [from[0].min(to[0]), from[1].min(to[1])],
            high: [from[0].max(to[0]), from[1].max(to[1])],
        }
    }

    fn size(self) -> f64 {
        (self.high[0] - self.low[0]) * (self.high[1] - self.low[1])
    }

    /// What both cover over what either covers.
    fn overlap(self, other: Self) -> f64 {
        let side = |at: usize| {
            (self.high[at].min(other.high[at]) - self.low[at].max(other.low[at])).max(0.0)
        };
        let both = side(0) * side(1);
        let either = self.size() + other.size() - both;
        if either > 0.0 { both / either } else { 0.0 }
    }
}

fn kept(
    boxes: &[Area],
    scores: &[f64],
    most: usize,
    (overlap, least): (f64, Option<f64>),
) -> Vec<usize> {
    let good = |&at: &usize| least.is_none_or(|least| scores[at] > least);
    let mut order: Vec<usize> = (0..scores.len()).filter(good).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut kept: Vec<usize> = Vec::new();
    for at in order {
        if kept.len() >= most {
            break;
        }
        if kept
            .iter()
            .all(|&other| boxes[at].overlap(boxes[other]) <= overlap)
        {
            kept.push(at);
        }
    }
    kept
}

/// What the attributes of `RoiAlign` say.
struct Align {
    size: [usize; 2],
    samples: usize,
    scale: f64,
    shift: f64,
    largest: bool,
}

fn roi_align(node: &mut Node<'_>) -> Built {
    let attributes = node.attributes;
    let size = |name: &str, default: i64| {
        let size = attributes.int_or(name, default)?;
        usize::try_from(size).map_err(|_| Error::model(format!("attribute `{name}` is negative")))
    };
    let old = if node.version < 16 {
        "output_half_pixel"
    } else {
        "half_pixel"
    };
    let how = attributes
        .text("coordinate_transformation_mode")?
        .unwrap_or(old);
    let align = Align {
        size: [size("output_height", 1)?, size("output_width", 1)?],
        samples: size("sampling_ratio", 0)?,
        scale: attributes.float_or("spatial_scale", 1.0)?.into(),
        shift: if how == "half_pixel" { 0.5 } else { 0.0 },
        largest: attributes.text("mode")? == Some("max"),
    };
    computed(FLOATS, Rule::Like(0), move |inputs| align.run(inputs))
}

impl Align {
    fn run(&self, inputs: Inputs<'_>) -> Result<Tensor> {
        let (tensor, rois) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let (batch, channels, &[height, width]) = pictures(tensor)? else {
            return Err(Error::invalid("expected pictures of two spatial axes"));
        };
        let items = ints(inputs.tensor(2)?)?;
        if *rois.shape() != [items.len(), 4] {
            return Err(Error::invalid(format!(
                "regions of shape {:?} for {} pictures",
                rois.shape(),
                items.len()
            )));
        }
        let shape = [items.len(), channels, self.size[0], self.size[1]];
        let mut made = Vec::with_capacity(size::count(&shape, DataType::Fp64)?);
        let values = tensor.to_f64()?;
        let plane = height * width;
        for (roi, &item) in rois.to_f64()?.chunks(4).zip(&items) {
            let item = index(item, batch)?;
            for channel in 0..channels {
                let plane_of = &values[(item * channels + channel) * plane..][..plane];
                self.region(plane_of, [height, width], roi, &mut made)?;
            }
        }
        of_doubles(&shape, tensor.dtype(), made)
    }

    /// All bins of a region of one plane.
    fn region(
        &self,
        plane: &[f64],
        sizes: [usize; 2],
        roi: &[f64],
        made: &mut Vec<f64>,
    ) -> Result<()> {
        let &[x1, y1, x2, y2] = roi else {
            return Err(Error::internal("a region has four numbers"));
        };
        let place = |x: f64| x * self.scale - self.shift;
        let start = [place(y1), place(x1)];
        let least = if self.shift == 0.0 {
            1.0
        } else {
            f64::NEG_INFINITY
        };
        let span = [
            (place(y2) - start[0]).max(least),
            (place(x2) - start[1]).max(least),
        ];
        let bin = [span[0] / self.size[0] as f64, span[1] / self.size[1] as f64];
        let samples = bin.map(|bin| match self.samples {
            0 => bin.ceil().max(0.0) as usize,
            samples => samples,
        });
        size::count(
            &[samples[0], samples[1], self.size[0], self.size[1]],
            DataType::Fp64,
        )?;
        for row in 0..self.size[0] {
            for column in 0..self.size[1] {
                let at = |axis: usize, bin_at: usize, step: usize| {
                    let part = (step as f64 + 0.5) / samples[axis] as f64;
                    start[axis] + (bin_at as f64 + part) * bin[axis]
                };
                let points = (0..samples[0]).flat_map(|i| (0..samples[1]).map(move |j| (i, j)));
                let found =
                    points.map(|(i, j)| taps(plane, sizes, at(0, row, i), at(1, column, j)));
                made.push(if self.largest {
                    let best = |taps: [f64; 4]| taps.into_iter().fold(f64::NEG_INFINITY, f64::max);
                    found.map(best).reduce(f64::max).unwrap_or(0.0)
                } else {
                    let sum: f64 = found.map(|taps| taps.iter().sum::<f64>()).sum();
                    sum / (samples[0] * samples[1]).max(1) as f64
                });
            }
        }
        Ok(())
    }
}

/// The four elements around a place, each with its weight; zeros outside of the picture.
fn taps(plane: &[f64], [height, width]: [usize; 2], y: f64, x: f64) -> [f64; 4] {
    if y < -1.0 || y > height as f64 || x < -1.0 || x > width as f64 {
        return [0.0; 4];
    }
    let line = |x: f64, size: usize| {
        let x = x.clamp(0.0, (size - 1) as f64);
        let low = x as usize;
        (low, (low + 1).min(size - 1), x - low as f64)
    };
    let ((y0, y1, dy), (x0, x1, dx)) = (line(y, height), line(x, width));
    [
        plane[y0 * width + x0] * (1.0 - dy) * (1.0 - dx),
        plane[y0 * width + x1] * (1.0 - dy) * dx,
        plane[y1 * width + x0] * dy * (1.0 - dx),
        plane[y1 * width + x1] * dy * dx,
    ]
}

#[cfg(test)]
mod tests {
    use crate::testing::{Attr, first, longs, singles};

    #[test]
    fn a_box_that_overlaps_a_better_one_goes() {
        let boxes = singles(
            &[1, 3, 4],
            &[0.0, 0.0, 1.0, 1.0, 0.0, 0.1, 1.0, 1.1, 5.0, 5.0, 6.0, 6.0],
        );
        let scores = singles(&[1, 1, 3], &[0.8, 0.9, 0.3]);
        let one = |value| singles(&[1], &[value]);
        let run = |most, least| {
            let inputs = [
                boxes.clone(),
                scores.clone(),
                longs(&[1], &[most]),
                one(0.5),
                one(least),
            ];
            first("NonMaxSuppression", 11, &[], &inputs).unwrap()
        };
        assert_eq!(run(9, 0.0), longs(&[2, 3], &[0, 0, 1, 0, 0, 2]));
        assert_eq!(run(9, 0.5), longs(&[1, 3], &[0, 0, 1]));
        assert_eq!(run(0, 0.0), longs(&[0, 3], &[]));
    }

    #[test]
    fn a_region_is_a_mean_of_samples() {
        let x = singles(&[1, 1, 2, 2], &[1.0, 2.0, 3.0, 4.0]);
        let rois = singles(&[1, 4], &[0.0, 0.0, 2.0, 2.0]);
        let made = first(
            "RoiAlign",
            16,
            &[],
            &[x.clone(), rois.clone(), longs(&[1], &[0])],
        )
        .unwrap();
        assert_eq!(made, singles(&[1, 1, 1, 1], &[2.5]));
        let max = [("mode", Attr::Text("max"))];
        assert!(first("RoiAlign", 16, &max, &[x, rois, longs(&[1], &[1])]).is_err());
    }
}
