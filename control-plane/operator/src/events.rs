//! Events, as `kubectl describe` shows them.

use hari_api::k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder};

/// Most bytes of a note; the API server takes 1024.
const NOTE: usize = 1000;

/// Most letters of an action; the API server takes 128.
const ACTION: usize = 120;

/// Writes events.
#[derive(Clone)]
pub(crate) struct Events(Recorder);

impl Events {
    pub(crate) fn new(client: Client) -> Self {
        Self(Recorder::new(client, "seldon-controller-manager".into()))
    }

    /// All is as it should be.
    pub(crate) async fn normal(&self, about: &ObjectReference, reason: String, note: String) {
        self.publish(about, EventType::Normal, reason, note).await;
    }

    /// Something is not as it should be.
    pub(crate) async fn warning(&self, about: &ObjectReference, reason: &str, note: &str) {
        self.publish(
            about,
            EventType::Warning,
            reason.to_owned(),
            note.to_owned(),
        )
        .await;
    }

    async fn publish(
        &self,
        about: &ObjectReference,
        type_: EventType,
        reason: String,
        note: String,
    ) {
        // Events that differ in nothing but their note are taken for repetitions of one.
        let action = note.chars().filter(char::is_ascii).take(ACTION).collect();
        let event = Event {
            type_,
            reason,
            note: Some(shortened(note)),
            action,
            secondary: None,
        };
        // An event that cannot be written changes nothing: the status says the same.
        if let Err(error) = self.0.publish(&event, about).await {
            tracing::debug!(%error, "an event could not be written");
        }
    }
}

/// At most as long as a note may be.
pub(crate) fn shortened(mut text: String) -> String {
    if text.len() > NOTE {
        let end = (0..=NOTE - 3).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_notes_are_cut_between_letters() {
        assert_eq!(shortened("kurz".to_owned()), "kurz");
        let long = shortened("ü".repeat(2000));
        assert!(long.len() <= NOTE && long.ends_with('…'));
    }
}
