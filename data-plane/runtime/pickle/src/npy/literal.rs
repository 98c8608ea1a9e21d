//! The few forms of Python literals that stand in numpy's headers.

/// A literal.
#[derive(Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Flag(bool),
    Count(usize),
    Items(Vec<Self>),
    Entries(Vec<(String, Self)>),
}

/// Lists inside each other.
const MAX_DEPTH: usize = 8;

/// A literal with nothing but white space around it; `None` for anything else.
pub(super) fn parse(text: &str) -> Option<Literal> {
    let mut parser = Parser { rest: text };
    let literal = parser.literal(MAX_DEPTH)?;
    parser.rest.trim().is_empty().then_some(literal)
}

impl Literal {
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Entries(entries) = self else {
            return None;
        };
        let (_, found) = entries.iter().find(|(key, _)| key == name)?;
        Some(found)
    }

    pub(super) fn items(&self) -> Option<&[Self]> {
        match self {
            Self::Items(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn count(&self) -> Option<usize> {
        match self {
            Self::Count(count) => Some(*count),
            _ => None,
        }
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    /// Takes this text if it comes next, after white space.
    fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn literal(&mut self, depth: usize) -> Option<Literal> {
        let depth = depth.checked_sub(1)?;
        if self.take("(") {
            return self.items(")", depth);
        }
        if self.take("[") {
            return self.items("]", depth);
        }
        if self.take("{") {
            return self.entries(depth);
        }
        if self.take("True") {
            return Some(Literal::Flag(true));
        }
        if self.take("False") {
            return Some(Literal::Flag(false));
        }
        if self.take("'") {
            let (text, rest) = self.rest.split_once('\'')?;
            self.rest = rest;
            return Some(Literal::Text(text.to_owned())).filter(|_| !text.contains('\\'));
        }
        self.count()
    }

    fn count(&mut self) -> Option<Literal> {
        let rest = self.rest.trim_start();
        let end = rest.find(|letter: char| !letter.is_ascii_digit());
        let (digits, rest) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        // Python 2 wrote long integers with an L.
        self.rest = rest.strip_prefix('L').unwrap_or(rest);
        digits.parse().ok().map(Literal::Count)
    }

    fn items(&mut self, end: &str, depth: usize) -> Option<Literal> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.literal(depth)?);
            if !self.take(",") {
                return self.take(end).then_some(Literal::Items(items));
            }
        }
        Some(Literal::Items(items))
    }

    fn entries(&mut self, depth: usize) -> Option<Literal> {
        let mut entries = Vec::new();
        while !self.take("}") {
            let Some(Literal::Text(key)) = self.literal(depth) else {
                return None;
            };
            if !self.take(":") {
                return None;
            }
            entries.push((key, self.literal(depth)?));
            if !self.take(",") {
                return self.take("}").then_some(Literal::Entries(entries));
            }
        }
        Some(Literal::Entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_headers_are_read() {
        let found = parse(" {'a': (1, 20L,), 'b': [True,False], 'c': '<f8'} \n").unwrap();
        assert_eq!(found.get("a").unwrap().items().unwrap().len(), 2);
        assert_eq!(
            found.get("b").unwrap().items().unwrap()[1].flag(),
            Some(false)
        );
        assert_eq!(found.get("c"), Some(&Literal::Text("<f8".to_owned())));
        assert_eq!(parse("()"), Some(Literal::Items(Vec::new())));
    }

    #[test]
    fn anything_else_is_nothing() {
        for text in [
            "",
            "(",
            "(1",
            "{1: 2}",
            "{'a' 1}",
            "'a",
            "1 2",
            "-1",
            "1.5",
            "'\\x41'",
            "None",
            "((((((((((1))))))))))",
            "18446744073709551616",
            "f()",
            "é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
