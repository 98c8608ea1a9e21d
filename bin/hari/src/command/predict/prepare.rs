//! From what was read to requests: fitted to the model, cut into batches.

mod fit;

use bytes::Bytes;
use hari_core::{Message, NamedTensor, Representation, Tensor, TensorSpec};
use hari_error::{Error, Result};

use super::answer::Request;
use super::input::Input;
use super::input::picture::Picture;

/// How inputs are fitted and cut.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Options {
    /// Most rows of --csv, --npy or an array in one request
    #[arg(long, default_value_t = 64, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Swap black and white of --image: for dark strokes on light paper, where the model wants
    /// light on dark
    #[arg(long, requires = "image")]
    invert: bool,
    /// Send the pixels of --image as 0 to 255 where the model takes floats, not as 0 to 1
    #[arg(long, requires = "image")]
    raw_pixels: bool,
}

/// Requests that are ready to be sent, one after the other.
pub(super) struct Prepared {
    what: What,
    batch: usize,
    /// The picture as it is sent.
    pub(super) picture: Option<Picture>,
    /// What was changed on the way, for the user.
    pub(super) notes: Vec<String>,
}

enum What {
    Body(Bytes),
    /// Sent as it is.
    Whole(NamedTensor),
    /// Cut along its first dimension.
    Rows(NamedTensor),
}

impl Prepared {
    /// Fits `input` to a model that takes `specs`; without them it is sent as it is.
    ///
    /// # Errors
    /// If it cannot be fitted: several inputs, a shape that is no picture's, a number that the
    /// element type cannot hold.
    pub(super) fn new(
        input: Input,
        specs: Option<&[TensorSpec]>,
        options: &Options,
    ) -> Result<Self> {
        let batch = usize::try_from(options.batch).unwrap_or(usize::MAX);
        let (mut notes, mut shown) = (Vec::new(), None);
        let what = match input {
            Input::Body(body) => What::Body(body),
            Input::Array { tensor, columns } => array(tensor, columns, only(specs)?)?,
            Input::Picture(picture) => {
                let picture = if options.invert {
                    picture.inverted()
                } else {
                    picture
                };
                let fitted = fit::fit(&picture, only(specs)?, options.raw_pixels)?;
                notes = fitted.notes;
                shown = Some(fitted.picture);
                What::Whole(fitted.tensor)
            }
        };
        Ok(Self {
            what,
            batch,
            picture: shown,
            notes,
        })
    }

    /// Rows in all, as far as they are known.
    pub(super) fn rows(&self) -> usize {
        match &self.what {
            What::Rows(named) => named.tensor.rows(),
            What::Body(_) | What::Whole(_) => 1,
        }
    }

    /// Requests in all.
    pub(super) fn batches(&self) -> usize {
        match &self.what {
            What::Rows(named) => named.tensor.rows().div_ceil(self.batch).max(1),
            What::Body(_) | What::Whole(_) => 1,
        }
    }

    fn request(&self, at: usize) -> Request {
        match &self.what {
            What::Body(body) => Request::Body(body.clone()),
            What::Whole(named) => message(named.clone()),
            What::Rows(named) => {
                let rows = named.tensor.rows();
                let range = (at * self.batch).min(rows)..((at + 1) * self.batch).min(rows);
                // The range lies within the rows; a tensor without any stays whole.
                let part = named.tensor.slice_rows(range);
                let tensor = part.unwrap_or_else(|_| named.tensor.clone());
                message(NamedTensor {
                    tensor,
                    ..named.clone()
                })
            }
        }
    }
}

fn message(named: NamedTensor) -> Request {
    let representation = Representation::Ndarray;
    Request::Message(Box::new(Message {
        representation,
        ..Message::tensors(vec![named])
    }))
}

impl<'a> IntoIterator for &'a Prepared {
    type Item = Request;
    type IntoIter = Box<dyn Iterator<Item = Request> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new((0..self.batches()).map(|at| self.request(at)))
    }
}

/// The one input of the model; none if it is not known.
fn only(specs: Option<&[TensorSpec]>) -> Result<Option<&TensorSpec>> {
    match specs {
        None | Some([]) => Ok(None),
        Some([only]) => Ok(Some(only)),
        Some(several) => {
            let names: Vec<_> = several
                .iter()
                .map(|spec| format!("`{}`", spec.name))
                .collect();
            Err(Error::invalid(format!(
                "the model takes {} inputs, {}: send all of them with --json",
                several.len(),
                names.join(", ")
            )))
        }
    }
}

