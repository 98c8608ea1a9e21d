//! Which canary it is: what of its spec makes another one of it.

use hari_api::PredictorSpec;
use hari_plan::contract::annotation::ROLLOUT;

/// A short name for what the predictor serves. The policy, the share of traffic and the number of
/// replicas are no part of it: they may change on the way.
#[must_use]
pub fn revision(spec: &PredictorSpec) -> String {
    let mut spec = spec.clone();
    spec.annotations.remove(ROLLOUT);
    spec.traffic = None;
    spec.replicas = None;
    let bytes = serde_json::to_vec(&spec).unwrap_or_default();
    format!("{:016x}", fnv(&bytes))
}

/// FNV-1a with 64 bits, which stays the same from release to release.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_makes_the_revision() {
        let spec = |uri: &str| -> PredictorSpec {
            let graph = serde_json::json!({"name": "m", "implementation": "SKLEARN_SERVER", "modelUri": uri});
            serde_json::from_value(serde_json::json!({"name": "canary", "graph": graph})).unwrap()
        };
        let first = revision(&spec("gs://a/v1"));
        assert_ne!(first, revision(&spec("gs://a/v2")));
        let mut other = spec("gs://a/v1");
        other
            .annotations
            .insert(ROLLOUT.to_owned(), "5,50".to_owned());
        (other.traffic, other.replicas) = (Some(5), Some(3));
        assert_eq!(first, revision(&other));
        // Known from elsewhere: FNV-1a of "a".
        assert_eq!(fnv(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
