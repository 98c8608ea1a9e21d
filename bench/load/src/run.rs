//! The loop: requests begin when they are due, and how long each took is counted.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use mio::{Events, Poll, Token};

use crate::connection::{Connection, Outcome};
use crate::target::Target;

/// How long the first answer is waited for when the time is over.
const PATIENCE: Duration = Duration::from_secs(60);

/// When requests begin.
#[derive(Clone, Copy)]
pub(crate) enum Arrivals {
    /// As soon as a connection is free.
    Closed,
    /// One in each such time, whether a connection is free or not.
    Every(Duration),
}

/// When the measurement is over.
#[derive(Clone, Copy)]
pub(crate) enum End {
    After(Duration),
    Requests(u64),
}

/// What is done to the server.
pub(crate) struct Plan {
    pub(crate) arrivals: Arrivals,
    pub(crate) connections: usize,
    pub(crate) warmup: Duration,
    pub(crate) end: End,
}

/// What was measured.
pub(crate) struct Measured {
    pub(crate) seconds: f64,
    /// Answers with status 200, and the nanoseconds each took.
    pub(crate) latency: Histogram<u64>,
    /// Other answers, and broken connections.
    pub(crate) failed: u64,
}

impl Arrivals {
    /// So many each second.
    pub(crate) fn every(rate: f64) -> Result<Self> {
        ensure!(rate > 0.0, "expected a positive rate, found {rate}");
        Ok(Self::Every(Duration::from_secs_f64(1.0 / rate)))
    }
}

impl Plan {
    /// So many requests on one connection, all of them counted.
    pub(crate) fn count(requests: u64) -> Self {
        Self {
            arrivals: Arrivals::Closed,
            connections: 1,
            warmup: Duration::ZERO,
            end: End::Requests(requests),
        }
    }
}

/// Carries out the plan.
pub(crate) fn run(target: &Target, plan: &Plan) -> Result<Measured> {
    let mut load = Load::new(target, plan)?;
    load.drive()?;
    load.measured()
}

struct Load<'a> {
    target: &'a Target,
    plan: &'a Plan,
    poll: Poll,
    connections: Vec<Connection>,
    idle: Vec<usize>,
    /// When counting begins.
    start: Instant,
    /// When the next request is due, in an open loop.
    next: Instant,
    latency: Histogram<u64>,
    failed: u64,
}

impl<'a> Load<'a> {
    fn new(target: &'a Target, plan: &'a Plan) -> Result<Self> {
        let now = Instant::now();
        Ok(Self {
            target,
            plan,
            poll: Poll::new().context("asking for an event queue")?,
            connections: (0..plan.connections)
                .map(|at| Connection::new(Token(at)))
                .collect(),
            idle: (0..plan.connections).collect(),
            start: now + plan.warmup,
            next: now,
            latency: Histogram::new(3)?,
            failed: 0,
        })
    }

    /// Until it is over. Never waits in the kernel: the time to wake up would be counted.
    fn drive(&mut self) -> Result<()> {
        let mut events = Events::with_capacity(self.plan.connections);
        while !self.over() {
            self.begin_due()?;
            self.poll.poll(&mut events, Some(Duration::ZERO))?;
            for event in &events {
                self.go_on(event.token())?;
            }
        }
        Ok(())
    }

    fn over(&self) -> bool {
        match self.plan.end {
            End::After(length) => {
                let end = self.start + length;
                let some = !self.latency.is_empty() || self.failed > 0;
                let now = Instant::now();
                now >= end && (some || now >= end + PATIENCE)
            }
            End::Requests(requests) => self.latency.len() + self.failed >= requests,
        }
    }

    /// Begins what is due, as far as connections are free.
    fn begin_due(&mut self) -> Result<()> {
        while let Some(&at) = self.idle.last() {
            let now = Instant::now();
            let due = match self.plan.arrivals {
                Arrivals::Closed => now,
                Arrivals::Every(_) if self.next > now => return Ok(()),
                Arrivals::Every(gap) => {
                    let due = self.next;
                    self.next = due + gap;
                    due
                }
            };
            self.idle.pop();
            let Some(connection) = self.connections.get_mut(at) else {
                continue;
            };
            let outcome = connection.begin(self.target, self.poll.registry(), due)?;
            self.count(at, due, outcome)?;
            if self.over() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn go_on(&mut self, token: Token) -> Result<()> {
        let Some(connection) = self.connections.get_mut(token.0) else {
            return Ok(());
        };
        let Some(due) = connection.due() else {
            return Ok(());
        };
        let outcome = connection.drive(self.target, self.poll.registry())?;
        self.count(token.0, due, outcome)
    }

    /// Counts what came of a request, if it is over.
    fn count(&mut self, at: usize, due: Instant, outcome: Option<Outcome>) -> Result<()> {
        let Some(outcome) = outcome else {
            return Ok(());
        };
        self.idle.push(at);
        let now = Instant::now();
        if now < self.start {
            return Ok(());
        }
        match outcome {
            Outcome::Answered(200) => self.latency.record((now - due).as_nanos() as u64)?,
            Outcome::Answered(_) | Outcome::Broken => self.failed += 1,
        }
        Ok(())
    }

    fn measured(self) -> Result<Measured> {
        ensure!(!self.latency.is_empty(), "no request was answered in time");
        Ok(Measured {
            seconds: self.start.elapsed().as_secs_f64(),
            latency: self.latency,
            failed: self.failed,
        })
    }
}

#[cfg(test)]
mod tests;
