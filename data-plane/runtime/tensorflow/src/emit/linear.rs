//! Products of matrices.

use std::collections::HashMap;

use super::{Attr, Builder, Id};
use crate::dtype::{self, DataType};
use crate::refusal::Refusal;
use crate::shape::Dim;

impl Builder {
    /// The product of the last two dimensions, the others broadcast.
    ///
    /// # Errors
    /// If the elements are not floats, if a rank is not known or below 2, or if the sizes differ.
    pub(crate) fn matmul(&mut self, a: Id, b: Id) -> Result<Id, Refusal> {
        let dtype = self.dtype(a);
        if !multiplies(dtype) {
            return Err(Refusal::new(format!(
                "a product of matrices of {}",
                dtype::name(dtype)
            )));
        }
        let (left, right) = (self.dims(a)?, self.dims(b)?);
        let ([outer @ .., rows, inner], [others @ .., same, columns]) =
            (left.as_slice(), right.as_slice())
        else {
            return Err(Refusal::new("an input is not a matrix"));
        };
        if let (Dim::Known(inner), Dim::Known(same)) = (inner, same)
            && inner != same
        {
            return Err(Refusal::new(format!(
                "matrices of {inner} columns and {same} rows"
            )));
        }
        let mut dims = self.symbols.broadcast(outer, others)?;
        dims.extend([*rows, *columns]);
        Ok(self.node("MatMul", &[a, b], Vec::new(), (dtype, Some(dims))))
    }

    /// The matrix with rows and columns exchanged.
    ///
    /// # Errors
    /// If the rank is not known or below 2.
    pub(crate) fn exchange(&mut self, x: Id) -> Result<Id, Refusal> {
        let rank = self.rank(x)?;
        let mut order: Vec<usize> = (0..rank).collect();
        let [.., rows, columns] = order.as_mut_slice() else {
            return Err(Refusal::new("an input is not a matrix"));
        };
        std::mem::swap(rows, columns);
        self.transpose(x, &order)
    }

    /// A sum of products by Einstein's convention.
    ///
    /// # Errors
    /// If the elements are not floats or the equation does not fit the inputs.
    pub(crate) fn einsum(&mut self, inputs: &[Id], equation: &str) -> Result<Id, Refusal> {
        let equation: String = equation.split_whitespace().collect();
        let equation = self.spelled_out(inputs, &equation)?;
        let wrong = || Refusal::new(format!("equation `{equation}`"));
        let (terms, result) = equation.split_once("->").ok_or_else(wrong)?;
        let terms: Vec<_> = terms.split(',').collect();
        let numbers = inputs.iter().all(|&input| multiplies(self.dtype(input)));
        if terms.len() != inputs.len() || !numbers {
            return Err(wrong());
        }
        let mut sizes = HashMap::new();
        for (term, &input) in terms.iter().zip(inputs) {
            self.label(&mut sizes, term, input)?;
        }
        let dims = result
            .chars()
            .map(|label| sizes.get(&label).copied())
            .collect();
        let dtype = inputs
            .first()
            .map_or(DataType::DtFloat, |&input| self.dtype(input));
        let attrs = vec![("equation", Attr::Text(equation.clone()))];
        Ok(self.node("Einsum", inputs, attrs, (dtype, dims)))
    }

    /// The equation with letters for each ellipsis, the last ones shared.
    fn spelled_out(&self, inputs: &[Id], equation: &str) -> Result<String, Refusal> {
        if !equation.contains("...") {
            return Ok(equation.to_owned());
        }
        let wrong = || Refusal::new(format!("equation `{equation}`"));
        let (terms, result) = equation.split_once("->").ok_or_else(wrong)?;
        let free = ('A'..='Z')
            .chain('a'..='z')
            .filter(|&letter| !equation.contains(letter));
        let free: String = free.collect();
        let (mut made, mut most) = (Vec::new(), 0);
        let mut sizes: HashMap<usize, Dim> = HashMap::new();
        for (term, &input) in terms.split(',').zip(inputs) {
            let dims = self.dims(input)?;
            let named = term.chars().filter(|&letter| letter != '.').count();
            let count = if term.contains("...") {
                dims.len().checked_sub(named).ok_or_else(wrong)?
            } else {
                0
            };
            let front = term.find("...").unwrap_or(0);
            for (index, &dim) in dims.iter().skip(front).take(count).enumerate() {
                let known = sizes.entry(count - index).or_insert(dim);
                if (*known == Dim::Known(1)) != (dim == Dim::Known(1)) {
                    return Err(Refusal::new("a dimension of its ellipsis is repeated"));
                }
            }
            most = most.max(count);
            made.push(term.replace("...", last(&free, count)));
        }
        let result = result.replace("...", last(&free, most));
        Ok(format!("{}->{result}", made.join(",")))
    }

    fn label(&self, sizes: &mut HashMap<char, Dim>, term: &str, input: Id) -> Result<(), Refusal> {
        let dims = self.dims(input)?;
        if term.chars().count() != dims.len() {
            return Err(Refusal::new(format!(
                "term `{term}` for an input of rank {}",
                dims.len()
            )));
        }
        for (label, &dim) in term.chars().zip(&dims) {
            let size = sizes.entry(label).or_insert(dim);
            if size.known().is_none() {
                *size = dim;
            }
        }
        Ok(())
    }
}

/// Whether the graph multiplies and sums such elements.
fn multiplies(dtype: DataType) -> bool {
    dtype::is_float(dtype) || (dtype::is_integer(dtype) && !dtype::is_narrow(dtype))
}

/// The last letters.
fn last(letters: &str, count: usize) -> &str {
    letters
        .get(letters.len().saturating_sub(count)..)
        .unwrap_or(letters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::known;

    #[test]
    fn sizes_of_products_are_known() {
        let mut builder = Builder::default();
        let batch = builder.symbols.fresh();
        let x = builder.input(
            "x",
            DataType::DtFloat,
            Some(vec![batch, Dim::Known(2), Dim::Known(3)]),
        );
        let w = builder.floats(&[3, 5], vec![0.0; 15]).unwrap();
        let product = builder.matmul(x, w).unwrap();
        assert_eq!(
            builder.shape(product).unwrap(),
            [batch, Dim::Known(2), Dim::Known(5)]
        );
        let turned = builder.exchange(product).unwrap();
        assert_eq!(
            builder.shape(turned).unwrap(),
            [batch, Dim::Known(5), Dim::Known(2)]
        );
        assert!(builder.matmul(w, w).is_err());
        let sum = builder.einsum(&[x, w], "abc, cd->da").unwrap();
        assert_eq!(builder.shape(sum).unwrap(), [Dim::Known(5), batch]);
        assert!(builder.einsum(&[x, w], "ab,cd->d").is_err());
        let sum = builder.einsum(&[x, w], "...x,xy->y...").unwrap();
        assert_eq!(
            builder.shape(sum).unwrap(),
            [Dim::Known(5), batch, Dim::Known(2)]
        );
        let numbers = builder.input("n", DataType::DtInt32, Some(known(&[2, 2])));
        assert!(builder.matmul(numbers, numbers).is_ok());
        let bytes = builder.input("b", DataType::DtUint8, Some(known(&[2, 2])));
        assert!(builder.matmul(bytes, bytes).is_err());
    }
}
