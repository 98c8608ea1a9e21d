//! Pixels moved between the batch, the image and the channels.

use super::{Channels, Context, Lowered, Operator, dilation, lowered};
use crate::emit::{Attr, Id, Range};
use crate::refusal::Refusal;
use crate::shape::Dim;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("SpaceToBatchND", space_to_batch),
    lowered("BatchToSpaceND", batch_to_space),
    lowered("DepthToSpace", depth_to_space),
    lowered("SpaceToDepth", space_to_depth),
];

/// Sizes of blocks; positive.
fn blocks(c: &Context<'_>) -> Result<Vec<i64>, Refusal> {
    let blocks = c.numbers(1, "block shape")?;
    if blocks.iter().all(|block| (1..=1 << 16).contains(block)) {
        return Ok(blocks);
    }
    Err(Refusal::new(format!("blocks of {blocks:?}")))
}

/// Batch, the spatial sizes that have blocks, and the rest.
fn parts(dims: &[Dim], blocks: usize) -> Result<(Dim, Vec<i64>, Vec<Dim>), Refusal> {
    let unknown = || Refusal::new("the size of the image is not known");
    let (batch, others) = dims.split_first().ok_or_else(unknown)?;
    let (spatial, rest) = others.split_at_checked(blocks).ok_or_else(unknown)?;
    let spatial: Option<Vec<_>> = spatial.iter().map(|dim| dim.known()).collect();
    Ok((*batch, spatial.ok_or_else(unknown)?, rest.to_vec()))
}

fn divided(size: i64, block: i64) -> Result<i64, Refusal> {
    if size % block == 0 {
        return Ok(size / block);
    }
    Err(Refusal::new(format!(
        "{size} is not a multiple of block {block}"
    )))
}

fn space_to_batch(c: &mut Context<'_>) -> Lowered {
    let (x, blocks) = (c.first()?, blocks(c)?);
    let x = pad_spatial(c, x, blocks.len())?;
    let (batch, spatial, rest) = parts(&c.builder.dims(x)?, blocks.len())?;
    let count = blocks.len();
    let (mut split, mut joined) = (vec![batch], Vec::new());
    let product: i64 = blocks
        .iter()
        .fold(1, |all, &block| all.saturating_mul(block));
    joined.push(c.builder.symbols.product(&[batch, Dim::Known(product)]));
    for (&size, &block) in spatial.iter().zip(&blocks) {
        split.extend([Dim::Known(divided(size, block)?), Dim::Known(block)]);
        joined.push(Dim::Known(size / block));
    }
    split.extend(&rest);
    joined.extend(&rest);
    let within = (0..count).map(|index| 2 * index + 2);
    let between = (0..count).map(|index| 2 * index + 1);
    let order: Vec<_> = within
        .chain([0])
        .chain(between)
        .chain(2 * count + 1..split.len())
        .collect();
    let y = rearrange(c, x, (&split, &order, &joined))?;
    dilation::note_batch(c, &blocks, y)?;
    Ok(vec![y])
}

fn pad_spatial(c: &mut Context<'_>, x: Id, count: usize) -> Result<Id, Refusal> {
    let pairs = c.numbers(2, "paddings")?;
    let (pairs, _) = pairs.as_chunks::<2>();
    let rank = c.builder.rank(x)?;
    let mut pads = vec![0; 2 * rank];
    for (index, pair) in pairs.iter().take(count).enumerate() {
        for (place, pad) in [(index + 1, pair[0]), (rank + index + 1, pair[1])] {
            let sane = (0..=1 << 24).contains(&pad);
            let slot = pads.get_mut(place).filter(|_| sane);
            *slot.ok_or_else(|| Refusal::new("its paddings are out of range"))? = pad;
        }
    }
    c.builder.pad(x, &pads, "constant", None)
}

