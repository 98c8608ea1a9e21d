//! Forms of operators that the engine takes when it loads and fails on when it runs.
//!
//! Found by running ONNX's own test cases on the engine, version 0.27.

use hari_proto::onnx::{AttributeProto, GraphProto, NodeProto, TensorProto};

use super::numbers::{self, Constants};

/// What the engine would fail on, if it would.
pub(crate) fn gap<'a>(
    graph: &'a GraphProto,
    node: &'a NodeProto,
    constants: Constants<'a>,
) -> Option<&'static str> {
    let found = Form {
        graph,
        node,
        constants,
    };
    match node.op_type() {
        "Attention" if found.makes(3) => Some("gives out its scores"),
        "Attention" if found.takes(6) => Some("is told how long the keys are"),
        "LayerNormalization" if found.makes(1) => Some("gives out its mean"),
        "MaxPool" if found.makes(1) => Some("gives out places"),
        "Pad" if found.takes(3) => Some("pads chosen axes"),
        "GridSample" if found.rank(0) == Some(5) => Some("samples a volume"),
        "Conv" | "ConvTranspose" | "ConvInteger" | "MaxPool" | "AveragePool" => found.window(),
        "QuantizeLinear" if found.lacks(&["axis"]) && found.rank(1) == Some(1) => {
            Some("has a scale for each channel and says no axis")
        }
        "MatMulInteger" if found.one(2) || found.one(3) => {
            Some("has a zero point in a vector of one")
        }
        "Resize"
            if found.text("coordinate_transformation_mode") == Some("align_corners")
                && found.fraction(2) =>
        {
            Some("aligns corners at a scale that is no whole number")
        }
        operator if axes_at(operator).is_some_and(|at| found.rank(at) == Some(0)) => {
            Some("has axes that are no vector")
        }
        _ => None,
    }
}

/// Which input of an operator are axes.
fn axes_at(operator: &str) -> Option<usize> {
    let reduces = operator.starts_with("Reduce");
    (reduces || matches!(operator, "Squeeze" | "Unsqueeze")).then_some(1)
}

/// A node and what is known of what it is given.
struct Form<'a> {
    graph: &'a GraphProto,
    node: &'a NodeProto,
    constants: Constants<'a>,
}

impl<'a> Form<'a> {
    fn makes(&self, at: usize) -> bool {
        self.node
            .output
            .get(at)
            .is_some_and(|name| !name.is_empty())
    }

