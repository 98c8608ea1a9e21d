//! Answers on standard output: for people, or as JSON.

use std::io::IsTerminal as _;

use hari_core::{NamedTensor, Payload, Tensor};
use hari_error::Result;
use hari_protocol::json::write::{self, ByteStrings, Style};

use super::answer::Answer;
use super::draw;
use super::input::picture::Picture;
use crate::output;

/// The most columns of a table; wider rows are written as lists.
const MOST_COLUMNS: usize = 16;
/// The most values of a row that are scores with a line each.
const MOST_SCORES: usize = 1000;
/// Characters of a number in a table.
const CELL: usize = 12;

/// Prints answers, one batch after the other.
pub(super) struct Show {
    json: bool,
    plot: bool,
    coloured: bool,
    picture: Option<Picture>,
    /// Rows that were printed before.
    row: usize,
}

impl Show {
    /// With `plot` bars are drawn, and the picture if there is one; a picture on a terminal is
    /// drawn in any case.
    pub(super) fn new(json: bool, plot: bool, picture: Option<Picture>) -> Self {
        let on_terminal = std::io::stdout().is_terminal();
        let plot = plot || (picture.is_some() && on_terminal);
        Self {
            json,
            plot,
            coloured: output::coloured(),
            picture,
            row: 0,
        }
    }

    /// Prints one answer.
    ///
    /// # Errors
    /// If it holds byte strings that are no text.
    pub(super) fn answer(&mut self, answer: &Answer) -> Result<()> {
        if self.json {
            output::line(one_line(&answer.body));
            return Ok(());
        }
        for line in self.lines(answer)? {
            output::line(line);
        }
        Ok(())
    }

    fn lines(&mut self, answer: &Answer) -> Result<Vec<String>> {
        match &answer.message.payload {
            Payload::Tensors(tensors) => self.tensors(tensors),
            Payload::Text(text) => Ok(vec![text.clone()]),
            Payload::Binary(bytes) => Ok(vec![format!("{} bytes", bytes.len())]),
            Payload::Json(value) => Ok(vec![format!("{value:#}")]),
            Payload::Any(any) => Ok(vec![format!("a message of type {}", any.type_url)]),
            Payload::Empty => Ok(vec!["the answer is empty".to_owned()]),
        }
    }

    fn tensors(&mut self, tensors: &[NamedTensor]) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for (at, named) in tensors.iter().enumerate() {
            if tensors.len() > 1 {
                let name = if named.name.is_empty() {
                    at.to_string()
                } else {
                    named.name.clone()
                };
                lines.push(output::bold(&format!("{name} {:?}", named.tensor.shape())));
            }
            lines.extend(self.tensor(named)?);
        }
        self.row += tensors
            .iter()
            .map(|named| named.tensor.rows())
            .max()
            .unwrap_or(0);
        Ok(lines)
    }

    fn tensor(&self, named: &NamedTensor) -> Result<Vec<String>> {
        let tensor = &named.tensor;
        match *tensor.shape() {
            [rows, columns] if scores(tensor) && columns > 0 => match rows {
                1 => Ok(self.one_row(named, &tensor.to_f64()?)),
                _ if self.plot => Ok(self.plots(named, &tensor.to_f64()?, columns)),
                _ if columns <= MOST_COLUMNS => Ok(self.table(named, &tensor.to_f64()?, columns)),
                _ => self.lists(tensor),
            },
            [rows] if scores(tensor) && rows > 1 => Ok(self.table(named, &tensor.to_f64()?, 1)),
            _ => self.lists(tensor),
        }
    }

    /// One line for each score; beside the picture if that is drawn.
    fn one_row(&self, named: &NamedTensor, values: &[f64]) -> Vec<String> {
        let labels = labels(named, values.len());
        if !self.plot {
            return listed(
                &labels,
                values,
                named.tensor.dtype().is_integer(),
                self.coloured,
            );
        }
        let bars = draw::bars(&labels, values, self.coloured);
        match &self.picture {
            Some(picture) => {
                let drawn = draw::picture(picture, self.coloured);
                draw::beside(&drawn, draw::width(picture), &bars)
            }
            None => bars,
        }
    }

    fn plots(&self, named: &NamedTensor, values: &[f64], columns: usize) -> Vec<String> {
        let labels = labels(named, columns);
        let mut lines = Vec::new();
        for (at, row) in values.chunks(columns).enumerate() {
            lines.push(output::bold(&format!("row {}", self.row + at)));
            lines.extend(draw::bars(&labels, row, self.coloured));
        }
        lines
    }

    /// One line for each row; the header comes once.
    fn table(&self, named: &NamedTensor, values: &[f64], columns: usize) -> Vec<String> {
        let whole = named.tensor.dtype().is_integer();
        let mut lines = Vec::new();
        if self.row == 0 {
            let cells = labels(named, columns)
                .into_iter()
                .map(|label| format!("{label:>CELL$}"));
            lines.push(output::bold(&format!(
                "   row{}",
                cells.collect::<String>()
            )));
        }
        for (at, row) in values.chunks(columns).enumerate() {
            let cells = row
                .iter()
                .map(|&value| format!("{:>CELL$}", shown(value, whole)));
            lines.push(format!("{:>6}{}", self.row + at, cells.collect::<String>()));
        }
        lines
    }

    /// One nested list for each row, or for all if there are none.
    fn lists(&self, tensor: &Tensor) -> Result<Vec<String>> {
        let rows = tensor.rows();
        if tensor.shape().len() < 2 || rows < 2 {
            return Ok(vec![list(tensor)?]);
        }
        let line = |at: usize| {
            let row = tensor.slice_rows(at..at + 1)?;
            let inner = tensor.shape().get(1..).unwrap_or_default().to_vec();
            Ok(format!(
                "{:>6}  {}",
                self.row + at,
                list(&row.reshape(inner)?)?
            ))
        };
        (0..rows).map(line).collect()
    }
}

