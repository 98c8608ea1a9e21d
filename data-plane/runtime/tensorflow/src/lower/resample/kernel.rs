//! How much each pixel counts for each pixel of the result, as TensorFlow computes it.

/// A matrix of weights: a row for each pixel of the result, a column for each of the input.
#[derive(Debug, PartialEq)]
pub(super) struct Weights {
    pub(super) rows: Vec<Vec<f32>>,
    pub(super) from: usize,
}

impl Weights {
    fn new(from: usize, to: usize, mut fill: impl FnMut(usize, &mut [f32])) -> Self {
        let row = |index| {
            let mut row = vec![0.0; from];
            fill(index, &mut row);
            row
        };
        let rows = (0..to).map(row).collect();
        Self { rows, from }
    }
}

fn add(row: &mut [f32], at: i64, weight: f32) {
    if let Some(slot) = usize::try_from(at).ok().and_then(|at| row.get_mut(at)) {
        *slot += weight;
    }
}

/// Pixels of the input for each of the result.
fn ratio(from: usize, to: usize, corners: bool) -> f32 {
    if corners && to > 1 {
        (from - 1) as f32 / (to - 1) as f32
    } else {
        from as f32 / to as f32
    }
}

/// The mean over the area that each pixel of the result covers.
pub(super) fn area(from: usize, to: usize, corners: bool) -> Weights {
    let scale = ratio(from, to, corners);
    Weights::new(from, to, |index, row| {
        let (low, high) = (index as f32 * scale, (index + 1) as f32 * scale);
        let (first, last) = (low.floor() as i64, high.ceil() as i64);
        for at in first..last {
            let (start, end) = (at as f32, (at + 1) as f32);
            let covered = if start < low {
                if end > high { scale } else { end - low }
            } else if end > high {
                high - start
            } else {
                1.0
            };
            add(row, at.clamp(0, from as i64 - 1), covered / scale);
        }
    })
}

/// Steps between two pixels for which TensorFlow keeps the cubic weights.
const TABLE: f32 = 1024.0;

/// The four pixels around each place by Keys, "Cubic convolution interpolation", 1981: with
/// a = -0.5 and nothing beyond the edges if pixels have their centre at a half, else with
/// a = -0.75 and the edges repeated.
pub(super) fn bicubic((from, to): (usize, usize), corners: bool, half: bool) -> Weights {
    let scale = ratio(from, to, corners);
    let a = if half { -0.5 } else { -0.75 };
    let near = |x: f32| ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
    Weights::new(from, to, |index, row| {
        let place = if half {
            (index as f32 + 0.5) * scale - 0.5
        } else {
            index as f32 * scale
        };
        let first = place.floor();
        let step = ((place - first) * TABLE).round_ties_even();
        let (before, after) = (step / TABLE, (TABLE - step) / TABLE);
        let weights = [
            far(before + 1.0),
            near(before),
            near(after),
            far(after + 1.0),
        ];
        let last = from as i64 - 1;
        let all = (0..4).map(|offset| first as i64 - 1 + offset).zip(weights);
        if half {
            let inside: Vec<_> = all.filter(|(at, _)| (0..=last).contains(at)).collect();
            let sum: f32 = inside.iter().map(|(_, weight)| weight).sum();
            let factor = if sum.abs() >= 1000.0 * f32::MIN_POSITIVE {
                1.0 / sum
            } else {
                1.0
            };
            inside
                .into_iter()
                .for_each(|(at, weight)| add(row, at, weight * factor));
        } else {
            all.for_each(|(at, weight)| add(row, at.clamp(0, last), weight));
        }
    })
}

/// A kernel of `ScaleAndTranslate`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kernel {
    Lanczos(f32),
    Gaussian,
    Box,
    Triangle,
    Keys,
    Mitchell,
}

