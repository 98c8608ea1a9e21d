//! How far each partition may be committed: up to the first record whose answer is not safe yet.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A record that is being answered. Give it back with [`crate::Consumer::acknowledge`]; one that
/// is dropped holds its partition where it is, and its record is read again.
#[derive(Debug)]
#[must_use = "a record whose ticket is not given back is read again"]
pub struct Ticket {
    partition: i32,
    offset: i64,
    era: u64,
    offsets: Arc<Offsets>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.offsets.given_up(self);
    }
}

/// The records of one topic that are being answered.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    known: Mutex<Known>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Known {
    partitions: HashMap<i32, Progress>,
    eras: u64,
}

/// One partition since it was given to us.
#[derive(Debug)]
struct Progress {
    /// Tickets of earlier times of the same partition count no more.
    era: u64,
    /// Records whose answers are not safe.
    open: BTreeSet<i64>,
    /// Those of them that someone is at.
    busy: usize,
    /// After the last record that was begun.
    next: i64,
    committed: Option<i64>,
}

impl Progress {
    /// The offset of the first record that is not safe.
    fn safe(&self) -> i64 {
        self.open.first().copied().unwrap_or(self.next)
    }
}

impl Known {
    /// The partition of a ticket, unless it went away since.
    fn of(&mut self, ticket: &Ticket) -> Option<&mut Progress> {
        let progress = self.partitions.get_mut(&ticket.partition);
        progress.filter(|progress| progress.era == ticket.era)
    }
}

impl Offsets {
    /// A record begins to be answered.
    pub(crate) fn begin(self: &Arc<Self>, partition: i32, offset: i64) -> Ticket {
        let known = &mut *self.lock();
        let progress = known.partitions.entry(partition).or_insert_with(|| {
            known.eras += 1;
            Progress {
                era: known.eras,
                open: BTreeSet::new(),
                busy: 0,
                next: offset,
                committed: Some(offset),
            }
        });
        progress.open.insert(offset);
        progress.busy += 1;
        progress.next = progress.next.max(offset.saturating_add(1));
        Ticket {
            partition,
            offset,
            era: progress.era,
            offsets: self.clone(),
        }
    }

    /// Its answer is safe.
    pub(crate) fn done(&self, ticket: &Ticket) {
        if let Some(progress) = self.lock().of(ticket) {
            progress.open.remove(&ticket.offset);
        }
        self.changed.notify_waiters();
    }

    /// No one is at it any more.
    fn given_up(&self, ticket: &Ticket) {
        if let Some(progress) = self.lock().of(ticket) {
            progress.busy = progress.busy.saturating_sub(1);
        }
        self.changed.notify_waiters();
    }

    /// Partition and offset of what may be committed and is not.
    pub(crate) fn uncommitted(&self) -> Vec<(i32, i64)> {
        let known = self.lock();
        let changed = known.partitions.iter().filter_map(|(partition, progress)| {
            let safe = progress.safe();
            (progress.committed != Some(safe)).then_some((*partition, safe))
        });
        changed.collect()
    }

    /// The broker knows of these.
    pub(crate) fn committed(&self, offsets: &[(i32, i64)]) {
        let mut known = self.lock();
        for (partition, offset) in offsets {
            if let Some(progress) = known.partitions.get_mut(partition) {
                progress.committed = Some(*offset);
            }
        }
    }

    /// The partitions are someone else's from now on.
    pub(crate) fn forget(&self, partitions: &[i32]) {
        let mut known = self.lock();
        known
            .partitions
            .retain(|partition, _| !partitions.contains(partition));
        drop(known);
        self.changed.notify_waiters();
    }

    /// Resolves when nothing of these partitions is being answered.
    pub(crate) async fn settled(&self, partitions: &[i32]) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if !self.busy(partitions) {
                return;
            }
            changed.await;
        }
    }

    /// Resolves when something more may be committed.
    pub(crate) async fn more(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if !self.uncommitted().is_empty() {
                return;
            }
            changed.await;
        }
    }

    fn busy(&self, partitions: &[i32]) -> bool {
        let known = self.lock();
        let mut ours = partitions
            .iter()
            .filter_map(|one| known.partitions.get(one));
        ours.any(|progress| progress.busy > 0)
    }

    /// Every change under the lock is whole, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_open_record_bounds_what_is_committed() {
        let offsets = Arc::new(Offsets::default());
        let tickets: Vec<_> = (5..8).map(|offset| offsets.begin(0, offset)).collect();
        assert_eq!(offsets.uncommitted(), []);
        offsets.done(&tickets[1]);
        offsets.done(&tickets[2]);
        assert_eq!(offsets.uncommitted(), []);
        offsets.done(&tickets[0]);
        assert_eq!(offsets.uncommitted(), [(0, 8)]);
        offsets.committed(&[(0, 8)]);
        assert_eq!(offsets.uncommitted(), []);
    }

    #[test]
    fn a_ticket_from_before_a_partition_went_away_counts_no_more() {
        let offsets = Arc::new(Offsets::default());
        let old = offsets.begin(3, 10);
        offsets.forget(&[3]);
        let new = offsets.begin(3, 10);
        offsets.done(&old);
        assert_eq!(offsets.uncommitted(), []);
        offsets.done(&new);
        assert_eq!(offsets.uncommitted(), [(3, 11)]);
    }

    #[tokio::test]
    async fn waiters_see_a_change_that_comes_before_or_after_they_wait() {
        let offsets = Arc::new(Offsets::default());
        offsets.settled(&[0]).await;
        let ticket = offsets.begin(0, 1);
        tokio::join!(offsets.more(), async { offsets.done(&ticket) });
        tokio::join!(offsets.settled(&[0]), async { drop(ticket) });
    }

    #[tokio::test]
    async fn what_is_given_up_holds_its_partition_and_no_one_waits_for_it() {
        let offsets = Arc::new(Offsets::default());
        let (first, second) = (offsets.begin(0, 1), offsets.begin(0, 2));
        offsets.done(&second);
        drop((first, second));
        offsets.settled(&[0]).await;
        assert_eq!(offsets.uncommitted(), []);
    }

    proptest! {
        #[test]
        fn nothing_open_is_ever_committed(order in Just((0i64..40).collect::<Vec<_>>()).prop_shuffle(), stop in 0usize..40) {
            let offsets = Arc::new(Offsets::default());
            let tickets: Vec<_> = (0..40).map(|offset| offsets.begin(0, offset)).collect();
            for &index in order.iter().take(stop) {
                offsets.done(&tickets[usize::try_from(index).unwrap()]);
            }
            let open = order.iter().skip(stop).min().copied().unwrap_or(40);
            let found = offsets.uncommitted();
            prop_assert_eq!(found, if open == 0 { vec![] } else { vec![(0, open)] });
        }
    }
}
