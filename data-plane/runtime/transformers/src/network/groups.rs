//! Rows of like length run together.

/// How large a group may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) rows: usize,
    /// Padding included; a row of its own may have more.
    pub(super) tokens: usize,
}

/// Indices of rows, in groups. Longer rows come first; in a group no row is shorter than half of the
/// longest, unless it is short anyway, so that at most half of what is computed is padding.
pub(super) fn by_length(lengths: &[usize], bounds: Bounds) -> Vec<Vec<usize>> {
    /// Rows up to this many tokens may be padded freely: a run costs more than they do.
    const SHORT: usize = 16;
    let mut order: Vec<(usize, usize)> = lengths.iter().copied().zip(0..).collect();
    order.sort_by_key(|&(length, at)| (std::cmp::Reverse(length), at));
    let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
    for (length, at) in order {
        match groups.last_mut() {
            Some((longest, group))
                if group.len() < bounds.rows
                    && *longest * (group.len() + 1) <= bounds.tokens
                    && (length * 2 >= *longest || *longest <= SHORT) =>
            {
                group.push(at);
            }
            _ => groups.push((length, vec![at])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn like_lengths_run_together() {
        let bounds = Bounds {
            rows: 4,
            tokens: 1000,
        };
        assert_eq!(
            by_length(&[100, 20, 90, 30], bounds),
            [vec![0, 2], vec![3, 1]]
        );
        assert_eq!(by_length(&[3, 16, 1], bounds), [vec![1, 0, 2]]);
        assert_eq!(by_length(&[600, 600], bounds), [vec![0], vec![1]]);
        assert!(by_length(&[], bounds).is_empty());
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_group_within_bounds(
            lengths in proptest::collection::vec(0_usize..600, 0..80), rows in 1_usize..40, tokens in 1_usize..4000,
        ) {
            let groups = by_length(&lengths, Bounds { rows, tokens });
            let mut seen: Vec<usize> = groups.iter().flatten().copied().collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            for group in groups {
                let longest = group.iter().map(|&at| lengths[at]).max().unwrap();
                prop_assert!(group.len() <= rows);
                prop_assert!(group.len() == 1 || longest * group.len() <= tokens);
            }
        }
    }
}
