//! Windows over the spatial axes of pictures: kernels, strides, dilations, padding.

use hari_core::Tensor;
use hari_error::{Error, Result};

use crate::attributes::Attributes;
use crate::cell::taken;
use crate::size;
use crate::view::{View, Window};

/// How the attributes say that windows lie, before the sizes are known.
#[derive(Clone, Debug)]
pub(super) struct Geometry {
    kernel: Option<Vec<usize>>,
    strides: Option<Vec<usize>>,
    dilations: Option<Vec<usize>>,
    pads: Option<Vec<usize>>,
    auto: Auto,
    /// Windows that lie only partly inside count too.
    ceil: bool,
}

/// Padding that follows from the sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Auto {
    Explicit,
    None,
    /// As many windows as elements over the stride; an odd element of padding comes last.
    Upper,
    /// The same; the odd one comes first.
    Lower,
}

/// The windows along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    /// Elements of the input.
    pub(super) size: usize,
    pub(super) window: Window,
    /// Padding in front.
    pub(super) before: usize,
    /// Padding behind.
    pub(super) after: usize,
}

impl Axis {
    /// From the first element of a window to behind its last one.
    pub(super) fn extent(&self) -> usize {
        extent(self.window.size, self.window.dilation)
    }

    /// Elements that the windows reach over, padding included.
    pub(super) fn length(&self) -> usize {
        let reached = self.window.count.saturating_sub(1) * self.window.step + self.extent();
        reached.max(self.before + self.size + self.after)
    }
}

fn extent(size: usize, dilation: usize) -> usize {
    size.saturating_sub(1)
        .saturating_mul(dilation)
        .saturating_add(1)
}

impl Geometry {
    pub(super) fn of(attributes: Attributes<'_>) -> Result<Self> {
        let list = |name: &str, least: i64| -> Result<Option<Vec<usize>>> {
            let Some(values) = attributes.ints(name)? else {
                return Ok(None);
            };
            if values
                .iter()
                .any(|&value| !(least..1 << 31).contains(&value))
            {
                return Err(Error::model(format!("attribute `{name}` is {values:?}")));
            }
            size::sizes(values).map(Some)
        };
        let auto = match attributes.text("auto_pad")?.unwrap_or("NOTSET") {
            "NOTSET" | "" => Auto::Explicit,
            "VALID" => Auto::None,
            "SAME_UPPER" => Auto::Upper,
            "SAME_LOWER" => Auto::Lower,
            other => {
                return Err(Error::model(format!(
                    "attribute `auto_pad`: expected NOTSET, VALID, SAME_UPPER or SAME_LOWER, found \
                     `{other}`"
                )));
            }
        };
        Ok(Self {
            kernel: list("kernel_shape", 1)?,
            strides: list("strides", 1)?,
            dilations: list("dilations", 1)?,
            pads: list("pads", 0)?,
            auto,
            ceil: attributes.flag("ceil_mode", false)?,
        })
    }

    pub(super) fn auto(&self) -> Auto {
        self.auto
    }

    /// The size of the window, which an operator without weights must say.
    pub(super) fn kernel(&self) -> Result<&[usize]> {
        let kernel = self.kernel.as_deref();
        kernel.ok_or_else(|| Error::model("attribute `kernel_shape` is missing"))
    }

    /// Windows of `kernel` over pictures of `sizes`.
    pub(super) fn axes(&self, sizes: &[usize], kernel: &[usize]) -> Result<Vec<Axis>> {
        let rank = sizes.len();
        if self.kernel.as_ref().is_some_and(|given| given != kernel) || kernel.len() != rank {
            return Err(Error::invalid(format!(
                "a kernel of {kernel:?} does not fit sizes {sizes:?} or the attribute"
            )));
        }
        (0..rank)
            .map(|at| self.axis(at, rank, sizes[at], kernel[at]))
            .collect()
    }

    fn axis(&self, at: usize, rank: usize, size: usize, kernel: usize) -> Result<Axis> {
        let pick = |list: &Option<Vec<usize>>, at: usize, default: usize, name: &str| match list {
            None => Ok(default),
            Some(list) => list.get(at).copied().ok_or_else(|| {
                Error::model(format!("attribute `{name}` has {} numbers", list.len()))
            }),
        };
        let step = pick(&self.strides, at, 1, "strides")?;
        let dilation = pick(&self.dilations, at, 1, "dilations")?;
        let reach = extent(kernel, dilation);
        let (before, after) = match self.auto {
            Auto::Explicit => (
                pick(&self.pads, at, 0, "pads")?,
                pick(&self.pads, rank + at, 0, "pads")?,
            ),
            Auto::None => (0, 0),
            Auto::Upper | Auto::Lower => {
                let count = size.div_ceil(step);
                let all = (count.saturating_sub(1) * step + reach).saturating_sub(size);
                let less = all / 2;
                if self.auto == Auto::Upper {
                    (less, all - less)
                } else {
                    (all - less, less)
                }
            }
        };
        let room = (size + before + after).checked_sub(reach).ok_or_else(|| {
            Error::invalid(format!(
                "a window of {reach} does not fit {size} elements, padded by {before} and {after}"
            ))
        })?;
        let mut count = if self.ceil {
            room.div_ceil(step)
        } else {
            room / step
        } + 1;
        // A window that begins in the padding behind sees nothing.
        if self.ceil && count > 1 && (count - 1) * step >= size + before {
            count -= 1;
        }
        Ok(Axis {
            size,
            window: Window {
                count,
                step,
                size: kernel,
                dilation,
            },
            before,
            after,
        })
    }
}

