//! A part of a graph as a graph of its own.
//!
//! Training needs two graphs of one: forward, and backward with everything the forward did not keep computed again.
//! Both are extracts of the graph that holds the two: the outputs say what is wanted, the given values where to stop.

use super::{DType, Extent, Graph, Port, Value};
use std::collections::HashSet;

/// A value that an extract makes or is given: its name there, its type and its shape.
#[derive(Clone, Debug)]
pub struct Border {
    /// The value in the whole graph.
    pub value: Value,
    /// Its name in the extract.
    pub name: String,
    /// The type of its elements.
    pub dtype: DType,
    /// Its extents.
    pub shape: Vec<Extent>,
}

impl Graph {
    /// The graph that computes `wanted`, in which the values of `given` come from outside: with the nodes, constants
    /// and inputs that takes and no others.
    pub fn extract(&self, given: &[Border], wanted: &[Border]) -> Self {
        let stops: HashSet<Value> = given.iter().map(|b| b.value).collect();
        let mut needed: HashSet<Value> = wanted.iter().map(|b| b.value).collect();
        let mut nodes = Vec::new();
        for node in self.nodes.iter().rev() {
            if node.outputs.iter().any(|v| needed.contains(v) && !stops.contains(v)) {
                needed.extend(node.read().iter().flatten());
                nodes.push(node.clone());
            }
        }
        nodes.reverse();
        let mut part = Self { names: self.names.clone(), nodes, ..Self::default() };
        // A value that is both given and made keeps its maker's name; what reads it reads what is given.
        for border in given.iter().filter(|b| needed.contains(&b.value)) {
            let value = part.input(&border.name, border.dtype, border.shape.clone());
            for node in &mut part.nodes {
                node.inputs.iter_mut().filter(|v| **v == Some(border.value)).for_each(|v| *v = Some(value));
            }
        }
        part.inputs.extend(self.inputs.iter().filter(|p| needed.contains(&p.value)).cloned());
        part.constants = self.constants.iter().filter(|c| needed.contains(&c.value)).cloned().collect();
        for border in wanted {
            part.names[border.value.0].clone_from(&border.name);
            part.outputs.push(Port { value: border.value, dtype: border.dtype, shape: border.shape.clone() });
        }
        part
    }

    /// The names of the inputs.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(|p| self.names[p.value.0].as_str())
    }
}
