//! Look-ups in tables that are filled when the model is loaded.

use std::sync::Arc;

use super::{Context, Lowered, Operator, folded, lowered};
use crate::dtype::{self, DataType};
use crate::emit::Attr;
use crate::refusal::Refusal;
use crate::tables::Table;

pub(super) static OPERATORS: &[Operator] = &[
    lowered("LookupTableFind", find),
    lowered("LookupTableFindV2", find),
    folded("LookupTableSize", size),
    folded("LookupTableSizeV2", size),
];

fn table(c: &Context<'_>) -> Result<Arc<Table>, Refusal> {
    let table = c.builder.table(c.first()?);
    table.ok_or_else(|| Refusal::new("which table it reads is not known"))
}

fn find(c: &mut Context<'_>) -> Lowered {
    let (table, keys, default) = (table(c)?, c.input(1)?, c.input(2)?);
    let (expected, found) = (dtype::from_element(table.keys.dtype()), c.dtype(1)?);
    if expected != found {
        let (expected, found) = (dtype::name(expected), dtype::name(found));
        return Err(Refusal::new(format!("{found} in a table of {expected}")));
    }
    if table.values.shape().len() != 1 {
        return Err(Refusal::new(
            "its table has more than a scalar for each key",
        ));
    }
    let attrs = vec![
        ("keys", Attr::Tensor(table.keys.clone())),
        ("values", Attr::Tensor(table.values.clone())),
    ];
    let dtype = dtype::from_element(table.values.dtype());
    let kind = (dtype, c.builder.value(keys).shape.clone());
    Ok(vec![c.builder.node(
        "hari.LookupTable",
        &[keys, default],
        attrs,
        kind,
    )])
}

/// How many keys there are; of several equal ones only one is kept.
fn size(c: &mut Context<'_>) -> Lowered {
    let table = table(c)?;
    let count = match table.keys.strings() {
        Ok(words) => words.iter().collect::<std::collections::HashSet<_>>().len(),
        Err(_) => {
            let keys = table
                .keys
                .cast(hari_core::DataType::Int64)?
                .to_vec::<i64>()?;
            keys.into_iter()
                .collect::<std::collections::HashSet<_>>()
                .len()
        }
    };
    let count = i64::try_from(count).map_err(|_| Refusal::new("its table is too large"))?;
    Ok(vec![c.builder.integers(
        DataType::DtInt64,
        &[],
        &[count],
    )?])
}
