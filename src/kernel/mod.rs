//! The kernels that decode: products with a model's weights as its file has them, attention, and what lies between.
//!
//! ONNX Runtime's `MatMulNBits` packs the weights anew for each session, has no place for offsets, and rounds one row
//! otherwise than several. These kernels read a file's own blocks from the memory map, and give a row the same bits
//! whatever stands beside it, on every machine:
//!
//! ```text
//! backend.rs      which instruction set computes: one of x86_64/, aarch64/, or scalar.rs, the definition
//! isa.rs          what an instruction set brings; the kernels are written once over it
//! gemv.rs         a few rows times a matrix            gemm.rs   many rows
//! formats/        how blocks become numbers: a file for each kind
//! floats.rs       weights that are float16             lora_matmul.rs   an adapter's factors
//! attention.rs    attention over a cache               elementwise.rs   norms, gates
//! matrix.rs, activations.rs                            what is multiplied
//! program.rs, thread_pool.rs                           many operators as one node, and who computes them
//! ```

mod aarch64;
mod activations;
mod attention;
mod backend;
mod elementwise;
mod exp;
mod floats;
mod formats;
mod gemm;
mod gemv;
mod isa;
mod lora_matmul;
mod matrix;
mod output;
mod program;
mod scalar;
mod thread_pool;
mod x86_64;

pub use activations::Activations;
pub use attention::{Attention, Heads, Scores, rotate};
pub use backend::Backend;
pub use elementwise::{add, scale};
pub use lora_matmul::STRIP;
pub use matrix::{Matrix, PANEL, parts};
pub use output::{Number, Output};
pub use program::{MATRICES, Place, Program, Step, Work};
pub use thread_pool::ThreadPool;

/// The domain of the operators these kernels are in ONNX Runtime.
pub const DOMAIN: &str = "wayside";

/// The operator that looks rows up in a matrix in the encoding of its file: `(bytes, indices)`.
pub const GATHER_PACKED: &str = "GatherPacked";

/// The operator that multiplies with such a matrix: `(x, bytes)`.
pub const MAT_MUL_PACKED: &str = "MatMulPacked";

/// The operator that makes the tables of a rope: `(total length)` to `(cosines, sines)`.
pub const ROPE_TABLES: &str = "RopeTables";

/// Its attribute: the rope, as JSON.
pub const ROPE: &str = "rope";

/// The attribute of operators on matrices: the matrix, as [`crate::tensor::Packed`] spells it.
pub const PACKED: &str = "packed";

/// Counts changes to the bits of a result, so that what was computed by other kernels is not taken for theirs.
pub const VERSION: u32 = 3;

/// The largest head that attention has a kernel for.
pub const LARGEST_HEAD: usize = 256;

/// Whether attention has a kernel for heads of `dim` numbers: whole vectors, and not too many.
pub fn fits_head(dim: usize) -> bool {
    dim.is_multiple_of(16) && (16..=LARGEST_HEAD).contains(&dim)
}

#[cfg(test)]
mod tests;
