//! The flags, as the original's chart and people write them.

use std::time::Duration;

use clap::Parser as _;

use super::*;
use crate::cli::{Arguments, Command};

fn parsed(line: &str) -> Result<Operator, String> {
    let words = ["hari", "operator"].into_iter().chain(line.split(' '));
    let words = words.filter(|word| !word.is_empty());
    match Arguments::try_parse_from(words).map(|all| all.command) {
        Ok(Command::Operator(operator)) => Ok(operator),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn what_the_original_chart_passes_is_taken() {
    let operator = parsed(
        "--enable-leader-election --webhook-port=4443 --create-resources=true --log-level=INFO \
         --leader-election-id=a33bd623.machinelearning.seldon.io --metrics-addr=:8081 \
         --leader-election-resource-lock=leases --leader-election-lease-duration-secs=30 \
         --leader-election-renew-deadline-secs=20 --leader-election-retry-period-secs=5 \
         --namespace=models --operator-namespace=seldon --debug=false",
    );
    let options = operator.unwrap().options().unwrap();
    assert_eq!(options.metrics, Some("0.0.0.0:8081".parse().unwrap()));
    assert_eq!(options.namespace, "seldon");
    assert_eq!(options.scope.namespace.as_deref(), Some("models"));
    assert!(options.create_resources.is_some());
    let webhook = options.webhook.unwrap();
    assert_eq!(webhook.address.port(), 4443);
    assert_eq!(
        webhook.configuration,
        "seldon-validating-webhook-configuration-seldon"
    );
    let lease = options.lease.unwrap();
    let seconds = [lease.duration, lease.renew_deadline, lease.retry].map(|time| time.as_secs());
    assert_eq!(seconds, [30, 20, 5]);
}

#[test]
fn underscores_are_taken_too() {
    let operator = parsed(
        "--enable_leader_election=true --webhook_port 1 --metrics_addr 0 --operator_namespace a \
         --leader_election_id b --leader_election_retry_period_secs 1",
    );
    let options = operator.unwrap().options().unwrap();
    assert_eq!(options.metrics, None);
    let lease = options.lease.unwrap();
    assert_eq!((&*lease.name, lease.retry), ("b", Duration::from_secs(1)));
}

#[test]
fn defaults_are_those_of_the_contract() {
    let options = parsed("").unwrap().options().unwrap();
    assert_eq!(options.metrics, Some("0.0.0.0:8080".parse().unwrap()));
    assert_eq!(options.namespace, "seldon-system");
    assert_eq!(options.lease, None);
    assert_eq!(options.create_resources, None);
    assert_eq!(options.webhook.unwrap().address.port(), 443);
    assert!(
        parsed("--webhook-port 0")
            .unwrap()
            .options()
            .unwrap()
            .webhook
            .is_none()
    );
}

#[test]
fn times_that_cannot_hold_are_refused() {
    let operator = parsed("--enable-leader-election --leader-election-renew-deadline-secs 15");
    let error = operator.unwrap().options().unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
    for wrong in ["--metrics-addr 8080", "--create-resources=maybe"] {
        let error = parsed(wrong).unwrap_err();
        assert!(error.contains("expected"), "{error}");
    }
}
