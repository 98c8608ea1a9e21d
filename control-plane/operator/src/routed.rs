//! Routes that were written a moment ago: proxies hear of them later than the API server does.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a proxy may take. Istio's control plane gathers changes for a tenth of a second at least,
/// and where pods go meanwhile, it says so before it says where the route leads now.
const HEARD: Duration = Duration::from_secs(5);

/// When routes were last written, by the UID of their deployment; forgotten once proxies have heard.
#[derive(Default)]
pub(crate) struct Routed(Mutex<HashMap<String, Instant>>);

impl Routed {
    /// A route of this deployment was written, or taken away.
    pub(crate) fn note(&self, uid: &str) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.retain(|_, at| at.elapsed() < HEARD);
        written.insert(uid.to_owned(), Instant::now());
    }

    /// How long old pods of the deployment have to stay; none if proxies know better by now.
    pub(crate) fn unheard(&self, uid: &str) -> Option<Duration> {
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = HEARD.checked_sub(written.get(uid)?.elapsed())?;
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_deployment_waits_and_no_other() {
        let routed = Routed::default();
        assert_eq!(routed.unheard("a"), None);
        routed.note("a");
        assert!(routed.unheard("a").is_some_and(|left| left <= HEARD));
        assert_eq!(routed.unheard("b"), None);
    }

    #[test]
    fn what_proxies_have_heard_of_is_forgotten() {
        let long_ago = Instant::now()
            .checked_sub(HEARD)
            .expect("a machine that runs");
        let routed = Routed(Mutex::new([("a".to_owned(), long_ago)].into()));
        assert_eq!(routed.unheard("a"), None);
        routed.note("b");
        assert_eq!(routed.0.lock().expect("no panic").len(), 1);
    }
}
