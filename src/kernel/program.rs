//! What a stack computes: many of our operators behind one another in one node of ONNX Runtime, so that between two of
//! them nothing happens but that threads meet. This is the attribute `program` of the operator `wayside.Stack`, which
//! `graph` writes and `engine` reads.
//!
//! All values are matrices of float32 numbers, `[rows, width]`, but what attention remembers.

use crate::bundle::{Activation, Rope};
use crate::error::{Error, Result};
use crate::tensor::Packed;
use serde::{Deserialize, Serialize};

/// The most matrices that a stack hands out.
pub const MATRICES: usize = 8;

/// Steps in the order in which they are taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// The steps.
    pub steps: Vec<Step>,
    /// Which of the values made are the node's outputs, in their order; behind them come the caches, in the order in
    /// which attention has them.
    pub outputs: Vec<usize>,
}

/// One operator at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it does.
    pub work: Work,
    /// What it reads; `None` for an input left out.
    pub reads: Vec<Option<Place>>,
    /// The numbers of the matrices it makes, counted through the program.
    pub makes: Vec<usize>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Place {
    /// An input of the node.
    Input(usize),
    /// What a step has made.
    Made(usize),
    /// A constant in the file of weights, which the session has mapped.
    Stored {
        /// Where it begins, in bytes.
        offset: usize,
        /// How many bytes it has.
        bytes: usize,
        /// Its last axis.
        width: usize,
    },
}

/// What a step does. Shapes: K inputs and N outputs of a layer, H heads of D numbers, of which KV are of keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// `(a, b [rows or 1])`: their sum.
    Add,
    /// `(q, k, v, cosines, sines, rows [lanes], then for each lane keys, values, length, most)`: attention, each lane's
    /// rows to a cache of its own. Without k and v they lie behind q; without rows there is one lane. A length is the
    /// positions that there will be, less one; the most is what a cache without room grows to. Without cosines and
    /// sines heads are turned by `rope`, or not at all.
    Attend {
        /// H.
        heads: usize,
        /// KV.
        kv_heads: usize,
        /// Positions that a row sees, its own among them; all without.
        window: Option<usize>,
        /// What scores are multiplied by; one over the root of D without.
        scale: Option<f32>,
        /// Scores stay within this, by tanh.
        cap: Option<f32>,
        /// What turns its heads, where no tables are read.
        rope: Option<Rope>,
    },
    /// `(a, b)`: side by side.
    Beside,
    /// `(x [.., 2 K])`: `activation(first half) * second half`.
    Gate {
        /// What the first half goes through.
        activation: Activation,
    },
    /// `(x, bytes)`: with a matrix in the encodings of its file.
    LinearPacked {
        /// The matrix.
        packed: Packed,
        /// Whether x is `[.., 2 K]`, of which [`Work::Gate`] is meant.
        gated: Option<Activation>,
    },
    /// `(x, gain)`: over the root mean square.
    Norm {
        /// Added to the mean square.
        epsilon: f32,
    },
    /// `(x, matrix [K, N])`: their product in float32.
    Product,
    /// `(x)`: times a number.
    Scale {
        /// The number.
        by: f32,
    },
    /// `(x, skip, gain)`: the norm of their sum, and the sum.
    SkipNorm {
        /// Added to the mean square.
        epsilon: f32,
    },
}

impl Program {
    /// As text.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From text, with every step reading what there is by then.
    pub fn decode(text: &str, inputs: usize) -> Result<Self> {
        let wrong = || Error::corrupt("a stack's program is damaged; import the model again");
        let program: Self = serde_json::from_str(text).map_err(|e| wrong().because(e))?;
        let mut made = 0;
        for step in &program.steps {
            let there = |place: &Place| match place {
                Place::Input(i) => *i < inputs,
                Place::Made(m) => *m < made,
                Place::Stored { .. } => true,
            };
            if !step.reads.iter().flatten().all(there) || !step.makes.iter().copied().eq(made..made + step.makes.len())
            {
                return Err(wrong());
            }
            made += step.makes.len();
        }
        let fits = program.outputs.len() <= MATRICES && program.outputs.iter().all(|m| *m < made);
        if fits { Ok(program) } else { Err(wrong()) }
    }

    /// How many values are made.
    pub fn made(&self) -> usize {
        self.steps.iter().map(|s| s.makes.len()).sum()
    }
}
