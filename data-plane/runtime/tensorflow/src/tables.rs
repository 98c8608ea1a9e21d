//! Lookup tables: what each holds when the model has been initialised.
//!
//! A table is filled by the graph that runs once after loading (from constants, or from a file of
//! the folder `assets`), or by the graph that restores the checkpoint. Both are followed as data;
//! nothing is run.

mod text_file;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use hari_core::{DataType as Element, Tensor};
use hari_error::{Error, Result};
use hari_proto::tensorflow::collection_def::Kind;
use hari_proto::tensorflow::tensor_info::Encoding;
use hari_proto::tensorflow::{AssetFileDef, MetaGraphDef};
use prost::Message;

use crate::bundle::Bundle;
use crate::constant;
use crate::function::{Library, Wanted, flatten};
use crate::graph::{Edge, Graph, Node, is_table};
use crate::saved_model::SavedModel;
use crate::signature::INIT;
use text_file::Columns;

/// Where TensorFlow 1 and 2 keep the operations to run once after loading.
const INIT_COLLECTIONS: [&str; 3] = ["saved_model_main_op", "legacy_init_op", "table_initializer"];

/// Keys with their values, of one type each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub(crate) keys: Tensor,
    /// As many as keys along the first dimension.
    pub(crate) values: Tensor,
}

/// The tables of a SavedModel, by the name of their node.
pub(crate) struct Tables(HashMap<String, Result<Arc<Table>>>);

impl Tables {
    /// Follows what fills each table. What is wrong with a table is said when it is asked for.
    ///
    /// # Errors
    /// If the graph that fills them, or the index of the variables, is broken.
    pub(crate) fn open(model: &SavedModel, library: &Library<'_>) -> Result<Self> {
        let nodes = model.meta.graph_def.iter().flat_map(|graph| &graph.node);
        let mut tables = Self(HashMap::new());
        if !nodes.into_iter().any(|node| is_table(&node.op)) {
            return Ok(tables);
        }
        let bundle = model.bundle()?;
        let saver = model.meta.saver_def.iter();
        let restore: Vec<_> = saver.map(|saver| saver.restore_op_name.clone()).collect();
        for targets in [restore, initialisers(&model.meta)] {
            tables.follow(model, library, (targets, bundle.as_ref()))?;
        }
        Ok(tables)
    }

    fn follow(
        &mut self,
        model: &SavedModel,
        library: &Library<'_>,
        (targets, bundle): (Vec<String>, Option<&Bundle>),
    ) -> Result<()> {
        let known = |name: &String| library.node(name).is_some();
        let names = targets.iter().map(|target| node_of(target).to_owned());
        let targets: Vec<_> = names.filter(known).collect();
        if targets.is_empty() {
            return Ok(());
        }
        let wanted = Wanted {
            targets,
            ..Wanted::default()
        };
        let graph = flatten(library, &wanted)?.graph;
        let source = Source {
            model,
            graph: &graph,
            bundle,
        };
        let found = graph.nodes.iter().filter_map(|node| source.filled(node));
        self.0.extend(found);
        Ok(())
    }

    /// What the table of this node holds.
    ///
    /// # Errors
    /// If nothing fills it, or if what does cannot be read.
    pub(crate) fn value(&self, node: &str) -> Result<Arc<Table>> {
        match self.0.get(node) {
            Some(Ok(table)) => Ok(table.clone()),
            Some(Err(error)) => Err(Error::model(format!(
                "lookup table `{node}`: {}",
                error.message()
            ))),
            None => Err(Error::model(format!(
                "lookup table `{node}` is filled neither by the model's initialiser nor from its \
                 checkpoint"
            ))),
        }
    }
}

/// The operations that run once after loading.
fn initialisers(meta: &MetaGraphDef) -> Vec<String> {
    let signature = meta.signature_def.get(INIT);
    let outputs = signature.into_iter().flat_map(|it| it.outputs.values());
    let named = outputs.filter_map(|info| match &info.encoding {
        Some(Encoding::Name(name)) => Some(name.clone()),
        _ => None,
    });
    let listed = INIT_COLLECTIONS.iter().flat_map(|name| {
        let kind = meta.collection_def.get(*name)?.kind.as_ref()?;
        match kind {
            Kind::NodeList(list) => Some(list.value.clone()),
            _ => None,
        }
    });
    named.chain(listed.flatten()).collect()
}

