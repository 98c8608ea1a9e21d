//! Pooling: the largest, the mean or a norm of each window, and the largest put back.

use hari_core::{DataType, Tensor};
use hari_error::{Error, Result};

use super::geometry::{Axis, Geometry, counts, padded, pictures, windows};
use super::reduce::reduced;
use crate::array::ints;
use crate::cell::taken;
use crate::compile::{Entry, Node};
use crate::convert::of_doubles;
use crate::number::{FLOATS, NUMBERS, Number, by_number, by_real};
use crate::rule::{Built, Rule, computed, computed_many};
use crate::size::{self, index, sizes};

pub(crate) const TABLE: &[Entry] = &[
    Entry::onnx("AveragePool", 1, average_pool),
    Entry::onnx("GlobalAveragePool", 1, |_| global(mean)),
    Entry::onnx("GlobalLpPool", 1, |node| {
        let power = power(node)?;
        global(move |values| norm(values, power))
    }),
    Entry::onnx("GlobalMaxPool", 1, |_| global(largest)),
    Entry::onnx("LpPool", 1, lp_pool),
    Entry::onnx("MaxPool", 1, max_pool),
    Entry::onnx("MaxUnpool", 9, max_unpool),
];

/// The windows of one plane of padded pictures.
struct Planes {
    axes: Vec<Axis>,
    /// Elements of each window, one window after the other, as places in a padded plane.
    places: Vec<usize>,
    /// Elements in a window.
    inside: usize,
}

impl Planes {
    fn new(tensor: &Tensor, geometry: &Geometry) -> Result<Self> {
        let (_, _, sizes) = pictures(tensor)?;
        let kernel = geometry.kernel()?;
        let axes = geometry.axes(sizes, kernel)?;
        let view = windows(&[], &axes);
        size::count(view.shape(), DataType::Uint64)?;
        Ok(Self {
            places: view.offsets().collect(),
            inside: kernel.iter().product(),
            axes,
        })
    }

    /// The shape of what is pooled.
    fn shape(&self, tensor: &Tensor) -> Vec<usize> {
        [&tensor.shape()[..2], counts(&self.axes).as_slice()].concat()
    }

    /// One number for every window of every plane.
    fn pool<T: Number>(
        &self,
        tensor: &Tensor,
        fill: T,
        one: impl Fn(usize, &[T]) -> T,
    ) -> Result<Tensor> {
        let shape = self.shape(tensor);
        let count = size::count(&shape, tensor.dtype())?;
        let fill = Tensor::from_vec([], vec![fill])?;
        let wide = padded(tensor, &self.axes, Some(&fill))?;
        let plane: usize = self.axes.iter().map(Axis::length).product();
        let mut made = Vec::with_capacity(count);
        let mut window = Vec::with_capacity(self.inside);
        for values in wide.values::<T>()?.chunks(plane.max(1)) {
            for (at, places) in self.places.chunks(self.inside.max(1)).enumerate() {
                window.clear();
                window.extend(places.iter().map(|&place| values[place]));
                made.push(one(at, &window));
            }
        }
        Tensor::from_vec(shape, made)
    }

    /// For each place of a padded plane its coordinates; the padding has none.
    fn inner(&self, place: usize) -> Option<Vec<usize>> {
        let mut left = place;
        let mut made = vec![0; self.axes.len()];
        for (at, axis) in self.axes.iter().enumerate().rev() {
            let here = left % axis.length();
            left /= axis.length();
            made[at] = here.checked_sub(axis.before).filter(|&at| at < axis.size)?;
        }
        Some(made)
    }

    /// Whether a place lies in the picture, or in padding that the attributes ask for.
    fn counted(&self, place: usize, padding: bool) -> bool {
        let mut left = place;
        self.axes.iter().rev().all(|axis| {
            let here = left % axis.length();
            left /= axis.length();
            let inside = (axis.before..axis.before + axis.size).contains(&here);
            inside || (padding && here < axis.before + axis.size + axis.after)
        })
    }
}

/// The second output says where each largest element lies in the whole input.
fn max_pool(node: &mut Node<'_>) -> Built {
    let geometry = Geometry::of(node.attributes)?;
    let column_major = node.attributes.flag("storage_order", false)?;
    let wanted = node.outputs.get(1).is_some_and(|name| !name.is_empty());
    let rules = vec![Rule::Like(0), Rule::Is(DataType::Int64)];
    computed_many(NUMBERS, rules, move |inputs| {
        let tensor = inputs.tensor(0)?;
        let planes = Planes::new(tensor, &geometry)?;
        let pooled = by_number!(tensor.dtype(), T => {
            planes.pool(tensor, T::LOWEST, |_, window| largest(window))
        })?;
        let mut made = vec![pooled.into()];
        if wanted {
            made.push(indices(tensor, &planes, column_major)?.into());
        }
        Ok(made)
    })
}

