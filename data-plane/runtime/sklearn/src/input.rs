//! What a model takes: one matrix, or columns of numbers and text.

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers, NaN where they are missing.
    Number,
    /// Text.
    Text,
    /// Whatever: the model does not look at it.
    Unused,
}

/// A column by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name that the model was fitted with; the number of the column, from 0, if with none.
    pub name: String,
    /// What stands in it.
    pub kind: Kind,
}

/// What a model takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// One float64 tensor `[rows, width]`.
    Matrix {
        /// The input's name in the signature.
        name: String,
        /// Columns; none if the file does not say.
        width: Option<usize>,
        /// Their names, if the model was fitted with names.
        columns: Vec<String>,
    },
    /// One text tensor `[rows]`.
    Documents {
        /// The input's name in the signature.
        name: String,
    },
    /// A tensor `[rows]` for each column that the model looks at, in this order: float64 or text.
    Columns(Vec<Column>),
}
