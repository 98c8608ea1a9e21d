//! Which nodes run together: as few changes between the engine and our own operators as can be.
//!
//! Levels alternate: even ones run on the engine, odd ones on our own operators. A node runs as
//! late as what uses it allows, so that the engine gets one large part rather than several.

/// The level of each node, `engine` saying where it runs and `needs` which nodes it uses, all of
/// them before it.
pub(crate) fn levels(engine: &[bool], needs: &[Vec<usize>]) -> Vec<usize> {
    let mut levels: Vec<usize> = Vec::with_capacity(engine.len());
    for (at, &on_engine) in engine.iter().enumerate() {
        let least = usize::from(!on_engine);
        let used = needs.get(at).into_iter().flatten();
        let after =
            used.filter_map(|&need| levels.get(need).map(|level| level + gap(engine, need, at)));
        levels.push(after.fold(least, usize::max));
    }
    sink(engine, needs, &mut levels);
    levels
}

/// Lets every node run as late as its users allow; one without users as late as any.
fn sink(engine: &[bool], needs: &[Vec<usize>], levels: &mut [usize]) {
    let last = |on_engine: bool| {
        let same = engine
            .iter()
            .zip(&*levels)
            .filter(|&(&one, _)| one == on_engine);
        same.map(|(_, &level)| level).max().unwrap_or(0)
    };
    let mut latest: Vec<usize> = {
        let (on_engine, own) = (last(true), last(false));
        engine
            .iter()
            .map(|&one| if one { on_engine } else { own })
            .collect()
    };
    for at in (0..levels.len()).rev() {
        let level = latest.get(at).copied().unwrap_or(0);
        for &need in needs.get(at).into_iter().flatten() {
            let allowed = level.saturating_sub(gap(engine, need, at));
            if let Some(bound) = latest.get_mut(need) {
                *bound = allowed.min(*bound);
            }
        }
        if let Some(slot) = levels.get_mut(at) {
            *slot = level.max(*slot);
        }
    }
}

/// Levels between a node and one that uses it.
fn gap(engine: &[bool], one: usize, other: usize) -> usize {
    usize::from(engine.get(one) != engine.get(other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_graph_of_one_kind_is_one_level() {
        let chain = [vec![], vec![0], vec![1], vec![]];
        assert_eq!(levels(&[true; 4], &chain), [0; 4]);
        assert_eq!(levels(&[false; 4], &chain), [1; 4]);
    }

    #[test]
    fn an_own_node_in_front_leaves_the_engine_in_one_piece() {
        // 0: own; 1: engine, from the input; 2: engine, from both.
        let found = levels(&[false, true, true], &[vec![], vec![], vec![0, 1]]);
        assert_eq!(found, [1, 2, 2]);
    }

    #[test]
    fn an_own_node_between_splits_only_what_it_needs() {
        // 0 engine -> 1 own -> 3 engine; 2 engine -> 3.
        let found = levels(
            &[true, false, true, true],
            &[vec![], vec![0], vec![], vec![1, 2]],
        );
        assert_eq!(found, [0, 1, 2, 2]);
    }

    proptest! {
        #[test]
        fn a_node_follows_what_it_needs(
            nodes in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<prop::sample::Index>(), 0..3)), 1..30),
        ) {
            let engine: Vec<bool> = nodes.iter().map(|(engine, _)| *engine).collect();
            let needs: Vec<Vec<usize>> = nodes
                .iter()
                .enumerate()
                .map(|(at, (_, picks))| {
                    let before = picks.iter().filter(|_| at > 0);
                    before.map(|pick| pick.index(at.max(1))).collect()
                })
                .collect();
            let levels = levels(&engine, &needs);
            for (at, needs) in needs.iter().enumerate() {
                prop_assert_eq!(levels[at].is_multiple_of(2), engine[at]);
                for &need in needs {
                    let same = engine[need] == engine[at];
                    prop_assert!(levels[need] < levels[at] || same && levels[need] == levels[at]);
                }
            }
        }
    }
}
