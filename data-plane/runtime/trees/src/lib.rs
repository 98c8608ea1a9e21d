//! XGBoost, LightGBM and CatBoost: boosters read as data, evaluated as the originals do, bit for bit.
//!
//! A file is read by one of the readers ([`xgboost`], [`lightgbm`], [`catboost`]) into one
//! representation, a flat list of nodes ([`flat`]), which is walked for blocks of rows; CatBoost's
//! symmetric trees have a form of their own. Nothing in a file is trusted: every index is checked
//! before the first row is asked, and no size that a file declares decides how much memory is taken.
//!
//! | | XGBoost | LightGBM | CatBoost |
//! |---|---|---|---|
//! | files | JSON, UBJSON, binary of 0.x and 1.x | text | `.cbm`, JSON |
//! | versions tested | 0.90, 1.0, 1.2 to 1.7, 2.1, 3.2 | 2.0, 2.2, 2.3, 3.3, 4.7 | 1.0, 1.1, 1.2 |
//! | numbers | float32 | float64 | float32 columns, float64 sums |
//! | a split goes left if | `x < threshold` | `x <= threshold` | `x <= border` |
//! | missing | NaN, default direction | NaN, zero or neither, default direction | NaN is below or above all borders |
//! | sums | float32, base score first (last before 1.3), trees in order | float64, trees in order | float64, trees in order, times the scale, plus the bias |
//! | categories in the file | numbered as `cats` says, from 3.1 on; others are refused | numbered as `pandas_categorical` says; others are missing | hashed; others count as never seen |
//!
//! Where a version computes with other operations than the newest, the file's version decides.

mod bytes;
pub mod catboost;
mod categories;
mod column;
mod document;
pub mod flat;
pub mod lightgbm;
mod model;
mod read;
mod summary;
mod table;
pub mod xgboost;

pub use catboost::Prediction;
pub use column::Column;
pub use model::TreeModel;
pub use read::{Family, Options, load, load_bytes};
pub use summary::Summary;
