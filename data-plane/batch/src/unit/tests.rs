//! Requests through queue and pool: what is answered and what is refused.

use std::time::Duration;

use super::double::{ALONE, Bench, PANICS, TOGETHER, WAITS, aimed, column};
use super::*;
use crate::PoolOptions;
use hari_core::{Representation, TensorSpec};
use hari_error::Kind;

async fn call(unit: &ModelUnit, method: Method, message: Message) -> Result<Message> {
    let context = Context::new("test", Duration::from_secs(60));
    unit.call(method, Input::One(message), &context).await
}

#[tokio::test]
async fn a_prediction_has_the_models_names_and_the_requests_meta() {
    let bench = Bench::new(1, ALONE);
    let mut request = column(&[1.5, 2.0]);
    request.representation = Representation::Ndarray;
    request.meta.tags.insert("kept".into(), true.into());
    let meta = request.meta.clone();
    for method in [
        Method::Predict,
        Method::TransformInput,
        Method::TransformOutput,
    ] {
        let reply = call(&bench.unit, method, request.clone()).await.unwrap();
        assert_eq!(
            (reply.meta, reply.representation),
            (meta.clone(), Representation::Ndarray)
        );
        let Payload::Tensors(outputs) = reply.payload else {
            panic!("tensors")
        };
        let found: Vec<_> = outputs
            .iter()
            .map(|o| (&*o.name, o.tensor.to_vec::<f32>().unwrap()))
            .collect();
        assert_eq!(
            found,
            [("twice", vec![3.0, 4.0]), ("half", vec![0.75, 1.0])]
        );
    }
}

#[tokio::test]
async fn the_caller_chooses_signature_and_outputs() {
    let bench = Bench::new(1, ALONE);
    let names = async |context: &Context| -> Result<Vec<String>> {
        let reply = bench
            .unit
            .call(Method::Predict, Input::One(column(&[1.0])), context)
            .await?;
        let tensors = reply.as_tensors().unwrap().iter();
        Ok(tensors.map(|named| named.name.clone()).collect())
    };
    assert_eq!(names(&aimed("other", &["half"])).await.unwrap(), ["half"]);
    assert_eq!(
        names(&aimed("", &["half", "twice"])).await.unwrap(),
        ["half", "twice"]
    );
    assert_eq!(
        names(&aimed("none", &[])).await.unwrap_err().kind(),
        Kind::InvalidInput
    );
    assert_eq!(
        names(&aimed("", &["none"])).await.unwrap_err().kind(),
        Kind::InvalidInput
    );
    assert_eq!(bench.model.rows().len(), 2);
}

#[tokio::test]
async fn what_is_no_tensor_and_what_is_no_prediction_is_refused() {
    let bench = Bench::new(1, ALONE);
    let text = Message {
        payload: Payload::Text("hello".into()),
        ..Message::default()
    };
    let error = call(&bench.unit, Method::Predict, text).await.unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidInput);
    assert_eq!(
        error.message(),
        "expected tensors for the model, found strData"
    );
    let error = call(&bench.unit, Method::Route, column(&[1.0]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unimplemented);
    assert_eq!(error.message(), "`m` is a model: it has no `route`");
    let many = Input::Many(vec![column(&[1.0])]);
    let context = aimed("", &[]);
    let error = bench
        .unit
        .call(Method::Predict, many, &context)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unimplemented);
    let unknown = Message::tensor("z", Tensor::from_vec([1, 1], vec![1.0_f32]).unwrap());
    let error = call(&bench.unit, Method::Predict, unknown)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidInput);
    assert!(bench.model.rows().is_empty());
}

#[tokio::test]
async fn a_unit_finds_itself_by_its_name() {
    let bench = Bench::new(1, ALONE);
    assert_eq!(bench.unit.names(), ["m"]);
    assert_eq!(bench.unit.metadata().platform, "double");
    bench.unit.ready().await.unwrap();
    let same = bench.unit.find("m").unwrap();
    let reply = same
        .call(Method::Predict, Input::One(column(&[1.0])), &aimed("", &[]))
        .await;
    assert_eq!(reply.unwrap().as_tensors().unwrap().len(), 2);
    assert!(bench.unit.find("other").is_none());
}

#[tokio::test]
async fn many_requests_on_few_threads_each_get_their_own_answer() {
    for options in [
        ALONE,
        TOGETHER,
        BatchOptions {
            concurrency: 1,
            ..TOGETHER
        },
    ] {
        let bench = Bench::new(3, options);
        let requests: Vec<_> = (0..200).map(|n| bench.ask(&[n as f32 / 8.0])).collect();
        for (n, request) in requests.into_iter().enumerate() {
            assert_eq!(request.await.unwrap().unwrap(), [n as f32 / 4.0]);
        }
        assert_eq!(bench.model.rows().iter().sum::<usize>(), 200);
    }
}

