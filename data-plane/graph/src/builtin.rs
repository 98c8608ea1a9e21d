//! The units that are part of the engine: `SIMPLE_MODEL`, `SIMPLE_ROUTER`, `RANDOM_ABTEST`,
//! `AVERAGE_COMBINER` and the routers that learn, of a resource's `implementation`.

mod average_combiner;
mod bandit;
mod random_abtest;
mod simple_model;
mod simple_router;

use hari_core::{Message, Method, ModelMetadata, Tensor};
use hari_error::{Error, Result};

pub use average_combiner::AverageCombiner;
pub use bandit::{Arm, Bandit, BanditObserver, BanditOptions, Policy, StatePlace};
pub use random_abtest::RandomAbTest;
pub use simple_model::SimpleModel;
pub use simple_router::SimpleRouter;

/// What a built-in unit says of itself.
fn metadata(name: &str) -> ModelMetadata {
    ModelMetadata {
        name: name.to_owned(),
        platform: "builtin".to_owned(),
        ..ModelMetadata::default()
    }
}

/// A router's reply: one integer.
fn branch(index: i32) -> Result<Message> {
    Ok(Message::tensor(
        "branch",
        Tensor::from_vec([1, 1], vec![index])?,
    ))
}

fn unimplemented(implementation: &str, method: Method) -> Error {
    Error::unimplemented(format!("{implementation} has no method {}", method.path()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hari_core::{Context, Input, Unit};
    use hari_error::Kind;

    use super::*;

    async fn routed(unit: &dyn Unit) -> i32 {
        let context = Context::new("id", Duration::from_secs(10));
        let reply = unit
            .call(Method::Route, Input::One(Message::default()), &context)
            .await;
        let reply = reply.unwrap();
        reply.as_tensors().unwrap()[0]
            .tensor
            .values::<i32>()
            .unwrap()[0]
    }

    #[tokio::test]
    async fn the_simple_router_takes_the_first_child() {
        assert_eq!(routed(&SimpleRouter::new("r")).await, 0);
    }

    #[tokio::test]
    async fn the_ab_test_keeps_its_ratio() {
        fastrand::seed(7);
        for (ratio, expected) in [(0.0, 0..=0), (1.0, 10_000..=10_000), (0.3, 2_800..=3_200)] {
            let unit = RandomAbTest::new("ab", ratio);
            let mut first = 0;
            for _ in 0..10_000 {
                first += i32::from(routed(&unit).await == 0);
            }
            assert!(expected.contains(&first), "{first} of 10000 at {ratio}");
        }
    }

    #[tokio::test]
    async fn routers_and_combiners_do_nothing_else() {
        let context = Context::new("id", Duration::from_secs(10));
        let units: [&dyn Unit; 3] = [
            &SimpleRouter::new("r"),
            &RandomAbTest::new("ab", 0.5),
            &AverageCombiner::new("c"),
        ];
        for unit in units {
            assert!(unit.ready().await.is_ok());
            assert_eq!(unit.metadata().platform, "builtin");
            for method in [
                Method::Predict,
                Method::TransformOutput,
                Method::SendFeedback,
            ] {
                let answer = unit
                    .call(method, Input::One(Message::default()), &context)
                    .await;
                assert_eq!(answer.unwrap_err().kind(), Kind::Unimplemented);
            }
        }
    }
}
