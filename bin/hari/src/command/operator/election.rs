//! Flags of the lease.

use std::time::Duration;

use anyhow::bail;
use hari_operator::LeaseOptions;
use hari_settings as settings;

use super::{flag, or_default};

/// The lease that is held while reconciling.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Leader election")]
pub(super) struct Election {
    /// Reconcile only while holding a lease, so that there may be several replicas
    #[arg(long, alias = "enable_leader_election", value_parser = flag::truth, value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", hide_default_value = true)]
    enable_leader_election: bool,
    /// Name of the lease [default: LEADER_ELECTION_ID, else a33bd623.machinelearning.seldon.io]
    #[arg(long, alias = "leader_election_id", value_name = "NAME")]
    leader_election_id: Option<String>,
    /// Seconds that other replicas wait for one that is silent
    #[arg(
        long,
        alias = "leader_election_lease_duration_secs",
        default_value_t = 15,
        value_name = "SECONDS"
    )]
    leader_election_lease_duration_secs: u64,
    /// Seconds after which a replica that cannot renew the lease stops reconciling
    #[arg(
        long,
        alias = "leader_election_renew_deadline_secs",
        default_value_t = 10,
        value_name = "SECONDS"
    )]
    leader_election_renew_deadline_secs: u64,
    /// Seconds from one try to the next
    #[arg(
        long,
        alias = "leader_election_retry_period_secs",
        default_value_t = 2,
        value_name = "SECONDS"
    )]
    leader_election_retry_period_secs: u64,
    /// Taken for compatibility: the lock is always a Lease
    #[arg(long, alias = "leader_election_resource_lock", value_name = "KIND")]
    leader_election_resource_lock: Option<String>,
}

impl Election {
    /// The lease; none if it was not asked for.
    pub(super) fn options(&self) -> anyhow::Result<Option<LeaseOptions>> {
        if !self.enable_leader_election {
            return Ok(None);
        }
        let lock = self
            .leader_election_resource_lock
            .as_deref()
            .unwrap_or_default();
        if !matches!(lock, "" | "leases" | "nil" | "null") {
            tracing::warn!(lock, "the lock is a Lease whatever the flag says");
        }
        let [duration, renew_deadline, retry] = [
            self.leader_election_lease_duration_secs,
            self.leader_election_renew_deadline_secs,
            self.leader_election_retry_period_secs,
        ]
        .map(Duration::from_secs);
        if !(duration > renew_deadline && renew_deadline > retry && !retry.is_zero()) {
            bail!(
                "--leader-election-lease-duration-secs ({}) has to be more than \
                 --leader-election-renew-deadline-secs ({}), and that more than \
                 --leader-election-retry-period-secs ({}), which has to be more than 0",
                duration.as_secs(),
                renew_deadline.as_secs(),
                retry.as_secs()
            );
        }
        let named = self
            .leader_election_id
            .clone()
            .filter(|name| !name.is_empty());
        Ok(Some(LeaseOptions {
            name: named.unwrap_or_else(|| or_default(&settings::LEADER_ELECTION_ID)),
            duration,
            renew_deadline,
            retry,
        }))
    }
}
