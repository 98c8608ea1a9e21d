//! A binary tensor is copied once at most between the socket and the engine.
//!
//! The real server answers over real sockets, and every allocation of the process is counted while
//! it does. Over HTTP/1 the bytes are read into a small buffer that is used again, and copied from
//! there into one body: one tensor's size. Over HTTP/2 client and server fill buffers with frames
//! beside that, which are one and a half sizes more. Each further copy would be one size more.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use hari_batch::{BatchOptions, ModelUnit};
use hari_core::{Model as _, ModelMetadata};
use hari_engine::{Addresses, Running, Server, model_pool};
use hari_ingress::{App, Deployment, Directory, Predictor};
use hari_onnx::{OnnxModel, Options};
use hari_proto::inference as oip;
use hari_proto::onnx::attribute_proto::AttributeType;
use hari_proto::onnx::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorShapeProto,
    TypeProto, ValueInfoProto, tensor_proto, tensor_shape_proto, type_proto,
};
use prost::Message as _;

#[global_allocator]
static COUNTED: dhat::Alloc = dhat::Alloc;

/// Numbers in the tensor: 8 MiB.
const NUMBERS: usize = 2 << 20;
const BYTES: usize = NUMBERS * size_of::<f32>();
const REQUESTS: u64 = 4;

fn dimension(name: Option<&str>, size: i64) -> tensor_shape_proto::Dimension {
    use tensor_shape_proto::dimension::Value;
    let value = match name {
        Some(name) => Value::DimParam(name.to_owned()),
        None => Value::DimValue(size),
    };
    tensor_shape_proto::Dimension {
        value: Some(value),
        ..Default::default()
    }
}

fn end(name: &str, columns: i64) -> ValueInfoProto {
    let shape = TensorShapeProto {
        dim: vec![dimension(Some("n"), 0), dimension(None, columns)],
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(tensor_proto::DataType::Float as i32),
        shape: Some(shape),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

fn greatest() -> NodeProto {
    NodeProto {
        op_type: Some("ReduceMax".to_owned()),
        input: vec!["x".to_owned()],
        output: vec!["y".to_owned()],
        attribute: vec![AttributeProto {
            name: Some("axes".to_owned()),
            r#type: Some(AttributeType::Ints as i32),
            ints: vec![1],
            ..AttributeProto::default()
        }],
        ..NodeProto::default()
    }
}

/// The greatest number of each row: a reply of a few bytes.
fn model() -> OnnxModel {
    let graph = GraphProto {
        name: Some("greatest".to_owned()),
        input: vec![end("x", i64::try_from(NUMBERS).unwrap())],
        output: vec![end("y", 1)],
        node: vec![greatest()],
        ..GraphProto::default()
    };
    let model = ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(17),
        }],
        graph: Some(graph),
        ..ModelProto::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    OnnxModel::load_file(&path, &Options::default()).unwrap()
}

fn serve() -> Running {
    let model = Arc::new(model());
    let metadata = ModelMetadata {
        name: "m".to_owned(),
        signatures: model.signatures().to_vec(),
        ..ModelMetadata::default()
    };
    let pool = model_pool(1).unwrap();
    let unit = ModelUnit::new("m", model, metadata, BatchOptions::default(), pool);
    let predictor = Predictor {
        name: "default".to_owned(),
        version: "v1".to_owned(),
        traffic: 100,
        shadow: false,
        rest_timeout: None,
        grpc_timeout: None,
        inlet: None,
        unit: Arc::new(unit),
    };
    let directory = Arc::new(Directory::default());
    directory.put(Arc::new(Deployment {
        namespace: "default".to_owned(),
        name: "d".to_owned(),
        predictors: vec![Arc::new(predictor)],
    }));
    let settings = hari_settings::Server {
        max_body: 64 << 20,
        deadline: Duration::from_secs(60),
        max_connections: 8,
        max_in_flight: 8,
        drain: Duration::from_secs(20),
        cors_origins: String::new(),
        cors_headers: String::new(),
        metrics_path: None,
        reply_metrics: true,
    };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let addresses = Addresses {
        http: any,
        grpc: any,
        metrics: any,
    };
    let app = App::new(directory, settings, None);
    Server::bind(addresses).unwrap().start(&app)
}

