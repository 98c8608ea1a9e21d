//! Counters: numbers that stand for a combination of categories, made of what training counted.
//!
//! A combination is hashed to 64 bits, its counts are looked up, and a share or a mean is made of
//! them in float32: `((good + prior) / (all + weight) + shift) * scale`
//! (`catboost/libs/model/static_ctr_provider.cpp`).

use hari_error::{Error, Result};

use super::parts::{Counts, CtrFeature, Kind};

/// The multiplier of hashes of combinations (`catboost/libs/model/hash.h`).
const MAGIC: u64 = 0x4906_ba49_4954_cb65;

/// A hash with one value more.
pub(super) fn combined(hash: u64, value: u64) -> u64 {
    MAGIC.wrapping_mul(hash.wrapping_add(MAGIC.wrapping_mul(value)))
}

/// Counts, found by hash.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Sorted by hash.
    places: Vec<(u64, u32)>,
    values: Values,
    denominator: i32,
}

#[derive(Clone, Debug)]
enum Values {
    /// So many integers at each place.
    Counts(usize, Vec<i32>),
    Means(Vec<(f32, i32)>),
}

impl Table {
    /// # Errors
    /// `Model` if a place does not exist.
    pub(super) fn new(counts: Counts, kind: Kind) -> Result<Self> {
        let Counts {
            mut places,
            counts,
            means,
            classes,
            denominator,
        } = counts;
        let (values, room) = match kind {
            Kind::Mean => {
                let room = means.len();
                (Values::Means(means), room)
            }
            _ if classes == 0 => return Err(Error::model("counts are of no classes")),
            _ => {
                let room = counts.len() / classes;
                (Values::Counts(classes, counts), room)
            }
        };
        if let Some((_, place)) = places.iter().find(|(_, place)| *place as usize >= room) {
            return Err(Error::model(format!(
                "count {place} does not exist: there are {room}"
            )));
        }
        places.sort_unstable();
        Ok(Self {
            places,
            values,
            denominator,
        })
    }

    fn place(&self, hash: u64) -> Option<usize> {
        let found = self.places.binary_search_by_key(&hash, |&(hash, _)| hash);
        let place = found.ok().and_then(|at| self.places.get(at));
        place.map(|&(_, place)| place as usize)
    }

    /// The counts of a hash; none if training has not seen it.
    fn counts(&self, hash: u64) -> Option<&[i32]> {
        match &self.values {
            Values::Counts(classes, counts) => counts.chunks_exact(*classes).nth(self.place(hash)?),
            Values::Means(_) => None,
        }
    }

    fn mean(&self, hash: u64) -> Option<(f32, i32)> {
        match &self.values {
            Values::Means(means) => means.get(self.place(hash)?).copied(),
            Values::Counts(..) => None,
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let values = match &self.values {
            Values::Counts(_, counts) => size_of_val(&**counts),
            Values::Means(means) => size_of_val(&**means),
        };
        size_of_val(&*self.places) + values
    }
}

/// What is made of the counts of a hash.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    kind: Kind,
    target_border: usize,
    prior: [f32; 2],
    shift: f32,
    scale: f32,
}

impl Counter {
    pub(super) fn of(feature: &CtrFeature) -> Self {
        Self {
            kind: feature.kind,
            target_border: usize::try_from(feature.target_border).unwrap_or(usize::MAX),
            prior: feature.prior,
            shift: feature.shift,
            scale: feature.scale,
        }
    }

    pub(super) fn value(&self, table: &Table, hash: u64) -> f32 {
        match self.kind {
            Kind::Mean => {
                let (sum, count) = table.mean(hash).unwrap_or_default();
                self.share(sum, count)
            }
            Kind::Counter => {
                let seen = table.counts(hash).and_then(|counts| counts.first());
                self.share(seen.map_or(0.0, |&seen| seen as f32), table.denominator)
            }
            Kind::Buckets => {
                let counts = table.counts(hash).unwrap_or_default();
                let good = counts.get(self.target_border).copied().unwrap_or_default();
                self.share(good as f32, total(counts))
            }
            Kind::Borders => {
                let counts = table.counts(hash).unwrap_or_default();
                // With two classes there is one border, whatever the file says.
                let border = if counts.len() == 2 {
                    0
                } else {
                    self.target_border
                };
                let above = counts.get(border.saturating_add(1)..).unwrap_or_default();
                self.share(total(above) as f32, total(counts))
            }
        }
    }

    fn share(&self, good: f32, all: i32) -> f32 {
        let [prior, weight] = self.prior;
        ((good + prior) / (all as f32 + weight) + self.shift) * self.scale
    }
}

fn total(counts: &[i32]) -> i32 {
    counts.iter().fold(0, |sum, &count| sum.wrapping_add(count))
}
