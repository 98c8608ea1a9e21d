//! From the start of a process to its first right answer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::answer::Expected;
use crate::reply;
use crate::target::Target;

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_micros(200);

/// Starts the server, waits for its first right answer, ends it; how long the answer took.
pub(crate) fn start(
    server: &[String],
    target: &Target,
    expected: &Expected,
    patience: Duration,
) -> Result<Duration> {
    ensure!(
        TcpStream::connect(target.address).is_err(),
        "something else listens on {}",
        target.address
    );
    let (program, arguments) = server.split_first().context("no server to start")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let begin = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("starting {program}"))?;
    let answered = await_right(target, expected, patience);
    let took = begin.elapsed();
    // The server may have children of its own: they are in its group.
    let group = format!("-{}", child.id());
    Command::new("kill")
        .args(["-TERM", "--", &group])
        .status()?;
    child.wait()?;
    answered.map(|_| took)
}

/// Asks until the answer is right; its body.
pub(crate) fn await_right(
    target: &Target,
    expected: &Expected,
    patience: Duration,
) -> Result<Vec<u8>> {
    let end = Instant::now() + patience;
    loop {
        let answer = ask(target, end).and_then(|body| {
            expected.check(&body)?;
            Ok(body)
        });
        match answer {
            Ok(body) => return Ok(body),
            Err(error) if Instant::now() >= end => {
                return Err(error.context("no right answer in time"));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// The body of the answer, which has status 200.
fn ask(target: &Target, end: Instant) -> Result<Vec<u8>> {
    let left = end.saturating_duration_since(Instant::now());
    let left = left.max(Duration::from_millis(1));
    let mut stream = TcpStream::connect_timeout(&target.address, left)?;
    stream.set_read_timeout(Some(left))?;
    stream.set_nodelay(true)?;
    stream.write_all(&target.request)?;
    let mut received = Vec::new();
    let mut part = [0; 16 << 10];
    loop {
        let read = stream.read(&mut part)?;
        ensure!(read > 0, "the server closed the connection");
        received.extend_from_slice(part.get(..read).unwrap_or_default());
        if let Some(reply) = reply::parse(&received)? {
            let body = received.get(reply.head..reply.end).unwrap_or_default();
            if reply.status != 200 {
                bail!("{}: {}", reply.status, String::from_utf8_lossy(body));
            }
            return Ok(body.to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers each connection with the next of `bodies`; the status is 200 unless it is empty.
    fn server(bodies: &'static [&'static str]) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            for body in bodies {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                assert!(stream.read(&mut request).unwrap() > 0);
                let status = if body.is_empty() {
                    "503 Busy"
                } else {
                    "200 OK"
                };
                write!(
                    stream,
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                )
                .unwrap();
            }
        });
        Target::post(&url, b"{}").unwrap()
    }

    #[test]
    fn the_first_right_answer_counts() {
        let target = server(&["", "[3,1]", "[1,3]"]);
        let second = Expected::highest("", 1);
        let body = await_right(&target, &second, Duration::from_secs(10)).unwrap();
        assert_eq!(body, b"[1,3]");
    }

    #[test]
    fn wrong_answers_are_told_when_time_is_up() {
        let target = server(&["[3,1]"]);
        let second = Expected::highest("", 1);
        let error = await_right(&target, &second, Duration::ZERO).unwrap_err();
        assert!(format!("{error:#}").contains("[3.0, 1.0]"), "{error:#}");
    }

    #[test]
    fn a_server_that_does_not_answer_is_ended() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let target = Target::post(&url, b"{}").unwrap();
        let sleep = ["sleep".to_owned(), "1000".to_owned()];
        let none = Expected::highest("", 0);
        let begin = Instant::now();
        assert!(start(&sleep, &target, &none, Duration::from_millis(50)).is_err());
        assert!(begin.elapsed() < Duration::from_secs(100));
    }
}
