//! Other nodes in the place of some: the graph that serves becomes one that takes adapters.

use super::extract::Border;
use super::{Constant, Data, Graph, Node, Op, Value};
use crate::error::Result;

impl Graph {
    /// The constant that `value` is.
    pub fn constant_at(&self, value: Value) -> Option<&Constant> {
        self.constants.iter().find(|c| c.value == value)
    }

    /// The extents of the input that `value` is.
    pub fn shape_of_input(&self, value: Value) -> Option<&[super::Extent]> {
        self.inputs.iter().find(|p| p.value == value).map(|p| &p.shape[..])
    }

    /// Hands every node to `each`, which keeps it with [`Graph::keep`] or puts others in its place. What nobody reads
    /// afterwards goes.
    pub fn rewritten(mut self, mut each: impl FnMut(&mut Self, Node) -> Result<()>) -> Result<Self> {
        for node in std::mem::take(&mut self.nodes) {
            each(&mut self, node)?;
        }
        Ok(self.tidied())
    }

    /// The graph without what nobody reads.
    pub(super) fn tidied(self) -> Self {
        let border = |p: &super::Port| Border {
            value: p.value,
            name: self.names[p.value.0].clone(),
            dtype: p.dtype,
            shape: p.shape.clone(),
        };
        let outputs: Vec<Border> = self.outputs.iter().map(border).collect();
        self.extract(&[], &outputs)
    }

    /// A node as it was.
    pub fn keep(&mut self, node: Node) {
        self.nodes.push(node);
    }

    /// A node that makes `output`, a value that there is already.
    pub fn op_into(&mut self, op: Op, inputs: &[Value], output: Value) {
        self.op(op, inputs);
        self.ends_as(output);
    }

    /// What the last node makes goes by `output`, a value that there is already.
    pub fn ends_as(&mut self, output: Value) {
        if let Some(node) = self.nodes.last_mut() {
            node.outputs = vec![output];
        }
    }

    /// Moves the constants that lie in files: `to` says where each lies then.
    pub fn relocated(mut self, mut to: impl FnMut(&Constant) -> Result<Data>) -> Result<Self> {
        for constant in &mut self.constants {
            if let Data::External { .. } = constant.data {
                constant.data = to(constant)?;
            }
        }
        Ok(self)
    }

    /// A value to stand for `value` between the node that makes it and the one that takes its name over.
    pub fn aside(&mut self, value: Value) -> Value {
        let name = format!("{}.aside", self.names[value.0]);
        self.value(name)
    }
}
