//! `Einsum`: sums of products over named axes, two tensors at a time as a matrix product.

use hari_core::Tensor;
use hari_error::{Error, Result};

use super::linear::product;
use super::reduce::reduced;
use crate::Value;
use crate::compile::{Entry, Node};
use crate::number::{NUMBERS, Number, by_number};
use crate::rule::{Built, Rule, computed};
use crate::view::View;

pub(crate) const TABLE: &[Entry] = &[Entry::onnx("Einsum", 12, einsum)];

/// Names of the axes that an ellipsis stands for, counted from the back.
const ELLIPSIS: u32 = 1 << 24;

/// An equation as it is written.
struct Equation {
    inputs: Vec<String>,
    output: Option<String>,
}

/// A tensor with a name for each axis.
struct Named {
    names: Vec<u32>,
    tensor: Tensor,
}

fn einsum(node: &mut Node<'_>) -> Built {
    let text = node.attributes.text("equation")?;
    let text = text.ok_or_else(|| Error::model("attribute `equation` is missing"))?;
    let equation = Equation::of(text)?;
    computed(NUMBERS, Rule::Like(0), move |inputs| {
        let tensors = inputs.0.iter().flatten().map(Value::tensor);
        equation.run(&tensors.collect::<Result<Vec<_>>>()?)
    })
}

impl Equation {
    fn of(text: &str) -> Result<Self> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (inputs, output) = match text.split_once("->") {
            Some((inputs, output)) => (inputs, Some(output.to_owned())),
            None => (text.as_str(), None),
        };
        let inputs: Vec<String> = inputs.split(',').map(str::to_owned).collect();
        let terms = inputs.iter().chain(&output);
        for term in terms {
            let letters = term.replacen("...", "", 1);
            if !letters.chars().all(|c| c.is_ascii_alphabetic()) {
                return Err(Error::model(format!(
                    "attribute `equation`: `{term}` is no list of axes"
                )));
            }
        }
        Ok(Self { inputs, output })
    }

    fn run(&self, tensors: &[&Tensor]) -> Result<Tensor> {
        if tensors.len() != self.inputs.len() {
            return Err(Error::model(format!(
                "the equation has {} terms for {} inputs",
                self.inputs.len(),
                tensors.len()
            )));
        }
        let named = self.inputs.iter().zip(tensors);
        let named = named.map(|(term, tensor)| Named::of(term, tensor));
        let mut named: Vec<Named> = named.collect::<Result<_>>()?;
        let output = self.output(&named)?;
        let Some(mut made) = (!named.is_empty()).then(|| named.remove(0)) else {
            return Err(Error::model("at least one input is expected"));
        };
        while !named.is_empty() {
            let next = named.remove(0);
            let later = named.iter().flat_map(|named| &named.names);
            let needed: Vec<u32> = output.iter().chain(later).copied().collect();
            made = made.times(next, &needed)?;
        }
        made.summed(|name| output.contains(&name))?.ordered(&output)
    }

    /// The axes of the output: as written, or all that occur once, in order.
    fn output(&self, named: &[Named]) -> Result<Vec<u32>> {
        let all: Vec<u32> = named
            .iter()
            .flat_map(|named| named.names.iter().copied())
            .collect();
        let mut dots: Vec<u32> = all
            .iter()
            .copied()
            .filter(|&name| name >= ELLIPSIS)
            .collect();
        dots.sort_unstable_by(|a, b| b.cmp(a));
        dots.dedup();
        let Some(output) = &self.output else {
            let count = |name: &u32| {
                self.inputs
                    .iter()
                    .flat_map(|term| term.chars())
                    .filter(|&c| u32::from(c) == *name)
                    .count()
            };
            let mut letters: Vec<u32> = all.into_iter().filter(|name| count(name) == 1).collect();
            letters.sort_unstable();
            dots.extend(letters.into_iter().filter(|&name| name < ELLIPSIS));
            return Ok(dots);
        };
        let made: Vec<u32> = match output.split_once("...") {
            Some((before, after)) => {
                let (before, after) = (before.chars().map(u32::from), after.chars().map(u32::from));
                before.chain(dots).chain(after).collect()
            }
            None => output.chars().map(u32::from).collect(),
        };
        match made.iter().find(|name| !all.contains(name)) {
            None => Ok(made),
            Some(&name) => Err(Error::model(format!(
                "attribute `equation`: the output's axis `{}` is in no input",
                char::from_u32(name).unwrap_or('?')
            ))),
        }
    }
}

