//! What was written, until it is heard of: so that a cache that lags is not believed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::api::DynamicObject;

/// How long something may be written and not be heard of, as an object that is new.
const LAG: Duration = Duration::from_secs(30);

/// Kind, namespace, name.
type Key<'a> = (&'a str, &'a str, &'a str);

/// What was written.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<HashMap<String, Entry>>>);

struct Entry {
    version: u64,
    at: Instant,
    /// Until it is heard of.
    object: Option<Arc<DynamicObject>>,
}

impl Written {
    /// Remembers what the API server answered.
    pub(crate) fn remember(&self, key: Key<'_>, object: DynamicObject) {
        let entry = Entry {
            version: version(&object),
            at: Instant::now(),
            object: Some(Arc::new(object)),
        };
        self.entries().insert(text(key), entry);
    }

    /// The object is gone.
    pub(crate) fn forget(&self, key: Key<'_>) {
        self.entries().remove(&text(key));
    }

    /// The newer of what was heard and what was written.
    pub(crate) fn newer(
        &self,
        key: Key<'_>,
        heard: Option<Arc<DynamicObject>>,
    ) -> Option<Arc<DynamicObject>> {
        let mut entries = self.entries();
        let key = text(key);
        let Some(entry) = entries.get_mut(&key) else {
            return heard;
        };
        match &heard {
            Some(found) if version(found) >= entry.version => {
                entry.object = None;
                heard
            }
            None if entry.at.elapsed() > LAG => {
                entries.remove(&key);
                None
            }
            _ => entry.object.clone().or(heard),
        }
    }

    /// Whether this object is as it was written.
    pub(crate) fn is_as_written(&self, key: Key<'_>, object: &DynamicObject) -> bool {
        let entries = self.entries();
        entries
            .get(&text(key))
            .is_some_and(|entry| entry.version == version(object))
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text((kind, namespace, name): Key<'_>) -> String {
    format!("{kind}/{namespace}/{name}")
}

/// Versions of one kind grow.
fn version(object: &DynamicObject) -> u64 {
    let version = object.metadata.resource_version.as_deref();
    version
        .and_then(|version| version.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;

    const KEY: Key<'_> = ("Service", "n", "x");

    fn object(version: u64) -> DynamicObject {
        let resource = kinds::named("Service").expect("a kind").resource();
        let mut object = DynamicObject::new("x", &resource);
        object.metadata.resource_version = Some(version.to_string());
        object
    }

    fn seen(written: &Written, heard: Option<u64>) -> Option<u64> {
        let found = written.newer(KEY, heard.map(|version| Arc::new(object(version))));
        found.map(|object| version(&object))
    }

    #[test]
    fn what_lags_is_not_believed() {
        let written = Written::default();
        assert_eq!(seen(&written, Some(3)), Some(3));
        written.remember(KEY, object(5));
        assert_eq!(seen(&written, None), Some(5));
        assert_eq!(seen(&written, Some(3)), Some(5));
        assert_eq!(seen(&written, Some(5)), Some(5));
        assert!(written.is_as_written(KEY, &object(5)));
        assert_eq!(seen(&written, Some(6)), Some(6));
        assert!(!written.is_as_written(KEY, &object(6)));
    }

    #[test]
    fn what_is_deleted_is_gone() {
        let written = Written::default();
        written.remember(KEY, object(5));
        written.forget(KEY);
        assert_eq!(seen(&written, None), None);
    }
}
