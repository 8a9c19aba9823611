//! SmolLM3: llama whose every fourth layer knows no positions.

use super::super::config::DecoderConfig;
use super::super::huggingface::Keys;
use crate::error::Result;
use crate::format::gguf::Gguf;

/// Of so many layers the last turns no heads.
const EACH: usize = 4;

pub(super) fn folder(c: &Keys, d: &mut DecoderConfig) -> Result<()> {
    let named = c.counts("no_rope_layers");
    let each = c.size("no_rope_layer_interval").unwrap_or(EACH);
    for (at, layer) in d.hyperparameters.layers.iter_mut().enumerate() {
        let turns = named.as_ref().and_then(|named| named.get(at)).map(|flag| *flag != 0);
        let turns = turns.unwrap_or(!(at + 1).is_multiple_of(each));
        layer.rope = layer.rope.filter(|_| turns);
    }
    Ok(())
}

pub(super) fn file(_: &Gguf, d: &mut DecoderConfig) -> Result<()> {
    for last in d.hyperparameters.layers.chunks_exact_mut(EACH).filter_map(<[_]>::last_mut) {
        last.rope = None;
    }
    Ok(())
}
