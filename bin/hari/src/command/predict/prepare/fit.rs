//! A picture in the shape, type and range that a model asks for.

use hari_core::{DataType, Dim, NamedTensor, Tensor, TensorSpec};
use hari_error::{Error, Result};

use crate::command::predict::input::picture::Picture;

/// A picture that a model can take.
pub(super) struct Fitted {
    pub(super) tensor: NamedTensor,
    /// As it is sent.
    pub(super) picture: Picture,
    pub(super) notes: Vec<String>,
}

/// How pixels lie in a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Height, width, channels; also flat, or without the channels if there is but one.
    ChannelsLast,
    ChannelsFirst,
}

/// What a model asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layout {
    width: usize,
    height: usize,
    channels: usize,
    order: Order,
    shape: Vec<usize>,
}

/// Brings `picture` into the form of `spec`; without one it goes as one row of its own shape.
///
/// # Errors
/// If the shape is no picture's, or the model takes other than numbers.
pub(super) fn fit(picture: &Picture, spec: Option<&TensorSpec>, raw: bool) -> Result<Fitted> {
    let dims = spec.and_then(|spec| spec.shape.as_deref());
    let layout = match (spec, dims) {
        (Some(spec), Some(dims)) => layout(picture, dims).ok_or_else(|| no_picture(spec))?,
        _ => own(picture),
    };
    let mut notes = Vec::new();
    if dims.is_none() {
        let shape = &layout.shape;
        notes.push(format!(
            "the server does not say which shape the model takes: sent as {shape:?}"
        ));
    }
    let picture = converted(picture, &layout, &mut notes);
    let dtype = spec.map_or(DataType::Fp32, |spec| spec.dtype);
    let name = spec.map_or("", |spec| &spec.name);
    let tensor = tensor(&picture, &layout, dtype, raw)
        .map_err(|error| error.context(format!("input `{name}`")))?;
    Ok(Fitted {
        tensor: NamedTensor::new(name, tensor),
        picture,
        notes,
    })
}

fn no_picture(spec: &TensorSpec) -> Error {
    Error::invalid(format!(
        "the model takes {spec}, which is no picture's shape; send it with --json or --npy"
    ))
}

/// The shape of the picture itself.
fn own(picture: &Picture) -> Layout {
    let Picture {
        width,
        height,
        channels,
        ..
    } = *picture;
    let shape = vec![1, height, width, channels];
    Layout {
        width,
        height,
        channels,
        order: Order::ChannelsLast,
        shape,
    }
}

fn layout(picture: &Picture, dims: &[Dim]) -> Option<Layout> {
    match dims {
        [_, a, b, c] => spatial(picture, [a, b, c]).map(Layout::in_a_row),
        [a @ Dim::Fixed(_), b, c] if is_channels(c) || is_channels(a) => {
            spatial(picture, [a, b, c])
        }
        [_, height, width] => Some(gray(picture, height, width).in_a_row()),
        [Dim::Dynamic(_) | Dim::Fixed(1), Dim::Fixed(count)] => flat(*count).map(Layout::in_a_row),
        [height, width] => Some(gray(picture, height, width)),
        [Dim::Fixed(count)] => flat(*count),
        _ => None,
    }
}

fn is_channels(dim: &Dim) -> bool {
    matches!(dim, Dim::Fixed(1 | 3))
}

/// The size, or the picture's own if any will do.
fn size(dim: &Dim, own: usize) -> usize {
    if let Dim::Fixed(size) = dim {
        *size
    } else {
        own
    }
}

fn spatial(picture: &Picture, [a, b, c]: [&Dim; 3]) -> Option<Layout> {
    let sized =
        |height: &Dim, width: &Dim| (size(height, picture.height), size(width, picture.width));
    if let Dim::Fixed(channels @ (1 | 3)) = *c {
        let (height, width) = sized(a, b);
        let shape = vec![height, width, channels];
        return Some(Layout {
            width,
            height,
            channels,
            order: Order::ChannelsLast,
            shape,
        });
    }
    let Dim::Fixed(channels @ (1 | 3)) = *a else {
        return None;
    };
    let (height, width) = sized(b, c);
    let shape = vec![channels, height, width];
    Some(Layout {
        width,
        height,
        channels,
        order: Order::ChannelsFirst,
        shape,
    })
}

fn gray(picture: &Picture, height: &Dim, width: &Dim) -> Layout {
    let (height, width) = (size(height, picture.height), size(width, picture.width));
    let shape = vec![height, width];
    Layout {
        width,
        height,
        channels: 1,
        order: Order::ChannelsLast,
        shape,
    }
}

/// A square in one line: gray, else colour.
fn flat(count: usize) -> Option<Layout> {
    let square = |pixels: usize, channels: usize| {
        let side = pixels.isqrt();
        (side > 0 && side * side == pixels).then(|| Layout {
            width: side,
            height: side,
            channels,
            order: Order::ChannelsLast,
            shape: vec![count],
        })
    };
    square(count, 1).or_else(|| square(count / 3, 3).filter(|_| count.is_multiple_of(3)))
}

impl Layout {
    /// The same with a dimension for rows in front.
    fn in_a_row(mut self) -> Self {
        self.shape.insert(0, 1);
        self
    }
}

fn converted(picture: &Picture, layout: &Layout, notes: &mut Vec<String>) -> Picture {
    let mut picture = picture.clone();
    if layout.channels == 1 && picture.channels == 3 {
        picture = picture.gray();
    } else if layout.channels == 3 {
        picture = picture.colour();
    }
    if (picture.width, picture.height) != (layout.width, layout.height) {
        notes.push(format!(
            "picture resized from {} x {} to {} x {}",
            picture.width, picture.height, layout.width, layout.height
        ));
        picture = picture.resized(layout.width, layout.height);
    }
    picture
}

