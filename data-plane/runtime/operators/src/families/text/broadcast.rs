//! Shapes of inputs that are taken element by element.

use hari_error::{Error, Result};

/// The shape that all shapes broadcast to.
///
/// # Errors
/// `InvalidInput` if there is none.
pub(in crate::families) fn shape(shapes: &[&[usize]]) -> Result<Vec<usize>> {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut made = vec![1; rank];
    for shape in shapes {
        for (size, &found) in made.iter_mut().rev().zip(shape.iter().rev()) {
            match (*size, found) {
                (1, _) => *size = found,
                (size, found) if size == found || found == 1 => {}
                _ => {
                    return Err(Error::invalid(format!(
                        "shapes {shapes:?} do not fit each other"
                    )));
                }
            }
        }
    }
    Ok(made)
}

/// How far apart neighbours along each axis lie.
pub(in crate::families) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    let mut next = 1_usize;
    for (stride, &size) in strides.iter_mut().zip(shape).rev() {
        *stride = next;
        next = next.saturating_mul(size);
    }
    strides
}

/// For every element of shape `to`, the place of its element in a tensor of shape `from`, which
/// broadcasts to it.
pub(in crate::families) fn places(from: &[usize], to: &[usize]) -> Vec<usize> {
    let lead = to.len().saturating_sub(from.len());
    let strides = strides(from);
    to.iter().enumerate().fold(vec![0], |found, (axis, &size)| {
        let own = axis.checked_sub(lead);
        let stride = own.map_or(0, |own| match from.get(own) {
            Some(1) | None => 0,
            Some(_) => strides.get(own).copied().unwrap_or(0),
        });
        let along = |at: usize| (0..size).map(move |index| at + index * stride);
        found.into_iter().flat_map(along).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_of_one_repeat() {
        assert_eq!(shape(&[&[2, 1], &[3], &[]]).unwrap(), [2, 3]);
        assert_eq!(places(&[2, 1], &[2, 3]), [0, 0, 0, 1, 1, 1]);
        assert_eq!(places(&[3], &[2, 3]), [0, 1, 2, 0, 1, 2]);
        assert_eq!(places(&[], &[2]), [0, 0]);
        assert!(shape(&[&[2], &[3]]).is_err());
    }
}
