//! Requests through queue and pool: what is answered, what is refused, what runs together.

use std::time::Duration;

use hari_core::{Representation, TensorSpec};
use hari_error::Kind;
use proptest::prelude::*;

use super::double::{Bench, FAILS, LOSES_A_ROW, PANICS, WAITS, aimed, column};
use super::*;
use crate::PoolOptions;

const ALONE: BatchOptions = BatchOptions {
    max_rows: 1,
    window: Duration::ZERO,
    queue: 256,
    concurrency: usize::MAX,
};
const TOGETHER: BatchOptions = BatchOptions {
    max_rows: 8,
    ..ALONE
};
const FOR_EVER: Duration = Duration::from_secs(3600);

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
        Kind::NotFound
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
        host: None,
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
async fn what_waits_runs_together_up_to_the_most_rows() {
    let bench = Bench::new(1, TOGETHER);
    let first = bench.occupy().await;
    let nine: &[f32] = &[9.0; 9];
    let requests: [&[f32]; 6] = [
        &[1.0, 2.0, 3.0],
        &[4.0, 5.0, 6.0, 7.0],
        nine,
        &[1.0, 1.0],
        &[8.0],
        &[9.0],
    ];
    let waiting = bench.queue(&requests).await;
    bench.model.release();
    first.await.unwrap().unwrap();
    for (request, values) in waiting.into_iter().zip(requests) {
        let twice: Vec<f32> = values.iter().map(|value| value * 2.0).collect();
        assert_eq!(request.await.unwrap().unwrap(), twice);
    }
    // 3 + 4 and, past the two that do not fit, 1; the nine alone; 2 + 1.
    assert_eq!(bench.model.rows(), [1, 8, 9, 3]);
    assert_eq!(*bench.seen.batches.lock().unwrap(), [1, 8, 9, 3]);
    assert_eq!(
        (
            *bench.seen.waited.lock().unwrap(),
            *bench.seen.ran.lock().unwrap()
        ),
        (7, 4)
    );
}

#[tokio::test]
async fn only_what_is_alike_runs_together() {
    let bench = Bench::new(1, TOGETHER);
    let first = bench.occupy().await;
    let wide = Message::tensor("x", Tensor::from_vec([1, 2], vec![1.0_f32, 2.0]).unwrap());
    let mut others = Vec::new();
    let kinds = [
        ("", &[][..], column(&[1.0])),
        ("", &["half"], column(&[1.0])),
        ("other", &[], column(&[1.0])),
        ("", &[], wide),
        ("", &[], column(&[1.0])),
    ];
    for (at, (signature, outputs, message)) in kinds.into_iter().enumerate() {
        let (unit, context) = (bench.unit.clone(), aimed(signature, outputs));
        others.push(tokio::spawn(async move {
            unit.call(Method::Predict, Input::One(message), &context)
                .await
        }));
        bench.seen.queued(at + 1).await;
    }
    bench.model.release();
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!(bench.model.rows(), [1, 2, 1, 1, 1]);
}

#[tokio::test]
async fn a_bad_row_harms_nobody_else() {
    for (bad, kind) in [(FAILS, Kind::InvalidInput), (PANICS, Kind::Model)] {
        let bench = Bench::new(1, TOGETHER);
        let first = bench.occupy().await;
        let waiting = bench.queue(&[&[1.0], &[bad], &[3.0]]).await;
        bench.model.release();
        first.await.unwrap().unwrap();
        let [one, two, three]: [_; 3] = waiting.try_into().unwrap();
        assert_eq!(one.await.unwrap().unwrap(), [2.0]);
        assert_eq!(two.await.unwrap().unwrap_err().kind(), kind);
        assert_eq!(three.await.unwrap().unwrap(), [6.0]);
        assert_eq!(bench.model.rows(), [1, 3, 1, 1, 1]);
    }
}

#[tokio::test]
async fn a_model_that_loses_rows_is_not_batched_again() {
    let bench = Bench::new(1, TOGETHER);
    let first = bench.occupy().await;
    let waiting = bench.queue(&[&[1.0], &[LOSES_A_ROW], &[3.0]]).await;
    bench.model.release();
    first.await.unwrap().unwrap();
    let mut answers = Vec::new();
    for request in waiting {
        answers.push(request.await.unwrap().unwrap());
    }
    assert_eq!(answers, [vec![2.0], vec![], vec![6.0]]);
    assert_eq!(bench.model.rows(), [1, 3, 1, 1, 1]);
    let pending = |signature| {
        let (reply, _) = oneshot::channel();
        let call = hari_core::Call {
            signature,
            inputs: vec![],
            outputs: vec![],
        };
        let now = Instant::now();
        Pending {
            call,
            rows: Some(1),
            deadline: now,
            since: now,
            reply,
        }
    };
    assert!(!bench.unit.0.batchable(&pending(0)));
    assert!(bench.unit.0.batchable(&pending(1)));
}