/// Floats from 0 to 1, unless they are wanted raw; integers from 0 to 255.
fn tensor(picture: &Picture, layout: &Layout, dtype: DataType, raw: bool) -> Result<Tensor> {
    let pixels = match layout.order {
        Order::ChannelsLast => picture.pixels.clone(),
        Order::ChannelsFirst => planes(picture),
    };
    if !dtype.is_numeric() {
        return Err(Error::invalid(format!(
            "expected numbers, found {dtype}: send it with --json"
        )));
    }
    if !dtype.is_float() || raw {
        return Tensor::from_vec(layout.shape.clone(), pixels)?.cast(dtype);
    }
    let scaled: Vec<f32> = pixels
        .iter()
        .map(|&pixel| f32::from(pixel) / 255.0)
        .collect();
    let tensor = Tensor::from_vec(layout.shape.clone(), scaled)?;
    if dtype == DataType::Fp32 {
        Ok(tensor)
    } else {
        tensor.cast(dtype)
    }
}

/// All of the first channel, then all of the next.
fn planes(picture: &Picture) -> Vec<u8> {
    let plane = |channel| {
        picture
            .pixels
            .iter()
            .skip(channel)
            .step_by(picture.channels)
            .copied()
    };
    (0..picture.channels).flat_map(plane).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(dtype: DataType, dims: &[i64]) -> TensorSpec {
        let dim = |&dim: &i64| usize::try_from(dim).map_or(Dim::Dynamic(None), Dim::Fixed);
        TensorSpec {
            name: "image".into(),
            dtype,
            shape: Some(dims.iter().map(dim).collect()),
        }
    }

    fn colour(width: usize, height: usize) -> Picture {
        let pixels = (0..width * height).flat_map(|_| [255, 0, 51]).collect();
        Picture {
            width,
            height,
            channels: 3,
            pixels,
        }
    }

    fn shape(picture: &Picture, dims: &[i64]) -> Vec<usize> {
        let fitted = fit(picture, Some(&spec(DataType::Fp32, dims)), false).unwrap();
        fitted.tensor.tensor.shape().to_vec()
    }

    #[test]
    fn the_shape_is_the_models() {
        for (dims, expected) in [
            (&[-1, 28, 28, 1][..], &[1, 28, 28, 1][..]),
            (&[-1, 1, 28, 28], &[1, 1, 28, 28]),
            (&[-1, 3, 8, 8], &[1, 3, 8, 8]),
            (&[-1, -1, -1, 3], &[1, 5, 6, 3]),
            (&[-1, 28, 28], &[1, 28, 28]),
            (&[28, 28, 1], &[28, 28, 1]),
            (&[3, 8, 8], &[3, 8, 8]),
            (&[-1, 784], &[1, 784]),
            (&[-1, 192], &[1, 192]),
            (&[784], &[784]),
            (&[28, 28], &[28, 28]),
        ] {
            assert_eq!(shape(&colour(6, 5), dims), expected, "{dims:?}");
        }
    }

    #[test]
    fn what_is_no_picture_is_refused_with_its_shape() {
        for dims in [&[-1, 4, 5, 6][..], &[-1, 7], &[-1, 1, 2, 3, 4], &[-1]] {
            let error = fit(&colour(6, 5), Some(&spec(DataType::Fp32, dims)), false)
                .err()
                .unwrap();
            assert!(
                error.message().contains("no picture's shape"),
                "{dims:?}: {error}"
            );
        }
        let error = fit(
            &colour(1, 1),
            Some(&spec(DataType::Bytes, &[-1, 1, 1, 3])),
            false,
        );
        assert!(error.err().unwrap().message().contains("found BYTES"));
    }

    #[test]
    fn floats_are_zero_to_one_and_integers_are_bytes() {
        let values = |dtype, raw| {
            let fitted = fit(&colour(1, 1), Some(&spec(dtype, &[-1, 1, 1, 3])), raw).unwrap();
            fitted.tensor.tensor.to_f64().unwrap()
        };
        let close = |found: Vec<f64>, expected: [f64; 3]| {
            found
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-3)
        };
        assert!(close(values(DataType::Fp32, false), [1.0, 0.0, 0.2]));
        assert!(close(values(DataType::Fp64, false), [1.0, 0.0, 0.2]));
        assert_eq!(values(DataType::Uint8, false), [255.0, 0.0, 51.0]);
        assert_eq!(values(DataType::Fp32, true), [255.0, 0.0, 51.0]);
    }

    #[test]
    fn channels_first_are_planes() {
        let spec = spec(DataType::Uint8, &[-1, 3, 1, 2]);
        let fitted = fit(&colour(2, 1), Some(&spec), false).unwrap();
        assert_eq!(
            fitted.tensor.tensor.to_f64().unwrap(),
            [255.0, 255.0, 0.0, 0.0, 51.0, 51.0]
        );
    }

    #[test]
    fn what_is_changed_is_noted() {
        let fitted = fit(
            &colour(6, 5),
            Some(&spec(DataType::Fp32, &[-1, 28, 28, 1])),
            false,
        );
        assert_eq!(
            fitted.unwrap().notes,
            ["picture resized from 6 x 5 to 28 x 28"]
        );
        let fitted = fit(&colour(6, 5), None, false).unwrap();
        assert_eq!(fitted.tensor.tensor.shape(), [1, 5, 6, 3]);
        assert!(fitted.notes[0].contains("[1, 5, 6, 3]"));
    }
}