impl Named {
    /// The axes of a term; one that is named twice is read along its diagonal.
    fn of(term: &str, tensor: &Tensor) -> Result<Self> {
        let rank = tensor.shape().len();
        let (before, after) = term.split_once("...").unwrap_or((term, ""));
        let written = before.len() + after.len();
        let hidden = rank.checked_sub(written);
        let hidden = hidden.filter(|&hidden| hidden == 0 || term.contains("..."));
        let hidden = hidden.ok_or_else(|| {
            Error::invalid(format!(
                "`{term}` does not name the axes of shape {:?}",
                tensor.shape()
            ))
        })?;
        let dots = (0..hidden).rev().map(|at| ELLIPSIS + at as u32);
        let (before, after) = (before.chars().map(u32::from), after.chars().map(u32::from));
        let mut names: Vec<u32> = before.chain(dots).chain(after).collect();
        let mut view = View::of(tensor.shape());
        let mut at = 0;
        while at < names.len() {
            let first = names
                .iter()
                .position(|name| *name == names[at])
                .unwrap_or(at);
            if first == at {
                at += 1;
                continue;
            }
            if view.shape()[first] != view.shape()[at] {
                return Err(Error::invalid(format!(
                    "`{term}` names axes of different sizes alike"
                )));
            }
            view = view.diagonal(first, at);
            names.remove(at);
        }
        Ok(Self {
            names,
            tensor: view.copy(tensor)?,
        })
    }

    fn size(&self, name: u32) -> Option<usize> {
        let at = self.names.iter().position(|&known| known == name)?;
        self.tensor.shape().get(at).copied()
    }

    /// The sum over all axes that are not kept.
    fn summed(self, kept: impl Fn(u32) -> bool) -> Result<Self> {
        let gone = (0..self.names.len()).filter(|&at| !kept(self.names[at]));
        let gone: Vec<usize> = gone.collect();
        if gone.is_empty() {
            return Ok(self);
        }
        let sums = by_number!(self.tensor.dtype(), T => reduced(&self.tensor, &gone, T::total))?;
        let left = (0..self.names.len()).filter(|at| !gone.contains(at));
        let left: Vec<usize> = left.collect();
        let shape: Vec<usize> = left.iter().map(|&at| self.tensor.shape()[at]).collect();
        Ok(Self {
            names: left.iter().map(|&at| self.names[at]).collect(),
            tensor: sums.reshape(shape)?,
        })
    }

    /// The tensor with its axes in this order.
    fn ordered(self, names: &[u32]) -> Result<Tensor> {
        let place = |name: &u32| self.names.iter().position(|known| known == name);
        let order: Option<Vec<usize>> = names.iter().map(place).collect();
        let order = order.filter(|order| order.len() == self.names.len());
        let order = order.ok_or_else(|| Error::model("the equation names an axis twice"))?;
        View::of(self.tensor.shape())
            .permuted(&order)
            .copy(&self.tensor)
    }

    /// The tensor in `groups` of axes, each made one; an axis of size one is repeated to `size`.
    fn grouped(&self, groups: &[&[u32]], size: impl Fn(u32) -> usize) -> Result<Tensor> {
        let names: Vec<u32> = groups.concat();
        let order = names
            .iter()
            .filter_map(|name| self.names.iter().position(|n| n == name));
        let mut view = View::of(self.tensor.shape()).permuted(&order.collect::<Vec<_>>());
        for (at, &name) in names.iter().enumerate() {
            match (view.shape()[at], size(name)) {
                (found, wanted) if found == wanted => {}
                (1, wanted) => view = view.held(at, wanted),
                (found, wanted) => {
                    return Err(Error::invalid(format!(
                        "an axis of the equation has sizes {found} and {wanted}"
                    )));
                }
            }
        }
        let product = |names: &&[u32]| names.iter().map(|&name| size(name)).product();
        let shape: Vec<usize> = groups.iter().map(product).collect();
        view.copy(&self.tensor)?.reshape(shape)
    }