    fn takes(&self, at: usize) -> bool {
        self.node.input.get(at).is_some_and(|name| !name.is_empty())
    }

    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        let mut attributes = self.node.attribute.iter();
        attributes.find(|attribute| attribute.name() == name)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.attribute(name)?.s()).ok()
    }

    fn lacks(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.attribute(name).is_none())
    }

    fn constant(&self, at: usize) -> Option<&'a TensorProto> {
        (self.constants)(self.node.input.get(at)?)
    }

    /// The dimensions of an input, -1 for a dynamic one.
    fn dims(&self, at: usize) -> Option<Vec<i64>> {
        let declared = || numbers::dims(self.graph, self.node.input.get(at)?);
        self.constant(at)
            .map(|tensor| tensor.dims.clone())
            .or_else(declared)
    }

    fn rank(&self, at: usize) -> Option<usize> {
        self.dims(at).map(|dims| dims.len())
    }

    /// How many dimensions a convolution spans.
    fn spatial(&self) -> Option<usize> {
        let kernel = self
            .attribute("kernel_shape")
            .map(|kernel| kernel.ints.len());
        kernel.or_else(|| self.rank(1)?.checked_sub(2))
    }

    /// What the engine would fail on in a node with a window.
    fn window(&self) -> Option<&'static str> {
        let operator = self.node.op_type();
        let spreads = !matches!(operator, "MaxPool" | "AveragePool");
        let padded = || {
            self.attribute("pads")
                .is_some_and(|pads| pads.ints.iter().any(|&pad| pad != 0))
        };
        if self.spatial().is_some_and(|count| count > 2) {
            Some("is of more than two dimensions")
        } else if self.text("auto_pad") == Some("SAME_LOWER") {
            Some("pads the start more than the end")
        } else if self.lacks(&["strides"]) || spreads && self.lacks(&["dilations"]) {
            Some("leaves out its strides or dilations")
        } else if self.text("auto_pad").is_none_or(|pad| pad == "NOTSET") && self.lacks(&["pads"]) {
            Some("leaves out its padding")
        } else if operator == "ConvInteger" && self.takes(2) && padded() {
            Some("pads with its zero point")
        } else {
            None
        }
    }

    fn one(&self, at: usize) -> bool {
        self.dims(at).is_some_and(|dims| dims == [1])
    }

    /// Whether an input of FP32 holds, or may hold, anything but whole numbers.
    fn fraction(&self, at: usize) -> bool {
        let Some(tensor) = self.constant(at) else {
            return self.takes(at);
        };
        let raw = tensor.raw_data.as_deref().unwrap_or_default();
        let raw = raw.as_chunks().0.iter().map(|&le| f32::from_le_bytes(le));
        raw.chain(tensor.float_data.iter().copied())
            .any(|value| value.fract() != 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{floats, graph, int64s, ints, node, with};

    fn of(node: &NodeProto, tensors: &[TensorProto]) -> Option<&'static str> {
        let graph = graph(vec![], vec![], vec![]);
        let constants = |name: &str| tensors.iter().find(|tensor| tensor.name() == name);
        gap(&graph, node, &constants)
    }

    #[test]
    fn outputs_and_inputs_that_the_engine_lacks_are_seen() {
        assert!(of(&node("MaxPool", &["x"], &["y", "at"]), &[]).is_some());
        assert!(of(&node("LayerNormalization", &["x", "s"], &["y", "m"]), &[]).is_some());
        assert!(of(&node("LayerNormalization", &["x", "s"], &["y", ""]), &[]).is_none());
        assert!(of(&node("Pad", &["x", "p", "", "axes"], &["y"]), &[]).is_some());
        assert!(of(&node("Pad", &["x", "p", "v"], &["y"]), &[]).is_none());
    }

    #[test]
    fn convolutions_are_taken_with_all_they_say_in_two_dimensions() {
        let bare = node("ConvTranspose", &["x", "w"], &["y"]);
        assert!(of(&bare, &[]).is_some());
        let said = with(
            with(bare, ints("strides", &[1, 1])),
            ints("dilations", &[1, 1]),
        );
        assert!(of(&said, &[]).is_some());
        let said = with(said, ints("pads", &[0, 0, 0, 0]));
        let flat = floats("w", &[1, 1, 1, 1], &[1.0]);
        assert!(of(&said, &[flat]).is_none());
        let volume = floats("w", &[1, 1, 1, 1, 1], &[1.0]);
        assert!(of(&said, &[volume]).is_some());
    }

    #[test]
    fn scales_are_whole_where_corners_are_aligned() {
        let aligned = AttributeProto {
            name: Some("coordinate_transformation_mode".into()),
            s: Some("align_corners".as_bytes().into()),
            ..AttributeProto::default()
        };
        let resize = with(node("Resize", &["x", "", "scales"], &["y"]), aligned);
        let scales = |value| floats("scales", &[2], &[1.0, value]);
        assert!(of(&resize, &[scales(2.0)]).is_none());
        assert!(of(&resize, &[scales(0.6)]).is_some());
        assert!(of(&resize, &[]).is_some());
    }

    #[test]
    fn axes_are_vectors() {
        let reduce = node("ReduceSum", &["x", "axes"], &["y"]);
        assert!(of(&reduce, &[int64s("axes", &[1])]).is_none());
        let scalar = TensorProto {
            dims: vec![],
            ..int64s("axes", &[1])
        };
        assert!(of(&reduce, &[scalar]).is_some());
    }
}