fn tensor() -> Vec<u8> {
    (0..NUMBERS)
        .flat_map(|at| ((at % 1000) as f32).to_le_bytes())
        .collect()
}

/// Bytes that the process allocates for one call of `ask`, after one that warms up.
fn allocated(mut ask: impl FnMut()) -> u64 {
    ask();
    let before = dhat::HeapStats::get().total_bytes;
    for _ in 0..REQUESTS {
        ask();
    }
    (dhat::HeapStats::get().total_bytes - before) / REQUESTS
}

/// A REST request with a binary tensor, on a connection that is used again.
fn rest(address: SocketAddr) -> impl FnMut() {
    let json = format!(
        "{{\"inputs\":[{{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1,{NUMBERS}],\
         \"parameters\":{{\"binary_data_size\":{BYTES}}}}}]}}"
    );
    let mut request = format!(
        "POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nInference-Header-Content-Length: {}\r\n\
         Content-Length: {}\r\n\r\n{json}",
        json.len(),
        json.len() + BYTES
    )
    .into_bytes();
    request.extend(tensor());
    let mut stream = TcpStream::connect(address).unwrap();
    let mut reply = vec![0; 4096];
    move || {
        stream.write_all(&request).unwrap();
        let read = stream.read(&mut reply).unwrap();
        let text = std::str::from_utf8(&reply[..read]).unwrap();
        assert!(
            text.starts_with("HTTP/1.1 200") && text.contains("[999"),
            "{text}"
        );
    }
}

/// The same over gRPC. The client sends slices of one message that was made before.
async fn grpc(address: SocketAddr) -> impl FnMut() {
    let request = oip::ModelInferRequest {
        model_name: "m".to_owned(),
        inputs: vec![oip::model_infer_request::InferInputTensor {
            name: "x".to_owned(),
            datatype: "FP32".to_owned(),
            shape: vec![1, i64::try_from(NUMBERS).unwrap()],
            ..Default::default()
        }],
        raw_input_contents: vec![tensor().into()],
        ..Default::default()
    };
    let mut message = BytesMut::new();
    message.put_u8(0);
    message.put_u32(u32::try_from(request.encoded_len()).unwrap());
    request.encode(&mut message).unwrap();
    let message = message.freeze();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let runtime = tokio::runtime::Handle::current();
    move || {
        let (client, message) = (client.clone(), message.clone());
        runtime.block_on(call(client, message));
    }
}

async fn call(client: h2::client::SendRequest<Bytes>, mut message: Bytes) {
    let request = http::Request::post("http://x/inference.GRPCInferenceService/ModelInfer")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let mut client = client.ready().await.unwrap();
    let (reply, mut stream) = client.send_request(request, false).unwrap();
    while !message.is_empty() {
        stream.reserve_capacity(message.len());
        let granted = std::future::poll_fn(|context| stream.poll_capacity(context));
        let granted = granted.await.unwrap().unwrap();
        stream
            .send_data(message.split_to(granted), message.is_empty())
            .unwrap();
    }
    let (parts, mut body) = reply.await.unwrap().into_parts();
    assert_eq!(parts.status, 200);
    let mut answer = BytesMut::new();
    while let Some(data) = body.data().await {
        answer.put(data.unwrap());
    }
    let answer = oip::ModelInferResponse::decode(answer.split_off(5).freeze()).unwrap();
    assert_eq!(*answer.raw_output_contents[0], 999.0_f32.to_le_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_binary_tensor_is_copied_once_on_its_way_to_the_engine() {
    let _counting = dhat::Profiler::builder().testing().build();
    let running = serve();
    let (http, other) = (running.addresses.http, running.addresses.grpc);
    let mut ask = grpc(other).await;
    let (by_rest, by_grpc) =
        tokio::task::spawn_blocking(move || (allocated(rest(http)), allocated(&mut ask)))
            .await
            .unwrap();
    let sizes = |allocated: u64| allocated as f64 / BYTES as f64;
    assert!(sizes(by_rest) < 1.5, "REST: {} tensors", sizes(by_rest));
    assert!(sizes(by_grpc) < 3.0, "gRPC: {} tensors", sizes(by_grpc));
    running.stop().await;
}
