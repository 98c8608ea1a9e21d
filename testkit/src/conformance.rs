//! What every unit must keep, whatever it does.

use std::fmt;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use hari_core::{Context, Input, Message, Method, Unit};
use hari_error::{Error, Kind};

/// Long enough for any unit under test; a unit that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A rule that a unit broke.
#[derive(Debug)]
pub struct Violation(String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

type Outcome = Result<(), Violation>;

/// Puts `unit` to the test with `sample`, a message that it can answer.
///
/// * It has a name, and names itself first among its units; each that it names can be found.
/// * It is ready, and then answers; the same question gets the same answer, also when eight are
///   asked at once.
/// * A method it does not have is `Unimplemented`; no method makes it panic or hang.
/// * An empty message is answered or refused as the caller's or the model's fault.
/// * When the deadline has passed it answers at once, with an answer or `DeadlineExceeded`.
/// * A call that is dropped half-way costs the next one nothing.
///
/// # Errors
/// The first rule that it breaks.
pub async fn conformance(unit: Arc<dyn Unit>, sample: Message) -> Result<(), Violation> {
    has_names(&*unit)?;
    is_ready(&*unit).await?;
    let answer = answers_alike(&unit, &sample).await?;
    refuses_what_it_does_not_have(&*unit, &sample).await?;
    bears_an_empty_message(&*unit).await?;
    keeps_the_deadline(&*unit, &sample).await?;
    survives_cancellation(&*unit, &sample, &answer).await
}

fn ensure(holds: bool, rule: impl FnOnce() -> String) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(Violation(rule()))
    }
}

fn fresh() -> Context {
    Context::new("conformance", PATIENCE)
}

async fn ask(
    unit: &dyn Unit,
    method: Method,
    input: Input,
    context: &Context,
) -> Result<Result<Message, Error>, Violation> {
    let answer = tokio::time::timeout(PATIENCE, unit.call(method, input, context)).await;
    answer.map_err(|_| Violation(format!("{method:?} did not end within {PATIENCE:?}")))
}

fn has_names(unit: &dyn Unit) -> Outcome {
    let (name, names) = (unit.metadata().name.clone(), unit.names());
    ensure(!name.is_empty(), || "its metadata has no name".to_owned())?;
    ensure(names.first() == Some(&name), || {
        format!("it is `{name}` but names {names:?}: its own name comes first")
    })?;
    for inner in names.iter().skip(1) {
        ensure(unit.find(inner).is_some(), || {
            format!("it names `{inner}` but cannot find it")
        })?;
    }
    ensure(unit.find("no such unit").is_none(), || {
        "it finds a unit that is not there".to_owned()
    })
}

async fn is_ready(unit: &dyn Unit) -> Outcome {
    let ready = tokio::time::timeout(PATIENCE, unit.ready()).await;
    let ready = ready.map_err(|_| Violation("readiness did not end".to_owned()))?;
    ready.map_err(|error| Violation(format!("it is not ready: {error}")))
}

async fn answers_alike(unit: &Arc<dyn Unit>, sample: &Message) -> Result<Message, Violation> {
    let first = predict(&**unit, sample).await?;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (unit, sample) = (unit.clone(), sample.clone());
        calls.spawn(async move { predict(&*unit, &sample).await });
    }
    while let Some(joined) = calls.join_next().await {
        let answer = joined.map_err(|error| Violation(format!("a call panicked: {error}")))??;
        ensure(answer == first, || {
            format!("one question, two answers: {first:?} and {answer:?}")
        })?;
    }
    Ok(first)
}

async fn predict(unit: &dyn Unit, sample: &Message) -> Result<Message, Violation> {
    let answer = ask(unit, Method::Predict, Input::One(sample.clone()), &fresh()).await?;
    answer.map_err(|error| Violation(format!("it does not answer the sample: {error}")))
}

async fn refuses_what_it_does_not_have(unit: &dyn Unit, sample: &Message) -> Outcome {
    let inputs = [
        (Method::TransformInput, Input::One(sample.clone())),
        (Method::TransformOutput, Input::One(sample.clone())),
        (Method::Route, Input::One(sample.clone())),
        (
            Method::Aggregate,
            Input::Many(vec![sample.clone(), sample.clone()]),
        ),
        (Method::SendFeedback, Input::Feedback(Box::default())),
    ];
    for (method, input) in inputs {
        if let Err(error) = ask(unit, method, input, &fresh()).await? {
            ensure(error.kind() != Kind::Internal, || {
                format!("{method:?} fails inside: {error}")
            })?;
        }
    }
    Ok(())
}

