//! Columns of a table that a model takes.

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name; its number in decimal if the model has none for it.
    pub name: String,
    /// Whether its values are categories, given as text, rather than numbers.
    pub categorical: bool,
}

impl Column {
    pub(crate) fn new(place: usize, name: &str, categorical: bool) -> Self {
        let name = match name {
            "" => place.to_string(),
            name => name.to_owned(),
        };
        Self { name, categorical }
    }
}
