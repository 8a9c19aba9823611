//! Computations as data: a closed set of operators, a builder, the lowering to ONNX and the way back, and cuts. Nothing
//! here runs anything.

mod attributes;
mod extract;
mod fixed;
mod fuse;
mod half;
mod lanes;
mod lower;
mod op;
mod raise;
mod rewrite;
mod stack;
mod weights;

pub use extract::Border;
pub use fixed::{PAST_LENGTH, ROWS, TOTAL_LENGTH, fixed};
pub use fuse::fuse;
pub use half::half;
pub use lanes::{LANES, can_share, lanes};
pub use lower::lower;
pub use op::{Attention, Op};
pub use raise::raise;
pub use stack::stack;
pub use weights::{FILE as WEIGHTS, WeightsWriter, map as map_weights};

use std::borrow::Cow;

/// Element types of the values in a graph; the numbers are ONNX's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DType {
    /// IEEE 754 binary32.
    F32 = 1,
    /// Unsigned bytes.
    U8 = 2,
    /// 32-bit integers.
    I32 = 6,
    /// 64-bit integers.
    I64 = 7,
    /// IEEE 754 binary16.
    F16 = 10,
}

impl DType {
    /// Bytes of one element.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::I64 => 8,
        }
    }
}

/// A value in a graph: an input, a constant or what a node makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Value(usize);

/// One extent of a port: known, or named and known at run time.
#[derive(Clone, Debug)]
pub enum Extent {
    /// A number.
    Known(usize),
    /// A name, equal wherever it appears.
    Named(Cow<'static, str>),
}

impl From<usize> for Extent {
    fn from(n: usize) -> Self {
        Self::Known(n)
    }
}

impl From<&'static str> for Extent {
    fn from(name: &'static str) -> Self {
        Self::Named(name.into())
    }
}

/// Where the bytes of a constant are.
#[derive(Clone, Debug)]
pub enum Data {
    /// In the model file: shapes, scalars and other small things.
    Inline(Vec<u8>),
    /// In a file beside the model.
    External {
        /// The file's name.
        file: Cow<'static, str>,
        /// Where it begins, in bytes.
        offset: u64,
        /// How many bytes it has.
        length: u64,
    },
}

impl Data {
    /// The bytes, of which external ones lie in `file`; none where it ends before them.
    pub fn bytes<'a>(&'a self, file: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::Inline(bytes) => Some(bytes),
            Self::External { offset, length, .. } => {
                let (begin, length) = (usize::try_from(*offset).ok()?, usize::try_from(*length).ok()?);
                file.get(begin..begin.checked_add(length)?)
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Port {
    value: Value,
    dtype: DType,
    shape: Vec<Extent>,
}

/// A constant of a graph.
#[derive(Clone, Debug)]
pub struct Constant {
    /// What nodes read.
    pub value: Value,
    /// The type of its elements.
    pub dtype: DType,
    /// Its extents.
    pub shape: Vec<usize>,
    /// Where its bytes are.
    pub data: Data,
}

/// An operator at work.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it does.
    pub op: Op,
    name: String,
    /// What it reads; `None` for an input left out.
    pub inputs: Vec<Option<Value>>,
    /// What it makes.
    pub outputs: Vec<Value>,
}

impl Node {
    /// The inputs the operator reads as it runs; those behind them are for its gradient.
    pub fn read(&self) -> &[Option<Value>] {
        let read = match self.op {
            Op::Adapted { .. } | Op::Reshape => 2,
            _ => self.inputs.len(),
        };
        &self.inputs[..read.min(self.inputs.len())]
    }
}

/// A computation under construction.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    names: Vec<String>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    constants: Vec<Constant>,
    nodes: Vec<Node>,
    scope: String,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// The prefix of the names of the nodes that follow, as a profile shows them: `"layers.3.mlp"`.
    pub fn scope(&mut self, scope: impl Into<String>) {
        self.scope = scope.into();
    }

    fn value(&mut self, name: String) -> Value {
        self.names.push(name);
        Value(self.names.len() - 1)
    }

