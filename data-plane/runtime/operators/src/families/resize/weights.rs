//! What a new element is made of: old elements, each with its weight.

/// One new element, or all of one index of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// Places of old elements, with weights.
    parts: Vec<(usize, f64)>,
    /// What is added to them.
    fixed: f64,
}

impl Line {
    /// The old element at `place`.
    pub(super) fn at(place: usize) -> Self {
        Self {
            parts: vec![(place, 1.0)],
            fixed: 0.0,
        }
    }

    /// No old element.
    pub(super) fn fixed(value: f64) -> Self {
        Self {
            parts: Vec::new(),
            fixed: value,
        }
    }

    /// The place of the old element, if it is one as it is.
    pub(super) fn copied(&self) -> Option<Option<usize>> {
        match self.parts.as_slice() {
            &[(place, 1.0)] if self.fixed == 0.0 => Some(Some(place)),
            _ => None,
        }
    }

    /// Adds the weighted rows of `inner` elements of `old` to `row`.
    pub(super) fn add(&self, old: &[f64], inner: usize, row: &mut [f64]) {
        row.iter_mut().for_each(|value| *value += self.fixed);
        for &(place, weight) in &self.parts {
            let from = &old[place * inner..(place + 1) * inner];
            for (value, old) in row.iter_mut().zip(from) {
                *value += weight * old;
            }
        }
    }
}

/// Where a new element lies among old ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) x: f64,
    /// How many old ones there are.
    pub(super) size: usize,
    /// New elements for each old one.
    pub(super) scale: f64,
}

/// How weights are made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter {
    /// When the picture shrinks the filter becomes wider.
    pub(super) antialias: bool,
    /// Elements outside have no weight, instead of standing for the outermost one.
    pub(super) exclude_outside: bool,
}

impl Filter {
    pub(super) fn linear(self, place: Place) -> Line {
        let triangle = |distance: f64| (1.0 - distance.abs()).max(0.0);
        self.line(place, 1.0, triangle)
    }

    /// Keys' cubic convolution with its coefficient.
    pub(super) fn cubic(self, place: Place, a: f64) -> Line {
        let cubic = |distance: f64| {
            let d = distance.abs();
            if d <= 1.0 {
                ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
            } else if d < 2.0 {
                a * (((d - 5.0) * d + 8.0) * d - 4.0)
            } else {
                0.0
            }
        };
        self.line(place, 2.0, cubic)
    }

    /// All elements within `reach` of `x`, weighted by their distance; the weights sum to one.
    fn line(self, place: Place, reach: f64, weight: impl Fn(f64) -> f64) -> Line {
        let Place { x, size, scale } = place;
        let shrink = if self.antialias { scale.min(1.0) } else { 1.0 };
        let reach = reach / shrink;
        let (first, last) = ((x - reach).ceil() as i64, (x + reach).floor() as i64);
        let end = size as i64 - 1;
        let outside = self.exclude_outside;
        let mut parts: Vec<(usize, f64)> = Vec::new();
        for place in first..=last {
            let weight = weight((place as f64 - x) * shrink);
            if weight == 0.0 || (outside && !(0..=end).contains(&place)) {
                continue;
            }
            let place = place.clamp(0, end) as usize;
            match parts.iter_mut().find(|(known, _)| *known == place) {
                Some((_, sum)) => *sum += weight,
                None => parts.push((place, weight)),
            }
        }
        let sum: f64 = parts.iter().map(|(_, weight)| weight).sum();
        parts.iter_mut().for_each(|(_, weight)| *weight /= sum);
        Line { parts, fixed: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_between_two_is_made_of_both() {
        let (size, scale) = (3, 2.0);
        let line = |x| Filter::default().linear(Place { x, size, scale });
        assert_eq!(line(0.25).parts, [(0, 0.75), (1, 0.25)]);
        assert_eq!(line(1.0), Line::at(1));
        assert_eq!(line(-0.25), Line::at(0));
    }

    #[test]
    fn weights_sum_to_one() {
        for (antialias, exclude_outside) in [(false, false), (true, false), (false, true)] {
            let filter = Filter {
                antialias,
                exclude_outside,
            };
            for x in [-0.4, 0.1, 1.5, 3.3] {
                let line = filter.cubic(
                    Place {
                        x,
                        size: 4,
                        scale: 0.6,
                    },
                    -0.75,
                );
                let sum: f64 = line.parts.iter().map(|(_, weight)| weight).sum();
                assert!((sum - 1.0).abs() < 1e-12, "{filter:?} {x}");
            }
        }
    }
}
