//! `hari predict`, against `hari run` on the MNIST example.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::{Ran, command, example, hari, root};

/// A server that is stopped with the test that started it.
struct Server {
    child: Child,
    /// Kept open, so that the server can go on writing.
    _stdout: Lines<BufReader<ChildStdout>>,
    http: String,
    grpc: String,
}

impl Server {
    /// Starts one on free ports and waits until it says that it serves.
    fn start() -> Self {
        let free = "127.0.0.1:0";
        let deployment = "examples/mnist/seldondeployment.yaml";
        let flags = [
            "run",
            "--http",
            free,
            "--grpc",
            free,
            "--metrics",
            free,
            deployment,
        ];
        let mut child = command(&flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = stdout
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.contains("gRPC on "));
        let line = line.expect("the server ended without a word");
        let after = |word: &str| {
            let (_, rest) = line.split_once(word).unwrap();
            rest.split(',').next().unwrap().trim().to_owned()
        };
        let (http, grpc) = (after("REST and gRPC on "), after(", gRPC on "));
        let (http, grpc) = (format!("http://{http}"), format!("grpc://{grpc}"));
        Self {
            child,
            _stdout: stdout,
            http,
            grpc,
        }
    }

    fn predict(&self, arguments: &str) -> Ran {
        self.at(&self.http, arguments)
    }

    fn at(&self, url: &str, arguments: &str) -> Ran {
        let mut all = vec!["predict", "--url", url];
        all.extend(arguments.split(' '));
        hari(&all)
    }

    fn urls(&self) -> [&str; 2] {
        [&self.http, &self.grpc]
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// TensorFlow's own probabilities for a digit.
fn expected(digit: usize) -> Vec<f64> {
    static EXPECTED: OnceLock<Value> = OnceLock::new();
    let all =
        EXPECTED.get_or_init(|| serde_json::from_str(&example("requests/expected.json")).unwrap());
    numbers(&all[digit.to_string()])
}

/// Every number in a value, in order.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Number(number) => vec![number.as_f64().unwrap()],
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

/// The probabilities in an answer of any protocol.
fn answered(body: &Value) -> Vec<f64> {
    let places = [
        "/data/ndarray",
        "/data/tensor/values",
        "/outputs/0/data",
        "/outputs",
        "/predictions",
    ];
    let found = places.iter().find_map(|place| body.pointer(place));
    numbers(found.unwrap_or_else(|| panic!("no probabilities in {body}")))
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }
}

#[test]
fn every_digit_is_recognised() {
    let server = Server::start();
    for digit in 0..10 {
        let image = format!("--image examples/mnist/digits/{digit}.png");
        let out = server.predict(&image).ok();
        let best: Vec<&str> = out.lines().filter(|line| line.ends_with('*')).collect();
        assert!(
            best.len() == 1 && best[0].starts_with(&digit.to_string()),
            "{digit}: {out}"
        );
        let json = server.predict(&format!("{image} --json-output")).json();
        assert_close(&answered(&json), &expected(digit));
    }
}

#[test]
fn every_protocol_and_transport_gives_the_same() {
    let server = Server::start();
    for url in server.urls() {
        for protocol in ["seldon", "v2", "tensorflow"] {
            for model in ["", " --model mnist-model", " --deployment default/mnist"] {
                let line = format!(
                    "--image examples/mnist/digits/7.png --protocol {protocol}{model} --output-format json"
                );
                let ran = server.at(url, &line);
                assert_eq!(ran.err, "", "{url} {line}");
                assert_close(&answered(&ran.json()), &expected(7));
            }
        }
    }
}

#[test]
fn the_requests_of_the_example_are_sent_in_their_own_protocol() {
    let server = Server::start();
    for url in server.urls() {
        for request in [
            "seldon-ndarray",
            "seldon-tensor",
            "tensorflow-predict",
            "v2-infer",
        ] {
            let line = format!(
                "--json examples/mnist/requests/{request}.json --json-output --model mnist-model"
            );
            assert_close(&answered(&server.at(url, &line).json()), &expected(7));
        }
    }
}

#[test]
fn a_picture_is_drawn_beside_its_bars() {
    let server = Server::start();
    let out = server
        .predict("--image examples/mnist/digits/1.png --plot")
        .ok();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 14, "{out}");
    let blocks = |line: &str| line.chars().take(28).filter(|c| "█▀▄".contains(*c)).count();
    let inked: usize = lines.iter().map(|line| blocks(line)).sum();
    assert!((20..120).contains(&inked), "{inked} in\n{out}");
    let bars: Vec<_> = lines
        .iter()
        .filter(|line| line.chars().count() > 30)
        .collect();
    assert_eq!(bars.len(), 10, "{out}");
    assert!(
        bars[1].ends_with(" *") && bars[1].contains(&"█".repeat(29)),
        "{out}"
    );
}

