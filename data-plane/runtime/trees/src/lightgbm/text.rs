//! The text form: lines of `name=value`, a head, then a section for each tree.

use hari_error::{Error, Result};

/// Lines of one section, by name.
#[derive(Debug, Default)]
pub(super) struct Section<'a>(Vec<(&'a str, &'a str)>);

/// Lines that a section may have; LightGBM writes about twenty.
const MAX_LINES: usize = 256;

/// The line that follows the last tree.
const END: &str = "end of trees";
/// The line that does in files of 2.0 and 2.1.
const EARLY_END: &str = "feature importances:";

/// The sections of a file, one after the other.
pub(super) struct Sections<'a> {
    head: Section<'a>,
    /// What follows the line `Tree=` of the next tree.
    rest: &'a str,
    more: bool,
    early: bool,
}

impl<'a> Sections<'a> {
    /// # Errors
    /// If the first line is not `tree`.
    pub(super) fn of(text: &'a str) -> Result<Self> {
        let first = text.lines().next().unwrap_or_default().trim();
        if first != "tree" {
            let first: String = first.chars().take(40).collect();
            return Err(Error::model(format!(
                "this is no LightGBM model: expected a first line `tree`, found `{first}`"
            )));
        }
        let mut sections = Self {
            head: Section::default(),
            rest: text,
            more: true,
            early: false,
        };
        sections.head = sections.section()?;
        Ok(sections)
    }

    pub(super) fn head(&self) -> &Section<'a> {
        &self.head
    }

    /// The text that is not read yet: behind the trees, once the last has been asked for.
    pub(super) fn tail(&self) -> &'a str {
        self.rest
    }

    /// Whether it was 2.0 or 2.1 that wrote the file; known once the last tree was asked for.
    pub(super) fn is_early(&self) -> bool {
        self.early
    }

    /// The next tree; none after the last.
    ///
    /// # Errors
    /// If the file ends before it says that the trees do.
    pub(super) fn next_tree(&mut self) -> Result<Option<Section<'a>>> {
        if !self.more {
            return Ok(None);
        }
        self.section().map(Some)
    }

    /// Lines up to the next tree, or to the end of the trees.
    fn section(&mut self) -> Result<Section<'a>> {
        let mut section = Section::default();
        while let Some((line, rest)) = self.line() {
            self.rest = rest;
            match line.split_once('=') {
                Some(("Tree", _)) => return Ok(section),
                Some((name, value)) => section.push(name, value)?,
                None if line == END || line == EARLY_END => {
                    self.more = false;
                    self.early = line == EARLY_END;
                    return Ok(section);
                }
                None if line.is_empty() => (),
                None => section.push(line, "")?,
            }
        }
        Err(Error::model(
            "the file ends before the line `end of trees`: it is cut",
        ))
    }

    fn line(&self) -> Option<(&'a str, &'a str)> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        Some((line.trim_end_matches('\r'), rest))
    }
}

impl<'a> Section<'a> {
    fn push(&mut self, name: &'a str, value: &'a str) -> Result<()> {
        if self.0.len() >= MAX_LINES {
            return Err(Error::model(format!(
                "a section has more than {MAX_LINES} lines: it is none of LightGBM's"
            )));
        }
        self.0.push((name, value));
        Ok(())
    }

    /// The value of this name.
    pub(super) fn find(&self, name: &str) -> Option<&'a str> {
        let line = self.0.iter().find(|(key, _)| *key == name);
        line.map(|(_, value)| *value)
    }

    /// The number of this name.
    ///
    /// # Errors
    /// If it is missing or no number from 0.
    pub(super) fn count(&self, name: &str) -> Result<usize> {
        let value = self.find(name);
        let value = value.ok_or_else(|| Error::model(format!("`{name}` is missing")))?;
        value.trim().parse().map_err(|_| unlike(name, value))
    }

    pub(super) fn count_or(&self, name: &str, default: usize) -> Result<usize> {
        match self.find(name) {
            Some(_) => self.count(name),
            None => Ok(default),
        }
    }

    /// The numbers of this name; none if it is not there.
    ///
    /// # Errors
    /// If one is no number of this kind.
    pub(super) fn numbers<T: std::str::FromStr>(&self, name: &str) -> Result<Vec<T>> {
        let words = self.find(name).unwrap_or_default().split_ascii_whitespace();
        words
            .map(|word| word.parse().map_err(|_| unlike(name, word)))
            .collect()
    }

    /// As many numbers of this name as wanted.
    ///
    /// # Errors
    /// If there are more or fewer.
    pub(super) fn exactly<T: std::str::FromStr>(&self, name: &str, count: usize) -> Result<Vec<T>> {
        let numbers = self.numbers(name)?;
        if numbers.len() == count {
            return Ok(numbers);
        }
        let found = numbers.len();
        Err(Error::model(format!(
            "`{name}`: expected {count} numbers, found {found}"
        )))
    }
}

fn unlike(name: &str, found: &str) -> Error {
    let found: String = found.chars().take(40).collect();
    Error::model(format!("`{name}`: `{found}` is no number that fits here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_come_one_after_the_other() {
        let text = "tree\r\nversion=v4\naverage_output\n\nTree=0\na=1 2\n\nTree=1\na=3\nend of trees\nx=1\n";
        let mut sections = Sections::of(text).unwrap();
        assert_eq!(sections.head().find("version"), Some("v4"));
        assert_eq!(sections.head().find("average_output"), Some(""));
        let first = sections.next_tree().unwrap().unwrap();
        assert_eq!(first.exactly::<i32>("a", 2).unwrap(), [1, 2]);
        let error = first.exactly::<i32>("a", 3).unwrap_err();
        assert_eq!(error.message(), "`a`: expected 3 numbers, found 2");
        assert!(sections.next_tree().unwrap().is_some());
        assert!(sections.next_tree().unwrap().is_none());
    }

    #[test]
    fn files_of_2_0_end_with_importances() {
        let text = "tree\n\nTree=0\na=1\n\n\nfeature importances:\nx=2\n\npandas_categorical:null";
        let mut sections = Sections::of(text).unwrap();
        assert!(sections.next_tree().unwrap().is_some());
        assert!(sections.next_tree().unwrap().is_none());
        assert!(sections.is_early());
        assert_eq!(sections.tail(), "x=2\n\npandas_categorical:null");
    }

    #[test]
    fn a_cut_file_is_refused() {
        let mut sections = Sections::of("tree\nTree=0\na=1\n").unwrap();
        let error = sections.next_tree().unwrap_err();
        assert!(error.message().contains("it is cut"), "{error}");
        assert!(Sections::of("{\"tree\": 1}").is_err());
    }

    #[test]
    fn numbers_are_named_where_they_are_none() {
        let section = Section(vec![("a", "1 x"), ("b", "-1")]);
        let error = section.numbers::<f64>("a").unwrap_err();
        assert_eq!(error.message(), "`a`: `x` is no number that fits here");
        assert!(section.count("b").is_err() && section.count("c").is_err());
        assert_eq!(section.count_or("c", 7).unwrap(), 7);
        assert!(section.numbers::<f64>("c").unwrap().is_empty());
    }
}
