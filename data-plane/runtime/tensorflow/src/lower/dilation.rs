//! Dilated convolutions that were written as a convolution between `SpaceToBatchND` and
//! `BatchToSpaceND`, as Keras writes them: put together again.
//!
//! Moving every `d`-th pixel to an image of its own, convolving those and moving the pixels back is
//! a convolution with dilation `d`. What the first step pads and the last one crops becomes the
//! padding. The three original steps are then read by nothing and go away.

use std::collections::HashMap;

use super::Context;
use super::convolution::Convolution;
use crate::emit::{Id, Padding, Window};
use crate::refusal::Refusal;

/// The pixels of `source`, padded, moved into the batch.
#[derive(Clone)]
struct Batched {
    source: Id,
    blocks: Vec<i64>,
    pads: Vec<(i64, i64)>,
}

/// What has been lowered so far, by the value it made.
#[derive(Default)]
pub(crate) struct Dilations {
    batched: HashMap<Id, Batched>,
    convolved: HashMap<Id, (Batched, Convolution)>,
}

fn pairs(numbers: &[i64]) -> Vec<(i64, i64)> {
    let (pairs, _) = numbers.as_chunks::<2>();
    pairs
        .iter()
        .map(|&[before, after]| (before, after))
        .collect()
}

/// Notes a `SpaceToBatchND` from the context's first input to `made`.
pub(super) fn note_batch(c: &mut Context<'_>, blocks: &[i64], made: Id) -> Result<(), Refusal> {
    let (source, blocks) = (c.first()?, blocks.to_vec());
    let pads = pairs(&c.numbers(2, "paddings")?);
    c.dilations.batched.insert(
        made,
        Batched {
            source,
            blocks,
            pads,
        },
    );
    Ok(())
}

/// Notes a convolution of the context's first input to `made`, if that is a batch of pixels.
pub(super) fn note_convolution(c: &mut Context<'_>, convolution: Convolution, made: Id) {
    let batched = c
        .first()
        .ok()
        .and_then(|input| c.dilations.batched.get(&input))
        .cloned();
    let window = &convolution.window;
    let plain = window.padding == Padding::Valid
        && window
            .strides
            .iter()
            .chain(&window.dilations)
            .all(|&number| number == 1);
    if let Some(batched) = batched.filter(|_| plain) {
        c.dilations.convolved.insert(made, (batched, convolution));
    }
}

/// The dilated convolution that ends in the context's `BatchToSpaceND`; none if it is not the end
/// of one.
pub(super) fn joined(c: &mut Context<'_>, blocks: &[i64]) -> Result<Option<Id>, Refusal> {
    let Some((batched, convolution)) = c.dilations.convolved.get(&c.first()?).cloned() else {
        return Ok(None);
    };
    let crops = pairs(&c.numbers(2, "crops")?);
    let pads = batched.pads.iter().zip(&crops);
    let pads: Vec<_> = pads
        .map(|(pad, crop)| (pad.0 - crop.0, pad.1 - crop.1))
        .collect();
    let fits = batched.blocks == blocks
        && pads.len() == convolution.window.size.len()
        && pads
            .iter()
            .all(|&(before, after)| before >= 0 && after >= 0);
    if !fits {
        return Ok(None);
    }
    let window = Window {
        dilations: blocks.to_vec(),
        padding: Padding::Explicit(pads),
        ..convolution.window.clone()
    };
    convolution
        .emit(c.builder, batched.source, &window)
        .map(Some)
}