/// All ten digits as rows of 784 numbers from 0 to 1.
fn rows() -> Vec<Vec<f32>> {
    let row = |digit: usize| {
        let file = root().join(format!("examples/mnist/digits/{digit}.png"));
        let file = BufReader::new(std::fs::File::open(file).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels.len(), 784);
        pixels
            .iter()
            .map(|&pixel| f32::from(pixel) / 255.0)
            .collect()
    };
    (0..10).map(row).collect()
}

#[test]
fn many_rows_go_in_batches_and_come_back_in_order() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let text = |row: &Vec<f32>| row.iter().map(f32::to_string).collect::<Vec<_>>().join(",");
    let table: String = rows().iter().map(|row| text(row) + "\n").collect();
    let csv = folder.path().join("rows.csv");
    std::fs::write(&csv, table).unwrap();
    let csv = csv.display().to_string();
    for url in server.urls() {
        let out = server
            .at(url, &format!("--csv {csv} --batch 3 --json-output"))
            .ok();
        let answers: Vec<Value> = out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(answers.len(), 4);
        let found: Vec<f64> = answers.iter().flat_map(answered).collect();
        let expected: Vec<f64> = (0..10).flat_map(expected).collect();
        assert_close(&found, &expected);
    }
    let out = server.predict(&format!("--csv {csv} --batch 4")).ok();
    let starts: Vec<&str> = out
        .lines()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(
        starts,
        ["row", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
    );
}

#[test]
fn an_array_of_numpy_is_sent_in_the_type_of_the_model() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (10, 28, 28, 1), }\n";
    file.extend_from_slice(&u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend_from_slice(header.as_bytes());
    for value in rows().iter().flatten() {
        file.extend_from_slice(&f64::from(*value).to_le_bytes());
    }
    let npy = folder.path().join("rows.npy");
    std::fs::write(&npy, file).unwrap();
    let expected: Vec<f64> = (0..10).flat_map(expected).collect();
    for protocol in ["seldon", "v2", "tensorflow"] {
        let line = format!(
            "--npy {} --protocol {protocol} --json-output",
            npy.display()
        );
        assert_close(&answered(&server.predict(&line).json()), &expected);
    }
}

#[test]
fn a_refusal_is_said_in_the_servers_words_with_its_code() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.json");
    std::fs::write(&bad, r#"{"data":{"ndarray":[[1,2,3]]}}"#).unwrap();
    let json = format!("--json {}", bad.display());
    for (url, code) in server
        .urls()
        .into_iter()
        .zip(["HTTP 400 Bad Request: ", "gRPC InvalidArgument (3): "])
    {
        let ran = server.at(url, &json);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert!(
            ran.err.starts_with(&format!("error: {code}")),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("`image`"), "{}", ran.err);
        let ran = server.at(url, &format!("{json} --deployment other/one"));
        assert!(ran.code == 1 && ran.err.contains("other"), "{}", ran.err);
    }
}

#[test]
fn a_server_that_is_not_there_is_the_environments_fault() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for scheme in ["http", "grpc"] {
        let url = format!("{scheme}://127.0.0.1:{port}");
        let ran = hari(&[
            "predict",
            "--url",
            &url,
            "--image",
            "examples/mnist/digits/7.png",
        ]);
        assert_eq!(ran.code, 3, "{}", ran.err);
        assert!(
            ran.err.starts_with("error: cannot reach http://127.0.0.1:"),
            "{}",
            ran.err
        );
        assert!(
            ran.err.contains("refused") && ran.err.contains("`hari run`"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn a_jpeg_is_a_picture_too() {
    let server = Server::start();
    let out = server.predict("--image bin/hari/tests/data/seven.jpg").ok();
    let seven = out.lines().find(|line| line.starts_with('7')).unwrap();
    assert!(seven.ends_with('*'), "{out}");
}

#[test]
fn a_picture_in_another_size_is_resized_with_a_note() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.png");
    let seven = &rows()[7];
    let big: Vec<u8> = (0..140 * 140)
        .map(|at| 255 - (seven[(at / 140 / 5) * 28 + (at % 140) / 5] * 255.0).round() as u8)
        .collect();
    let file = std::fs::File::create(&path).unwrap();
    let mut encoder = png::Encoder::new(file, 140, 140);
    encoder.set_color(png::ColorType::Grayscale);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&big)
        .unwrap();
    let ran = server.predict(&format!("--image {} --invert", path.display()));
    assert_eq!(ran.err, "note: picture resized from 140 x 140 to 28 x 28\n");
    let out = ran.ok();
    assert!(
        out.lines()
            .any(|line| line.starts_with('7') && line.ends_with('*')),
        "{out}"
    );
}
