//! Where the elements of an array in Fortran order lie.

/// Walks an array in C order; gives where each element lies in Fortran order.
pub(super) struct FortranOrder<'a> {
    shape: &'a [usize],
    index: Vec<usize>,
    left: usize,
}

impl<'a> FortranOrder<'a> {
    pub(super) fn new(shape: &'a [usize]) -> Self {
        Self {
            shape,
            index: vec![0; shape.len()],
            left: shape.iter().product(),
        }
    }

    fn step(&mut self) {
        for (index, length) in self.index.iter_mut().zip(self.shape).rev() {
            *index += 1;
            if *index < *length {
                return;
            }
            *index = 0;
        }
    }
}

impl Iterator for FortranOrder<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let axes = self.index.iter().zip(self.shape).rev();
        let at = axes.fold(0, |at, (index, length)| at * length + index);
        self.step();
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_axis_runs_fastest() {
        let order: Vec<_> = FortranOrder::new(&[2, 3]).collect();
        assert_eq!(order, [0, 2, 4, 1, 3, 5]);
        let cube: Vec<_> = FortranOrder::new(&[2, 1, 2]).collect();
        assert_eq!(cube, [0, 2, 1, 3]);
        assert_eq!(FortranOrder::new(&[0, 3]).count(), 0);
    }
}