impl Kernel {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "lanczos1" => Self::Lanczos(1.0),
            "lanczos3" => Self::Lanczos(3.0),
            "lanczos5" => Self::Lanczos(5.0),
            "gaussian" => Self::Gaussian,
            "box" => Self::Box,
            "triangle" => Self::Triangle,
            "keyscubic" => Self::Keys,
            "mitchellcubic" => Self::Mitchell,
            _ => return None,
        })
    }

    /// How far it reaches.
    fn radius(self) -> f32 {
        match self {
            Self::Lanczos(radius) => radius,
            Self::Gaussian => 1.5,
            Self::Box | Self::Triangle => 1.0,
            Self::Keys | Self::Mitchell => 2.0,
        }
    }

    fn at(self, x: f32) -> f32 {
        let x = x.abs();
        match self {
            Self::Lanczos(radius) if x > radius => 0.0,
            Self::Lanczos(_) if x <= 1e-3 => 1.0,
            Self::Lanczos(radius) => {
                let turn = std::f32::consts::PI;
                radius * (turn * x).sin() * (turn * x / radius).sin() / (turn * turn * x * x)
            }
            Self::Gaussian if x >= 1.5 => 0.0,
            Self::Gaussian => (-x * x / (2.0 * 0.5 * 0.5)).exp(),
            Self::Box if x < 0.5 => 1.0,
            Self::Box if x == 0.5 => 0.5,
            Self::Box => 0.0,
            Self::Triangle => (1.0 - x).max(0.0),
            Self::Keys if x >= 2.0 => 0.0,
            Self::Keys if x >= 1.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Keys => ((1.5 * x - 2.5) * x) * x + 1.0,
            Self::Mitchell if x >= 2.0 => 0.0,
            Self::Mitchell if x >= 1.0 => {
                (((-7.0 / 18.0) * x + 2.0) * x - 10.0 / 3.0) * x + 16.0 / 9.0
            }
            Self::Mitchell => (((7.0 / 6.0) * x - 2.0) * x) * x + 8.0 / 9.0,
        }
    }

    /// The weights of an image scaled and moved; with antialiasing the kernel is as much wider as
    /// the image gets smaller.
    pub(super) fn scaled(
        self,
        (from, to): (usize, usize),
        (scale, shift): (f32, f32),
        antialias: bool,
    ) -> Weights {
        let inverse = 1.0 / scale;
        let width = if antialias { inverse.max(1.0) } else { 1.0 };
        let reach = self.radius() * width;
        Weights::new(from, to, |index, row| {
            let place = (index as f32 + 0.5) * inverse - shift * inverse;
            if place < 0.0 || place > from as f32 {
                return;
            }
            let last = from as i64 - 1;
            let first = ((place - reach - 0.5).ceil() as i64).clamp(0, last);
            let end = ((place + reach - 0.5).floor() as i64).clamp(0, last);
            let weight = |at: i64| self.at((at as f32 + 0.5 - place) / width);
            let sum: f32 = (first..=end).map(weight).sum();
            if sum.abs() >= 1000.0 * f32::MIN_POSITIVE {
                (first..=end).for_each(|at| add(row, at, weight(at) / sum));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums_to_one(weights: &Weights) -> bool {
        let whole = |row: &Vec<f32>| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5;
        weights.rows.iter().all(whole)
    }

    #[test]
    fn half_of_an_image_is_the_mean_of_pairs() {
        let weights = area(4, 2, false);
        assert_eq!(weights.rows, [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]);
        assert!(sums_to_one(&area(7, 3, false)) && sums_to_one(&area(3, 7, true)));
    }

    #[test]
    fn the_same_size_is_the_same_image() {
        for weights in [
            bicubic((5, 5), false, true),
            bicubic((5, 5), false, false),
            bicubic((5, 5), true, false),
            area(5, 5, false),
            Kernel::Keys.scaled((5, 5), (1.0, 0.0), true),
            Kernel::Lanczos(3.0).scaled((5, 5), (1.0, 0.0), false),
        ] {
            for (index, row) in weights.rows.iter().enumerate() {
                for (at, &weight) in row.iter().enumerate() {
                    let expected = if at == index { 1.0 } else { 0.0 };
                    assert!((weight - expected).abs() < 1e-4, "{row:?}");
                }
            }
        }
    }

    #[test]
    fn weights_of_a_pixel_are_one_together() {
        let names = [
            "lanczos1",
            "lanczos3",
            "lanczos5",
            "gaussian",
            "box",
            "triangle",
            "keyscubic",
        ];
        for name in names.into_iter().chain(["mitchellcubic"]) {
            let kernel = Kernel::named(name).unwrap();
            for antialias in [true, false] {
                assert!(
                    sums_to_one(&kernel.scaled((9, 4), (4.0 / 9.0, 0.0), antialias)),
                    "{name}"
                );
                assert!(
                    sums_to_one(&kernel.scaled((4, 9), (9.0 / 4.0, 0.0), antialias)),
                    "{name}"
                );
            }
        }
        assert!(sums_to_one(&bicubic((9, 4), false, true)));
        assert!(sums_to_one(&bicubic((4, 9), true, false)));
        assert_eq!(Kernel::named("other"), None);
    }
}
