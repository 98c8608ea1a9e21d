//! The nodes of one tree, where they lie in the file.
//!
//! `Tree.__getstate__` has two arrays: `nodes`, one record each, and `values`, `[nodes, outputs,
//! classes]`. Until scikit-learn 1.2 a classifier's values are the weights of the samples in a
//! node; since 1.3, in which records got `missing_go_to_left`, they are fractions.

use std::borrow::Cow;

use hari_error::Result;
use hari_pickle::{Array, Cursor, Dtype, Kind};

/// `left_child` of a leaf.
const NO_CHILD: i64 = -1;

/// A `sklearn.tree._tree.Tree`.
pub(crate) struct Records<'d> {
    bytes: &'d [u8],
    stride: usize,
    left: Field,
    right: Field,
    feature: Field,
    threshold: Field,
    samples: Field,
    /// Not in files from before 1.3.
    missing_left: Option<Field>,
    /// `[nodes, outputs, classes]`.
    values: Cow<'d, [f64]>,
    pub(crate) outputs: usize,
    /// The largest number of classes of any output; 1 for a regressor.
    pub(crate) classes: usize,
}

/// Where a number lies in a record.
#[derive(Clone, Copy)]
struct Field {
    offset: usize,
    size: usize,
    big_endian: bool,
}

/// A node with two children.
pub(crate) struct Split {
    pub(crate) left: usize,
    pub(crate) right: usize,
    pub(crate) feature: usize,
    pub(crate) threshold: f64,
    pub(crate) missing_left: bool,
}

impl<'d> Records<'d> {
    /// Of the attribute `tree_`.
    ///
    /// # Errors
    /// `Model` for arrays that do not fit each other.
    pub(crate) fn read(tree: &Cursor<'d>) -> Result<Self> {
        let state = tree.state()?;
        let nodes = state.get("nodes")?;
        let array = nodes.any_array()?;
        let bytes = array.bytes().filter(|_| array.shape().len() == 1);
        let bytes = bytes.ok_or_else(|| nodes.refuse("expected an array of records"))?;
        let field = |name, kind| {
            let found = Field::find(array.dtype(), name, kind);
            found.ok_or_else(|| nodes.refuse(format_args!("records have no number `{name}`")))
        };
        let (values, [count, outputs, classes]) = values(&state.get("values")?)?;
        if count != array.len() || count == 0 {
            let found = array.len();
            return Err(tree.refuse(format_args!("{found} nodes have {count} values")));
        }
        Ok(Self {
            bytes,
            stride: array.dtype().size.max(1),
            left: field("left_child", Kind::Int)?,
            right: field("right_child", Kind::Int)?,
            feature: field("feature", Kind::Int)?,
            threshold: field("threshold", Kind::Float)?,
            samples: field("n_node_samples", Kind::Int)?,
            missing_left: Field::find(array.dtype(), "missing_go_to_left", Kind::Uint),
            values,
            outputs,
            classes,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() / self.stride
    }

    /// Whether splits know where to send what is missing, and classifiers have fractions.
    pub(crate) fn is_new(&self) -> bool {
        self.missing_left.is_some()
    }

    /// The split at a place; none if that is a leaf.
    pub(crate) fn split(&self, at: usize) -> Option<Split> {
        let record = self.record(at);
        let left = self.left.integer(record);
        if left == NO_CHILD {
            return None;
        }
        // What is no place becomes one that does not exist.
        let place = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        Some(Split {
            left: place(left),
            right: place(self.right.integer(record)),
            feature: place(self.feature.integer(record)),
            threshold: self.threshold.float(record),
            missing_left: self
                .missing_left
                .is_some_and(|field| field.integer(record) != 0),
        })
    }

    /// How many samples of the training reached a node.
    pub(crate) fn samples(&self, at: usize) -> i64 {
        self.samples.integer(self.record(at))
    }

    /// Values of a node: those of each output behind each other, `classes` for each.
    pub(crate) fn values(&self, at: usize) -> &[f64] {
        let width = self.outputs * self.classes;
        self.values
            .get(at * width..(at + 1) * width)
            .unwrap_or_default()
    }

    fn record(&self, at: usize) -> &'d [u8] {
        self.bytes.get(at * self.stride..).unwrap_or_default()
    }
}

/// The only value of a node of a regressor with one output.
pub(crate) fn value(records: &Records<'_>, at: usize) -> f64 {
    records.values(at).first().copied().unwrap_or(f64::NAN)
}

/// Values and their shape.
fn values<'d>(cursor: &Cursor<'d>) -> Result<(Cow<'d, [f64]>, [usize; 3])> {
    let array: &Array = cursor.any_array()?;
    let [count, outputs, classes] = *array.shape() else {
        let found = array.shape();
        return Err(cursor.refuse(format_args!("expected rank 3, found shape {found:?}")));
    };
    let values = match cursor.view::<f64>() {
        Some(view) => Cow::Borrowed(view),
        None => Cow::Owned(cursor.array::<f64>()?.values),
    };
    if outputs == 0 || classes == 0 {
        return Err(cursor.refuse("there are no values"));
    }
    Ok((values, [count, outputs, classes]))
}

/// A number that is not negative.
pub(crate) fn count_of(cursor: &Cursor<'_>) -> Result<usize> {
    usize::try_from(cursor.integer()?).map_err(|_| cursor.refuse("expected no negative number"))
}

impl Field {
    /// The field of this name and kind: integers and floats of 4 and 8 bytes, or a single byte.
    fn find(dtype: &Dtype, name: &str, kind: Kind) -> Option<Self> {
        let field = dtype.field(name)?;
        let fits = field.dtype.kind == kind
            && match kind {
                Kind::Float => field.dtype.size == 8,
                _ => matches!(field.dtype.size, 1 | 4 | 8),
            };
        fits.then_some(Self {
            offset: field.offset,
            size: field.dtype.size,
            big_endian: field.dtype.big_endian,
        })
    }

    fn bytes<const N: usize>(self, record: &[u8]) -> [u8; N] {
        let found = record.get(self.offset..).and_then(<[u8]>::first_chunk);
        let mut found = found.copied().unwrap_or([0; N]);
        if self.big_endian {
            found.reverse();
        }
        found
    }

    fn integer(self, record: &[u8]) -> i64 {
        match self.size {
            8 => i64::from_le_bytes(self.bytes(record)),
            4 => i64::from(i32::from_le_bytes(self.bytes(record))),
            _ => i64::from(i8::from_le_bytes(self.bytes(record))),
        }
    }

    fn float(self, record: &[u8]) -> f64 {
        f64::from_le_bytes(self.bytes(record))
    }
}