/// The files of the folder `assets`; TensorFlow 1 lists them in a collection.
fn assets(meta: &MetaGraphDef) -> Vec<AssetFileDef> {
    let kind = meta.collection_def.get("saved_model_assets");
    let listed = match kind.and_then(|collection| collection.kind.as_ref()) {
        Some(Kind::AnyList(list)) => list.value.as_slice(),
        _ => &[],
    };
    let listed = listed
        .iter()
        .filter_map(|any| AssetFileDef::decode(&any.value[..]).ok());
    meta.asset_file_def.iter().cloned().chain(listed).collect()
}

fn node_of(tensor: &str) -> &str {
    tensor.split(':').next().unwrap_or_default()
}

/// The graph that fills tables, and where it reads from.
struct Source<'s, 'a> {
    model: &'s SavedModel,
    graph: &'s Graph<'a>,
    bundle: Option<&'s Bundle>,
}

impl Source<'_, '_> {
    /// The table that this operation fills, by its name, with what.
    fn filled(&self, node: &Node<'_>) -> Option<(String, Result<Arc<Table>>)> {
        let fill = match node.op {
            "LookupTableImport"
            | "LookupTableImportV2"
            | "InitializeTable"
            | "InitializeTableV2" => Self::of_tensors,
            "InitializeTableFromTextFile" | "InitializeTableFromTextFileV2" => Self::of_file,
            _ => return None,
        };
        let table = self.source(*node.inputs.first()?)?;
        let name = is_table(table.op).then(|| table.name.clone())?;
        let found = fill(self, node, table).and_then(|found| self.without_gaps(found, table));
        Some((name, found.map(Arc::new)))
    }

    /// A dense table is saved with the places that hold nothing, which two keys of its own mark.
    fn without_gaps(&self, table: Table, node: &Node<'_>) -> Result<Table> {
        if !node.op.starts_with("MutableDenseHashTable") {
            return Ok(table);
        }
        let mut kept: Vec<usize> = (0..table.keys.len()).collect();
        for input in 0..node.inputs.len().min(2) {
            let gap = self.tensor(node, input)?;
            let used = used(&table.keys, &gap)?;
            kept.retain(|&row| used.get(row) == Some(&true));
        }
        Ok(Table {
            keys: rows(&table.keys, &kept)?,
            values: rows(&table.values, &kept)?,
        })
    }

    fn source(&self, edge: Edge) -> Option<&Node<'_>> {
        self.graph.source(self.graph.through_identities(edge))
    }

    fn of_tensors(&self, node: &Node<'_>, _: &Node<'_>) -> Result<Table> {
        let (keys, values) = (self.tensor(node, 1)?, self.tensor(node, 2)?);
        let (keys, values) = (flat(keys)?, flat(values)?);
        if keys.shape().len() != 1 || values.shape().first() != keys.shape().first() {
            let (keys, values) = (keys.shape(), values.shape());
            return Err(Error::model(format!(
                "keys of shape {keys:?} for values of shape {values:?}"
            )));
        }
        Ok(Table { keys, values })
    }

    fn of_file(&self, node: &Node<'_>, table: &Node<'_>) -> Result<Table> {
        let edge = *node.inputs.get(1).ok_or_else(unknown)?;
        let name = self.asset(edge, 0).ok_or_else(|| {
            Error::model("it is read from a file that is not among the model's assets")
        })?;
        text_file::read(&self.model.asset(&name)?, &Columns::of(node, table)?)
            .map_err(|error| error.context(format!("asset `{name}`")))
    }

    /// A tensor that is a constant or is restored.
    fn tensor(&self, node: &Node<'_>, index: usize) -> Result<Tensor> {
        let edge = *node.inputs.get(index).ok_or_else(unknown)?;
        let edge = self.graph.through_identities(edge);
        let source = self.graph.source(edge).ok_or_else(unknown)?;
        match source.op {
            "Const" => constant::decode(source.attrs.tensor("value")?),
            "RestoreV2" => self.restored(source, edge.output),
            other => Err(Error::model(format!(
                "it is filled from `{other}`, not from a constant"
            ))),
        }
    }

    fn restored(&self, restore: &Node<'_>, output: usize) -> Result<Tensor> {
        let names = self.tensor(restore, 1)?;
        let key: &Bytes = names.strings()?.get(output).ok_or_else(unknown)?;
        let key = String::from_utf8_lossy(key);
        let bundle = self
            .bundle
            .ok_or_else(|| Error::model("the SavedModel has no folder `variables`"))?;
        bundle.read(&key)
    }

    /// The file of the folder `assets` whose path this edge carries, through variables that hold
    /// paths.
    fn asset(&self, edge: Edge, depth: usize) -> Option<String> {
        const MAX_DEPTH: usize = 8;
        let node = self.source(edge).filter(|_| depth < MAX_DEPTH)?;
        let listed = assets(&self.model.meta);
        let is_meant = |asset: &&AssetFileDef| {
            let info = asset.tensor_info.as_ref();
            let tensor = info.and_then(|info| match &info.encoding {
                Some(Encoding::Name(name)) => Some(node_of(name)),
                _ => None,
            });
            tensor == Some(&node.name)
        };
        if let Some(asset) = listed.iter().find(is_meant) {
            return Some(asset.filename.clone());
        }
        let variable = match node.op {
            "ReadVariableOp" => self.graph.through_identities(*node.inputs.first()?),
            _ => return None,
        };
        let assigned = self.graph.nodes.iter().find(|assign| {
            let target = assign.inputs.first();
            let target = target.map(|&edge| self.graph.through_identities(edge));
            assign.op == "AssignVariableOp" && target == Some(variable)
        })?;
        self.asset(*assigned.inputs.get(1)?, depth + 1)
    }
}

