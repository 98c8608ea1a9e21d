//! Graphs inside operations: the functions that loops and choices name, each flattened by itself.

use hari_error::Result;
use hari_proto::tensorflow::NameAttrList;

use super::{Flattener, Scope, feed_node, structured};
use crate::attrs::Attrs;
use crate::graph::Flat;

impl<'l, 'a> Flattener<'l, 'a> {
    /// The graphs that the operation runs, in the order in which it names them; none for any but
    /// loops and choices.
    pub(super) fn bodies(
        &mut self,
        scope: &Scope<'l, 'a>,
        op: &str,
        attrs: &Attrs<'a>,
    ) -> Result<Vec<Flat<'a>>> {
        let functions = match op {
            "While" | "StatelessWhile" => vec![attrs.function("cond")?, attrs.function("body")?],
            "If" | "StatelessIf" => {
                vec![
                    attrs.function("then_branch")?,
                    attrs.function("else_branch")?,
                ]
            }
            "Case" | "StatelessCase" => attrs.functions("branches").iter().collect(),
            _ => Vec::new(),
        };
        functions
            .into_iter()
            .map(|function| self.inside(scope, function))
            .collect()
    }

    /// The function's own graph. Its arguments are the feeds, its results the fetches.
    fn inside(&mut self, scope: &Scope<'l, 'a>, called: &'a NameAttrList) -> Result<Flat<'a>> {
        let function = self.library.function(&called.name)?;
        let attrs = Attrs::of(&called.attr);
        let outer = std::mem::take(&mut self.graph);
        let signature = function.definition.signature.as_ref();
        let mut feeds = Vec::new();
        for parameter in signature.map_or(&[][..], |signature| &signature.input_arg) {
            let count = attrs.count(&parameter.number_attr, &parameter.type_list_attr)?;
            self.spend(count)?;
            for _ in 0..count {
                feeds.extend(self.graph.push(feed_node(&parameter.name)));
            }
        }
        let fetches = self.call(scope, &called.name, function, (attrs, feeds));
        let graph = std::mem::replace(&mut self.graph, outer);
        let fetches = fetches?;
        Ok(structured(Flat { graph, fetches }))
    }
}
