//! `version_policy`: which of the versions that are there are served.

use hari_error::{Error, Result};
use hari_proto::inference::ModelVersionPolicy;
use hari_proto::inference::model_version_policy::{Latest, PolicyChoice};

/// The versions to serve of those that are `there`, newest first.
///
/// # Errors
/// `NotFound` if a version that is asked for by number is not there, or if none is.
pub(crate) fn choose(policy: Option<&ModelVersionPolicy>, there: &[u64]) -> Result<Vec<u64>> {
    let mut there = there.to_vec();
    there.sort_unstable_by_key(|&number| std::cmp::Reverse(number));
    if there.is_empty() {
        return Err(Error::not_found(
            "no version: expected a folder whose name is a number, `1` say",
        ));
    }
    match policy.and_then(|policy| policy.policy_choice.as_ref()) {
        None => there.truncate(1),
        Some(PolicyChoice::All(_)) => {}
        Some(PolicyChoice::Latest(Latest { num_versions })) => {
            let count = usize::try_from(*num_versions).unwrap_or(usize::MAX);
            there.truncate(count.max(1));
        }
        Some(PolicyChoice::Specific(specific)) => return listed(&specific.versions, &there),
    }
    Ok(there)
}

fn listed(wanted: &[i64], there: &[u64]) -> Result<Vec<u64>> {
    let is_there = |wanted: i64| u64::try_from(wanted).is_ok_and(|one| there.contains(&one));
    if let Some(missing) = wanted.iter().find(|&&wanted| !is_there(wanted)) {
        return Err(Error::not_found(format!(
            "version_policy names version {missing}; there are {there:?}"
        )));
    }
    let wanted: Vec<_> = wanted
        .iter()
        .filter_map(|&one| u64::try_from(one).ok())
        .collect();
    let kept: Vec<_> = there
        .iter()
        .copied()
        .filter(|one| wanted.contains(one))
        .collect();
    if kept.is_empty() {
        return Err(Error::not_found("version_policy names no version"));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(policy: &str) -> Result<Vec<u64>> {
        let config = crate::parse(policy).unwrap();
        choose(config.version_policy.as_ref(), &[2, 10, 1])
    }

    #[test]
    fn the_newest_is_served_unless_the_policy_says_more() {
        assert_eq!(chosen("").unwrap(), [10]);
        assert_eq!(
            chosen("version_policy: { latest: { num_versions: 2 } }").unwrap(),
            [10, 2]
        );
        assert_eq!(
            chosen("version_policy { latest { num_versions: 0 } }").unwrap(),
            [10]
        );
        assert_eq!(chosen("version_policy { all {} }").unwrap(), [10, 2, 1]);
        assert_eq!(
            chosen("version_policy { specific { versions: [1, 2] } }").unwrap(),
            [2, 1]
        );
    }

    #[test]
    fn a_version_that_is_not_there_is_named() {
        let error = chosen("version_policy { specific { versions: [1, 3] } }").unwrap_err();
        assert_eq!(
            error.message(),
            "version_policy names version 3; there are [10, 2, 1]"
        );
        assert!(choose(None, &[]).is_err());
        assert!(chosen("version_policy { specific {} }").is_err());
    }
}
