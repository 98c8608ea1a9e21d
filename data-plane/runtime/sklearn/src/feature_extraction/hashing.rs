//! `HashingVectorizer`: terms are counted by their hash.

use hari_error::Result;
use hari_pickle::Cursor;

use super::analyzer::Analyzer;
use super::murmur;
use crate::attributes::flag;
use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::input::Kind;
use crate::preprocessing::Norm;
use crate::reader::Reader;
use crate::table::{Csr, Table};

/// Terms of more units than that are not hashed: their number grows with the square of the length.
const MOST_UNITS: usize = 64;

#[derive(Debug)]
pub(super) struct HashingVectorizer {
    analyzer: Analyzer,
    columns: i32,
    /// Whether the sign of the hash is the sign of the count.
    signed: bool,
    binary: bool,
    norm: Option<Norm>,
}

impl HashingVectorizer {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let columns = cursor.attribute("n_features")?;
        let count = i32::try_from(columns.integer()?).ok();
        let count = count.filter(|&count| count > 0 && count < i32::MAX);
        let analyzer = Analyzer::read(cursor)?;
        if analyzer.most() > MOST_UNITS {
            return Err(cursor.refuse(format_args!(
                "`ngram_range` goes up to {}: expected at most {MOST_UNITS}",
                analyzer.most()
            )));
        }
        Ok(Box::new(Self {
            analyzer,
            columns: count.ok_or_else(|| columns.refuse("expected a number of columns"))?,
            signed: flag(cursor, "alternate_sign")?,
            binary: flag(cursor, "binary")?,
            norm: Norm::optional(&cursor.attribute("norm")?)?,
        }))
    }

    fn count(&self, document: &str, found: &mut Csr) -> Result<()> {
        let mut terms: Vec<(u32, f64)> = Vec::new();
        self.analyzer.analyze(document, |term| {
            let hash = murmur::hash(term.as_bytes());
            let sign = if self.signed && hash < 0 { -1.0 } else { 1.0 };
            terms.push((place(hash, self.columns), sign));
        })?;
        terms.sort_by_key(|(column, _)| *column);
        for run in terms.chunk_by(|a, b| a.0 == b.0) {
            // Terms that cancel out leave a zero, which counts where only being there does.
            let sum: f64 = run.iter().map(|(_, sign)| sign).sum();
            found.indices.extend(run.first().map(|(column, _)| *column));
            found.values.push(if self.binary { 1.0 } else { sum });
        }
        found.starts.push(found.values.len());
        Ok(())
    }
}

/// The column of a hash.
fn place(hash: i32, columns: i32) -> u32 {
    match hash.checked_abs() {
        Some(positive) => (positive % columns).unsigned_abs(),
        None => ((i32::MAX - (columns - 1)) % columns).unsigned_abs(),
    }
}

impl Estimator for HashingVectorizer {
    fn form(&self, method: Method) -> Option<Form> {
        Form::transformed(method, self.columns.unsigned_abs() as usize)
    }

    fn accepts(&self) -> Accepts {
        Accepts::Anything
    }

    fn takes(&self, _: usize) -> Kind {
        Kind::Text
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        let mut found = Csr {
            columns: self.columns.unsigned_abs() as usize,
            starts: vec![0],
            ..Csr::default()
        };
        for document in rows.documents()? {
            self.count(&document, &mut found)?;
        }
        if let Some(norm) = self.norm {
            norm.apply_sparse(&mut found);
        }
        Ok(found.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_a_column() {
        assert_eq!(place(-7, 5), 2);
        assert_eq!(place(7, 5), 2);
        // What is left of 2^31 where its absolute value has no place.
        assert_eq!(place(i32::MIN, 1 << 20), 0);
        assert_eq!(place(i32::MIN, 10), 8);
    }
}