#[tokio::test]
async fn a_request_whose_caller_went_away_is_not_run() {
    let bench = Bench::new(1, ALONE);
    let first = bench.occupy().await;
    let waiting = bench.queue(&[&[1.0], &[2.0]]).await;
    waiting[0].abort();
    let [gone, stays]: [_; 2] = waiting.try_into().unwrap();
    assert!(gone.await.unwrap_err().is_cancelled());
    bench.model.release();
    first.await.unwrap().unwrap();
    assert_eq!(stays.await.unwrap().unwrap(), [4.0]);
    assert_eq!(bench.model.rows().len(), 2);
}

#[tokio::test]
async fn a_request_past_its_deadline_is_answered_and_not_run() {
    let bench = Bench::new(1, ALONE);
    let first = bench.occupy().await;
    let late = bench.ask_within(&[1.0], Duration::from_millis(5));
    let error = late.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::DeadlineExceeded);
    bench.model.release();
    first.await.unwrap().unwrap();
    assert_eq!(bench.ask(&[2.0]).await.unwrap().unwrap(), [4.0]);
    assert_eq!(bench.model.rows().len(), 2);
    let never = bench
        .ask_within(&[1.0], Duration::ZERO)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(never.kind(), Kind::DeadlineExceeded);
}

#[tokio::test]
async fn more_than_may_wait_are_refused_at_once() {
    let bench = Bench::new(1, BatchOptions { queue: 2, ..ALONE });
    let first = bench.occupy().await;
    let waiting = bench.queue(&[&[1.0], &[2.0]]).await;
    let error = bench.ask(&[3.0]).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::Overloaded);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    waiting[0].abort();
    let [gone, stays]: [_; 2] = waiting.try_into().unwrap();
    assert!(gone.await.unwrap_err().is_cancelled());
    // The place of the one that went away is free again.
    let another = bench.ask(&[3.0]);
    bench.model.release();
    for (request, value) in [(first, 200.0), (stays, 4.0), (another, 6.0)] {
        assert_eq!(request.await.unwrap().unwrap(), [value]);
    }
}

#[tokio::test]
async fn a_panic_is_the_models_error_and_the_thread_lives_on() {
    let bench = Bench::new(1, ALONE);
    for _ in 0..3 {
        let error = bench.ask(&[PANICS]).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::Model);
        assert_eq!(error.message(), "the model failed while it computed");
    }
    assert_eq!(bench.ask(&[2.0]).await.unwrap().unwrap(), [4.0]);
}

#[tokio::test]
async fn a_full_line_is_told_to_the_caller() {
    let options = PoolOptions {
        threads: 1,
        queue: 1,
        ..PoolOptions::default()
    };
    let pool = Arc::new(Pool::new(&options).unwrap());
    let [busy, next, last] = [ALONE; 3].map(|options| Bench::on(&pool, options));
    let first = busy.occupy().await;
    let second = next.queue(&[&[1.0]]).await;
    let error = last.ask(&[1.0]).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    busy.model.release();
    first.await.unwrap().unwrap();
    for request in second {
        request.await.unwrap().unwrap();
    }
    assert_eq!(last.ask(&[1.0]).await.unwrap().unwrap(), [2.0]);
}

#[tokio::test]
async fn a_busy_model_does_not_keep_the_thread_from_another() {
    let options = PoolOptions {
        threads: 1,
        queue: 8,
        ..PoolOptions::default()
    };
    let pool = Arc::new(Pool::new(&options).unwrap());
    let (busy, other) = (Bench::on(&pool, ALONE), Bench::on(&pool, ALONE));
    let first = busy.occupy().await;
    let waiting = busy.queue(&[&[1.0], &[2.0]]).await;
    let second = other.ask(&[WAITS]);
    other.seen.queued(1).await;
    busy.model.release();
    other.model.begun(1).await;
    // The only thread is in the other model now, before the two that came first to the busy one.
    assert_eq!(busy.model.rows(), [1]);
    other.model.release();
    for request in waiting.into_iter().chain([first, second]) {
        request.await.unwrap().unwrap();
    }
}

/// A model's declared signature reaches the caller's error words.
#[tokio::test]
async fn a_missing_input_is_told_what_the_model_takes() {
    let bench = Bench::new(1, ALONE);
    let spec: &TensorSpec = &bench.unit.0.model.signatures()[0].inputs[0];
    assert_eq!(spec.to_string(), "`x` FP32 [-1, -1]");
    let none = Message::tensors(Vec::new());
    let error = call(&bench.unit, Method::Predict, none).await.unwrap_err();
    assert_eq!(
        error.message(),
        "input `x` FP32 [-1, -1] is missing: expected `x`, found none"
    );
}

#[test]
fn columns_that_the_model_names_are_named_in_the_reply() {
    let tensor = || NamedTensor::new("p", Tensor::from_vec([1, 2], vec![0.5_f32, 0.5]).unwrap());
    assert_eq!(labelled(tensor(), &[]), tensor());
    let labels = ["cat".to_owned(), "dog".to_owned()];
    let found = labelled(tensor(), &labels);
    assert_eq!(found.columns, labels);
    assert_eq!(found.parameters["labels"].as_array().map(Vec::len), Some(2));
}
