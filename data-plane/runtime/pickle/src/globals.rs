//! The allow-list: which module and name may stand in a file, and what each becomes as data.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use hari_error::{Error, Result};

/// Classes and functions of scikit-learn, one module a line.
const SKLEARN: &str = include_str!("globals/sklearn.txt");
/// Others whose objects are kept as what they were made from.
const INERT: &str = include_str!("globals/inert.txt");
/// Others whose objects are kept without their state.
const OPAQUE: &str = include_str!("globals/opaque.txt");
/// Types and ufuncs that are known by name and never made.
const NAMES: &str = include_str!("globals/names.txt");
/// Modules that moved, and names as `module:name`: the old one, then today's.
const RENAMED: &str = include_str!("globals/renamed.txt");

/// Names that build data, each by a rule of its own.
const BUILDERS: &[(&str, &str, Role)] = &[
    ("_codecs", "encode", Role::Encode),
    ("builtins", "bytearray", Role::Bytes),
    ("builtins", "bytes", Role::Bytes),
    ("builtins", "dict", Role::Dict),
    ("builtins", "frozenset", Role::Set),
    ("builtins", "getattr", Role::Method),
    ("builtins", "list", Role::List),
    ("builtins", "set", Role::Set),
    ("builtins", "tuple", Role::Tuple),
    ("collections", "OrderedDict", Role::Dict),
    ("collections", "defaultdict", Role::DefaultDict),
    ("copyreg", "__newobj__", Role::NewObject),
    ("copyreg", "__newobj_ex__", Role::NewObjectWithNames),
    ("copyreg", "_reconstructor", Role::Reconstructor),
    ("pandas.core.indexes.base", "_new_Index", Role::Index),
    ("joblib.numpy_pickle", "NDArrayWrapper", Role::SideFile),
    ("joblib.numpy_pickle", "NumpyArrayWrapper", Role::InStream),
    ("joblib.numpy_pickle", "ZNDArrayWrapper", Role::SideFile),
    (
        "joblib.numpy_pickle_compat",
        "NDArrayWrapper",
        Role::SideFile,
    ),
    (
        "joblib.numpy_pickle_compat",
        "ZNDArrayWrapper",
        Role::SideFile,
    ),
    ("numpy", "dtype", Role::Dtype),
    ("numpy", "matrix", Role::ArrayType),
    ("numpy", "memmap", Role::ArrayType),
    ("numpy", "ndarray", Role::ArrayType),
    ("numpy", "vectorize", Role::Vectorized),
    ("numpy._core", "_ufunc_reconstruct", Role::Ufunc),
    ("numpy._core.memmap", "memmap", Role::ArrayType),
    ("numpy._core.multiarray", "_reconstruct", Role::EmptyArray),
    ("numpy._core.multiarray", "scalar", Role::Scalar),
    ("numpy._core.numeric", "_frombuffer", Role::FromBuffer),
    ("numpy.matrixlib.defmatrix", "matrix", Role::ArrayType),
];

/// What a name on the list becomes when a file calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// An object that keeps its arguments and its state.
    Inert,
    /// An object without its state, which is of no use to whoever predicts and may refer to itself.
    Opaque,
    /// A method of an opaque object, as distributions of scipy keep them; refused anywhere else.
    Method,
    /// A function over arrays, of which nothing is kept; refused with arguments.
    Vectorized,
    /// Nothing: it is a name and no more.
    Name,
    /// The type of arrays.
    ArrayType,
    /// An array that gets its dtype, shape and data as its state.
    EmptyArray,
    /// An array over bytes given with it.
    FromBuffer,
    /// A numpy scalar.
    Scalar,
    /// A numpy dtype.
    Dtype,
    /// A ufunc, by its module and name.
    Ufunc,
    /// An index of pandas: the array of its labels.
    Index,
    /// joblib's description of an array that follows in the stream.
    InStream,
    /// joblib's description of an array that lies in a file beside this one.
    SideFile,
    /// An object of the class that is the first argument.
    NewObject,
    /// The same, with arguments by name.
    NewObjectWithNames,
    /// The same, with the base class and its value.
    Reconstructor,
    /// Bytes that old protocols write as text.
    Encode,
    /// Bytes.
    Bytes,
    /// A list.
    List,
    /// A tuple.
    Tuple,
    /// A dictionary.
    Dict,
    /// A dictionary whose first argument makes missing values.
    DefaultDict,
    /// A set.
    Set,
}

/// A class or a function, by name. Modules have the name that they have today.
#[derive(Debug, PartialEq, Eq)]
pub struct Class {
    /// The module, `sklearn.linear_model._logistic` say.
    pub module: String,
    /// The name in it, `LogisticRegression` say.
    pub name: String,
    pub(crate) role: Role,
}

impl Class {
    /// Module and name, with a dot between.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }

    /// Whether the name may stand in a file in one use alone, which a file must make of it.
    pub(crate) fn is_guarded(&self) -> bool {
        matches!(self.role, Role::Method | Role::Vectorized)
    }

    /// What is said of a guarded name in any other use.
    pub(crate) fn refused(&self) -> Error {
        refused(&self.module, &self.name)
    }
}

type Table = HashMap<(&'static str, &'static str), Role>;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table: Table = HashMap::new();
    for (text, role) in [
        (NAMES, Role::Name),
        (INERT, Role::Inert),
        (SKLEARN, Role::Inert),
        (OPAQUE, Role::Opaque),
    ] {
        table.extend(listed(text).map(|key| (key, role)));
    }
    table.extend(
        BUILDERS
            .iter()
            .map(|(module, name, role)| ((*module, *name), *role)),
    );
    table
});

