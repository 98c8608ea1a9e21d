//! Whether a live object is as it was asked for.

use hari_api::k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// A digest of what is asked for.
pub(crate) fn digest(wanted: &Value) -> String {
    let full = Sha256::digest(wanted.to_string().as_bytes());
    full.iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Maps that are one's own as a whole: what another adds to them chooses other pods, or none.
const WHOLE: [&str; 3] = ["selector", "labelSelector", "nodeSelector"];

/// Whether everything that is asked for is there. More may be there: defaults of the API server,
/// and what others added.
pub(crate) fn covers(wanted: &Value, live: &Value) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => wanted.iter().all(|(key, value)| {
            let Some(live) = live.get(key) else {
                return empty(value);
            };
            covers(value, live) && (!WHOLE.contains(&key.as_str()) || covers(live, value))
        }),
        (Value::Array(wanted), Value::Array(live)) => lists(wanted, live),
        _ => same(wanted, live),
    }
}

/// Lists of plain values are one's own as a whole; others may add to lists of objects.
fn lists(wanted: &[Value], live: &[Value]) -> bool {
    let plain = wanted.iter().all(|value| !value.is_object());
    if plain || wanted.len() == live.len() {
        let pairs = || {
            wanted
                .iter()
                .zip(live)
                .all(|(wanted, live)| covers(wanted, live))
        };
        if wanted.len() == live.len() && pairs() {
            return true;
        }
    }
    !plain
        && wanted
            .iter()
            .all(|wanted| live.iter().any(|live| covers(wanted, live)))
}

/// The API server leaves out what is empty.
fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(empty),
        Value::Array(list) => list.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
    }
}

/// Equal, or two ways to write one quantity.
fn same(wanted: &Value, live: &Value) -> bool {
    if wanted == live || (wanted.is_null() && empty(live)) {
        return true;
    }
    let amount = |value: &Value| match value {
        Value::Number(number) => number.as_f64().map(|number| (number * 1e3).round()),
        Value::String(text) => quantity(text),
        _ => None,
    };
    amount(wanted)
        .zip(amount(live))
        .is_some_and(|(one, other)| one.to_bits() == other.to_bits())
}

/// The number that a quantity stands for.
fn quantity(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..)? {
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    // Thousandths are the finest that anyone asks for: so `0.5` and `500m` are one number.
    digits
        .parse::<f64>()
        .ok()
        .map(|number| (number * factor * 1e3).round())
}

/// The fields of several managers, as one.
pub(crate) fn union(fields: impl IntoIterator<Item = Value>) -> Value {
    let mut all = Value::Object(Map::new());
    for one in fields {
        merge(&mut all, one);
    }
    all
}

fn merge(into: &mut Value, from: Value) {
    let (Value::Object(into), Value::Object(from)) = (into, from) else {
        return;
    };
    for (key, value) in from {
        merge(
            into.entry(key).or_insert_with(|| Value::Object(Map::new())),
            value,
        );
    }
}

/// The owner that controls an object.
pub(crate) fn controller(owners: Option<&Vec<OwnerReference>>) -> Option<&OwnerReference> {
    owners?.iter().find(|owner| owner.controller == Some(true))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_add_is_theirs() {
        let wanted =
            json!({"metadata": {"annotations": {"a": "1"}}, "spec": {"ports": [{"port": 80}]}});
        let mut live = wanted.clone();
        live["metadata"]["annotations"]["cloud"] = json!("x");
        live["spec"]["clusterIP"] = json!("10.0.0.1");
        live["spec"]["ports"][0]["protocol"] = json!("TCP");
        assert!(covers(&wanted, &live));
        live["spec"]["ports"][0]["port"] = json!(81);
        assert!(!covers(&wanted, &live));
    }

    #[test]
    fn a_sidecar_may_be_added_and_ours_not_taken() {
        let wanted = json!([{"name": "a", "image": "x"}]);
        assert!(covers(
            &wanted,
            &json!([{"name": "s"}, {"name": "a", "image": "x"}])
        ));
        assert!(!covers(
            &wanted,
            &json!([{"name": "s"}, {"name": "a", "image": "y"}])
        ));
        assert!(!covers(&json!(["a"]), &json!(["a", "b"])));
        assert!(!covers(&json!(["a", "b"]), &json!(["b", "a"])));
    }

    #[test]
    fn nobody_adds_to_what_chooses_pods() {
        let wanted = json!({"spec": {"selector": {"app": "a"}}});
        let added = json!({"spec": {"selector": {"app": "a", "more": "b"}}});
        assert!(covers(&wanted, &wanted));
        assert!(!covers(&wanted, &added));
        let of_labels = |labels| json!({"labelSelector": {"matchLabels": labels}});
        assert!(!covers(
            &of_labels(json!({"app": "a"})),
            &of_labels(json!({"app": "a", "more": "b"}))
        ));
    }

    #[test]
    fn quantities_are_numbers() {
        assert!(covers(&json!("0.5"), &json!("500m")));
        assert!(covers(&json!("1024Mi"), &json!("1Gi")));
        assert!(covers(&json!(1), &json!("1")));
        assert!(!covers(&json!("1"), &json!("1Gi")));
        assert!(!covers(&json!("a"), &json!("b")));
    }

    #[test]
    fn the_server_leaves_out_what_is_empty() {
        assert!(covers(
            &json!({"env": [], "x": null, "hostNetwork": false}),
            &json!({})
        ));
        assert!(!covers(&json!({"env": [{"name": "a"}]}), &json!({})));
    }

    #[test]
    fn fields_are_joined() {
        let all = union([json!({"f:a": {"f:b": {}}}), json!({"f:a": {"f:c": {}}})]);
        assert_eq!(all, json!({"f:a": {"f:b": {}, "f:c": {}}}));
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z0-9]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn everything_covers_itself(value in anything()) {
            prop_assert!(covers(&value, &value));
        }

        #[test]
        fn another_digest_is_another_object(one in anything(), other in anything()) {
            prop_assert_eq!(one == other, digest(&one) == digest(&other));
        }
    }
}
