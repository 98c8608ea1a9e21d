//! Routes that were written a moment ago: proxies hear of them later than the API server does.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a proxy may take. Istio's control plane gathers changes for a tenth of a second at least,
/// and where pods go meanwhile, it says so before it says where the route leads now.
const HEARD: Duration = Duration::from_secs(5);

/// Longest that old pods stay where somebody else changes the routes again and again.
const LONGEST: Duration = Duration::from_secs(60);

/// When routes were written, by the UID of their deployment; forgotten once proxies have heard.
#[derive(Default)]
pub(crate) struct Routed(Mutex<HashMap<String, Written>>);

/// Changes that followed each other closely.
struct Written {
    first: Instant,
    last: Instant,
}

impl Routed {
    /// A route of this deployment was written, or taken away.
    pub(crate) fn note(&self, uid: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, written| written.last.elapsed() < HEARD);
        let now = Instant::now();
        let new = Written {
            first: now,
            last: now,
        };
        all.entry(uid.to_owned()).or_insert(new).last = now;
    }

    /// How long old pods of the deployment have to stay; none if proxies know better by now.
    pub(crate) fn unheard(&self, uid: &str) -> Option<Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let written = all.get(uid)?;
        let heard = HEARD.checked_sub(written.last.elapsed())?;
        let longest = LONGEST.checked_sub(written.first.elapsed())?;
        Some(heard.min(longest)).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Routes of `a`, written first and last so long ago.
    fn written(first: Duration, last: Duration) -> Routed {
        let ago = |time| {
            Instant::now()
                .checked_sub(time)
                .expect("a machine that runs")
        };
        let written = Written {
            first: ago(first),
            last: ago(last),
        };
        Routed(Mutex::new([("a".to_owned(), written)].into()))
    }

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
        let routed = written(HEARD, HEARD);
        assert_eq!(routed.unheard("a"), None);
        routed.note("b");
        assert_eq!(routed.0.lock().expect("no panic").len(), 1);
    }

    #[test]
    fn routes_that_change_all_the_time_keep_pods_for_a_while_only() {
        let routed = written(LONGEST, Duration::ZERO);
        routed.note("a");
        assert_eq!(routed.unheard("a"), None);
        let routed = written(LONGEST / 2, Duration::ZERO);
        assert!(routed.unheard("a").is_some());
    }
}
