//! Random forests and extra trees: all trees of a forest are one flat ensemble.

use hari_error::Result;
use hari_pickle::Cursor;

use crate::estimator::{Accepts, Estimator, Form, Method};
use crate::reader::{Node, Reader};
use crate::table::Table;
use crate::tree::{Classifier, Forest, Planter, Regressor, features, value};

pub(super) fn classifier(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
    Classifier::read(cursor, &cursor.attribute("estimators_")?.items()?, reader)
}

pub(super) fn regressor(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
    Regressor::read(cursor, &cursor.attribute("estimators_")?.items()?, reader)
}

/// `RandomTreesEmbedding`: a column for each leaf, 1 where a row ends in it.
#[derive(Debug)]
pub(super) struct Embedding {
    forest: Forest,
    encoder: Node,
}

impl Embedding {
    pub(super) fn read(cursor: &Cursor<'_>, reader: &Reader) -> Result<Box<dyn Estimator>> {
        let trees = cursor.attribute("estimators_")?.items()?;
        let mut planter = Planter::new(reader, features(cursor, &trees)?, 1);
        for tree in &trees {
            planter.numbers(tree, 0, |feature| feature, value)?;
        }
        Ok(Box::new(Self {
            forest: planter.finish(),
            encoder: reader.read(&cursor.attribute("one_hot_encoder_")?)?,
        }))
    }
}

impl Estimator for Embedding {
    fn form(&self, method: Method) -> Option<Form> {
        match method {
            Method::Transform => self.encoder.form(method),
            _ => None,
        }
    }

    fn accepts(&self) -> Accepts {
        self.forest.accepts()
    }

    fn transform(&self, rows: &Table) -> Result<Table> {
        self.encoder.transform(&self.forest.apply(rows)?.into())
    }

    fn memory_bytes(&self) -> usize {
        self.forest.memory_bytes() + self.encoder.memory_bytes()
    }
}
