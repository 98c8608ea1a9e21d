//! The annotation of a canary: it can be read, and there is something to compare the canary with.

use hari_api::Issue;
use hari_api::path::field;

use super::subject::Subject;
use crate::contract::annotation::ROLLOUT;
use crate::contract::rollout::RolloutPolicy;
use crate::rule;

pub(super) fn check(subject: &Subject<'_>, issues: &mut Vec<Issue>) {
    let mut canaries = 0;
    let others = subject
        .predictors
        .iter()
        .filter(|predictor| predictor.spec.shadow != Some(true))
        .count();
    for predictor in &subject.predictors {
        let Some(text) = predictor.spec.annotations.get(ROLLOUT) else {
            continue;
        };
        let path = field(&predictor.field("annotations"), ROLLOUT);
        let issue = |message: String| Issue::error(rule::ROLLOUT, path.clone(), message);
        canaries += 1;
        if let Err(why) = RolloutPolicy::parse(text) {
            let hint = "write percents as `5,20,50,100`, or `steps=5,20,50; interval=5m`";
            issues.push(issue(why).with_value(text).with_hint(hint));
        }
        if predictor.spec.shadow == Some(true) {
            let hint = "its answers are thrown away: leave `shadow` or the annotation out";
            issues.push(issue("a shadow has no rollout".to_owned()).with_hint(hint));
        } else if others < 2 {
            let hint = "keep the predictor that serves now beside it";
            issues.push(
                issue("there is no predictor to compare the canary with".to_owned())
                    .with_hint(hint),
            );
        }
        if canaries > 1 {
            let hint = "roll out one predictor after the other";
            issues
                .push(issue("another predictor has a rollout already".to_owned()).with_hint(hint));
        }
    }
}
