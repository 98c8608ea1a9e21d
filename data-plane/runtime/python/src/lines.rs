//! What a worker prints, line by line into the log, bounded in length and number.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// Most bytes of a line; the rest is left out.
const LENGTH: usize = 8 << 10;
/// Most lines of a second; the rest is counted.
const RATE: u32 = 500;
/// How many of the last lines are kept, to tell why a process ended.
const KEPT: usize = 20;

/// The last lines of a process.
#[derive(Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    /// The lines, one below the other.
    pub(crate) fn text(&self) -> String {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.make_contiguous().join("\n")
    }
}

/// Hands every line of `stream` to `say` until the stream ends.
pub(crate) async fn each(stream: impl AsyncRead + Unpin, tail: Tail, mut say: impl FnMut(&str)) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    let mut rate = Rate::default();
    while matches!(next(&mut reader, &mut line).await, Ok(true)) {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        tail.push(text);
        if let Some(left_out) = rate.admits(Instant::now()) {
            if left_out > 0 {
                say(&format!(
                    "{left_out} lines were left out: at most {RATE} a second are kept"
                ));
            }
            if !text.is_empty() {
                say(text);
            }
        }
        line.clear();
    }
}

/// Reads a line without its end; false at the end of the stream.
async fn next(
    reader: &mut (impl tokio::io::AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
) -> std::io::Result<bool> {
    let mut any = false;
    loop {
        let bytes = reader.fill_buf().await?;
        if bytes.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let room = LENGTH.saturating_sub(line.len());
        line.extend(bytes.iter().take(end.unwrap_or(bytes.len()).min(room)));
        let taken = end.map_or(bytes.len(), |end| end + 1);
        reader.consume(taken);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// So many lines in each second.
#[derive(Default)]
struct Rate {
    second: Option<Instant>,
    lines: u32,
    left_out: u32,
}

impl Rate {
    /// How many lines were left out before this one; none if this one is.
    fn admits(&mut self, now: Instant) -> Option<u32> {
        let fresh = |start: Instant| now.duration_since(start) >= Duration::from_secs(1);
        if self.second.is_none_or(fresh) {
            self.second = Some(now);
            self.lines = 0;
        }
        if self.lines == RATE {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(text: &[u8]) -> (Vec<String>, String) {
        let tail = Tail::default();
        let mut said = Vec::new();
        each(text, tail.clone(), |line| said.push(line.to_owned())).await;
        (said, tail.text())
    }

    #[tokio::test]
    async fn lines_are_said_one_by_one_and_the_last_are_kept() {
        let (said, tail) = lines(b"one\r\n\ntwo\n\xff end").await;
        assert_eq!(said, ["one", "two", "\u{fffd} end"]);
        assert_eq!(tail, "one\n\ntwo\n\u{fffd} end");
    }

    #[tokio::test]
    async fn a_long_line_is_cut_and_the_next_is_whole() {
        let text = [vec![b'a'; 3 * LENGTH], b"\nnext\n".to_vec()].concat();
        let (said, _) = lines(&text).await;
        assert_eq!(said.first().map(String::len), Some(LENGTH));
        assert_eq!(said.last().map(String::as_str), Some("next"));
    }

    #[test]
    fn too_many_lines_of_a_second_are_counted() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let admitted = (0..RATE + 7)
            .filter(|_| rate.admits(start).is_some())
            .count();
        assert_eq!(admitted, RATE as usize);
        assert_eq!(rate.admits(start + Duration::from_secs(1)), Some(7));
        assert_eq!(rate.admits(start + Duration::from_secs(1)), Some(0));
    }
}
