//! A tensor seen through strides: transposed, cut, repeated, in windows. Only [`View::copy`] moves
//! elements.

use hari_core::Tensor;
use hari_error::{Error, Result};

use crate::cell::{Cell, by_cell};
use crate::size;

/// Where the elements of a new tensor lie in another one.
#[derive(Clone, Debug)]
pub(crate) struct View {
    shape: Vec<usize>,
    strides: Vec<isize>,
    start: isize,
}

impl View {
    /// A tensor of `shape` as it lies in memory.
    pub(crate) fn of(shape: &[usize]) -> Self {
        let mut strides = vec![0; shape.len()];
        let mut next = 1_isize;
        for (stride, &dim) in strides.iter_mut().zip(shape).rev() {
            *stride = next;
            next = next.wrapping_mul(dim as isize);
        }
        Self {
            shape: shape.to_vec(),
            strides,
            start: 0,
        }
    }

    /// The dimensions.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The axes in another order; every axis occurs once.
    pub(crate) fn permuted(&self, order: &[usize]) -> Self {
        Self {
            shape: order.iter().map(|&axis| self.shape[axis]).collect(),
            strides: order.iter().map(|&axis| self.strides[axis]).collect(),
            start: self.start,
        }
    }

    /// `axis` at the place `to`, the others in their order.
    pub(crate) fn moved(&self, axis: usize, to: usize) -> Self {
        let mut order: Vec<usize> = (0..self.shape.len()).filter(|&at| at != axis).collect();
        order.insert(to, axis);
        self.permuted(&order)
    }

    /// `count` indices of `axis`, from `start` on, `step` apart. All of them lie inside.
    pub(crate) fn cut(mut self, axis: usize, start: usize, step: isize, count: usize) -> Self {
        if count > 0 {
            self.start += self.strides[axis] * start as isize;
        }
        self.strides[axis] *= step;
        self.shape[axis] = count;
        self
    }

    /// A new axis at `at` along which everything repeats.
    pub(crate) fn repeated(mut self, at: usize, times: usize) -> Self {
        self.shape.insert(at, times);
        self.strides.insert(at, 0);
        self
    }

    /// The same elements for every index of `axis`, which becomes `size` long.
    pub(crate) fn held(mut self, axis: usize, size: usize) -> Self {
        self.strides[axis] = 0;
        self.shape[axis] = size;
        self
    }

    /// The elements at equal indices of two axes of one size; `other` goes.
    pub(crate) fn diagonal(mut self, axis: usize, other: usize) -> Self {
        self.shape.remove(other);
        let stride = self.strides.remove(other);
        self.strides[axis] += stride;
        self
    }

    /// Repeated along axes of size one, and along new ones in front, until it has `shape`.
    pub(crate) fn broadcast(mut self, shape: &[usize]) -> Result<Self> {
        let from = self.shape.clone();
        while self.shape.len() < shape.len() {
            self = self.repeated(0, 1);
        }
        for (axis, &size) in shape.iter().enumerate() {
            match self.shape.get(axis) {
                Some(&found) if found == size => {}
                Some(1) => self = self.held(axis, size),
                _ => return Err(unfit(&from, shape)),
            }
        }
        if self.shape.len() == shape.len() {
            Ok(self)
        } else {
            Err(unfit(&from, shape))
        }
    }

    /// Windows along `axis`, which then counts them; a new last axis runs inside the window. All
    /// windows lie inside.
    pub(crate) fn windowed(mut self, axis: usize, window: Window) -> Self {
        let stride = self.strides[axis];
        self.shape[axis] = window.count;
        self.strides[axis] = stride * window.step as isize;
        self.shape.push(window.size);
        self.strides.push(stride * window.dilation as isize);
        self
    }

    /// Where the elements lie, in order.
    pub(crate) fn offsets(&self) -> Offsets<'_> {
        let left = if self.shape.contains(&0) {
            0
        } else {
            self.shape.iter().product()
        };
        Offsets {
            view: self,
            at: vec![0; self.shape.len()],
            offset: self.start,
            left,
        }
    }

    /// The elements of `tensor` that are seen, as a tensor of their own.
    ///
    /// # Errors
    /// `TooLarge` if they are too many.
    pub(crate) fn copy(&self, tensor: &Tensor) -> Result<Tensor> {
        let count = size::count(&self.shape, tensor.dtype())?;
        if count == tensor.len() && self.lies_in_order() {
            return tensor.clone().reshape(self.shape.clone());
        }
        by_cell!(tensor.dtype(), T => {
            let cells = self.pick(&T::read(tensor)?, count);
            T::make(tensor.dtype(), self.shape.clone(), cells)
        })
    }

    fn lies_in_order(&self) -> bool {
        let plain = Self::of(&self.shape);
        let mut axes = self
            .shape
            .iter()
            .zip(self.strides.iter().zip(&plain.strides));
        self.start == 0 && axes.all(|(&dim, (found, wanted))| dim <= 1 || found == wanted)
    }

    /// The elements that are seen. The innermost axes that lie together are copied at once.
    pub(crate) fn pick<T: Clone>(&self, cells: &[T], count: usize) -> Vec<T> {
        let mut made = Vec::with_capacity(count);
        if count == 0 {
            return made;
        }
        let (outer, block) = self.split();
        let Some((inner, stride)) = outer
            .shape
            .last()
            .copied()
            .zip(outer.strides.last().copied())
        else {
            made.extend_from_slice(&cells[self.start as usize..][..block]);
            return made;
        };
        let rows = Self {
            shape: outer.shape[..outer.shape.len() - 1].to_vec(),
            strides: outer.strides[..outer.strides.len() - 1].to_vec(),
            start: self.start,
        };
        for row in rows.offsets() {
            let places = (0..inner).map(|at| (row as isize + stride * at as isize) as usize);
            if block == 1 {
                made.extend(places.map(|at| cells[at].clone()));
            } else {
                places.for_each(|at| made.extend_from_slice(&cells[at..at + block]));
            }
        }
        made
    }

    /// The outer axes, and how many elements the inner ones hold that lie together.
    fn split(&self) -> (Self, usize) {
        let mut outer = self.clone();
        let mut block = 1;
        while let (Some(&dim), Some(&stride)) = (outer.shape.last(), outer.strides.last()) {
            if dim != 1 && stride != block as isize {
                break;
            }
            block *= dim;
            outer.shape.pop();
            outer.strides.pop();
        }
        (outer, block)
    }
}

