//! `FunctionTransformer`: a function of numpy or scipy on every number.

use hari_core::DataType;
use hari_error::{Error, Result};
use hari_pickle::Cursor;

use crate::attributes::flag;
use crate::estimator::{Accepts, Estimator, Form, Method, Width};
use crate::math::expit;
use crate::reader::Reader;
use crate::special;
use crate::table::{Matrix, Table};

/// What checks the numbers that gradient boosting takes beside categories, and changes nothing.
const CHECK: &str = "sklearn.utils.validation.check_array";

#[derive(Debug)]
pub(super) struct FunctionTransformer {
    forward: Function,
    /// None where the file names one that is not known.
    backward: Option<Function>,
    width: Option<usize>,
    validate: bool,
}

/// What becomes of a number.
#[derive(Clone, Copy, Debug)]
enum Function {
    /// Whatever comes, text too.
    Identity,
    Each(fn(f64) -> f64),
    /// True or false.
    Test(fn(f64) -> f64),
    Clip(f64, f64),
    /// What NaN, infinity and minus infinity become.
    Replace(f64, f64, f64),
}

impl FunctionTransformer {
    pub(super) fn read(cursor: &Cursor<'_>, _: &Reader) -> Result<Box<dyn Estimator>> {
        let width = cursor.find_attribute("n_features_in_")?;
        let width = width.map(|at| at.integer()).transpose()?;
        Ok(Box::new(Self {
            forward: function(cursor, "func", "kw_args")?,
            backward: function(cursor, "inverse_func", "inv_kw_args").ok(),
            width: width.and_then(|width| usize::try_from(width).ok()),
            validate: flag(cursor, "validate")?,
        }))
    }
}

fn function(cursor: &Cursor<'_>, name: &str, arguments: &str) -> Result<Function> {
    let Some(found) = cursor.attribute(name)?.optional() else {
        return Ok(Function::Identity);
    };
    let class = found.class().unwrap_or_default();
    if class == "functools.partial" && found.argument(0)?.class()? == CHECK {
        return Ok(Function::Identity);
    }
    if class == "functools.partial" && checks(&found)? {
        return Ok(Function::Identity);
    }
    let given = cursor.find_attribute(arguments)?.and_then(Cursor::optional);
    let given = given.map_or(Ok(Vec::new()), |given| given.entries())?;
    let number = |names: &[&str], default: f64| {
        let mut entries = given.iter();
        let entry = entries.find(|(key, _)| key.text().is_ok_and(|key| names.contains(&&*key)));
        match entry.filter(|(_, value)| !value.is_none()) {
            Some((_, value)) => value.float(),
            None => Ok(default),
        }
    };
    match class.as_str() {
        "numpy.clip" => Ok(Function::Clip(
            number(&["a_min", "min"], f64::NEG_INFINITY)?,
            number(&["a_max", "max"], f64::INFINITY)?,
        )),
        "numpy.nan_to_num" => Ok(Function::Replace(
            number(&["nan"], 0.0)?,
            number(&["posinf"], f64::MAX)?,
            number(&["neginf"], f64::MIN)?,
        )),
        _ if !given.is_empty() => Err(found.refuse(format_args!(
            "arguments of `{class}` are not read: expected none, or those of `clip` or \
             `nan_to_num`"
        ))),
        _ => named(&class).ok_or_else(|| unknown(&found)),
    }
}

/// Whether a partial function checks values and changes none: what histogram gradient boosting puts
/// before its numbers.
fn checks(partial: &Cursor<'_>) -> Result<bool> {
    let inner = partial.argument(0)?.class();
    Ok(inner.is_ok_and(|class| class == "sklearn.utils.validation.check_array"))
}

fn unknown(cursor: &Cursor<'_>) -> Error {
    cursor.refuse(format_args!(
        "{} is no function that is computed here: expected one of numpy or scipy.special for \
         single numbers; export the model as ONNX, or serve it as a Python component",
        cursor.describe()
    ))
}

/// A function by its path.
fn named(path: &str) -> Option<Function> {
    Some(match path.rsplit('.').next()? {
        "asarray" | "positive" | "conj" | "conjugate" => Function::Identity,
        "isfinite" => Function::Test(|x| f64::from(u8::from(x.is_finite()))),
        "isinf" => Function::Test(|x| f64::from(u8::from(x.is_infinite()))),
        "isnan" => Function::Test(|x| f64::from(u8::from(x.is_nan()))),
        "logical_not" => Function::Test(|x| f64::from(u8::from(x == 0.0))),
        "signbit" => Function::Test(|x| f64::from(u8::from(x.is_sign_negative()))),
        name => Function::Each(elementary(name).or_else(|| advanced(name))?),
    })
}

