//! `hari operator`, as far as it goes without a cluster.

use std::process::Stdio;

use crate::{Ran, command, ran};

fn operator(arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = command(&["operator", "--webhook-port", "0", "--metrics-addr", "0"]);
    let command = command.args(arguments).stdin(Stdio::null());
    let command = command
        .env("KUBECONFIG", "/no/such/file")
        .env_remove("KUBERNETES_SERVICE_HOST");
    ran(command.envs(variables.iter().copied()).output().unwrap())
}

#[test]
fn without_a_cluster_it_says_how_to_name_one() {
    let found = operator(&[], &[]);
    assert_eq!(found.code, 3, "{}", found.err);
    assert!(
        found
            .err
            .starts_with("error: no cluster is known: set KUBECONFIG"),
        "{}",
        found.err
    );
}

#[test]
fn a_variable_that_cannot_be_read_is_named_before_anything_is_asked_of_a_cluster() {
    let found = operator(&[], &[("AMBASSADOR_ENABLED", "perhaps")]);
    assert_eq!(found.code, 1, "{}", found.err);
    let words = "environment variable AMBASSADOR_ENABLED: cannot take `perhaps`";
    assert!(found.err.contains(words), "{}", found.err);
}

#[test]
fn times_of_the_lease_that_cannot_hold_are_refused() {
    let flags = [
        "--enable-leader-election",
        "--leader-election-retry-period-secs",
        "12",
    ];
    let found = operator(&flags, &[]);
    assert_ne!(found.code, 0);
    assert!(
        found
            .err
            .contains("--leader-election-renew-deadline-secs (10)"),
        "{}",
        found.err
    );
}
