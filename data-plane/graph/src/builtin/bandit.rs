//! `EPSILON_GREEDY`, `THOMPSON_SAMPLING` and `UCB`: routers that learn from rewards which child
//! answers best.

mod arm;
mod draw;
mod policy;
mod reward;
mod state;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use hari_core::{BoxFuture, Context, Feedback, Input, Message, Method, ModelMetadata, Unit};
use hari_error::{Error, Result};

use super::{branch, metadata, unimplemented};
pub use arm::Arm;
pub use policy::Policy;
use reward::Reward;
use state::Store;

/// What a [`Bandit`] is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct BanditOptions {
    /// How it chooses.
    pub policy: Policy,
    /// Name of each branch, at least one: what the log calls it, and its key in the state.
    pub branches: Vec<String>,
    /// Makes its choices repeatable.
    pub seed: Option<u64>,
    /// Writes each choice and each reward to the log.
    pub verbose: bool,
    /// Keeps the last rewards in the state.
    pub history: bool,
    /// Where it keeps what it learnt, and under which name; in memory alone without it.
    pub state: Option<StatePlace>,
}

/// Where a router keeps what it learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatePlace {
    /// The folder; made if it is not there.
    pub folder: PathBuf,
    /// Whose state it is: the file is named after it, and says so inside.
    pub router: String,
}

/// Is told what a router does.
pub trait BanditObserver: Send + Sync + 'static {
    /// A request goes to `branch`.
    fn chosen(&self, branch: usize);
    /// What is known of `branch` now; once for each at the start.
    fn learnt(&self, branch: usize, arm: &Arm);
}

/// A router that learns from rewards.
pub struct Bandit {
    metadata: Arc<ModelMetadata>,
    implementation: &'static str,
    shared: Arc<Shared>,
    observer: Box<dyn BanditObserver>,
    verbose: bool,
}

/// What calls share with the write of the state.
struct Shared {
    policy: Policy,
    branches: Vec<String>,
    learnt: Mutex<Learnt>,
    store: Option<Store>,
    /// The revision on disk; held while it is written, so that writes follow each other.
    saved: Arc<tokio::sync::Mutex<u64>>,
}

struct Learnt {
    arms: Vec<Arm>,
    rng: Rng,
    /// Counts rewards.
    revision: u64,
    history: Option<state::History>,
}

impl Bandit {
    /// A router of this name that goes on from its state, if it has one.
    ///
    /// # Errors
    /// `InvalidInput` without branches, for a state that cannot be read, is another router's or
    /// makes no sense, and for a folder that cannot be written.
    pub fn open(
        name: &str,
        options: BanditOptions,
        observer: Box<dyn BanditObserver>,
    ) -> Result<Self> {
        if options.branches.is_empty() {
            return Err(Error::invalid("expected a branch to choose, found none"));
        }
        let store = options.state.map(Store::at).transpose()?;
        let (arms, history) = match &store {
            Some(store) => store.read(&options.branches)?,
            None => (vec![Arm::default(); options.branches.len()], Vec::new()),
        };
        for (branch, arm) in arms.iter().enumerate() {
            observer.learnt(branch, arm);
        }
        let learnt = Learnt {
            arms,
            rng: options.seed.map_or_else(Rng::new, Rng::with_seed),
            revision: 0,
            history: options.history.then(|| state::History::of(history)),
        };
        let shared = Shared {
            policy: options.policy,
            branches: options.branches,
            learnt: Mutex::new(learnt),
            store,
            saved: Arc::default(),
        };
        shared.write()?;
        Ok(Self {
            metadata: Arc::new(metadata(name)),
            implementation: shared.policy.implementation(),
            shared: Arc::new(shared),
            observer,
            verbose: options.verbose,
        })
    }

    /// What is known of each branch.
    #[must_use]
    pub fn arms(&self) -> Vec<Arm> {
        self.shared.learnt().arms.clone()
    }

    fn route(&self) -> Result<Message> {
        let chosen = self.shared.choose();
        self.observer.chosen(chosen);
        if self.verbose {
            tracing::info!(router = %self.metadata.name, branch = self.shared.label(chosen), "chosen");
        }
        let number = i32::try_from(chosen);
        branch(number.map_err(|_| Error::internal("the branch has no number"))?)
    }

    /// The reply waits until the reward is on disk. A reward that cannot be written counts all
    /// the same, and the log says so.
    async fn learn(&self, feedback: &Feedback) -> Result<Message> {
        let name = &self.metadata.name;
        let reward = Reward::read(feedback, name, self.shared.branches.len())?;
        let (arm, revision) = self.shared.learn(&reward);
        self.observer.learnt(reward.branch, &arm);
        if self.verbose {
            let branch = self.shared.label(reward.branch);
            let Reward {
                successes, rows, ..
            } = reward;
            tracing::info!(router = %name, branch, successes, rows, "rewarded");
        }
        if let Err(error) = self.shared.clone().save(revision).await {
            tracing::error!(router = %name, %error, "what was learnt is not on disk");
        }
        Ok(Message::default())
    }
}

impl Shared {
    /// Held for a choice or a sum, never while anything waits.
    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn label(&self, branch: usize) -> &str {
        self.branches.get(branch).map_or("", String::as_str)
    }

    fn choose(&self) -> usize {
        let mut learnt = self.learnt();
        let Learnt { arms, rng, .. } = &mut *learnt;
        let chosen = self.policy.choose(arms, rng);
        if let Some(arm) = arms.get_mut(chosen) {
            arm.pulls = arm.pulls.saturating_add(1);
        }
        chosen
    }

    /// The arm as it is now, and the revision that has the reward.
    fn learn(&self, reward: &Reward) -> (Arm, u64) {
        let mut learnt = self.learnt();
        let mut now = Arm::default();
        if let Some(arm) = learnt.arms.get_mut(reward.branch) {
            arm.learn(reward.rows, reward.successes, reward.sum);
            now = *arm;
        }
        if let Some(history) = &mut learnt.history {
            history.push(self.label(reward.branch), reward);
        }
        learnt.revision += 1;
        (now, learnt.revision)
    }

    /// Returns when `revision` is on disk. Rewards that come while a write is on its way share
    /// the next one.
    async fn save(self: Arc<Self>, revision: u64) -> Result<()> {
        if self.store.is_none() {
            return Ok(());
        }
        let mut saved = self.saved.clone().lock_owned().await;
        if *saved >= revision {
            return Ok(());
        }
        let write = move || {
            *saved = self.write()?;
            Ok(())
        };
        let written = tokio::task::spawn_blocking(write).await;
        written.map_err(|_| Error::internal("the write of the state broke off"))?
    }

    /// Writes what is known now; its revision.
    fn write(&self) -> Result<u64> {
        let (arms, history, revision) = {
            let learnt = self.learnt();
            let history = learnt.history.as_ref().map(state::History::entries);
            (
                learnt.arms.clone(),
                history.unwrap_or_default(),
                learnt.revision,
            )
        };
        if let Some(store) = &self.store {
            store.write(&self.branches, &arms, history)?;
        }
        Ok(revision)
    }
}

impl Unit for Bandit {
    fn call<'a>(
        &'a self,
        method: Method,
        input: Input,
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Message>> {
        Box::pin(async move {
            match (method, input) {
                (Method::Route, _) => self.route(),
                (Method::SendFeedback, Input::Feedback(feedback)) => self.learn(&feedback).await,
                (other, _) => Err(unimplemented(self.implementation, other)),
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn metadata(&self) -> Arc<ModelMetadata> {
        self.metadata.clone()
    }
}
