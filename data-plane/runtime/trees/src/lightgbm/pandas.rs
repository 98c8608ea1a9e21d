//! The categories of a table of pandas, which LightGBM writes behind the trees.
//!
//! `pandas_categorical:[["a","b"],[1,2]]` has a list for each column of categories, in the order
//! of the columns. Which columns these are is said by the parameter `categorical_feature`, or by
//! `feature_infos`, where a column of categories has no range in brackets.

use hari_error::{Error, Result};

use super::text::Section;
use crate::categories::Categories;
use crate::document::{Value, read_dense_json};

/// The categories of a model; `tail` is the text behind the trees.
///
/// # Errors
/// `Model` if the columns cannot be told.
pub(super) fn read(tail: &str, head: &Section<'_>, features: usize) -> Result<Categories> {
    let mut categories = Categories::default();
    let mut lines = tail.lines();
    let line = lines.find_map(|line| line.strip_prefix("pandas_categorical:"));
    let Some(line) = line.filter(|line| !matches!(line.trim(), "null" | "[]")) else {
        return Ok(categories);
    };
    let document = read_dense_json(line.as_bytes());
    let document = document.map_err(|error| error.context("`pandas_categorical`"))?;
    let Value::List(lists) = &document else {
        return Err(Error::model(
            "`pandas_categorical`: expected a list of lists",
        ));
    };
    if head.find("feature_names").is_none_or(str::is_empty) {
        return Err(Error::model("`pandas_categorical` needs `feature_names`"));
    }
    let columns = columns(tail, head, lists.len())?;
    for (&column, list) in columns
        .iter()
        .zip(lists)
        .filter(|(column, _)| **column < features)
    {
        let listed = categories.listed(column, list);
        listed.map_err(|error| error.context("`pandas_categorical`"))?;
    }
    Ok(categories)
}

/// Which columns hold categories.
fn columns(tail: &str, head: &Section<'_>, count: usize) -> Result<Vec<usize>> {
    let found = parameter(tail).filter(|columns| columns.len() == count);
    if let Some(columns) = found {
        return Ok(columns);
    }
    let infos = head.find("feature_infos").unwrap_or_default();
    let infos = infos.split_ascii_whitespace().enumerate();
    let unbracketed = infos.filter(|(_, info)| !info.starts_with('['));
    let known = unbracketed.clone().filter(|(_, info)| *info != "none");
    let known: Vec<_> = known.map(|(column, _)| column).collect();
    let with_unused: Vec<_> = unbracketed.map(|(column, _)| column).collect();
    [known, with_unused]
        .into_iter()
        .find(|columns| columns.len() == count)
        .ok_or_else(|| {
            Error::model(format!(
                "`pandas_categorical` has {count} lists, but which columns they are of cannot \
                 be told"
            ))
        })
}

/// `[categorical_feature: 0,2]`, in order.
fn parameter(tail: &str) -> Option<Vec<usize>> {
    let names = ["[categorical_feature: ", "[categorical_column: "];
    let line = tail.lines().find_map(|line| {
        let inner = names.iter().find_map(|name| line.strip_prefix(name));
        inner?.strip_suffix(']')
    })?;
    let columns = line.split(',').map(|column| column.trim().parse());
    let mut columns: Vec<usize> = columns.collect::<Result<_, _>>().ok()?;
    columns.sort_unstable();
    Some(columns)
}

#[cfg(test)]
mod tests {
    use super::super::text::Sections;
    use super::*;

    fn read_of(infos: &str, tail: &str) -> Result<Categories> {
        let text =
            format!("tree\nfeature_names=a b c\nfeature_infos={infos}\nend of trees\n{tail}");
        let sections = Sections::of(&text)?;
        read(tail, sections.head(), 3)
    }

    #[test]
    fn columns_are_told_by_parameters_or_ranges() {
        let tail = "[categorical_feature: 2,0]\npandas_categorical:[[\"a\", \"b\"], [7, 5]]\n";
        let categories = read_of("[0:1] none none", tail).unwrap();
        assert_eq!(categories.code(0, b"b"), Some(1.0));
        let mut rows = [0.0, 0.0, 5.0];
        categories.encode(&mut rows, 3, |_, _| Ok(-1.0)).unwrap();
        assert_eq!(rows, [0.0, 0.0, 1.0]);
        let tail = "pandas_categorical:[[\"a\", \"b\"]]\n";
        assert_eq!(
            read_of("[0:1] 0:1 none", tail).unwrap().code(1, b"b"),
            Some(1.0)
        );
        let tail = "pandas_categorical:[[true, false]]\n";
        assert!(read_of("[0:1] 0:1 none", tail).unwrap().has_numbers());
        let error = read_of("[0:1] [0:1] [0:2]", tail).unwrap_err();
        assert!(error.message().contains("cannot be told"), "{error}");
        assert!(read_of("", "pandas_categorical:null\n").is_ok());
        assert!(read_of("", "pandas_categorical:[[").is_err());
    }
}
