//! Who holds the lease: the rules, without a clock or a cluster of their own.

use std::time::Duration;

use tokio::time::Instant;

use crate::manager::LeaseOptions;

/// What a lease says. Times of the wall are in microseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Who holds it; nobody if empty.
    pub(super) holder: String,
    /// Since when.
    pub(super) acquired: i64,
    /// When the holder last said that it is there.
    pub(super) renewed: i64,
    /// How long others wait for it.
    pub(super) duration: Duration,
    /// How often the holder changed.
    pub(super) transitions: i32,
}

/// What to do with a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Somebody else holds it: look again after a while.
    Wait,
    /// Write this; it is ours if the write is taken.
    Write(Record),
}

/// One replica's view of the lease.
#[derive(Clone, Debug)]
pub(super) struct Election {
    holder: String,
    duration: Duration,
    /// What another replica wrote, and when it was first seen: clocks of other machines are not
    /// trusted.
    seen: Option<(Record, Instant)>,
}

impl Election {
    pub(super) fn new(holder: String, options: &LeaseOptions) -> Self {
        Self {
            holder,
            duration: options.duration,
            seen: None,
        }
    }

    /// What to do with what was found: nothing, or a record. `wall` is the time to be written.
    pub(super) fn step(&mut self, found: Option<&Record>, now: Instant, wall: i64) -> Step {
        let Some(found) = found else {
            return Step::Write(self.taken(0, wall));
        };
        if found.holder == self.holder {
            return Step::Write(Record {
                renewed: wall,
                duration: self.duration,
                ..found.clone()
            });
        }
        let next = found.transitions.saturating_add(1);
        if found.holder.is_empty() || self.is_silent(found, now) {
            return Step::Write(self.taken(next, wall));
        }
        Step::Wait
    }

    /// What is written when the lease is given up, so that the next one need not wait.
    pub(super) fn released(&self, held: &Record, wall: i64) -> Record {
        Record {
            holder: String::new(),
            renewed: wall,
            duration: Duration::from_secs(1),
            ..held.clone()
        }
    }

    fn taken(&self, transitions: i32, wall: i64) -> Record {
        Record {
            holder: self.holder.clone(),
            acquired: wall,
            renewed: wall,
            duration: self.duration,
            transitions,
        }
    }

    /// Whether the other one has written nothing new for as long as it promised.
    fn is_silent(&mut self, found: &Record, now: Instant) -> bool {
        match &self.seen {
            Some((seen, since)) if seen == found => {
                now.saturating_duration_since(*since) >= found.duration
            }
            _ => {
                self.seen = Some((found.clone(), now));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEASE: u64 = 15;
    const DEADLINE: u64 = 10;

    fn election(name: &str) -> Election {
        let options = LeaseOptions {
            name: "lease".to_owned(),
            duration: Duration::from_secs(LEASE),
            renew_deadline: Duration::from_secs(DEADLINE),
            retry: Duration::from_secs(2),
        };
        Election::new(name.to_owned(), &options)
    }

    fn written(step: Step) -> Record {
        match step {
            Step::Write(record) => record,
            Step::Wait => panic!("nothing was written"),
        }
    }

    #[test]
    fn the_first_takes_it_and_keeps_it() {
        let (mut one, start) = (election("one"), Instant::now());
        let first = written(one.step(None, start, 5));
        assert_eq!((&*first.holder, first.transitions), ("one", 0));
        let renewed = written(one.step(Some(&first), start, 9));
        assert_eq!((renewed.acquired, renewed.renewed), (5, 9));
    }

    #[test]
    fn another_waits_until_it_is_silent() {
        let (mut one, mut two, start) = (election("one"), election("two"), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let first = written(one.step(None, start, 0));
        assert_eq!(two.step(Some(&first), at(100), 0), Step::Wait, "seen now");
        let second = written(one.step(Some(&first), at(110), 1));
        assert_eq!(two.step(Some(&second), at(114), 0), Step::Wait, "renewed");
        assert_eq!(two.step(Some(&second), at(128), 0), Step::Wait);
        let taken = written(two.step(Some(&second), at(129), 0));
        assert_eq!((&*taken.holder, taken.transitions), ("two", 1));
        assert_eq!(one.step(Some(&taken), at(130), 0), Step::Wait);
    }

    #[test]
    fn one_that_was_given_up_is_taken_at_once() {
        let (mut one, mut two, start) = (election("one"), election("two"), Instant::now());
        let held = written(one.step(None, start, 0));
        let free = one.released(&held, 1);
        let taken = written(two.step(Some(&free), start, 2));
        assert_eq!((&*taken.holder, taken.transitions), ("two", 1));
    }

    /// A replica: until when it believes to lead, and what it is about to write.
    struct Replica {
        election: Election,
        leads_until: Option<Instant>,
        pending: Option<(Record, usize, Instant)>,
    }

    proptest! {
        /// Whatever replicas do in whatever order, and however late their writes arrive, no two of
        /// them lead at a time: one that began to renew at t leads until t + deadline, and a write
        /// is refused if the lease has changed since it was read.
        #[test]
        fn two_never_lead_at_a_time(steps in prop::collection::vec((0..3_usize, 0..9_u64), 1..300)) {
            let start = Instant::now();
            let mut now = start;
            let mut lease: Vec<Record> = Vec::new();
            let mut replicas = ["a", "b", "c"].map(|name| Replica {
                election: election(name),
                leads_until: None,
                pending: None,
            });
            for (who, pause) in steps {
                now += Duration::from_secs(pause);
                let wall = now.duration_since(start).as_micros() as i64;
                let replica = &mut replicas[who];
                match replica.pending.take() {
                    Some((record, version, begun)) => {
                        // A renewal that takes longer than the deadline is given up.
                        let in_time = now < begun + Duration::from_secs(DEADLINE);
                        if version == lease.len() && in_time {
                            lease.push(record);
                            replica.leads_until = Some(begun + Duration::from_secs(DEADLINE));
                        }
                    }
                    None => {
                        if let Step::Write(record) = replica.election.step(lease.last(), now, wall) {
                            replica.pending = Some((record, lease.len(), now));
                        }
                    }
                }
                let leads = |replica: &&Replica| replica.leads_until.is_some_and(|until| until > now);
                prop_assert!(replicas.iter().filter(leads).count() <= 1);
            }
        }
    }
}