fn indices(tensor: &Tensor, planes: &Planes, column_major: bool) -> Result<Tensor> {
    let (_, _, sizes) = pictures(tensor)?;
    let flat = |place: usize| {
        let at = planes.inner(place)?;
        let step = |sum: usize, (at, size): (&usize, &usize)| sum * size + at;
        let pairs = at.iter().zip(sizes);
        Some(if column_major {
            pairs.rev().fold(0, step)
        } else {
            pairs.fold(0, step)
        })
    };
    let plane: usize = planes.axes.iter().map(Axis::length).product();
    let places: Vec<Option<usize>> = (0..plane).map(flat).collect();
    let size: usize = sizes.iter().product();
    let shape = planes.shape(tensor);
    let mut made = Vec::with_capacity(size::count(&shape, DataType::Int64)?);
    let wide = by_number!(tensor.dtype(), T => {
        let fill = Tensor::from_vec([], vec![T::LOWEST])?;
        padded(tensor, &planes.axes, Some(&fill))
    })?;
    by_number!(tensor.dtype(), T => {
        for (number, values) in wide.values::<T>()?.chunks(plane.max(1)).enumerate() {
            for window in planes.places.chunks(planes.inside.max(1)) {
                let real = window.iter().filter_map(|&place| Some((place, places[place]?)));
                let best = real.reduce(|best, next| {
                    if values[next.0].order(&values[best.0]).is_gt() { next } else { best }
                });
                made.push(best.map_or(-1, |(_, flat)| (number * size + flat) as i64));
            }
        }
        Ok(())
    })?;
    Tensor::from_vec(shape, made)
}

fn average_pool(node: &mut Node<'_>) -> Built {
    let geometry = Geometry::of(node.attributes)?;
    let padding = node.attributes.flag("count_include_pad", false)?;
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let planes = Planes::new(tensor, &geometry)?;
        let windows = planes.places.chunks(planes.inside.max(1));
        let counts = windows.map(|places| {
            places
                .iter()
                .filter(|&&place| planes.counted(place, padding))
                .count() as f64
        });
        let counts: Vec<f64> = counts.collect();
        by_real!(tensor.dtype(), T => planes.pool(tensor, T::default(), |at, window: &[T]| {
            let sum: f64 = window.iter().map(|value| value.double()).sum();
            T::near(sum / counts[at])
        }))
    })
}

fn power(node: &Node<'_>) -> Result<f64> {
    if node.version < 2 {
        return Ok(node.attributes.float_or("p", 2.0)?.into());
    }
    Ok(node.attributes.int_or("p", 2)? as f64)
}

fn lp_pool(node: &mut Node<'_>) -> Built {
    let geometry = Geometry::of(node.attributes)?;
    let power = power(node)?;
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        let planes = Planes::new(tensor, &geometry)?;
        by_real!(tensor.dtype(), T => planes.pool(tensor, T::default(), |_, window: &[T]| {
            let window: Vec<f64> = window.iter().map(|value| value.double()).collect();
            T::near(norm(&window, power))
        }))
    })
}

fn largest<T: Number>(values: &[T]) -> T {
    values
        .iter()
        .fold(T::LOWEST, |most, value| value.larger(most))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn norm(values: &[f64], power: f64) -> f64 {
    let sum: f64 = values.iter().map(|value| value.abs().powf(power)).sum();
    sum.powf(power.recip())
}

/// One number for each plane.
fn global(one: impl Fn(&[f64]) -> f64 + Send + Sync + 'static) -> Built {
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let tensor = inputs.tensor(0)?;
        pictures(tensor)?;
        let wide = Tensor::from_vec(tensor.shape(), tensor.to_f64()?)?;
        let spatial: Vec<usize> = (2..tensor.shape().len()).collect();
        let made = reduced(&wide, &spatial, &one)?;
        of_doubles(made.shape(), tensor.dtype(), made.to_f64()?)
    })
}

/// The tensor with zeros behind every axis up to the size that is wanted.
fn corner(tensor: Tensor, wanted: &[usize]) -> Result<Tensor> {
    let fits = tensor
        .shape()
        .iter()
        .zip(wanted)
        .all(|(size, wanted)| size <= wanted);
    if !fits || wanted.len() != tensor.shape().len() {
        return Err(Error::invalid(format!(
            "shape {:?} does not fit into {wanted:?}",
            tensor.shape()
        )));
    }
    size::count(wanted, tensor.dtype())?;
    let mut made = tensor;
    for (axis, &size) in wanted.iter().enumerate() {
        let found = made.shape()[axis];
        let places: Vec<_> = (0..size)
            .map(|at| Some(at).filter(|&at| at < found))
            .collect();
        made = taken(&made, axis, &places, None)?;
    }
    Ok(made)
}

