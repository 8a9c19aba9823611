//! A language model that gives vectors in the place of words: its layers without caches and without a head. Each token
//! sees those before it, so that usually the last one stands for the whole text.

use super::config::DecoderConfig;
use super::decoder::{LONGEST, check, layers, shared};
use super::linear::Weights;
use super::{encoder, sentence::Sentence};
use crate::bundle::Encoder;
use crate::error::Result;
use crate::graph::DType;
use crate::watch::{Cancel, Progress};

/// Builds the whole model; returns how to drive it. Inputs and outputs are an encoder's.
pub(super) fn build(
    c: &DecoderConfig,
    sentence: &Sentence,
    w: &mut Weights<'_>,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Encoder> {
    check(c, w.source)?;
    let most = c.context.min(LONGEST);
    let context = sentence.longest.unwrap_or(most).min(most);
    progress.start("import", c.hyperparameters.layers.len() as u64 + 1);
    let [ids, mask] = ["input_ids", "attention_mask"]
        .map(|name| w.graph.input(name, DType::I64, ["batch".into(), "sequence".into()]));
    let shared = shared(c, w, mask, context, false)?;
    let (normed, _) = layers(c, w, ids, &shared, progress, cancel)?;
    let encoder = encoder::finish(sentence, c.hyperparameters.hidden, context, w, [normed, mask])?;
    progress.finish();
    Ok(encoder)
}