    /// The product with another tensor, summed over the axes that nothing needs any more.
    fn times(self, other: Self, needed: &[u32]) -> Result<Self> {
        let (mine, theirs) = (self.names.clone(), other.names.clone());
        let a = self.summed(|name| needed.contains(&name) || theirs.contains(&name))?;
        let b = other.summed(|name| needed.contains(&name) || mine.contains(&name))?;
        let shared = |name: &u32| b.names.contains(name);
        let (both, left): (Vec<u32>, Vec<u32>) = a.names.iter().partition(|name| shared(name));
        let right = b
            .names
            .iter()
            .copied()
            .filter(|name| !a.names.contains(name));
        let right: Vec<u32> = right.collect();
        let (batch, inner): (Vec<u32>, Vec<u32>) =
            both.iter().partition(|name| needed.contains(name));
        let size = |name: u32| a.size(name).unwrap_or(1).max(b.size(name).unwrap_or(1));
        let size = |name: u32| match (a.size(name), b.size(name)) {
            (Some(0), _) | (_, Some(0)) => 0,
            _ => size(name),
        };
        let x = a.grouped(&[&batch, &left, &inner], size)?;
        let y = b.grouped(&[&batch, &inner, &right], size)?;
        let names = [batch, left, right].concat();
        let shape: Vec<usize> = names.iter().map(|&name| size(name)).collect();
        Ok(Self {
            tensor: product(&x, &y)?.reshape(shape)?,
            names,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::longs;

    fn run(text: &str, tensors: &[Tensor]) -> Result<Tensor> {
        Equation::of(text)?.run(&tensors.iter().collect::<Vec<_>>())
    }

    #[test]
    fn products_traces_and_transposes() {
        let x = longs(&[2, 2], &[1, 2, 3, 4]);
        let y = longs(&[2, 2], &[10, 20, 30, 40]);
        assert_eq!(
            run("ij,jk->ik", &[x.clone(), y.clone()]).unwrap(),
            longs(&[2, 2], &[70, 100, 150, 220])
        );
        assert_eq!(
            run("ij,jk", &[x.clone(), y.clone()]).unwrap(),
            longs(&[2, 2], &[70, 100, 150, 220])
        );
        assert_eq!(
            run("ii->", std::slice::from_ref(&x)).unwrap(),
            longs(&[], &[5])
        );
        assert_eq!(
            run("ii->i", std::slice::from_ref(&x)).unwrap(),
            longs(&[2], &[1, 4])
        );
        assert_eq!(
            run("ij->ji", std::slice::from_ref(&x)).unwrap(),
            longs(&[2, 2], &[1, 3, 2, 4])
        );
        assert_eq!(run("ij,ij->", &[x, y]).unwrap(), longs(&[], &[300]));
    }

    #[test]
    fn an_ellipsis_is_broadcast() {
        let x = longs(&[2, 1, 2], &[1, 2, 3, 4]);
        let y = longs(&[2, 1], &[10, 100]);
        assert_eq!(
            run("...ij,jk->...ik", &[x.clone(), y]).unwrap(),
            longs(&[2, 1, 1], &[210, 430])
        );
        assert_eq!(run("...j->...", &[x]).unwrap(), longs(&[2, 1], &[3, 7]));
    }

    #[test]
    fn three_tensors_at_once() {
        let x = longs(&[2], &[1, 2]);
        let made = run("a,b,a->b", &[x.clone(), longs(&[1], &[3]), x]).unwrap();
        assert_eq!(made, longs(&[1], &[15]));
    }

    #[test]
    fn wrong_equations_are_refused() {
        let x = longs(&[2, 3], &[0; 6]);
        for bad in ["ij,jk->ik", "i->i", "ii->i", "ij->iz", "i1->i", "ij->ii"] {
            assert!(run(bad, std::slice::from_ref(&x)).is_err(), "{bad}");
        }
        assert!(run("ij,jk->ik", &[x.clone(), x]).is_err());
    }
}