async fn bears_an_empty_message(unit: &dyn Unit) -> Outcome {
    let input = Input::One(Message::default());
    match ask(unit, Method::Predict, input, &fresh()).await? {
        Ok(_) => Ok(()),
        Err(error) => ensure(
            matches!(error.kind(), Kind::InvalidInput | Kind::Model),
            || format!("an empty message is not refused but fails: {error}"),
        ),
    }
}

async fn keeps_the_deadline(unit: &dyn Unit, sample: &Message) -> Outcome {
    let late = Context::new("late", Duration::ZERO);
    match ask(unit, Method::Predict, Input::One(sample.clone()), &late).await? {
        Ok(_) => Ok(()),
        Err(error) => ensure(error.kind() == Kind::DeadlineExceeded, || {
            format!("after the deadline it fails with another error: {error}")
        }),
    }
}

async fn survives_cancellation(unit: &dyn Unit, sample: &Message, answer: &Message) -> Outcome {
    let context = fresh();
    for _ in 0..16 {
        let mut call = unit.call(Method::Predict, Input::One(sample.clone()), &context);
        let mut task = TaskContext::from_waker(Waker::noop());
        if let Poll::Ready(Err(error)) = call.as_mut().poll(&mut task) {
            return Err(Violation(format!("it does not answer the sample: {error}")));
        }
    }
    let after = predict(unit, sample).await?;
    ensure(after == *answer, || {
        format!("after dropped calls it answers {after:?}")
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use hari_core::{BoxFuture, ModelMetadata, Tensor};

    use super::*;
    use crate::{Constant, Failing, Gated, Identity, Slow, metadata};

    fn sample(value: f32) -> Message {
        Message::tensor("x", Tensor::from_vec([1, 2], vec![value, value]).unwrap())
    }

    #[tokio::test]
    async fn the_doubles_conform() {
        conformance(Arc::new(Identity::new("echo")), sample(1.0))
            .await
            .unwrap();
        conformance(Arc::new(Constant::new("one", sample(1.0))), sample(2.0))
            .await
            .unwrap();
        let slow = Slow::new("slow", Duration::from_millis(1));
        conformance(Arc::new(slow), sample(1.0)).await.unwrap();
    }

    #[tokio::test]
    async fn a_unit_that_is_not_ready_is_found_out() {
        let unit = Failing::new("broken", Kind::Model, "no luck");
        let violation = conformance(Arc::new(unit), sample(1.0)).await.unwrap_err();
        assert_eq!(violation.to_string(), "it is not ready: no luck");
    }

    #[tokio::test(start_paused = true)]
    async fn a_unit_that_hangs_is_found_out() {
        let violation = conformance(Arc::new(Gated::new("gate")), sample(1.0))
            .await
            .unwrap_err();
        assert_eq!(violation.to_string(), "Predict did not end within 30s");
    }

    #[tokio::test]
    async fn a_unit_without_a_name_is_found_out() {
        let unit = Identity::with_metadata(ModelMetadata::default());
        let violation = conformance(Arc::new(unit), sample(1.0)).await.unwrap_err();
        assert_eq!(violation.to_string(), "its metadata has no name");
    }

    /// Counts, so that no two answers are the same.
    struct Fickle(AtomicU32);

    impl Unit for Fickle {
        fn call<'a>(
            &'a self,
            _method: Method,
            _input: Input,
            _context: &'a Context,
        ) -> BoxFuture<'a, hari_error::Result<Message>> {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { Ok(sample(count as f32)) })
        }

        fn ready(&self) -> BoxFuture<'_, hari_error::Result<()>> {
            Box::pin(async { Ok(()) })
        }

        fn metadata(&self) -> Arc<ModelMetadata> {
            Arc::new(metadata("fickle"))
        }
    }

    #[tokio::test]
    async fn a_unit_that_changes_its_mind_is_found_out() {
        let violation = conformance(Arc::new(Fickle(AtomicU32::new(0))), sample(1.0)).await;
        assert!(
            violation
                .unwrap_err()
                .to_string()
                .starts_with("one question, two answers")
        );
    }
}