fn elementary(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" | "absolute" | "fabs" => f64::abs,
        "acos" | "arccos" => f64::acos,
        "acosh" | "arccosh" => f64::acosh,
        "asin" | "arcsin" => f64::asin,
        "asinh" | "arcsinh" => libm::asinh,
        "atan" | "arctan" => f64::atan,
        "atanh" | "arctanh" => libm::atanh,
        "cbrt" => f64::cbrt,
        "ceil" => f64::ceil,
        "cos" => f64::cos,
        "cosh" => f64::cosh,
        "deg2rad" | "radians" => |x| x * (std::f64::consts::PI / 180.0),
        "degrees" | "rad2deg" => |x| x * (180.0 / std::f64::consts::PI),
        "exp" => f64::exp,
        "exp2" => f64::exp2,
        "exp10" => libm::exp10,
        "expm1" => f64::exp_m1,
        "floor" => f64::floor,
        "log" => f64::ln,
        "log10" => f64::log10,
        "log1p" => f64::ln_1p,
        "log2" => f64::log2,
        "negative" => |x| -x,
        "reciprocal" => |x| 1.0 / x,
        "rint" => f64::round_ties_even,
        "sign" => |x| {
            if x == 0.0 || x.is_nan() {
                x
            } else {
                x.signum()
            }
        },
        "sin" => f64::sin,
        "sinh" => f64::sinh,
        "sqrt" => f64::sqrt,
        "square" => |x| x * x,
        "tan" => f64::tan,
        "tanh" => f64::tanh,
        "trunc" => f64::trunc,
        _ => return None,
    })
}

/// Of `scipy.special`.
fn advanced(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "erf" => special::erf,
        "erfc" => libm::erfc,
        "expit" => expit,
        "gamma" => special::gamma,
        "gammaln" => libm::lgamma,
        "logit" => |x| (x / (1.0 - x)).ln(),
        "ndtr" => special::normal,
        "ndtri" => special::normal_quantile,
        _ => return None,
    })
}

impl Function {
    fn of(self, x: f64) -> f64 {
        match self {
            Self::Identity => x,
            Self::Each(function) | Self::Test(function) => function(x),
            Self::Clip(low, high) if x < low || x > high => {
                if x < low {
                    low
                } else {
                    high
                }
            }
            Self::Clip(..) => x,
            Self::Replace(nan, above, below) => match x {
                _ if x.is_nan() => nan,
                f64::INFINITY => above,
                f64::NEG_INFINITY => below,
                _ => x,
            },
        }
    }

    fn apply(self, rows: &Table) -> Result<Table> {
        match (self, rows) {
            (Self::Identity, rows) => Ok(rows.clone()),
            // What keeps zero keeps a sparse matrix.
            (_, Table::Sparse(matrix)) if self.of(0.0) == 0.0 => {
                let mut found = matrix.clone();
                found.values.iter_mut().for_each(|x| *x = self.of(*x));
                Ok(found.into())
            }
            (_, rows) => {
                let rows = rows.dense()?;
                let values = rows.values.iter().map(|&x| self.of(x)).collect();
                Ok(Matrix::new(rows.rows, rows.columns, values).into())
            }
        }
    }
}

impl Estimator for FunctionTransformer {
    fn form(&self, method: Method) -> Option<Form> {
        let dtype = match self.forward {
            Function::Test(_) => DataType::Bool,
            _ => DataType::Fp64,
        };
        let width = self.width.map_or(Width::Unknown, Width::Columns);
        (method == Method::Transform).then_some(Form { dtype, width })
    }

    fn accepts(&self) -> Accepts {
        match self.validate {
            true => Accepts::Finite,
            false => Accepts::Anything,
        }
    }

    fn width(&self) -> Option<usize> {
        self.width
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        self.forward.apply(rows)
    }

    fn inverse_transform(&self, rows: &Table) -> Result<Table> {
        let backward = self.backward.ok_or_else(|| {
            Error::model("`inverse_func` of the function transformer is not computed here")
        })?;
        backward.apply(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_by_their_names() {
        let of = |path: &str, x: f64| named(path).unwrap().of(x);
        assert_eq!(of("numpy.log1p", 0.0), 0.0);
        assert_eq!(of("numpy.rint", 2.5), 2.0);
        assert_eq!(of("numpy.sign", -0.3), -1.0);
        assert_eq!(of("scipy.special._ufuncs.expit", 0.0), 0.5);
        assert!(named("numpy.matmul").is_none() && named("os.system").is_none());
    }

    #[test]
    fn bounds_and_replacements() {
        let clip = Function::Clip(-1.0, 1.0);
        assert_eq!(
            (clip.of(3.0), clip.of(-3.0), clip.of(0.5)),
            (1.0, -1.0, 0.5)
        );
        assert!(clip.of(f64::NAN).is_nan());
        let replace = Function::Replace(0.0, 9.0, -9.0);
        assert_eq!(
            (replace.of(f64::NAN), replace.of(f64::INFINITY)),
            (0.0, 9.0)
        );
    }
}
