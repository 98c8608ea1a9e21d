//! Quantities of Kubernetes, added up.

use std::collections::BTreeMap;

use hari_api::k8s_openapi::api::core::v1::ResourceRequirements;
use hari_api::k8s_openapi::apimachinery::pkg::api::resource::Quantity;

type Quantities = BTreeMap<String, Quantity>;

/// What running without a limit means is known for these; any other resource is asked for by its
/// limit.
const SHARED: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// Suffixes with what they stand for, in thousandths.
const SUFFIXES: [(&str, i128); 13] = [
    ("Ki", 1000 << 10),
    ("Mi", 1000 << 20),
    ("Gi", 1000 << 30),
    ("Ti", 1000 << 40),
    ("Pi", 1000 << 50),
    ("Ei", 1000 << 60),
    ("m", 1),
    ("k", 1_000_000),
    ("M", 1_000_000_000),
    ("G", 1_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("P", 1_000_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000_000),
];

/// What containers ask for together, when they become one. A limit of CPU, memory or storage holds
/// only where each of them has one.
pub(crate) fn together(parts: &[&ResourceRequirements]) -> ResourceRequirements {
    let requests = parts.iter().map(|part| part.requests.as_ref());
    let limits: Vec<Option<&Quantities>> = parts.iter().map(|part| part.limits.as_ref()).collect();
    let mut limit = sum(limits.iter().copied());
    limit.retain(|name, _| {
        let has = |limits: &Option<&Quantities>| limits.is_some_and(|map| map.contains_key(name));
        !SHARED.contains(&&**name) || limits.iter().all(has)
    });
    ResourceRequirements {
        requests: Some(sum(requests)).filter(|map| !map.is_empty()),
        limits: Some(limit).filter(|map| !map.is_empty()),
        claims: parts.iter().find_map(|part| part.claims.clone()),
    }
}

fn sum<'a>(parts: impl Iterator<Item = Option<&'a Quantities>>) -> Quantities {
    let mut total = Quantities::new();
    for (name, quantity) in parts.flatten().flatten() {
        let so_far = total.remove(name);
        let sum = so_far.map_or_else(|| quantity.clone(), |so_far| add(&so_far, quantity));
        total.insert(name.clone(), sum);
    }
    total
}

/// The sum; the second where one of them is no quantity, which the API server then refuses.
fn add(one: &Quantity, other: &Quantity) -> Quantity {
    let sum = thousandths(&one.0).zip(thousandths(&other.0));
    match sum.and_then(|(one, other)| one.checked_add(other)) {
        Some(sum) => Quantity(written(sum)),
        None => other.clone(),
    }
}

/// Reads a quantity such as `1.5Gi`, in thousandths.
fn thousandths(text: &str) -> Option<i128> {
    let found = SUFFIXES.iter().find(|(suffix, _)| text.ends_with(suffix));
    let (suffix, unit) = found.copied().unwrap_or(("", 1000));
    let number = text.strip_suffix(suffix)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let scaled = digits.parse::<i128>().ok()?.checked_mul(unit)?;
    Some(scaled.div_euclid(scale))
}

/// With the greatest suffix that is exact: binary from a mebibyte up, else `m` or none.
fn written(thousandths: i128) -> String {
    let binary = SUFFIXES.iter().take(6).rev();
    let exact = |unit: i128| thousandths % unit == 0 && thousandths >= unit;
    let large = binary.filter(|(_, unit)| *unit >= 1000 << 20);
    match large.clone().find(|(_, unit)| exact(*unit)) {
        Some((suffix, unit)) => format!("{}{suffix}", thousandths / unit),
        None if thousandths % 1000 == 0 => format!("{}", thousandths / 1000),
        None => format!("{thousandths}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(one: &str, other: &str) -> String {
        add(&Quantity(one.to_owned()), &Quantity(other.to_owned())).0
    }

    #[test]
    fn quantities_add_up() {
        for (one, other, sum) in [
            ("500m", "1", "1500m"),
            ("500m", "500m", "1"),
            ("512Mi", "1Gi", "1536Mi"),
            ("512Mi", "512Mi", "1Gi"),
            ("1.5", "0.25", "1750m"),
            ("1k", "1", "1001"),
            ("100M", "1", "100000001"),
            ("1Gi", "oops", "oops"),
        ] {
            assert_eq!(added(one, other), sum, "{one} + {other}");
        }
    }

    #[test]
    fn a_limit_needs_to_be_everyones() {
        let of = |limits: &[(&str, &str)]| {
            let pair =
                |(name, value): &(&str, &str)| ((*name).to_owned(), Quantity((*value).to_owned()));
            ResourceRequirements {
                limits: Some(limits.iter().map(pair).collect()),
                ..ResourceRequirements::default()
            }
        };
        let one = of(&[("cpu", "1"), ("memory", "1Gi"), ("nvidia.com/gpu", "1")]);
        let other = of(&[("cpu", "2")]);
        let both = together(&[&one, &other]).limits.unwrap();
        let expected = of(&[("cpu", "3"), ("nvidia.com/gpu", "1")]).limits.unwrap();
        assert_eq!(both, expected);
    }
}