/// Numbers in the type of the model, cut into rows if that is what the first dimension is.
fn array(tensor: Tensor, columns: Vec<String>, spec: Option<&TensorSpec>) -> Result<What> {
    let named = |tensor| NamedTensor {
        columns,
        ..NamedTensor::new(spec.map_or("", |spec| &spec.name), tensor)
    };
    let rank = tensor.shape().len();
    let in_rows = match spec.and_then(|spec| spec.shape.as_ref()) {
        Some(shape) => rank > 0 && (rank == shape.len() || is_table(&tensor)),
        None => rank > 1,
    };
    let tensor = match spec {
        Some(spec) if tensor.dtype().is_numeric() && spec.dtype.is_numeric() => tensor
            .cast(spec.dtype)
            .map_err(|error| error.context(format!("input `{}`", spec.name)))?,
        _ => tensor,
    };
    let named = named(tensor);
    Ok(if in_rows {
        What::Rows(named)
    } else {
        What::Whole(named)
    })
}

/// Rows of flat values, which the server brings to the model's shape.
fn is_table(tensor: &Tensor) -> bool {
    tensor.shape().len() == 2 && tensor.rows() > 1
}

#[cfg(test)]
mod tests {
    use hari_core::{DataType, Dim};

    use super::*;

    fn spec(name: &str, dtype: DataType, dims: &[i64]) -> TensorSpec {
        let dim = |&dim: &i64| usize::try_from(dim).map_or(Dim::Dynamic(None), Dim::Fixed);
        TensorSpec {
            name: name.into(),
            dtype,
            shape: Some(dims.iter().map(dim).collect()),
        }
    }

    fn options(batch: u32) -> Options {
        Options {
            batch,
            invert: false,
            raw_pixels: false,
        }
    }

    fn table(rows: usize, columns: usize) -> Input {
        let values = (0..rows * columns).map(|value| value as f64).collect();
        let tensor = Tensor::from_vec([rows, columns], values).unwrap();
        Input::Array {
            tensor,
            columns: vec!["a".into(), "b".into()],
        }
    }

    fn sent(prepared: &Prepared) -> Vec<(Vec<usize>, DataType)> {
        let of = |request: Request| {
            let Request::Message(message) = request else {
                panic!("a body")
            };
            let tensor = &message.as_tensors().unwrap()[0].tensor;
            (tensor.shape().to_vec(), tensor.dtype())
        };
        prepared.into_iter().map(of).collect()
    }

    #[test]
    fn many_rows_go_in_batches() {
        let specs = [spec("x", DataType::Fp32, &[-1, 2])];
        let prepared = Prepared::new(table(5, 2), Some(&specs), &options(2)).unwrap();
        assert_eq!((prepared.rows(), prepared.batches()), (5, 3));
        let shapes: Vec<_> = sent(&prepared)
            .into_iter()
            .map(|(shape, _)| shape[0])
            .collect();
        assert_eq!(shapes, [2, 2, 1]);
        assert!(
            sent(&prepared)
                .iter()
                .all(|(_, dtype)| *dtype == DataType::Fp32)
        );
    }

    #[test]
    fn names_of_input_and_columns_go_along() {
        let specs = [spec("x", DataType::Fp32, &[-1, 2])];
        let prepared = Prepared::new(table(1, 2), Some(&specs), &options(2)).unwrap();
        let Some(Request::Message(message)) = prepared.into_iter().next() else {
            panic!()
        };
        let named = &message.as_tensors().unwrap()[0];
        assert_eq!((named.name.as_str(), named.columns.len()), ("x", 2));
    }

    #[test]
    fn an_array_of_one_example_stays_whole() {
        let image = [spec("x", DataType::Fp32, &[-1, 28, 28, 1])];
        let one = |shape: [usize; 2]| {
            let tensor = Tensor::from_vec(shape, vec![0.0; 784]).unwrap();
            Input::Array {
                tensor,
                columns: vec![],
            }
        };
        let prepared = Prepared::new(one([784, 1]), None, &options(64)).unwrap();
        assert_eq!(prepared.batches(), 13);
        let prepared = Prepared::new(one([1, 784]), Some(&image), &options(64)).unwrap();
        assert_eq!(sent(&prepared), [(vec![1, 784], DataType::Fp32)]);
    }

    #[test]
    fn a_number_that_does_not_fit_is_refused() {
        let specs = [spec("x", DataType::Int32, &[-1, 2])];
        let tensor = Tensor::from_vec([1, 2], vec![1.0, 2.5]).unwrap();
        let input = Input::Array {
            tensor,
            columns: vec![],
        };
        let error = Prepared::new(input, Some(&specs), &options(2))
            .err()
            .unwrap();
        assert!(error.message().starts_with("input `x`: "), "{error}");
    }

    #[test]
    fn a_model_with_several_inputs_needs_json() {
        let specs = [
            spec("user", DataType::Int64, &[-1, 1]),
            spec("item", DataType::Int64, &[-1, 1]),
        ];
        let error = Prepared::new(table(1, 2), Some(&specs), &options(2))
            .err()
            .unwrap();
        assert!(
            error
                .message()
                .contains("`user`, `item`: send all of them with --json")
        );
        let body = Input::Body(Bytes::from_static(b"{}"));
        assert_eq!(
            Prepared::new(body, Some(&specs), &options(2))
                .unwrap()
                .batches(),
            1
        );
    }
}
