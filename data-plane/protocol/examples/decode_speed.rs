//! Times the Seldon JSON codec on one 28x28 image: `cargo run --release -p hari-protocol
//! --example decode_speed`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;
use hari_core::{Limits, Message, NamedTensor, Representation, Tensor};
use hari_protocol::seldon::{decode_message, encode_message, encode_request};

const ROUNDS: u32 = 2000;

#[expect(clippy::print_stdout, reason = "the table is what it is for")]
fn main() -> Result<()> {
    let pixels = (0..784_u32).map(|pixel| f64::from(pixel * 37 % 256) / 255.0);
    let long: Vec<f64> = pixels.clone().collect();
    let short: Vec<f64> = pixels.map(|value| (value * 1e4).round() / 1e4).collect();
    let integers: Vec<i64> = (0..784).map(|pixel| pixel * 37 % 256).collect();
    for (name, tensor) in [
        ("doubles of 17 digits", Tensor::from_vec([1, 784], long)?),
        ("doubles of 4 digits", Tensor::from_vec([1, 784], short)?),
        ("integers", Tensor::from_vec([1, 784], integers)?),
    ] {
        let named = NamedTensor::inferred("", tensor);
        let representation = Representation::Ndarray;
        let message = Message {
            representation,
            ..Message::tensors(vec![named])
        };
        let body = encode_request(&message)?;
        let decode = time(|| decode_message(&body, &Limits::default()).map(drop))?;
        let encode = time(|| encode_message(&message).map(drop))?;
        println!(
            "{name}: {} bytes, decode {decode:?}, encode {encode:?}",
            body.len()
        );
    }
    Ok(())
}

/// The mean time of one call.
fn time(call: impl Fn() -> hari_error::Result<()>) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(call())?;
    }
    Ok(start.elapsed() / ROUNDS)
}
