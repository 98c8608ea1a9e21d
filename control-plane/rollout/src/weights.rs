//! Shares of the requests.

use std::collections::BTreeMap;

/// Gives the canary `weight` percent and the others the rest, in proportion to their own shares; in
/// equal parts if they have none. All together are 100.
#[must_use]
pub fn split(canary: &str, weight: u32, others: &[(String, u32)]) -> BTreeMap<String, u32> {
    let weight = if others.is_empty() {
        100
    } else {
        weight.min(100)
    };
    let mut weights = BTreeMap::from([(canary.to_owned(), weight)]);
    let none = others.iter().all(|(_, share)| *share == 0);
    let share = |share: u32| u64::from(if none { 1 } else { share });
    let sum: u64 = others.iter().map(|(_, its)| share(*its)).sum();
    let (mut given, mut before) = (0, 0);
    for (name, its) in others {
        before += share(*its);
        // What all so far have together, rounded once: the last makes it whole.
        let until = (u64::from(100 - weight) * before).div_ceil(sum.max(1));
        let mine = u32::try_from(until).unwrap_or(100) - given;
        given += mine;
        weights.insert(name.clone(), mine);
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(weight: u32, others: &[u32]) -> Vec<u32> {
        let others: Vec<_> = others
            .iter()
            .enumerate()
            .map(|(at, share)| (format!("s{at}"), *share))
            .collect();
        let weights = split("canary", weight, &others);
        std::iter::once(weights["canary"])
            .chain(others.iter().map(|(name, _)| weights[name]))
            .collect()
    }

    #[test]
    fn the_rest_is_shared_in_proportion() {
        assert_eq!(shares(5, &[100]), [5, 95]);
        assert_eq!(shares(20, &[75, 25]), [20, 60, 20]);
        assert_eq!(shares(10, &[0, 0]), [10, 45, 45]);
        assert_eq!(shares(100, &[100]), [100, 0]);
        assert_eq!(shares(0, &[100]), [0, 100]);
        assert_eq!(shares(7, &[]), [100]);
    }

    proptest::proptest! {
        #[test]
        fn all_together_are_all(weight in 0_u32..=100, others in proptest::collection::vec(0_u32..=100, 1..8)) {
            proptest::prop_assert_eq!(shares(weight, &others).iter().sum::<u32>(), 100);
        }
    }
}
