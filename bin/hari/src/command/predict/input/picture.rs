//! Pictures: PNG and JPEG to pixels, gray or colour, resized.

mod decode;

use hari_error::Result;

/// Pixels of 8 bits, row by row; gray has one channel, colour three (red, green, blue).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
    pub(crate) pixels: Vec<u8>,
}

impl Picture {
    /// Reads a PNG or JPEG file. What is transparent is seen on white.
    ///
    /// # Errors
    /// If it is neither, is damaged, or has more than 2^26 pixels.
    pub(crate) fn read(file: &[u8]) -> Result<Self> {
        decode::decode(file)
    }

    /// The same in gray, by the luma of ITU-R BT.601.
    pub(crate) fn gray(&self) -> Self {
        if self.channels == 1 {
            return self.clone();
        }
        let luma = |rgb: &[u8]| match *rgb {
            [r, g, b] => {
                let sum = 299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b);
                u8::try_from((sum + 500) / 1000).unwrap_or(u8::MAX)
            }
            _ => 0,
        };
        Self {
            channels: 1,
            pixels: self.pixels.chunks_exact(3).map(luma).collect(),
            ..*self
        }
    }

    /// The same in colour.
    pub(crate) fn colour(&self) -> Self {
        if self.channels == 3 {
            return self.clone();
        }
        let pixels = self.pixels.iter().flat_map(|&gray| [gray; 3]).collect();
        Self {
            channels: 3,
            pixels,
            ..*self
        }
    }

    /// Black for white and white for black.
    pub(crate) fn inverted(&self) -> Self {
        Self {
            pixels: self.pixels.iter().map(|pixel| 255 - pixel).collect(),
            ..*self
        }
    }

    /// The same in another size: linear interpolation, and a mean over all that a smaller pixel
    /// covers (a triangle filter).
    pub(crate) fn resized(&self, width: usize, height: usize) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let (across, down) = (weights(self.width, width), weights(self.height, height));
        let pixel = |x: usize, y: usize, channel: usize| {
            let at = (y * self.width + x) * self.channels + channel;
            f64::from(self.pixels.get(at).copied().unwrap_or_default())
        };
        let row = |y: usize, x: usize, channel: usize| -> f64 {
            across.get(x).map_or(0.0, |taps| {
                taps.iter()
                    .map(|&(from, w)| w * pixel(from, y, channel))
                    .sum()
            })
        };
        let mut pixels = Vec::with_capacity(width * height * self.channels);
        for taps in &down {
            for x in 0..width {
                for channel in 0..self.channels {
                    let value: f64 = taps
                        .iter()
                        .map(|&(from, w)| w * row(from, x, channel))
                        .sum();
                    pixels.push(value.round().clamp(0.0, 255.0) as u8);
                }
            }
        }
        Self {
            width,
            height,
            channels: self.channels,
            pixels,
        }
    }
}

/// For each of `to` pixels in a line, the pixels of `from` that it is made of, with their share.
fn weights(from: usize, to: usize) -> Vec<Vec<(usize, f64)>> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let taps = |at: usize| {
        let centre = (at as f64 + 0.5) * scale - 0.5;
        let first = (centre - reach).ceil().max(0.0) as usize;
        let last = ((centre + reach).floor().max(0.0) as usize).min(from.saturating_sub(1));
        let near = |x: usize| (x, 1.0 - (x as f64 - centre).abs() / reach);
        let taps: Vec<_> = (first..=last).map(near).filter(|tap| tap.1 > 0.0).collect();
        let sum: f64 = taps.iter().map(|tap| tap.1).sum();
        taps.into_iter()
            .map(|(x, weight)| (x, weight / sum))
            .collect()
    };
    (0..to).map(taps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gray(width: usize, pixels: &[u8]) -> Picture {
        let height = pixels.len() / width;
        Picture {
            width,
            height,
            channels: 1,
            pixels: pixels.to_vec(),
        }
    }

    #[test]
    fn a_flat_picture_stays_flat_in_every_size() {
        let picture = gray(4, &[77; 20]);
        for (width, height) in [(1, 1), (2, 9), (28, 28), (3, 5)] {
            let resized = picture.resized(width, height);
            assert_eq!((resized.width, resized.height), (width, height));
            assert_eq!(
                resized.pixels,
                vec![77; width * height],
                "{width} x {height}"
            );
        }
    }

    #[test]
    fn half_the_size_keeps_left_and_right_apart() {
        let resized = gray(4, &[0, 0, 200, 200]).resized(2, 1);
        assert!(
            resized.pixels[0] < 60 && resized.pixels[1] > 140,
            "{resized:?}"
        );
        assert_eq!(gray(2, &[10, 20]).resized(2, 1).pixels, [10, 20]);
    }

    #[test]
    fn colours_become_gray_by_brightness() {
        let picture = Picture {
            width: 3,
            height: 1,
            channels: 3,
            pixels: vec![255, 255, 255, 0, 255, 0, 0, 0, 255],
        };
        assert_eq!(picture.gray().pixels, [255, 150, 29]);
        assert_eq!(picture.gray().gray(), picture.gray());
        assert_eq!(picture.gray().colour().pixels[..3], [255, 255, 255]);
        assert_eq!(picture.inverted().pixels[..3], [0, 0, 0]);
        assert_eq!(picture.inverted().inverted(), picture);
    }
}
