//! What tests share: nodes, moments, and a receiver of events that does as it is told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hari_core::{Asked, Context, Message, Method, Moment, NamedTensor, Stage, Tensor, Watch};
use hari_settings::PayloadLog as Settings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::{Mode, NodeLog, PayloadLog, Target};

/// Longest that a test waits for something that has to come.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) fn node(name: &str) -> NodeLog {
    NodeLog {
        namespace: "ns".into(),
        deployment: "dep".into(),
        predictor: "main".into(),
        node: name.into(),
        protocol: "seldon".into(),
        mode: Mode::All,
        own_call: true,
        sample: 1.0,
        redact: Vec::new(),
    }
}

pub(crate) fn context(puid: &str) -> Context {
    Context::new(puid, LONG)
}

pub(crate) fn numbers(values: &[f64]) -> Message {
    let tensor = Tensor::from_vec([1, values.len()], values.to_vec()).unwrap();
    let mut message = Message::tensors(vec![NamedTensor::new("x", tensor)]);
    message.representation = hari_core::Representation::Ndarray;
    message
}

/// One call of a node, asked and answered.
pub(crate) fn call(watch: &dyn Watch, context: &Context, asked: &Message, answer: &Message) {
    let moment = Moment {
        node: "m",
        stage: Stage::Call(Method::Predict),
        context,
    };
    watch.asked(&moment, Asked::One(asked));
    watch.answered(&moment, Ok(answer), Duration::ZERO);
}

pub(crate) fn log(settings: Settings) -> PayloadLog {
    PayloadLog::new(settings, Arc::new(|_| panic!("no Kafka in this test")))
}

/// What a receiver got.
#[derive(Clone, Debug, Default)]
pub(crate) struct Got {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// A receiver that answers with what `status` says of the number of the request; 0 hangs.
pub(crate) struct Receiver {
    pub(crate) target: Target,
    got: Mutex<Vec<Got>>,
    changed: Notify,
    seen: AtomicUsize,
    status: Box<dyn Fn(usize) -> u16 + Send + Sync>,
}

impl Receiver {
    pub(crate) async fn new(status: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let receiver = Arc::new(Self {
            target: Target::parse(&url).unwrap(),
            got: Mutex::default(),
            changed: Notify::new(),
            seen: AtomicUsize::new(0),
            status: Box::new(status),
        });
        let own = receiver.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(own.clone().serve(socket));
            }
        });
        receiver
    }

    async fn serve(self: Arc<Self>, socket: TcpStream) {
        let mut stream = BufReader::new(socket);
        while let Some(got) = read(&mut stream).await {
            let number = self.seen.fetch_add(1, Ordering::SeqCst);
            self.changed.notify_waiters();
            let status = (self.status)(number);
            if status == 0 {
                std::future::pending::<()>().await;
            }
            if status == 200 {
                self.got.lock().unwrap().push(got);
            }
            let answer = format!("HTTP/1.1 {status} X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
            if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            self.changed.notify_waiters();
        }
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    pub(crate) fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    /// Waits until `done` holds.
    pub(crate) async fn until(&self, done: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if done(self) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(LONG, wait).await.unwrap();
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Got> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let pairs = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<_, _> = pairs
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length")?.parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Got { headers, body })
}