/// Whether a row is a handful of numbers.
fn scores(tensor: &Tensor) -> bool {
    let columns = tensor.shape().get(1).copied().unwrap_or(1);
    tensor.dtype().is_numeric() && columns <= MOST_SCORES
}

fn listed(labels: &[String], values: &[f64], whole: bool, coloured: bool) -> Vec<String> {
    if let [value] = values {
        return vec![shown(*value, whole)];
    }
    let widest = labels
        .iter()
        .map(|label| label.chars().count())
        .max()
        .unwrap_or(0);
    let highest = draw::highest(values);
    let line = |(at, (label, &value)): (usize, (&String, &f64))| {
        let line = format!("{label:>widest$}  {}", shown(value, whole));
        draw::set_off(line, Some(at) == highest, coloured)
    };
    labels.iter().zip(values).enumerate().map(line).collect()
}

fn shown(value: f64, whole: bool) -> String {
    if whole {
        format!("{value}")
    } else {
        draw::number(value)
    }
}

/// The names of the columns, unless they only count; else numbers from 0.
fn labels(named: &NamedTensor, columns: usize) -> Vec<String> {
    let counts = |(at, name): (usize, &String)| *name == format!("t:{at}");
    let given = named.columns.len() == columns && !named.columns.iter().enumerate().all(counts);
    match given {
        true => named.columns.clone(),
        false => (0..columns).map(|at| at.to_string()).collect(),
    }
}