#[tokio::test]
async fn a_lone_request_does_not_wait_for_company() {
    let bench = Bench::new(
        2,
        BatchOptions {
            window: FOR_EVER,
            ..TOGETHER
        },
    );
    assert_eq!(bench.ask(&[1.0]).await.unwrap().unwrap(), [2.0]);
    assert_eq!(bench.ask(&[2.0]).await.unwrap().unwrap(), [4.0]);
}

#[tokio::test]
async fn a_held_request_runs_when_the_run_before_it_ends() {
    let bench = Bench::new(
        2,
        BatchOptions {
            window: FOR_EVER,
            ..TOGETHER
        },
    );
    let first = bench.occupy().await;
    let held = bench.queue(&[&[1.0], &[2.0]]).await;
    assert_eq!(bench.model.rows(), [1]);
    bench.model.release();
    first.await.unwrap().unwrap();
    for (request, value) in held.into_iter().zip([2.0, 4.0]) {
        assert_eq!(request.await.unwrap().unwrap(), [value]);
    }
    assert_eq!(bench.model.rows(), [1, 2]);
}

#[tokio::test]
async fn held_requests_run_on_a_free_thread_once_they_fill_a_batch() {
    let bench = Bench::new(
        2,
        BatchOptions {
            max_rows: 3,
            window: FOR_EVER,
            ..TOGETHER
        },
    );
    let first = bench.occupy().await;
    let mut held = bench.queue(&[&[1.0], &[2.0]]).await;
    held.push(bench.ask(&[3.0]));
    for (request, value) in held.into_iter().zip([2.0, 4.0, 6.0]) {
        assert_eq!(request.await.unwrap().unwrap(), [value]);
    }
    assert_eq!(bench.model.rows(), [1, 3]);
    bench.model.release();
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn held_requests_run_on_a_free_thread_after_the_window() {
    let bench = Bench::new(
        2,
        BatchOptions {
            window: Duration::from_millis(5),
            ..TOGETHER
        },
    );
    let first = bench.occupy().await;
    assert_eq!(bench.ask(&[1.0]).await.unwrap().unwrap(), [2.0]);
    bench.model.release();
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_hold_ends_at_the_deadline() {
    let bench = Bench::new(
        1,
        BatchOptions {
            window: FOR_EVER,
            ..TOGETHER
        },
    );
    let first = bench.occupy().await;
    let late = bench
        .ask_within(&[1.0], Duration::from_millis(5))
        .await
        .unwrap();
    assert_eq!(late.unwrap_err().kind(), Kind::DeadlineExceeded);
    bench.model.release();
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_busy_model_does_not_keep_the_thread_from_another() {
    let options = PoolOptions {
        threads: 1,
        queue: 8,
        host: None,
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

/// A request per entry, of so many rows and one of two widths.
fn shapes() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0_usize..5, 1_usize..3), 1..20)
}

fn request(index: usize, rows: usize, width: usize) -> Tensor {
    let values = (0..rows * width)
        .map(|at| (index * 31 + at) as f32 / 16.0)
        .collect();
    Tensor::from_vec([rows, width], values).unwrap()
}

async fn answers(options: BatchOptions, shapes: &[(usize, usize)]) -> Vec<Vec<Tensor>> {
    let bench = Bench::new(1, options);
    let first = bench.occupy().await;
    let mut handles = Vec::new();
    for (index, &(rows, width)) in shapes.iter().enumerate() {
        let message = Message::tensor("x", request(index, rows, width));
        let unit = bench.unit.clone();
        handles.push(tokio::spawn(async move {
            let context = aimed("", &[]);
            unit.call(Method::Predict, Input::One(message), &context)
                .await
        }));
        bench.seen.queued(index + 1).await;
    }
    bench.model.release();
    first.await.unwrap().unwrap();
    let mut answers = Vec::new();
    for handle in handles {
        let reply = handle.await.unwrap().unwrap();
        let tensors = reply.as_tensors().unwrap().iter();
        answers.push(tensors.map(|named| named.tensor.clone()).collect());
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn batched_is_unbatched(shapes in shapes(), max_rows in 2_usize..12) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let together = BatchOptions { max_rows, ..ALONE };
        let alone = runtime.block_on(answers(ALONE, &shapes));
        prop_assert_eq!(runtime.block_on(answers(together, &shapes)), alone);
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
