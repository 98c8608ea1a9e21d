//! What people read on standard output: tables and issues, coloured on a terminal only.

use std::io::{IsTerminal as _, Write as _};

use hari_api::Issue;

/// Prints a line. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn line(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Whether standard output is coloured.
pub(crate) fn coloured() -> bool {
    std::io::stdout().is_terminal() && hari_settings::NO_COLOR.get().is_none()
}

/// `text` in bold, on a terminal.
pub(crate) fn bold(text: &str) -> String {
    if coloured() {
        format!("\u{1b}[1m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Prints issues, one below the other.
pub(crate) fn issues(issues: &[Issue]) {
    for issue in issues {
        line(issue);
    }
}

/// Prints rows under a header, columns aligned.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) {
    let cells = |row: &[String]| {
        row.iter()
            .map(|cell| cell.chars().count())
            .collect::<Vec<_>>()
    };
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(cells(row)) {
            *width = cell.max(*width);
        }
    }
    let aligned = |row: Vec<&str>| {
        let padded = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    line(bold(&aligned(header.to_vec())));
    for row in rows {
        line(aligned(row.iter().map(String::as_str).collect()));
    }
}

/// Bytes as people say them.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn bytes_are_said_in_the_largest_unit_that_keeps_a_digit() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(150_000), "146.5 KiB");
        assert_eq!(bytes(5 << 30), "5.0 GiB");
    }
}
