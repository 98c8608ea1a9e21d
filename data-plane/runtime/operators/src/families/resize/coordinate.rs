//! From the place of a new element to a place among the old ones.

use hari_error::{Error, Result};

use super::Axis;

/// How new places stand to old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    TfHalfPixel,
    AlignCorners,
    Asymmetric,
    CropAndResize,
}

impl Coordinates {
    pub(super) fn of(name: &str) -> Result<Self> {
        match name {
            "half_pixel" => Ok(Self::HalfPixel),
            "half_pixel_symmetric" => Ok(Self::HalfPixelSymmetric),
            "pytorch_half_pixel" => Ok(Self::PytorchHalfPixel),
            "tf_half_pixel_for_nn" => Ok(Self::TfHalfPixel),
            "align_corners" => Ok(Self::AlignCorners),
            "asymmetric" => Ok(Self::Asymmetric),
            "tf_crop_and_resize" => Ok(Self::CropAndResize),
            other => Err(Error::model(format!(
                "attribute `coordinate_transformation_mode`: `{other}` is not known"
            ))),
        }
    }

    /// The place among the old elements, which may lie between them or outside.
    pub(super) fn old(self, at: usize, axis: Axis) -> f64 {
        let x = at as f64;
        let (from, to, scale) = (axis.from as f64, axis.to as f64, axis.scale);
        match self {
            Self::HalfPixel => (x + 0.5) / scale - 0.5,
            Self::HalfPixelSymmetric => {
                // The new length may be cut; what is cut off is shared out to both ends.
                let adjustment = to / (scale * from);
                let offset = from / 2.0 * (1.0 - adjustment);
                offset + (x + 0.5) / scale - 0.5
            }
            Self::PytorchHalfPixel if axis.to <= 1 => 0.0,
            Self::PytorchHalfPixel => (x + 0.5) / scale - 0.5,
            Self::TfHalfPixel => (x + 0.5) / scale,
            Self::AlignCorners => {
                let last = scale * from - 1.0;
                if axis.to <= 1 {
                    0.0
                } else {
                    x * (from - 1.0) / last.max(to - 1.0)
                }
            }
            Self::Asymmetric => x / scale,
            Self::CropAndResize => {
                let (start, end) = axis.region;
                if axis.to <= 1 {
                    return (start + end) * (from - 1.0) / 2.0;
                }
                start * (from - 1.0) + x * (end - start) * (from - 1.0) / (to - 1.0)
            }
        }
    }
}

/// Which of two old elements a place between them means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nearest {
    RoundPreferFloor,
    RoundPreferCeil,
    Floor,
    Ceil,
}

impl Nearest {
    pub(super) fn of(name: &str) -> Result<Self> {
        match name {
            "round_prefer_floor" => Ok(Self::RoundPreferFloor),
            "round_prefer_ceil" => Ok(Self::RoundPreferCeil),
            "floor" => Ok(Self::Floor),
            "ceil" => Ok(Self::Ceil),
            other => Err(Error::model(format!(
                "attribute `nearest_mode`: expected round_prefer_floor, round_prefer_ceil, floor \
                 or ceil, found `{other}`"
            ))),
        }
    }

    pub(super) fn place(self, x: f64, size: usize) -> usize {
        let x = match self {
            Self::RoundPreferFloor => (x - 0.5).ceil(),
            Self::RoundPreferCeil => (x + 0.5).floor(),
            Self::Floor => x.floor(),
            Self::Ceil => x.ceil(),
        };
        x.clamp(0.0, (size - 1) as f64) as usize
    }
}