fn list(tensor: &Tensor) -> Result<String> {
    let mut out = Vec::new();
    let style = Style {
        bytes: ByteStrings::TextOrBase64,
        ..Style::default()
    };
    write::nested(&mut out, tensor, style)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// JSON without line breaks, so that each answer is one line.
fn one_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    if !text.trim().contains('\n') {
        return text.trim().to_owned();
    }
    let value = serde_json::from_str::<serde_json::Value>(&text);
    value.map_or_else(|_| text.replace('\n', " "), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hari_core::Message;
    use serde_json::json;

    use super::*;

    fn show(plot: bool, picture: Option<Picture>) -> Show {
        Show {
            json: false,
            plot,
            coloured: false,
            picture,
            row: 0,
        }
    }

    fn answer(payload: Payload) -> Answer {
        Answer {
            body: Bytes::new(),
            message: Message {
                payload,
                ..Message::default()
            },
        }
    }

    fn scores(shape: [usize; 2], values: &[f64]) -> Answer {
        let tensor = Tensor::from_vec(shape, values.to_vec()).unwrap();
        answer(Payload::Tensors(vec![NamedTensor::new("y", tensor)]))
    }

    #[test]
    fn one_row_has_a_line_for_each_score() {
        let lines = show(false, None)
            .lines(&scores([1, 3], &[0.1, 0.7, 0.2]))
            .unwrap();
        assert_eq!(lines, ["0  0.100000", "1  0.700000 *", "2  0.200000"]);
        let lines = show(false, None).lines(&scores([1, 1], &[0.1])).unwrap();
        assert_eq!(lines, ["0.100000"]);
    }

    #[test]
    fn rows_are_counted_over_batches_and_the_header_comes_once() {
        let mut show = show(false, None);
        let first = show.lines(&scores([2, 2], &[0.1, 0.9, 0.2, 0.8])).unwrap();
        assert_eq!(
            first,
            [
                "   row           0           1",
                "     0    0.100000    0.900000",
                "     1    0.200000    0.800000",
            ]
        );
        let next = show.lines(&scores([2, 2], &[0.1, 0.9, 0.2, 0.8])).unwrap();
        assert_eq!((next.len(), &next[1][..6]), (2, "     3"));
    }

    #[test]
    fn a_picture_stands_beside_its_bars() {
        let picture = Picture {
            width: 2,
            height: 2,
            channels: 1,
            pixels: vec![255; 4],
        };
        let lines = show(true, Some(picture))
            .lines(&scores([1, 2], &[0.0, 1.0]))
            .unwrap();
        assert_eq!(lines[0], format!("██  0 {:<30} 0.000000", ""));
        assert_eq!(lines[1], format!("    1 {} 1.000000 *", "█".repeat(30)));
    }

    #[test]
    fn labels_are_the_columns_where_they_say_something() {
        let mut named = NamedTensor::new("y", Tensor::from_vec([1, 2], vec![0.0, 1.0]).unwrap());
        named.columns = vec!["t:0".into(), "t:1".into()];
        assert_eq!(labels(&named, 2), ["0", "1"]);
        named.columns = vec!["cat".into(), "dog".into()];
        assert_eq!(labels(&named, 2), ["cat", "dog"]);
        assert_eq!(labels(&named, 3), ["0", "1", "2"]);
    }

    #[test]
    fn other_answers_are_shown_as_they_are() {
        let lines = |payload| show(false, None).lines(&answer(payload)).unwrap();
        assert_eq!(lines(Payload::Text("hello".into())), ["hello"]);
        assert_eq!(lines(Payload::Json(json!({"a": 1}))), ["{\n  \"a\": 1\n}"]);
        assert_eq!(lines(Payload::Empty), ["the answer is empty"]);
        let words = vec![Bytes::from_static(b"cat"), Bytes::from_static(b"dog")];
        let tensor = Tensor::from_strings([2, 1], words).unwrap();
        let named = vec![NamedTensor::new("y", tensor)];
        assert_eq!(
            lines(Payload::Tensors(named)),
            ["     0  [\"cat\"]", "     1  [\"dog\"]"]
        );
    }

    #[test]
    fn whole_numbers_and_several_outputs() {
        let class = Tensor::from_vec([3], vec![7_i64, 2, 1]).unwrap();
        let one = Tensor::from_vec([1, 1], vec![5_i64]).unwrap();
        let named = vec![
            NamedTensor::new("class", class),
            NamedTensor::new("one", one),
        ];
        let lines = show(false, None)
            .lines(&answer(Payload::Tensors(named)))
            .unwrap();
        assert_eq!(lines[0], "class [3]");
        assert_eq!(lines[2], "     0           7");
        assert_eq!(lines[5..], ["one [1, 1]", "5"]);
    }

    #[test]
    fn json_is_one_line() {
        assert_eq!(one_line(b"{\"a\":\n 1}\n"), r#"{"a":1}"#);
        assert_eq!(one_line(b"{\"a\": 1}\n"), r#"{"a": 1}"#);
    }
}