/// Each element put where its index says, into zeros.
fn max_unpool(node: &mut Node<'_>) -> Built {
    let geometry = Geometry::of(node.attributes)?;
    let attributes = node.attributes;
    let list = |name| Ok::<_, Error>(attributes.ints(name)?.map(<[i64]>::to_vec));
    let (strides, pads) = (list("strides")?, list("pads")?);
    computed(FLOATS, Rule::Like(0), move |inputs| {
        let (tensor, places) = (inputs.tensor(0)?, inputs.tensor(1)?);
        let (batch, channels, small) = pictures(tensor)?;
        let kernel = geometry.kernel()?;
        let large = small
            .iter()
            .zip(kernel)
            .enumerate()
            .map(|(at, (&size, &kernel))| {
                let of = |list: &Option<Vec<i64>>, at: usize, default: i64| {
                    list.as_ref()
                        .and_then(|list| list.get(at).copied())
                        .unwrap_or(default)
                };
                let whole = (size as i64 - 1) * of(&strides, at, 1) + kernel as i64;
                whole - of(&pads, at, 0) - of(&pads, small.len() + at, 0)
            });
        let large = sizes(&large.collect::<Vec<_>>())?;
        let shape = [&[batch, channels], large.as_slice()].concat();
        let count = size::count(&shape, tensor.dtype())?;
        let made = by_real!(tensor.dtype(), T => {
            let mut made = vec![T::default(); count];
            for (&value, place) in tensor.values::<T>()?.iter().zip(ints(places)?) {
                made[index(place, count)?] = value;
            }
            Tensor::from_vec(shape, made)
        })?;
        match inputs.optional(2)? {
            Some(wanted) => corner(made, &sizes(&ints(wanted)?)?),
            None => Ok(made),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Attr, first, longs, run, singles};

    fn counted(shape: &[usize]) -> Tensor {
        let count = shape.iter().product::<usize>();
        singles(shape, &(0..count).map(|at| at as f32).collect::<Vec<_>>())
    }

    fn kernel(size: i64) -> (&'static str, Attr) {
        ("kernel_shape", Attr::Ints(vec![size, size]))
    }

    #[test]
    fn the_largest_and_where_it_lies() {
        let x = counted(&[1, 2, 3, 3]);
        let made = run("MaxPool", 12, &[kernel(2)], std::slice::from_ref(&x)).unwrap();
        let values = made[0].tensor().unwrap().to_vec::<f32>().unwrap();
        assert_eq!(values, [4.0, 5.0, 7.0, 8.0, 13.0, 14.0, 16.0, 17.0]);
        let places = made[1].tensor().unwrap().to_vec::<i64>().unwrap();
        assert_eq!(places, [4, 5, 7, 8, 13, 14, 16, 17]);
        let columns = [kernel(2), ("storage_order", Attr::Int(1))];
        let made = run("MaxPool", 12, &columns, &[x]).unwrap();
        assert_eq!(
            made[1].tensor().unwrap().to_vec::<i64>().unwrap()[..4],
            [4, 7, 5, 8]
        );
    }

    #[test]
    fn padding_never_wins() {
        let x = singles(&[1, 1, 1, 1], &[-5.0]);
        let pads = [kernel(3), ("pads", Attr::Ints(vec![1; 4]))];
        let made = run("MaxPool", 12, &pads, std::slice::from_ref(&x)).unwrap();
        assert_eq!(made[0].tensor().unwrap(), &x);
        assert_eq!(made[1].tensor().unwrap(), &longs(&[1, 1, 1, 1], &[0]));
    }

    #[test]
    fn padding_counts_if_wanted() {
        let x = singles(&[1, 1, 2, 2], &[4.0; 4]);
        let pads = || vec![kernel(2), ("pads", Attr::Ints(vec![1, 1, 0, 0]))];
        let made = first("AveragePool", 11, &pads(), std::slice::from_ref(&x)).unwrap();
        assert_eq!(made, singles(&[1, 1, 2, 2], &[4.0; 4]));
        let mut with = pads();
        with.push(("count_include_pad", Attr::Int(1)));
        let made = first("AveragePool", 11, &with, &[x]).unwrap();
        assert_eq!(made, singles(&[1, 1, 2, 2], &[1.0, 2.0, 2.0, 4.0]));
    }

    #[test]
    fn whole_planes() {
        let x = singles(&[1, 1, 2, 2], &[3.0, 4.0, 0.0, 0.0]);
        let of = |name| {
            first(name, 2, &[], std::slice::from_ref(&x))
                .unwrap()
                .to_vec::<f32>()
                .unwrap()
        };
        assert_eq!(of("GlobalAveragePool"), [1.75]);
        assert_eq!(of("GlobalMaxPool"), [4.0]);
        assert_eq!(of("GlobalLpPool"), [5.0]);
        let made = first("LpPool", 11, &[kernel(2)], &[x]).unwrap();
        assert_eq!(made, singles(&[1, 1, 1, 1], &[5.0]));
    }

    #[test]
    fn what_was_pooled_goes_back() {
        let strides = [kernel(2), ("strides", Attr::Ints(vec![2, 2]))];
        let inputs = [singles(&[1, 1, 1, 1], &[7.0]), longs(&[1, 1, 1, 1], &[2])];
        let made = first("MaxUnpool", 9, &strides, &inputs).unwrap();
        assert_eq!(made, singles(&[1, 1, 2, 2], &[0.0, 0.0, 7.0, 0.0]));
        let outside = [inputs[0].clone(), longs(&[1, 1, 1, 1], &[4])];
        assert!(first("MaxUnpool", 9, &strides, &outside).is_err());
    }
}
