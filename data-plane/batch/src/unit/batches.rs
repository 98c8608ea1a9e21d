//! Requests that run together: which ones, how many, and what they cannot do to each other.

use std::time::Duration;

use hari_error::Kind;
use proptest::prelude::*;

use super::double::{ALONE, Bench, FAILS, LOSES_A_ROW, PANICS, TOGETHER, aimed, column};
use super::*;

const FOR_EVER: Duration = Duration::from_secs(3600);

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
