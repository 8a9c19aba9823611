//! Operators of ours, one behind the other, as one node: an [`Op::Stack`]. All layers of a model of the usual form are
//! one, its head is another.

use super::{Data, Graph, Node, Op, Value, WEIGHTS};
use crate::error::{Error, Result};
use crate::kernel::{MATRICES, Place, Program, Step, Work};
use std::collections::{HashMap, HashSet};

/// The graph with stacks for operators of ours, and for what stands between them.
pub fn stack(mut graph: Graph) -> Result<Graph> {
    let nodes = std::mem::take(&mut graph.nodes);
    let touched = |n: &Node| n.inputs.iter().flatten().chain(&n.outputs).copied().collect::<Vec<_>>();
    let near: HashSet<Value> = nodes.iter().filter(|n| ours(&n.op)).flat_map(touched).collect();
    let mut readers: HashMap<Value, usize> = graph.outputs.iter().map(|port| (port.value, 1)).collect();
    for value in nodes.iter().flat_map(|n| n.read().iter().flatten()) {
        *readers.entry(*value).or_default() += 1;
    }
    let stored = graph.constants.iter().filter_map(|c| Some((c.value, stored(c)?))).collect();
    let mut open = Open::over(&stored);
    for node in nodes {
        // A norm between others' operators is better left to them.
        let is_near = || touched(&node).iter().any(|v| near.contains(v));
        match work(&node.op).filter(|_| is_near()) {
            Some(work) => open.take(node, work, &mut readers),
            None => {
                if node.read().iter().flatten().any(|v| open.makes(*v)) {
                    open.close(&mut graph, &readers)?;
                }
                graph.keep(node);
            }
        }
    }
    open.close(&mut graph, &readers)?;
    // Constants that stacks read from the file are nobody's any more.
    Ok(graph.tidied())
}

/// Where a constant lies, if that is the file of weights: a session maps it once, however many constants are in it.
fn stored(constant: &super::Constant) -> Option<Place> {
    let Data::External { file, offset, length } = &constant.data else { return None };
    let (offset, bytes) = (usize::try_from(*offset).ok()?, usize::try_from(*length).ok()?);
    (file == WEIGHTS).then(|| Place::Stored { offset, bytes, width: constant.shape.last().copied().unwrap_or(1) })
}

/// Whether ONNX Runtime has no such operator.
fn ours(op: &Op) -> bool {
    matches!(op, Op::Attend(..) | Op::Gate(_) | Op::LinearPacked { .. } | Op::Product | Op::Scale { .. })
}

/// What a node does as a step of a stack.
fn work(op: &Op) -> Option<Work> {
    Some(match op {
        Op::Add => Work::Add,
        Op::Attend(a, rope) => Work::Attend {
            heads: a.heads,
            kv_heads: a.kv_heads,
            window: a.window,
            scale: a.scale,
            cap: a.cap,
            rope: rope.clone(),
        },
        Op::Concat { axis: -1 } => Work::Beside,
        Op::Gate(activation) => Work::Gate { activation: *activation },
        Op::LinearPacked { packed, gated } => Work::LinearPacked { packed: packed.clone(), gated: *gated },
        Op::Product => Work::Product,
        Op::Scale { by } => Work::Scale { by: *by },
        Op::RmsNorm { epsilon } => Work::Norm { epsilon: *epsilon },
        Op::SkipRmsNorm { epsilon } => Work::SkipNorm { epsilon: *epsilon },
        _ => return None,
    })
}

/// A stack that grows.
struct Open<'a> {
    stored: &'a HashMap<Value, Place>,
    steps: Vec<Step>,
    inputs: Vec<Value>,
    /// What was made, by number.
    made: Vec<Value>,
    caches: Vec<Value>,
    places: HashMap<Value, Place>,
}

impl<'a> Open<'a> {
    /// Without a step.
    fn over(stored: &'a HashMap<Value, Place>) -> Self {
        Self { stored, steps: vec![], inputs: vec![], made: vec![], caches: vec![], places: HashMap::new() }
    }

    fn makes(&self, value: Value) -> bool {
        matches!(self.places.get(&value), Some(Place::Made(_))) || self.caches.contains(&value)
    }

    /// Takes a node in; it no longer counts among the readers of what it reads.
    fn take(&mut self, node: Node, work: Work, readers: &mut HashMap<Value, usize>) {
        let mut reads = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            reads.push(input.map(|value| {
                if let Some(readers) = readers.get_mut(&value) {
                    *readers -= 1;
                }
                *self.places.entry(value).or_insert_with(|| {
                    self.stored.get(&value).copied().unwrap_or_else(|| {
                        self.inputs.push(value);
                        Place::Input(self.inputs.len() - 1)
                    })
                })
            }));
        }
        let matrices = if matches!(work, Work::Attend { .. }) { 1 } else { node.outputs.len() };
        let (matrices, caches) = node.outputs.split_at(matrices);
        let makes = self.made.len()..self.made.len() + matrices.len();
        self.places.extend(matrices.iter().copied().zip(makes.clone().map(Place::Made)));
        self.made.extend(matrices);
        self.caches.extend(caches);
        self.steps.push(Step { work, reads, makes: makes.collect() });
    }

    /// Puts the node into the graph, and begins anew.
    fn close(&mut self, graph: &mut Graph, readers: &HashMap<Value, usize>) -> Result<()> {
        let Self { steps, inputs, made, caches, .. } = std::mem::replace(self, Self::over(self.stored));
        if steps.is_empty() {
            return Ok(());
        }
        let read = |m: &usize| readers.get(&made[*m]).is_some_and(|readers| *readers > 0);
        let outputs: Vec<usize> = (0..made.len()).filter(read).collect();
        if outputs.len() > MATRICES {
            return Err(Error::unsupported("a model in which too much leads past its layers"));
        }
        let handed_out = outputs.iter().map(|m| made[*m]).chain(caches).collect();
        let inputs: Vec<_> = inputs.into_iter().map(Some).collect();
        graph.scope("stack");
        graph.node(Op::Stack(Program { steps, outputs }), &inputs, 0);
        if let Some(node) = graph.nodes.last_mut() {
            node.outputs = handed_out;
        }
        Ok(())
    }
}
