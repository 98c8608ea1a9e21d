//! Operators that move a window over the last dimensions: convolutions and pools, channels first.

use super::{Attr, Builder, Id, OnnxAttrs};
use crate::refusal::Refusal;
use crate::shape::Dim;

/// How the edges are padded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Padding {
    Valid,
    /// As much as gives one window for each step, the odd one behind.
    Same,
    /// So many before and after, for each spatial dimension.
    Explicit(Vec<(i64, i64)>),
}

/// The window of a convolution or pool, for each spatial dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) size: Vec<i64>,
    pub(crate) strides: Vec<i64>,
    pub(crate) dilations: Vec<i64>,
    pub(crate) padding: Padding,
}

/// Padding as ONNX takes it.
pub(crate) enum Pads {
    Fixed(Vec<(i64, i64)>),
    /// Left to the engine: the size is not known and the stride is not 1.
    Auto,
}

impl Window {
    /// The part of the input that one window covers in each dimension.
    pub(crate) fn reach(&self) -> impl Iterator<Item = i64> + '_ {
        self.size
            .iter()
            .zip(&self.dilations)
            .map(|(size, dilation)| (size - 1) * dilation + 1)
    }

    /// Refuses sizes, strides and dilations that no window has.
    pub(crate) fn check(&self, spatial: usize) -> Result<(), Refusal> {
        let sane = |numbers: &[i64]| {
            numbers.len() == spatial && numbers.iter().all(|n| (1..=1 << 20).contains(n))
        };
        let sane_pads = match &self.padding {
            Padding::Explicit(pads) => {
                let fits = |&(before, after): &(i64, i64)| {
                    (0..=1 << 20).contains(&before) && (0..=1 << 20).contains(&after)
                };
                pads.len() == spatial && pads.iter().all(fits)
            }
            _ => true,
        };
        if sane(&self.size) && sane(&self.strides) && sane(&self.dilations) && sane_pads {
            return Ok(());
        }
        Err(Refusal::new(format!("window {self:?}")))
    }

    /// The padding of an input with these sizes. `Same` follows TensorFlow: `ceil(size / stride)`
    /// windows, the missing elements split evenly, the odd one at the end.
    pub(crate) fn pads(&self, sizes: &[Dim]) -> Pads {
        let steps = self.reach().zip(&self.strides).zip(sizes);
        match &self.padding {
            Padding::Valid => Pads::Fixed(vec![(0, 0); sizes.len()]),
            Padding::Explicit(pads) => Pads::Fixed(pads.clone()),
            Padding::Same => steps
                .map(|((reach, &stride), size)| {
                    let total = match (size, stride) {
                        (Dim::Known(size), _) => {
                            let windows = (size + stride - 1) / stride;
                            (windows - 1) * stride + reach - size
                        }
                        (Dim::Symbol(_), 1) => reach - 1,
                        (Dim::Symbol(_), _) => return None,
                    };
                    let total = total.max(0);
                    Some((total / 2, total - total / 2))
                })
                .collect::<Option<_>>()
                .map_or(Pads::Auto, Pads::Fixed),
        }
    }

    fn attrs(&self, pads: &Pads) -> OnnxAttrs {
        let mut attrs = vec![
            ("kernel_shape", Attr::Ints(self.size.clone())),
            ("strides", Attr::Ints(self.strides.clone())),
        ];
        if self.dilations.iter().any(|&dilation| dilation != 1) {
            attrs.push(("dilations", Attr::Ints(self.dilations.clone())));
        }
        attrs.push(match pads {
            Pads::Fixed(pads) => ("pads", Attr::Ints(flat(pads))),
            Pads::Auto => ("auto_pad", Attr::Text("SAME_UPPER".to_owned())),
        });
        attrs
    }

    /// Sizes of the output for an input with these sizes.
    fn output(
        &self,
        builder: &mut Builder,
        sizes: &[Dim],
        pads: &Pads,
    ) -> Result<Vec<Dim>, Refusal> {
        let mut output = Vec::new();
        for (index, ((reach, &stride), &size)) in
            self.reach().zip(&self.strides).zip(sizes).enumerate()
        {
            let padded = match pads {
                Pads::Fixed(pads) => pads.get(index).copied().unwrap_or_default(),
                Pads::Auto => (0, 0),
            };
            output.push(match (pads, size) {
                (Pads::Fixed(_), Dim::Known(size)) => {
                    let room = size + padded.0 + padded.1 - reach;
                    if room < 0 {
                        return Err(Refusal::new("its window is larger than its input"));
                    }
                    Dim::Known(room / stride + 1)
                }
                (Pads::Fixed(_), size) if stride == 1 && padded.0 + padded.1 == reach - 1 => size,
                (Pads::Auto, Dim::Known(size)) => Dim::Known((size + stride - 1) / stride),
                _ => builder.symbols.fresh(),
            });
        }
        Ok(output)
    }

    /// How many elements at the end of each output no window of a transposed convolution reaches;
    /// fewer than a stride.
    fn missing(&self, inputs: &[Dim], outputs: &[Dim], pads: &[(i64, i64)]) -> Option<Vec<i64>> {
        let windows = self.reach().zip(&self.strides);
        let sizes = inputs.iter().zip(outputs).zip(pads);
        let missing = windows
            .zip(sizes)
            .map(|((reach, stride), ((input, output), pad))| {
                let reached = (input.known()? - 1) * stride + reach - pad.0 - pad.1;
                Some(output.known()? - reached).filter(|missing| (0..*stride).contains(missing))
            });
        missing
            .collect::<Option<Vec<_>>>()
            .filter(|missing| missing.len() == inputs.len())
    }
}