fn batch_to_space(c: &mut Context<'_>) -> Lowered {
    let (x, blocks) = (c.first()?, blocks(c)?);
    if let Some(convolution) = dilation::joined(c, &blocks)? {
        return Ok(vec![convolution]);
    }
    let (batch, spatial, rest) = parts(&c.builder.dims(x)?, blocks.len())?;
    let count = blocks.len();
    let product: i64 = blocks
        .iter()
        .fold(1, |all, &block| all.saturating_mul(block));
    let images = c
        .builder
        .symbols
        .apply(batch, Dim::Known(product), i64::checked_div);
    let mut split: Vec<_> = blocks.iter().copied().map(Dim::Known).collect();
    split.push(images);
    split.extend(spatial.iter().copied().map(Dim::Known));
    split.extend(&rest);
    let mut order = vec![count];
    let mut joined = vec![images];
    for (index, (&size, &block)) in spatial.iter().zip(&blocks).enumerate() {
        order.extend([count + 1 + index, index]);
        joined.push(Dim::Known(size.saturating_mul(block)));
    }
    order.extend(2 * count + 1..split.len());
    joined.extend(&rest);
    let y = rearrange(c, x, (&split, &order, &joined))?;
    let crops = c.numbers(2, "crops")?;
    let (crops, _) = crops.as_chunks::<2>();
    let kept = crops.iter().zip(&spatial).zip(&blocks).enumerate();
    let kept = kept.map(|(index, ((&[before, after], &size), &block))| Range {
        axis: index + 1,
        start: before,
        end: size.saturating_mul(block).saturating_sub(after),
        step: 1,
    });
    let kept: Vec<_> = kept.collect();
    Ok(vec![c.builder.slice(y, &kept)?])
}

/// Reshape, transpose, reshape.
fn rearrange(
    c: &mut Context<'_>,
    x: Id,
    (split, order, joined): (&[Dim], &[usize], &[Dim]),
) -> Result<Id, Refusal> {
    let x = c.builder.reshape_to(x, split)?;
    let x = c.builder.transpose(x, order)?;
    c.builder.reshape_to(x, joined)
}

/// Block size, batch, height, width and channels of an image with channels last.
fn image(c: &Context<'_>, x: Id) -> Result<(i64, Dim, [i64; 3]), Refusal> {
    let block = c.node.attrs.int("block_size")?;
    let [
        batch,
        Dim::Known(height),
        Dim::Known(width),
        Dim::Known(channels),
    ] = *c.builder.dims(x)?.as_slice()
    else {
        return Err(Refusal::new("the size of the image is not known"));
    };
    if !(1..=1 << 16).contains(&block) {
        return Err(Refusal::new(format!("blocks of {block}")));
    }
    Ok((block, batch, [height, width, channels]))
}

fn channels_last_only(c: &Context<'_>) -> Result<(), Refusal> {
    match Channels::of(c.node)? {
        Channels::Last => Ok(()),
        Channels::First => Err(Refusal::new("data format NCHW")),
    }
}

fn depth_to_space(c: &mut Context<'_>) -> Lowered {
    channels_last_only(c)?;
    let x = c.first()?;
    let (block, batch, [height, width, channels]) = image(c, x)?;
    let kept = divided(channels, block * block)?;
    let x = Channels::Last.second(c.builder, x)?;
    let dims = [
        batch,
        Dim::Known(kept),
        Dim::Known(height * block),
        Dim::Known(width * block),
    ];
    let attrs = vec![
        ("blocksize", Attr::Int(block)),
        ("mode", Attr::Text("DCR".to_owned())),
    ];
    let kind = (c.builder.dtype(x), Some(dims.to_vec()));
    let y = c.builder.node("DepthToSpace", &[x], attrs, kind);
    Ok(vec![Channels::Last.restored(c.builder, y)?])
}

fn space_to_depth(c: &mut Context<'_>) -> Lowered {
    channels_last_only(c)?;
    let x = c.first()?;
    let (block, batch, [height, width, channels]) = image(c, x)?;
    let (rows, columns) = (divided(height, block)?, divided(width, block)?);
    let known = |sizes: &[i64]| {
        [batch]
            .into_iter()
            .chain(sizes.iter().copied().map(Dim::Known))
            .collect::<Vec<_>>()
    };
    let split = known(&[rows, block, columns, block, channels]);
    let joined = known(&[
        rows,
        columns,
        block.saturating_mul(block).saturating_mul(channels),
    ]);
    Ok(vec![rearrange(
        c,
        x,
        (&split, &[0, 1, 3, 2, 4, 5], &joined),
    )?])
}