/// Batch, channels, and the sizes of the spatial axes.
pub(super) fn pictures(tensor: &Tensor) -> Result<(usize, usize, &[usize])> {
    match tensor.shape() {
        [batch, channels, sizes @ ..] => Ok((*batch, *channels, sizes)),
        other => Err(Error::invalid(format!(
            "expected batch, channels and spatial axes, found shape {other:?}"
        ))),
    }
}

/// The tensor with its last axes padded so that every window lies inside.
pub(super) fn padded(tensor: &Tensor, axes: &[Axis], fill: Option<&Tensor>) -> Result<Tensor> {
    let first = tensor.shape().len() - axes.len();
    let mut shape = tensor.shape().to_vec();
    for (size, axis) in shape.iter_mut().skip(first).zip(axes) {
        *size = axis.length();
    }
    size::count(&shape, tensor.dtype())?;
    let mut made = tensor.clone();
    for (at, axis) in axes.iter().enumerate() {
        if axis.length() != axis.size {
            let place = |at: usize| at.checked_sub(axis.before).filter(|&at| at < axis.size);
            let places: Vec<_> = (0..axis.length()).map(place).collect();
            made = taken(&made, first + at, &places, fill)?;
        }
    }
    Ok(made)
}

/// All windows of padded pictures of `outer` axes and then the spatial ones: the outer axes, the
/// counts of windows, the inside of a window.
pub(super) fn windows(outer: &[usize], axes: &[Axis]) -> View {
    let lengths: Vec<usize> = axes.iter().map(Axis::length).collect();
    let mut view = View::of(&[outer, lengths.as_slice()].concat());
    for (at, axis) in axes.iter().enumerate() {
        view = view.windowed(outer.len() + at, axis.window);
    }
    view
}

/// How many windows there are along each axis.
pub(super) fn counts(axes: &[Axis]) -> Vec<usize> {
    axes.iter().map(|axis| axis.window.count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(auto: Auto, ceil: bool, stride: usize, pads: [usize; 2]) -> Geometry {
        Geometry {
            kernel: None,
            strides: Some(vec![stride]),
            dilations: None,
            pads: Some(pads.to_vec()),
            auto,
            ceil,
        }
    }

    fn axis(geometry: &Geometry, size: usize, kernel: usize) -> (usize, usize, usize) {
        let axis = geometry.axes(&[size], &[kernel]).unwrap()[0];
        (axis.window.count, axis.before, axis.after)
    }

    #[test]
    fn padding_follows_from_the_sizes() {
        let upper = geometry(Auto::Upper, false, 2, [9, 9]);
        assert_eq!(axis(&upper, 5, 2), (3, 0, 1));
        let lower = geometry(Auto::Lower, false, 2, [9, 9]);
        assert_eq!(axis(&lower, 5, 2), (3, 1, 0));
        let none = geometry(Auto::None, false, 2, [9, 9]);
        assert_eq!(axis(&none, 5, 2), (2, 0, 0));
    }

    #[test]
    fn part_of_a_window_counts_only_if_wanted() {
        assert_eq!(axis(&geometry(Auto::Explicit, false, 2, [0, 0]), 4, 3).0, 1);
        assert_eq!(axis(&geometry(Auto::Explicit, true, 2, [0, 0]), 4, 3).0, 2);
        assert_eq!(axis(&geometry(Auto::Explicit, true, 2, [0, 1]), 2, 1).0, 1);
    }

    #[test]
    fn a_window_larger_than_the_picture_is_refused() {
        assert!(
            geometry(Auto::Explicit, false, 1, [0, 0])
                .axes(&[2], &[3])
                .is_err()
        );
        assert!(
            geometry(Auto::Explicit, false, 1, [0, 0])
                .axes(&[2, 2], &[1])
                .is_err()
        );
        assert!(
            geometry(Auto::Explicit, false, 1, [0, 0])
                .axes(&[2, 2], &[1, 1])
                .is_err()
        );
    }
}