fn flat(pads: &[(i64, i64)]) -> Vec<i64> {
    pads.iter()
        .map(|pad| pad.0)
        .chain(pads.iter().map(|pad| pad.1))
        .collect()
}

impl Builder {
    /// Batch, channels, output sizes and padding of a window over `x`.
    fn windowed(&mut self, x: Id, window: &Window) -> Result<(Dim, Dim, Vec<Dim>, Pads), Refusal> {
        let dims = self.dims(x)?;
        let [batch, channels, sizes @ ..] = dims.as_slice() else {
            return Err(Refusal::new("its input has no spatial dimensions"));
        };
        window.check(sizes.len())?;
        let pads = window.pads(sizes);
        let output = window.output(self, sizes, &pads)?;
        Ok((*batch, *channels, output, pads))
    }

    /// A convolution: `x` is `[batch, channels, ...]`, the kernel `[out, channels / groups, ...]`.
    ///
    /// # Errors
    /// If the rank is not known or the window does not fit.
    pub(crate) fn convolution(
        &mut self,
        x: Id,
        kernel: Id,
        window: &Window,
        groups: i64,
    ) -> Result<Id, Refusal> {
        let (batch, _, output, pads) = self.windowed(x, window)?;
        let out = self.dims(kernel)?.first().copied().unwrap_or(Dim::Known(1));
        let mut attrs = window.attrs(&pads);
        attrs.push(("group", Attr::Int(groups)));
        let dims = [batch, out].into_iter().chain(output).collect();
        Ok(self.node("Conv", &[x, kernel], attrs, (self.dtype(x), Some(dims))))
    }

    /// The greatest or the mean element of each window, elements of the padding left out.
    ///
    /// # Errors
    /// As [`Builder::convolution`].
    pub(crate) fn pool(&mut self, op: &'static str, x: Id, window: &Window) -> Result<Id, Refusal> {
        let (batch, channels, output, pads) = self.windowed(x, window)?;
        let attrs = window.attrs(&pads);
        let dims = [batch, channels].into_iter().chain(output).collect();
        Ok(self.node(op, &[x], attrs, (self.dtype(x), Some(dims))))
    }

