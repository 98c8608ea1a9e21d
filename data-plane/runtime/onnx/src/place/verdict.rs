//! Whether the built-in engine computes a node as ONNX says.

use hari_error::Result;
use hari_operators::Type;
use hari_proto::onnx::{GraphProto, NodeProto};

use super::{Placer, Refused, own};
use crate::check::{Problem, deviations, forms, gaps, not_held, numbers, operators};
use crate::engine::Takes;
use crate::scope::{Known, Scope};
use crate::{element, extent, rewrite, tensors};

/// The nodes that the engine gets instead of one, if it is to get others.
type Rewritten = Option<Vec<NodeProto>>;

const NARROW: &str = "keep integers within 32 bits, or compute with FP32";

impl Placer<'_> {
    /// What the engine gets for a node without graphs inside, `made` being its outputs.
    pub(super) fn verdict(
        &self,
        graph: &GraphProto,
        node: &NodeProto,
        scope: &Scope<'_>,
        made: &[Known<'_>],
    ) -> Result<Result<Rewritten, Refused>> {
        match self.segments.takes() {
            Takes::Foreign => Ok(foreign(node)),
            Takes::Exact => self.exact(graph, node, scope, made),
        }
    }

    fn exact(
        &self,
        graph: &GraphProto,
        node: &NodeProto,
        scope: &Scope<'_>,
        made: &[Known<'_>],
    ) -> Result<Result<Rewritten, Refused>> {
        let constants = |name: &str| scope.get(name)?.constant;
        let rewritten = rewrite::within(graph, node, &constants);
        let shown = rewritten.as_deref().unwrap_or(std::slice::from_ref(node));
        for shown in shown {
            if let Some(why) = self.ask(shown)? {
                let titles = (operators::title(node), tensors::title(node));
                return Ok(Err(Refused::Operator(titles.0, why, titles.1)));
            }
        }
        let first = shown.first().unwrap_or(node);
        Ok(match self.unlike(graph, (node, first), scope, made) {
            None => Ok(rewritten),
            Some(problem) => Err(Refused::Value(problem)),
        })
    }

    /// Why the engine does not have the operator in this form, if so.
    pub(super) fn ask(&self, node: &NodeProto) -> Result<Option<String>> {
        self.probe.borrow_mut().ask(node)
    }

    /// What the engine would compute differently from ONNX, or not at all. The second node is the
    /// first one as the engine gets it.
    fn unlike(
        &self,
        graph: &GraphProto,
        (node, rewritten): (&NodeProto, &NodeProto),
        scope: &Scope<'_>,
        made: &[Known<'_>],
    ) -> Option<Problem> {
        self.inputs(graph, node, scope)
            .or_else(|| deviations::problem(graph, node))
            .or_else(|| {
                let kind = |name: &String| scope.get(name).and_then(|known| known.kind.as_ref());
                let kinds: Vec<_> = node.input.iter().map(kind).collect();
                // Others reach the engine as what they were rewritten to.
                if !own(node.domain()).is_empty() {
                    return None;
                }
                let why = forms::problem(node.op_type(), &kinds);
                why.map(|why| problem(node, &why, "cast it to FP32 or INT32 before"))
            })
            .or_else(|| {
                let constants = |name: &str| scope.get(name)?.constant;
                let gap = gaps::gap(graph, rewritten, &constants)?;
                let why = format!("{gap}, which the engine fails on");
                Some(problem(node, &why, "export it in another form"))
            })
            .or_else(|| made.iter().find_map(|known| held(node, known)))
    }

    /// What the engine would not hold exactly of what the node is given.
    pub(super) fn inputs(
        &self,
        graph: &GraphProto,
        node: &NodeProto,
        scope: &Scope<'_>,
    ) -> Option<Problem> {
        let constants = |name: &str| scope.get(name)?.constant;
        let version = self.versions.get("").copied().unwrap_or(1);
        let mut inputs = node.input.iter().enumerate();
        numbers::problem(graph, node, version, &constants).or_else(|| {
            inputs.find_map(|(at, name)| {
                let known = scope.get(name).filter(|known| known.constant.is_none())?;
                let wide = extent::wide(node.op_type(), at).is_none() && known.is_wide();
                let beyond = || problem(node, "is given INT64 that 32 bits may not hold", NARROW);
                kind(node, known).or_else(|| wide.then(beyond))
            })
        })
    }
}

/// Every engine but the built-in one takes what is not our own.
fn foreign(node: &NodeProto) -> Result<Rewritten, Refused> {
    if own(node.domain()) != "hari" {
        return Ok(None);
    }
    let why = "is Hari's own".to_owned();
    Err(Refused::Operator(
        operators::title(node),
        why,
        tensors::title(node),
    ))
}

/// What the engine would not hold exactly of what the node makes.
pub(super) fn held(node: &NodeProto, made: &Known<'_>) -> Option<Problem> {
    let beyond = || problem(node, "makes INT64 that 32 bits may not hold", NARROW);
    kind(node, made).or_else(|| made.is_wide().then(beyond))
}

fn kind(node: &NodeProto, known: &Known<'_>) -> Option<Problem> {
    match known.kind.as_ref()? {
        Type::Tensor(dtype) if element::held_exactly(*dtype) => None,
        Type::Tensor(dtype) => {
            let (why, hint) = not_held(element::elem(*dtype) as i32);
            Some(Problem::new(
                format!("a value at {}", tensors::title(node)),
                why,
                hint,
            ))
        }
        _ => Some(problem(
            node,
            "computes with sequences or maps",
            "export tensors alone",
        )),
    }
}

fn problem(node: &NodeProto, why: &str, hint: &'static str) -> Problem {
    Problem::new(tensors::title(node), why, hint)
}

/// Whether values of this type can be handed to the engine and taken from it.
pub(crate) fn crosses(kind: Option<&Type>) -> bool {
    matches!(kind, Some(Type::Tensor(dtype)) if element::held_exactly(*dtype))
}
