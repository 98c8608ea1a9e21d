//! Looks on at one node for the recorder.

use std::sync::Arc;
use std::time::Duration;

use hari_core::{Asked, Context, Message, Moment, Watch};
use hari_error::Error;

use crate::open::Place;
use crate::recorder::Requests;

pub(crate) struct Onlooker {
    pub(crate) requests: Arc<Requests>,
    pub(crate) place: Arc<Place>,
}

impl Onlooker {
    /// Whether this request is kept. One whose caller wants no log of it is not.
    fn keeps(&self, context: &Context) -> bool {
        !context.skip_logging && self.requests.options.keeps(&context.puid)
    }
}

impl Watch for Onlooker {
    fn asked(&self, moment: &Moment<'_>, asked: Asked<'_>) {
        if self.keeps(moment.context) {
            self.requests.asked(&self.place, moment, asked);
        }
    }

    fn answered(&self, moment: &Moment<'_>, answer: Result<&Message, &Error>, took: Duration) {
        if self.keeps(moment.context) {
            self.requests.answered(&self.place, moment, answer, took);
        }
    }
}