    /// A transposed convolution whose output has these sizes: the kernel is
    /// `[channels, out, ...]`, and `pads` is what the convolution that it reverses would pad.
    ///
    /// # Errors
    /// If the rank is not known or the sizes do not fit.
    pub(crate) fn transposed_convolution(
        &mut self,
        x: Id,
        kernel: Id,
        window: &Window,
        (sizes, pads): (&[Dim], &[(i64, i64)]),
    ) -> Result<Id, Refusal> {
        let dims = self.dims(x)?;
        let [batch, _, inputs @ ..] = dims.as_slice() else {
            return Err(Refusal::new("its input has no spatial dimensions"));
        };
        window.check(inputs.len())?;
        let missing = window.missing(inputs, sizes, pads);
        let missing = missing.ok_or_else(|| {
            Refusal::new("its output size does not fit its input, or is not known")
        })?;
        let mut attrs = window.attrs(&Pads::Fixed(pads.to_vec()));
        if missing.iter().any(|&missing| missing != 0) {
            attrs.push(("output_padding", Attr::Ints(missing)));
        }
        let out = self.dims(kernel)?.get(1).copied().unwrap_or(Dim::Known(1));
        let dims = [*batch, out]
            .into_iter()
            .chain(sizes.iter().copied())
            .collect();
        Ok(self.node(
            "ConvTranspose",
            &[x, kernel],
            attrs,
            (self.dtype(x), Some(dims)),
        ))
    }
}

impl Builder {
    /// All of a transposed convolution: nothing is cut off as padding.
    ///
    /// # Errors
    /// If the rank is not known.
    pub(crate) fn whole_transposed_convolution(
        &mut self,
        x: Id,
        kernel: Id,
        window: &Window,
    ) -> Result<Id, Refusal> {
        let dims = self.dims(x)?;
        let [batch, _, inputs @ ..] = dims.as_slice() else {
            return Err(Refusal::new("its input has no spatial dimensions"));
        };
        window.check(inputs.len())?;
        let none = Pads::Fixed(vec![(0, 0); inputs.len()]);
        let out = self.dims(kernel)?.get(1).copied().unwrap_or(Dim::Known(1));
        let sizes = inputs
            .iter()
            .map(|_| self.symbols.fresh())
            .collect::<Vec<_>>();
        let dims = [*batch, out].into_iter().chain(sizes).collect();
        let kind = (self.dtype(x), Some(dims));
        Ok(self.node("ConvTranspose", &[x, kernel], window.attrs(&none), kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DataType;
    use crate::shape::known;

    fn window(size: i64, stride: i64, dilation: i64, padding: Padding) -> Window {
        Window {
            size: vec![size],
            strides: vec![stride],
            dilations: vec![dilation],
            padding,
        }
    }

    #[test]
    fn same_padding_is_tensorflows() {
        let pads = |size, window: Window| match window.pads(&[size]) {
            Pads::Fixed(pads) => pads.first().copied(),
            Pads::Auto => None,
        };
        assert_eq!(
            pads(Dim::Known(10), window(3, 2, 1, Padding::Same)),
            Some((0, 1))
        );
        assert_eq!(
            pads(Dim::Known(11), window(3, 2, 1, Padding::Same)),
            Some((1, 1))
        );
        assert_eq!(
            pads(Dim::Known(5), window(1, 2, 1, Padding::Same)),
            Some((0, 0))
        );
        assert_eq!(
            pads(Dim::Known(9), window(3, 1, 2, Padding::Same)),
            Some((2, 2))
        );
        assert_eq!(
            pads(Dim::Symbol(1), window(4, 1, 1, Padding::Same)),
            Some((1, 2))
        );
        assert_eq!(pads(Dim::Symbol(1), window(4, 2, 1, Padding::Same)), None);
    }

    #[test]
    fn output_sizes_are_known_where_they_can_be() {
        let mut builder = Builder::default();
        let dims = known(&[1, 2, 10]);
        let x = builder.input("x", DataType::DtFloat, Some(dims));
        for (padding, expected) in [
            (Padding::Valid, 4),
            (Padding::Same, 5),
            (Padding::Explicit(vec![(2, 2)]), 6),
        ] {
            let pooled = builder
                .pool("MaxPool", x, &window(3, 2, 1, padding))
                .unwrap();
            assert_eq!(
                builder.shape(pooled).unwrap().last(),
                Some(&Dim::Known(expected))
            );
        }
        assert!(
            builder
                .pool("MaxPool", x, &window(11, 1, 1, Padding::Valid))
                .is_err()
        );
        assert!(
            builder
                .pool("MaxPool", x, &window(0, 1, 1, Padding::Valid))
                .is_err()
        );
        assert!(
            builder
                .pool("MaxPool", x, &window(1, i64::MAX, 1, Padding::Same))
                .is_err()
        );
    }
}
