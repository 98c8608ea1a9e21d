//! Everything that a cursor offers, asked of every value: answers or errors, no panic.

use std::collections::HashSet;

use hari_pickle::Cursor;

/// Visits each value once.
pub(crate) fn all(root: &Cursor<'_>) {
    let mut seen = HashSet::new();
    let mut open = vec![root.clone()];
    while let Some(cursor) = open.pop() {
        if !seen.insert(cursor.id()) {
            continue;
        }
        ask(&cursor);
        open.extend(cursor.items().unwrap_or_default());
        let entries = cursor.entries().unwrap_or_default();
        open.extend(entries.into_iter().flat_map(|(key, value)| [key, value]));
        open.extend(cursor.state());
        open.extend((0..3).filter_map(|index| cursor.argument(index).ok()));
    }
}

fn ask(cursor: &Cursor<'_>) {
    _ = cursor.describe();
    _ = (
        cursor.boolean(),
        cursor.integer(),
        cursor.float(),
        cursor.text(),
    );
    _ = (
        cursor.strings(),
        cursor.numbers(),
        cursor.integers(),
        cursor.sparse(),
    );
    _ = (
        cursor.count(),
        cursor.bytes(),
        cursor.class(),
        cursor.numbering(),
    );
    let Ok(array) = cursor.any_array() else {
        return;
    };
    if let Some(typed) = array.numbers() {
        assert_eq!(typed.values.len(), array.len());
    }
    for field in &array.dtype().fields {
        let column = array.field(&field.name).map(|column| column.len());
        assert_eq!(column, Some(array.len()));
    }
}
