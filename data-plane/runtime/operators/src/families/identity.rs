//! `Identity`: any value, as it is.

use hari_error::Result;

use crate::compile::{Entry, Node};
use crate::{Inputs, Operator, Type, Value};

pub(crate) const TABLE: &[Entry] = &[Entry {
    domain: "",
    name: "Identity",
    since: 1,
    build: identity,
}];

struct Identity;

fn identity(_: &mut Node<'_>) -> Result<Box<dyn Operator>> {
    Ok(Box::new(Identity))
}

impl Operator for Identity {
    fn types(&self, inputs: &[Option<Type>]) -> Result<Vec<Option<Type>>> {
        Ok(vec![inputs.first().cloned().flatten()])
    }

    fn run(&self, inputs: Inputs<'_>) -> Result<Vec<Value>> {
        Ok(vec![inputs.value(0)?.clone()])
    }
}
