//! XGBoost and LightGBM: boosters read as data, evaluated as the originals do, bit for bit.
//!
//! A file is read by one of the readers ([`xgboost`], [`lightgbm`]) into one representation, a flat
//! list of nodes ([`flat`]), which is walked for blocks of rows. Nothing in a file is trusted:
//! every index is checked before the first row is asked, and no size that a file declares decides
//! how much memory is taken.
//!
//! | | XGBoost | LightGBM |
//! |---|---|---|
//! | files | JSON, UBJSON, binary of 0.x and 1.x | text |
//! | numbers | float32 | float64 |
//! | a split goes left if | `x < threshold` | `x <= threshold` |
//! | missing | NaN, default direction | NaN, zero or neither, default direction |
//! | sums | float32, base score first, trees in order | float64, trees in order |

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
