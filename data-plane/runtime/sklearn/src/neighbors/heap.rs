//! The nearest so far: a heap of fixed size with the farthest on top.
//!
//! Of rows at equal distance, which stay depends on how a heap is sifted: this one is sifted as
//! scikit-learn's.

/// Distance and place of a neighbour.
pub(super) type Neighbour = (f64, usize);

#[derive(Debug)]
pub(super) struct Heap {
    found: Vec<Neighbour>,
}

impl Heap {
    pub(super) fn new(size: usize) -> Self {
        let found = vec![(f64::INFINITY, 0); size];
        Self { found }
    }

    /// The distance that a row must be below to come in.
    pub(super) fn farthest(&self) -> f64 {
        self.found
            .first()
            .map_or(f64::NEG_INFINITY, |(far, _)| *far)
    }

    fn distance(&self, at: usize) -> Option<f64> {
        self.found.get(at).map(|(distance, _)| *distance)
    }

    /// Puts a row in the place of the farthest, if it is nearer.
    pub(super) fn push(&mut self, distance: f64, place: usize) {
        if self.farthest() <= distance || distance.is_nan() {
            return;
        }
        let mut at = 0;
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let below = match (self.distance(left), self.distance(right)) {
                (None, _) => break,
                (Some(near), Some(other)) if other > near => (other, right),
                (Some(near), _) => (near, left),
            };
            if below.0 <= distance {
                break;
            }
            self.found.swap(at, below.1);
            at = below.1;
        }
        if let Some(slot) = self.found.get_mut(at) {
            *slot = (distance, place);
        }
    }

    /// All, the nearest first.
    pub(super) fn sorted(mut self) -> Vec<Neighbour> {
        self.found
            .sort_by(|(a, first), (b, second)| a.total_cmp(b).then(first.cmp(second)));
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_stay() {
        let distances = [5.0, 1.0, 4.0, 4.0, 9.0, 0.5, f64::NAN, 2.0, 1.0];
        for size in 1..=distances.len() - 1 {
            let mut heap = Heap::new(size);
            for (place, &distance) in distances.iter().enumerate() {
                heap.push(distance, place);
            }
            let mut all: Vec<_> = distances.iter().copied().filter(|d| !d.is_nan()).collect();
            all.sort_by(f64::total_cmp);
            let found: Vec<_> = heap.sorted().into_iter().map(|(far, _)| far).collect();
            assert_eq!(found, all[..size], "{size}");
        }
    }

    #[test]
    fn a_row_as_far_as_the_farthest_stays_out() {
        let mut heap = Heap::new(1);
        heap.push(1.0, 0);
        heap.push(1.0, 1);
        assert_eq!(heap.sorted(), [(1.0, 0)]);
    }
}