/// Windows along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// How many there are.
    pub(crate) count: usize,
    /// From the start of one to the next.
    pub(crate) step: usize,
    /// Elements in each.
    pub(crate) size: usize,
    /// From one element to the next.
    pub(crate) dilation: usize,
}

/// Places in memory, see [`View::offsets`].
pub(crate) struct Offsets<'a> {
    view: &'a View,
    at: Vec<usize>,
    offset: isize,
    left: usize,
}

impl Iterator for Offsets<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let here = self.offset as usize;
        for axis in (0..self.at.len()).rev() {
            self.at[axis] += 1;
            self.offset += self.view.strides[axis];
            if self.at[axis] < self.view.shape[axis] {
                break;
            }
            self.offset -= self.view.strides[axis] * self.at[axis] as isize;
            self.at[axis] = 0;
        }
        Some(here)
    }
}

/// The shape that all of `shapes` are repeated to, as NumPy does it.
///
/// # Errors
/// `InvalidInput` if two sizes differ and neither is one.
pub(crate) fn common<'a>(shapes: impl Iterator<Item = &'a [usize]>) -> Result<Vec<usize>> {
    let mut made: Vec<usize> = Vec::new();
    for shape in shapes {
        while made.len() < shape.len() {
            made.insert(0, 1);
        }
        let skipped = made.len() - shape.len();
        for (size, &dim) in made.iter_mut().skip(skipped).zip(shape) {
            match (*size, dim) {
                (same, other) if same == other => {}
                (1, other) => *size = other,
                (_, 1) => {}
                _ => return Err(unfit(shape, &made.clone())),
            }
        }
    }
    Ok(made)
}

fn unfit(from: &[usize], to: &[usize]) -> Error {
    Error::invalid(format!("shape {from:?} cannot be broadcast to {to:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(shape: &[usize]) -> Tensor {
        let count = shape.iter().product::<usize>() as i32;
        Tensor::from_vec(shape, (0..count).collect::<Vec<_>>()).unwrap()
    }

    fn seen(view: &View, tensor: &Tensor) -> Vec<i32> {
        view.copy(tensor).unwrap().to_vec().unwrap()
    }

    #[test]
    fn axes_change_places() {
        let tensor = counted(&[2, 3]);
        let view = View::of(&[2, 3]).permuted(&[1, 0]);
        assert_eq!(seen(&view, &tensor), [0, 3, 1, 4, 2, 5]);
        let tensor = counted(&[2, 3, 2]);
        let view = View::of(&[2, 3, 2]).moved(1, 0);
        assert_eq!(seen(&view, &tensor), [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
    }

    #[test]
    fn a_cut_may_run_backwards() {
        let view = View::of(&[2, 4]).cut(1, 3, -2, 2);
        assert_eq!(seen(&view, &counted(&[2, 4])), [3, 1, 7, 5]);
        assert!(seen(&View::of(&[2, 4]).cut(1, 4, 1, 0), &counted(&[2, 4])).is_empty());
    }

    #[test]
    fn sizes_of_one_repeat() {
        let view = View::of(&[2, 1]).broadcast(&[2, 2, 3]).unwrap();
        assert_eq!(
            seen(&view, &counted(&[2, 1])),
            [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1]
        );
        assert!(View::of(&[2]).broadcast(&[3]).is_err());
        assert!(View::of(&[2, 3]).broadcast(&[3]).is_err());
    }

    #[test]
    fn windows_overlap() {
        let window = Window {
            count: 3,
            step: 1,
            size: 2,
            dilation: 1,
        };
        let view = View::of(&[4]).windowed(0, window);
        assert_eq!(view.shape(), [3, 2]);
        assert_eq!(seen(&view, &counted(&[4])), [0, 1, 1, 2, 2, 3]);
    }

    #[test]
    fn what_lies_in_order_is_shared() {
        let tensor = counted(&[2, 3]);
        let same = View::of(&[2, 3]).copy(&tensor).unwrap();
        assert_eq!(
            same.bytes().unwrap().as_ptr(),
            tensor.bytes().unwrap().as_ptr()
        );
    }

    #[test]
    fn shapes_are_joined_from_the_back() {
        let join = |shapes: &[&[usize]]| common(shapes.iter().copied());
        assert_eq!(join(&[&[3, 1], &[4], &[]]).unwrap(), [3, 4]);
        assert_eq!(join(&[&[0], &[1]]).unwrap(), [0]);
        let error = join(&[&[2], &[3]]).unwrap_err();
        assert_eq!(error.message(), "shape [3] cannot be broadcast to [2]");
    }
}
