//! The judge: the default embedder's encoder, taught to say how surely a text answers a question.
//!
//! What it was taught is an adapter: two factors for each linear layer, a few small tensors of its own, and a head.
//! They are compiled in, 3 MB; `models/judge/` says how they were made. The encoder under them is the embedder's part.

use super::source::{Patch, Source};
use super::{Options, build, huggingface};
use crate::bundle::Bundle;
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::tensor::Encoding;
use crate::watch::{Cancel, Progress};
use ::safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The bundle's name.
pub const JUDGE: &str = "answer-judge";
/// What it was taught.
const TAUGHT: &[u8] = include_bytes!("../../models/judge/judge.safetensors");
/// Factors of a matrix `x.weight` are `x.lora_A` `[rank, inputs]` and `x.lora_B` `[outputs, rank]`.
const FACTORS: [&str; 2] = [".lora_A", ".lora_B"];

/// Where a judge says what it was made from; a newer program's is another.
pub fn judge_source() -> String {
    let digest = hex(&Sha256::digest(TAUGHT));
    format!("judge.safetensors {}", digest.get(..16).unwrap_or(&digest))
}

/// Makes the judge as the bundle `dir`, from the folder of the default embedder.
///
/// Errors: as [`super::import`].
pub fn judge(base: &Path, dir: &Path, progress: &dyn Progress, cancel: &Cancel) -> Result<Bundle> {
    let mut described = huggingface::describe(base, progress)?;
    let patch = taught(&described.source, TAUGHT)?;
    described.source = described.source.patched(patch);
    build(Path::new(&judge_source()), described, dir, Options::default(), progress, cancel)
}

/// The tensors that differ from the base's.
fn taught(base: &Source, file: &[u8]) -> Result<Patch> {
    let damaged = |e: &dyn std::fmt::Display| Error::corrupt(format!("the judge's tensors are damaged: {e}"));
    let file = SafeTensors::deserialize(file).map_err(|e| damaged(&e))?;
    let numbers = |name: &str| -> Result<(Vec<usize>, Vec<f32>)> {
        let view = file.tensor(name).map_err(|e| damaged(&e))?;
        let encoding = match view.dtype() {
            Dtype::F16 => Encoding::F16,
            Dtype::F32 => Encoding::F32,
            other => return Err(damaged(&format!("{name} is {other:?}"))),
        };
        let mut values = vec![0.0; view.shape().iter().product()];
        encoding.decode(view.data(), &mut values);
        Ok((view.shape().to_vec(), values))
    };
    let bytes = |values: &[f32]| bytemuck::cast_slice(values).to_vec();
    let mut patch = Patch::new();
    for name in file.names() {
        let Some(place) = name.strip_suffix(FACTORS[0]) else {
            if !name.ends_with(FACTORS[1]) {
                let (shape, values) = numbers(name)?;
                patch.insert(name.to_owned(), (shape, bytes(&values)));
            }
            continue;
        };
        let ((a_shape, a), (b_shape, b)) = (numbers(name)?, numbers(&format!("{place}{}", FACTORS[1]))?);
        let matrix = base.get(&format!("{place}.weight"))?;
        let ([rank, inputs], [outputs, other]) = (a_shape.as_slice(), b_shape.as_slice()) else {
            return Err(damaged(&format!("{place} has factors that are no matrices")));
        };
        if rank != other || matrix.shape != [*outputs, *inputs] {
            return Err(damaged(&format!("{place} has factors of another shape")));
        }
        let mut sum = matrix.to_f32();
        for (row, factors) in sum.chunks_exact_mut(*inputs).zip(b.chunks_exact(*rank)) {
            for (factor, of) in factors.iter().zip(a.chunks_exact(*inputs)) {
                row.iter_mut().zip(of).for_each(|(sum, a)| *sum += factor * a);
            }
        }
        patch.insert(format!("{place}.weight"), (matrix.shape, bytes(&sum)));
    }
    Ok(patch)
}
