//! Load for the benchmark. One thread, which spins rather than sleeps: give it a core of its own.
//!
//! Each command asks once before it measures, and stops unless the answer is right. What was
//! measured goes to standard output, as one line of JSON with times in microseconds.

mod answer;
mod case;
mod cold;
mod connection;
mod grpc;
mod reply;
mod report;
mod run;
mod target;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};

use answer::Expected;
use case::Case;
use run::{Arrivals, End, Measured, Plan};
use target::Target;

/// Load for the benchmark.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Each connection asks again as soon as it has its answer
    Closed {
        #[command(flatten)]
        request: Request,
        #[command(flatten)]
        shape: Shape,
    },
    /// Requests arrive at a fixed rate; a late start counts as latency
    Open {
        #[command(flatten)]
        request: Request,
        #[command(flatten)]
        shape: Shape,
        /// Requests per second
        #[arg(long)]
        rate: f64,
    },
    /// So many requests, one after the other
    Count {
        #[command(flatten)]
        request: Request,
        #[arg(long)]
        requests: u64,
    },
    /// Binary tensors in the open inference protocol, one request after the other
    Tensors {
        #[command(flatten)]
        tensors: Tensors,
        #[command(flatten)]
        shape: Shape,
    },
    /// A message of any method over gRPC, one request after the other
    Message {
        #[command(flatten)]
        message: Encoded,
        #[command(flatten)]
        shape: Shape,
    },
    /// Starts a server, and takes the time until its first right answer
    Cold {
        #[command(flatten)]
        request: Request,
        /// The server and its arguments
        #[arg(last = true, required = true)]
        server: Vec<String>,
    },
    /// Asks until the answer is right
    Await {
        #[command(flatten)]
        request: Request,
        /// Write the body of the reply here
        #[arg(long)]
        save: Option<PathBuf>,
    },
}

/// What is asked, and what is right.
#[derive(Args)]
struct Request {
    /// `http://ADDRESS:PORT/PATH`
    #[arg(long)]
    url: String,
    /// The JSON body
    #[arg(long)]
    body: PathBuf,
    /// Where the reply has a list of numbers, as a JSON pointer
    #[arg(long)]
    pointer: String,
    /// Index of the highest of them
    #[arg(long, required_unless_present = "numbers")]
    highest: Option<usize>,
    /// File of the 64-bit floats that they are
    #[arg(long, conflicts_with = "highest")]
    numbers: Option<PathBuf>,
    /// Seconds to wait for the first right answer
    #[arg(long, default_value_t = 120)]
    patience: u64,
}

/// A request with binary tensors, and its right answer.
#[derive(Args)]
struct Tensors {
    #[arg(long)]
    protocol: Protocol,
    /// `ADDRESS:PORT`
    #[arg(long)]
    address: SocketAddr,
    /// Name of the model
    #[arg(long)]
    model: String,
    /// A request whose tensors are files
    #[arg(long)]
    case: PathBuf,
    /// File of the 32-bit floats that the answer ends with
    #[arg(long)]
    expected: PathBuf,
    /// Seconds to wait for the first right answer
    #[arg(long, default_value_t = 120)]
    patience: u64,
}

/// A message as it was encoded, and the end of its right answer.
#[derive(Args)]
struct Encoded {
    /// `ADDRESS:PORT`
    #[arg(long)]
    address: SocketAddr,
    /// `/package.Service/Method`
    #[arg(long)]
    method: String,
    /// The encoded message
    #[arg(long)]
    message: PathBuf,
    /// File of the 32-bit words that the answer ends with
    #[arg(long)]
    expected: PathBuf,
    /// Seconds to wait for the first right answer
    #[arg(long, default_value_t = 120)]
    patience: u64,
}

impl Encoded {
    fn measure(&self, shape: &Shape) -> Result<Measured> {
        let message = std::fs::read(&self.message)?;
        // Not compressed, and so many bytes.
        let length = u32::try_from(message.len())?.to_be_bytes();
        let framed = [&[0], &length[..], &message].concat();
        let expected = Expected::tail(&self.expected)?;
        let patience = Duration::from_secs(self.patience);
        let times = [patience, shape.warmup(), shape.length()];
        grpc::run((self.address, &self.method), framed, &expected, times)
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Protocol {
    Rest,
    Grpc,
}

#[derive(Args)]
struct Shape {
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Seconds that are not counted
    #[arg(long, default_value_t = 2.0)]
    warmup: f64,
    /// Seconds that are counted
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
}

impl Request {
    fn read(&self) -> Result<(Target, Expected)> {
        let target = Target::new(&self.url, &self.body)?;
        let expected = match &self.numbers {
            Some(file) => Expected::numbers(&self.pointer, file)?,
            None => Expected::highest(&self.pointer, self.highest.unwrap_or_default()),
        };
        Ok((target, expected))
    }

    /// The target, once it has answered right.
    fn ready(&self) -> Result<Target> {
        let (target, expected) = self.read()?;
        cold::await_right(&target, &expected, self.patience())?;
        Ok(target)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}

impl Tensors {
    fn measure(&self, shape: &Shape) -> Result<Measured> {
        let case = Case::read(&self.case)?;
        let expected = Expected::tail(&self.expected)?;
        let patience = Duration::from_secs(self.patience);
        match self.protocol {
            Protocol::Grpc => {
                let times = [patience, shape.warmup(), shape.length()];
                let to = (self.address, grpc::INFER);
                grpc::run(to, case.framed(&self.model), &expected, times)
            }
            Protocol::Rest => {
                let url = format!("http://{}/v2/models/{}/infer", self.address, self.model);
                let (body, head) = case.binary();
                let target = Target::binary(&url, &body, head)?;
                cold::await_right(&target, &expected, patience)?;
                run::run(&target, &shape.plan(Arrivals::Closed))
            }
        }
    }
}

impl Shape {
    fn warmup(&self) -> Duration {
        Duration::from_secs_f64(self.warmup)
    }

    fn length(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    fn plan(&self, arrivals: Arrivals) -> Plan {
        Plan {
            arrivals,
            connections: self.connections.max(1),
            warmup: self.warmup(),
            end: End::After(self.length()),
        }
    }
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Closed { request, shape } => measure(&request, &shape.plan(Arrivals::Closed)),
        Command::Open {
            request,
            shape,
            rate,
        } => measure(&request, &shape.plan(Arrivals::every(rate)?)),
        Command::Count { request, requests } => measure(&request, &Plan::count(requests)),
        Command::Message { message, shape } => report::measured(&message.measure(&shape)?),
        Command::Tensors { tensors, shape } => report::measured(&tensors.measure(&shape)?),
        Command::Cold { request, server } => {
            let (target, expected) = request.read()?;
            let took = cold::start(&server, &target, &expected, request.patience())?;
            report::cold(took)
        }
        Command::Await { request, save } => {
            let (target, expected) = request.read()?;
            let body = cold::await_right(&target, &expected, request.patience())?;
            save.map_or(Ok(()), |path| Ok(std::fs::write(path, body)?))
        }
    }
}

fn measure(request: &Request, plan: &Plan) -> Result<()> {
    let target = request.ready()?;
    report::measured(&run::run(&target, plan)?)
}