    /// The nodes, each after those it reads from.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether it has products that are made for ONNX Runtime's own kernels; then the rest is theirs as well.
    pub fn is_stock(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node.op, Op::MatMulBlocks { .. }))
    }

    /// A value's name.
    pub fn name(&self, value: Value) -> &str {
        &self.names[value.0]
    }

    /// A constant by name.
    pub fn constant_named(&self, name: &str) -> Option<&Constant> {
        self.constants.iter().find(|c| self.names[c.value.0] == name)
    }

    /// A named input.
    pub fn input(&mut self, name: &str, dtype: DType, shape: impl IntoIterator<Item = Extent>) -> Value {
        let value = self.value(name.into());
        self.inputs.push(Port { value, dtype, shape: shape.into_iter().collect() });
        value
    }

    /// A named input that several places ask for: the same one after the first time.
    pub fn input_once(&mut self, name: &str, dtype: DType, shape: &[Extent]) -> Value {
        match self.inputs.iter().find(|p| self.names[p.value.0] == name) {
            Some(port) => port.value,
            None => self.input(name, dtype, shape.iter().cloned()),
        }
    }

    /// An input that may be left out: it then has the value of this constant.
    pub fn input_or(&mut self, name: &str, default: &[i64]) -> Value {
        let value = self.input(name, DType::I64, [default.len().into()]);
        let data = Data::Inline(bytemuck::cast_slice(default).to_vec());
        self.constants.push(Constant { value, dtype: DType::I64, shape: vec![default.len()], data });
        value
    }

    /// Declares a constant as an input too: one that may be left out. The runtime then reads its bytes where they lie
    /// instead of packing them anew, which is faster for a few rows.
    pub fn replaceable(&mut self, value: Value) {
        if let Some(Constant { value, dtype, shape, .. }) = self.constants.iter().find(|c| c.value == value) {
            let shape = shape.iter().map(|&n| n.into()).collect();
            self.inputs.push(Port { value: *value, dtype: *dtype, shape });
        }
    }

    /// Names `value` as an output.
    pub fn output(&mut self, name: &str, value: Value, dtype: DType, shape: impl IntoIterator<Item = Extent>) {
        self.names[value.0] = name.into();
        self.outputs.push(Port { value, dtype, shape: shape.into_iter().collect() });
    }

    /// A named constant.
    pub fn constant(&mut self, name: &str, dtype: DType, shape: &[usize], data: Data) -> Value {
        let value = self.value(name.into());
        self.constants.push(Constant { value, dtype, shape: shape.to_vec(), data });
        value
    }

    /// The bytes of a constant under another shape. A value that is no constant is returned as it is.
    pub fn reshaped(&mut self, value: Value, shape: &[usize]) -> Value {
        let Some(constant) = self.constants.iter().find(|c| c.value == value) else { return value };
        let (dtype, data) = (constant.dtype, constant.data.clone());
        let name = format!("{}.reshaped", self.names[value.0]);
        self.constant(&name, dtype, shape, data)
    }

    /// A small vector of integers: shapes, axes, starts and ends.
    pub fn integers(&mut self, values: &[i64]) -> Value {
        let name = format!("const.{}", self.names.len());
        let data = Data::Inline(bytemuck::cast_slice(values).to_vec());
        self.constant(&name, DType::I64, &[values.len()], data)
    }

    /// A float32 scalar.
    pub fn float(&mut self, value: f32) -> Value {
        let name = format!("const.{}", self.names.len());
        self.constant(&name, DType::F32, &[], Data::Inline(value.to_le_bytes().to_vec()))
    }

    /// `x` times a number, which is often 1.
    pub fn times(&mut self, x: Value, factor: f32) -> Value {
        if factor == 1.0 {
            return x;
        }
        let factor = self.float(factor);
        self.op(Op::Mul, &[x, factor])
    }

    /// `cap tanh(x / cap)`, where tanh(x) is 2 sigmoid(2 x) - 1; `x` without a cap.
    pub fn capped(&mut self, x: Value, cap: Option<f32>) -> Value {
        let Some(cap) = cap else { return x };
        let x = self.times(x, 2.0 / cap);
        let x = self.op(Op::Sigmoid, &[x]);
        let x = self.times(x, 2.0 * cap);
        let cap = self.float(cap);
        self.op(Op::Sub, &[x, cap])
    }

    /// A node with one output.
    pub fn op(&mut self, op: Op, inputs: &[Value]) -> Value {
        let inputs: Vec<_> = inputs.iter().copied().map(Some).collect();
        self.node(op, &inputs, 1)[0]
    }

    /// A node; an input left out is `None`. Returns its `outputs` values.
    pub fn node(&mut self, op: Op, inputs: &[Option<Value>], outputs: usize) -> Vec<Value> {
        let name = match self.scope.as_str() {
            "" => format!("{}.{}", op.kind(), self.nodes.len()),
            scope => format!("{scope}.{}.{}", op.kind(), self.nodes.len()),
        };
        let outputs: Vec<_> = (0..outputs).map(|i| self.value(format!("{name}:{i}"))).collect();
        self.nodes.push(Node { op, name, inputs: inputs.to_vec(), outputs: outputs.clone() });
        outputs
    }
}
