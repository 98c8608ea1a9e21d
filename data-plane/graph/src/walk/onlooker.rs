//! Tells those who look on at a node what it was asked and what it answered.

use std::time::Instant;

use hari_core::{Asked, Context, Message, Moment, Stage, Watch};
use hari_error::Error;

use crate::tree::Step;

/// A stage of a node that someone looks on at, and when it began. Where nobody does, there is
/// nothing: no clock is read and nothing is copied.
pub(super) struct Onlooker<'a> {
    watch: &'a dyn Watch,
    moment: Moment<'a>,
    since: Instant,
}

impl<'a> Onlooker<'a> {
    /// Tells that `step` is about to be asked.
    pub(super) fn at(
        step: &'a Step,
        stage: Stage,
        asked: Asked<'_>,
        context: &'a Context,
    ) -> Option<Self> {
        let watch = step.watch.as_deref()?;
        let moment = Moment {
            node: &step.name,
            stage,
            context,
        };
        watch.asked(&moment, asked);
        Some(Self {
            watch,
            moment,
            since: Instant::now(),
        })
    }

    /// Tells what it answered.
    pub(super) fn told(self, answer: Result<&Message, &Error>) {
        self.watch
            .answered(&self.moment, answer, self.since.elapsed());
    }
}