/// A column as a vector.
fn flat(tensor: Tensor) -> Result<Tensor> {
    match *tensor.shape() {
        [rows, 1] => tensor.reshape([rows]),
        _ => Ok(tensor),
    }
}

/// For each key, whether it is another than the one that marks a gap.
fn used(keys: &Tensor, gap: &Tensor) -> Result<Vec<bool>> {
    if let (Ok(keys), Ok(gap)) = (keys.strings(), gap.strings()) {
        return Ok(keys.iter().map(|key| Some(key) != gap.first()).collect());
    }
    let (keys, gap) = (keys.cast(Element::Int64)?, gap.cast(Element::Int64)?);
    let gap = gap.to_vec::<i64>()?.first().copied();
    let keys = keys.to_vec::<i64>()?;
    Ok(keys.into_iter().map(|key| Some(key) != gap).collect())
}

/// These elements of a vector.
fn rows(vector: &Tensor, kept: &[usize]) -> Result<Tensor> {
    if let Ok(all) = vector.strings() {
        let some: Vec<_> = kept
            .iter()
            .filter_map(|&row| all.get(row).cloned())
            .collect();
        return Tensor::from_strings([some.len()], some);
    }
    let size = vector.dtype().size().unwrap_or(1);
    let bytes = vector.bytes().map_or(&[][..], |bytes| &bytes[..]);
    let row = |row: &usize| bytes.get(row * size..(row + 1) * size);
    let some: Vec<u8> = kept.iter().filter_map(row).flatten().copied().collect();
    Tensor::from_bytes(vector.dtype(), [kept.len()], some)
}

fn unknown() -> Error {
    Error::model("what fills it is not known")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_of_a_dense_table_are_left_out() {
        let keys = Tensor::from_vec([4], vec![7_i64, -1, 9, -1]).unwrap();
        let gap = Tensor::from_vec([], vec![-1_i64]).unwrap();
        assert_eq!(used(&keys, &gap).unwrap(), [true, false, true, false]);
        let values = Tensor::from_vec([4], vec![0.5_f32, 0.0, 2.5, 0.0]).unwrap();
        let kept = rows(&values, &[0, 2]).unwrap();
        assert_eq!(*kept.values::<f32>().unwrap(), [0.5, 2.5]);
        let words = Tensor::from_strings([2], vec!["".into(), "a".into()]).unwrap();
        let gap = Tensor::from_strings([], vec!["".into()]).unwrap();
        assert_eq!(used(&words, &gap).unwrap(), [false, true]);
        assert_eq!(rows(&words, &[1]).unwrap().strings().unwrap(), ["a"]);
    }

    #[test]
    fn a_table_that_nothing_fills_is_named() {
        let tables = Tables(HashMap::from([("broken".to_owned(), Err(unknown()))]));
        let message = |name: &str| tables.value(name).unwrap_err().message().to_owned();
        assert!(message("words").contains("`words` is filled neither"));
        assert!(message("broken").contains("`broken`: what fills it"));
    }
}
