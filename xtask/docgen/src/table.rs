//! Markdown: headings and tables.

/// A page's heading, its introduction, and the note that it is made by a program.
pub(crate) fn heading(title: &str, source: &str, introduction: &str) -> String {
    format!(
        "# {title}\n\n<!-- Made from {source} by `cargo xtask gen docs`. Do not edit. -->\n\n{introduction}\n"
    )
}

/// A table with a header and rows.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut text = format!("\n| {} |\n|{}\n", header.join(" | "), "---|".repeat(N));
    for row in rows {
        text.push_str(&format!(
            "| {} |\n",
            row.map(|cell| escape(&cell)).join(" | ")
        ));
    }
    text
}

/// Text as code; nothing for nothing.
pub(crate) fn code(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("`{text}`")
    }
}

/// Words as code, with commas.
pub(crate) fn codes<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(code).collect::<Vec<_>>().join(", ")
}

fn escape(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cannot_break_a_table() {
        let text = table(["a", "b"], [["x|y".to_owned(), "1\n2".to_owned()]]);
        assert_eq!(text, "\n| a | b |\n|---|---|\n| x\\|y | 1 2 |\n");
    }
}
