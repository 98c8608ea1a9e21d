//! The load: requests are sent when they are due, whatever became of earlier ones.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::predict::Shooter;
use super::VerifyRollout;
use super::change::{Change, Outcome};
use super::expected::{Expected, Judged};
use super::tally::{Fate, Phase, Shot, Tally};

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) tally: Tally,
    /// How the change went, if there was one and it came to an end.
    pub(super) outcome: Option<Outcome>,
    /// Since the start, when the change began.
    pub(super) begun: Option<Duration>,
    /// Since the start, when it was complete.
    pub(super) complete: Option<Duration>,
    pub(super) lasted: Duration,
}

/// What all requests share.
struct Shared {
    shooter: Shooter,
    expected: Arc<Expected>,
    tally: Mutex<Tally>,
    start: Instant,
    late_after: Option<Duration>,
    new_every: u64,
}

/// How far the change is.
struct Course {
    change: Option<Change>,
    making: Option<JoinHandle<Outcome>>,
    outcome: Option<Outcome>,
    begun: Option<Duration>,
    complete: Option<Duration>,
}

/// Sends until the change is complete and seen, the time is up, or the user has enough.
pub(super) async fn run(
    flags: &VerifyRollout,
    shooter: Shooter,
    expected: &Arc<Expected>,
    change: Option<Change>,
) -> Found {
    let shared = Arc::new(Shared {
        shooter,
        expected: expected.clone(),
        tally: Mutex::default(),
        start: Instant::now(),
        late_after: flags.late_after,
        new_every: flags.new_connection_every,
    });
    let mut course = Course {
        change,
        making: None,
        outcome: None,
        begun: None,
        complete: None,
    };
    let room = Arc::new(Semaphore::new(flags.most_open as usize));
    tokio::select! {
        () = send(flags, &shared, &mut course, &room) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    // Each ends within its timeout.
    let _ = room.acquire_many(flags.most_open).await;
    if let Some(making) = course.making {
        making.abort();
    }
    let tally = std::mem::take(&mut *shared.tally.lock().unwrap_or_else(PoisonError::into_inner));
    Found {
        tally,
        outcome: course.outcome,
        begun: course.begun,
        complete: course.complete,
        lasted: shared.start.elapsed(),
    }
}

async fn send(
    flags: &VerifyRollout,
    shared: &Arc<Shared>,
    course: &mut Course,
    room: &Arc<Semaphore>,
) {
    for number in 0.. {
        let due = Duration::from_secs_f64(number as f64 / f64::from(flags.rate));
        tokio::time::sleep_until(shared.start + due).await;
        let phase = course.go_on(flags, shared.start.elapsed()).await;
        if course.is_over(flags, shared.start.elapsed(), number) {
            return;
        }
        match room.clone().try_acquire_owned() {
            Ok(permit) => {
                let shared = shared.clone();
                tokio::spawn(async move {
                    shared.shoot(number, due, phase).await;
                    drop(permit);
                });
            }
            Err(_) => shared.add(
                due,
                phase,
                failed("NOT_SENT", "too many requests were open"),
            ),
        }
    }
}

fn failed(kind: &str, message: &str) -> Fate {
    Fate::Failed(kind.to_owned(), message.to_owned())
}

impl Course {
    /// Begins the change when its time has come, and says where a request of now belongs.
    async fn go_on(&mut self, flags: &VerifyRollout, now: Duration) -> Phase {
        if now >= flags.before
            && let Some(change) = self.change.take()
        {
            self.begun = Some(now);
            self.making = Some(tokio::spawn(change.make()));
        }
        if let Some(making) = self.making.take_if(|making| making.is_finished()) {
            let lost = |_| Outcome::Failed("the change was lost".to_owned());
            let outcome = making.await.unwrap_or_else(lost);
            if outcome == Outcome::Complete {
                self.complete = Some(now);
            }
            self.outcome = Some(outcome);
        }
        match (self.begun, self.complete) {
            (None, _) => Phase::Before,
            (Some(_), None) => Phase::During,
            (Some(_), Some(_)) => Phase::After,
        }
    }

    fn is_over(&self, flags: &VerifyRollout, now: Duration, sent: u64) -> bool {
        if matches!(self.outcome, Some(Outcome::Failed(_))) {
            return true;
        }
        let seen = match self.complete {
            Some(complete) => now >= complete + flags.after,
            None => !flags.changes() && now >= flags.duration,
        };
        seen && sent >= flags.requests
    }
}

impl Shared {
    async fn shoot(&self, number: u64, due: Duration, phase: Phase) {
        let fresh = self.new_every > 0 && number.is_multiple_of(self.new_every);
        let fate = match self.shooter.send(number, fresh).await {
            Err(error) => failed(error.reason(), error.message()),
            Ok(body) => match self.expected.judge(&body) {
                Judged::Unknown => Fate::Unknown,
                Judged::Right(Some(version))
                    if phase == Phase::After && !self.expected.may_end_with(Some(version)) =>
                {
                    Fate::Old(version)
                }
                Judged::Right(version) => Fate::Right(version),
            },
        };
        self.add(due, phase, fate);
    }

    fn add(&self, due: Duration, phase: Phase, fate: Fate) {
        let latency = self.start.elapsed().saturating_sub(due);
        let late = self.late_after.is_some_and(|most| latency > most);
        let shot = Shot {
            phase,
            due,
            latency,
            late,
            fate,
        };
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.add(&shot);
    }
}