static MOVED: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    RENAMED
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect()
});

fn listed(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    lines.flat_map(|(module, names)| names.split(' ').map(move |name| (module, name)))
}

/// The class of a method that is bound to an object, as skops writes it: no pickle can name it.
pub(crate) fn bound_method() -> Arc<Class> {
    Arc::new(Class {
        module: "builtins".to_owned(),
        name: "method".to_owned(),
        role: Role::Inert,
    })
}

/// Looks a name up.
///
/// # Errors
///
/// A name that is not on the list, with what to do.
pub(crate) fn resolve(module: &str, name: &str) -> Result<Arc<Class>> {
    let module = MOVED.get(module).copied().unwrap_or(module);
    let (module, name) = renamed(module, name).unwrap_or((module, name));
    let found = TABLE.get_key_value(&(module, name));
    let ((module, name), role) = found.ok_or_else(|| refused(module, name))?;
    Ok(Arc::new(Class {
        module: (*module).to_owned(),
        name: (*name).to_owned(),
        role: *role,
    }))
}

/// Module and name as they are called today, of a class that a version of scikit-learn names.
#[must_use]
pub fn current_name(path: &str) -> String {
    let Some((module, name)) = path.rsplit_once('.') else {
        return path.to_owned();
    };
    let module = MOVED.get(module).copied().unwrap_or(module);
    let (module, name) = renamed(module, name).unwrap_or((module, name));
    format!("{module}.{name}")
}

/// Names that changed within their module, as those of Python 2 did.
fn renamed(module: &str, name: &str) -> Option<(&'static str, &'static str)> {
    MOVED
        .get(format!("{module}:{name}").as_str())?
        .split_once(':')
}

fn refused(module: &str, name: &str) -> Error {
    let shown = format!("{}.{}", short(module), short(name));
    let family = module.split('.').next().unwrap_or_default();
    let hint = match family {
        "sklearn" => {
            "no version of scikit-learn that is known here defines it: save the model with another \
             version, or export it to ONNX"
        }
        "__main__" => {
            "it is code of the training script, which is not run here: replace it by scikit-learn's \
             own transformers, or export the model to ONNX"
        }
        "cloudpickle" | "dill" => {
            "a function or a class of the training script is stored with its code, which is not run \
             here: replace it by scikit-learn's own transformers or a ufunc of numpy, or export the \
             model to ONNX"
        }
        "xgboost" | "lightgbm" | "catboost" => {
            "of this library, models and boosters are read: save them without objectives or callbacks \
             of your own"
        }
        "pandas" | "pyarrow" => {
            "of pandas, column labels are read: give columns as lists, `list(table.columns)`, and fit \
             again"
        }
        "numpy" | "scipy" | "joblib" => {
            "of this library, arrays, scalars, sparse matrices, random states and ufuncs are read: \
             export the model to ONNX"
        }
        _ => {
            "classes of scikit-learn, and arrays of numpy and scipy, are read: export the model \
             again with these alone, with skops, or to ONNX"
        }
    };
    Error::model(format!(
        "the file names `{shown}`, which is not on the list of what is read as data; nothing of it \
         was run; {hint}"
    ))
}

/// The start of a name that may be of any length.
fn short(name: &str) -> String {
    name.chars()
        .filter(|letter| !letter.is_control())
        .take(120)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_that_moved_are_found_under_the_name_of_today() {
        for (module, name, path) in [
            (
                "numpy.core.multiarray",
                "scalar",
                "numpy._core.multiarray.scalar",
            ),
            ("numpy.core._multiarray_umath", "log1p", "numpy.log1p"),
            (
                "scipy.sparse.csr",
                "csr_matrix",
                "scipy.sparse._csr.csr_matrix",
            ),
            ("copy_reg", "_reconstructor", "copyreg._reconstructor"),
            (
                "sklearn.tree.tree",
                "DecisionTreeClassifier",
                "sklearn.tree._classes.DecisionTreeClassifier",
            ),
        ] {
            assert_eq!(resolve(module, name).unwrap().path(), path);
        }
    }

    #[test]
    fn every_module_that_moved_is_on_the_list_now() {
        for (old, new) in MOVED.iter() {
            let known = match new.split_once(':') {
                Some(key) => TABLE.contains_key(&key),
                None => TABLE.keys().any(|(module, _)| module == new),
            };
            assert!(known, "{old} moved to {new}, which nothing is listed under");
            assert!(!MOVED.contains_key(new), "{new} moved again");
        }
    }

    #[test]
    fn lists_hold_plain_names_of_their_families() {
        for (module, name) in TABLE.keys() {
            let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            assert!(plain(name), "{module} {name}");
            assert!(module.split('.').all(plain), "{module}");
        }
        assert!(listed(SKLEARN).all(|(module, _)| module.starts_with("sklearn.")));
    }

    #[test]
    fn a_name_is_matched_whole() {
        for (module, name) in [
            ("numpy", "ndarray.tofile"),
            ("sklearn.tree._tree", "Tree.__class__"),
            ("sklearn", "os"),
            ("builtins", "eval"),
            ("numpy.", "ndarray"),
            ("numpy", ""),
            ("", ""),
        ] {
            let error = resolve(module, name).unwrap_err();
            assert!(error.message().contains("not on the list"), "{error}");
        }
    }

    #[test]
    fn long_names_are_cut_in_messages() {
        let error = resolve(&"x\n".repeat(10_000), "y").unwrap_err();
        assert!(error.message().len() < 600 && !error.message().contains('\n'));
    }
}
