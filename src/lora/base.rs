//! The model that an adapter of PEFT's says it was trained on, held against the one it is to be worn by.
//!
//! Shapes tell whether it fits; a model of the same shapes and other weights is fitted by it too, and ruined.

use super::manifest;
use super::peft;
use crate::bundle::{Bundle, Manifest};
use crate::error::{Error, Result};
use std::path::Path;

/// Refuses the adapter in `dir` where its configuration names another model than `base`. One of ours says more than a
/// name, and is held to that elsewhere; one that names nothing may be anybody's.
///
/// Errors: `Incompatible` for another model; those of reading the configuration.
pub fn check_base(dir: &Path, base: &Bundle) -> Result<()> {
    if dir.join(manifest::MANIFEST).exists() {
        return Ok(());
    }
    let Some(named) = peft::base_name(dir)? else { return Ok(()) };
    let Manifest { name, source, .. } = &base.manifest;
    if [name, source].iter().any(|known| plain(known) == plain(&named)) {
        return Ok(());
    }
    Err(Error::incompatible(format!(
        "the adapter in {} was trained on {named}, and {name} was made from {source}; if those are the same weights, \
         import it with `wayside adapters import {} --any-base`",
        dir.display(),
        dir.display()
    )))
}

/// A model's name without its publisher, its file's ending and how it was quantized: "Qwen/Qwen2.5-0.5B-Instruct" and
/// "qwen2.5-0.5b-instruct-q4_k_m.gguf" are one.
fn plain(name: &str) -> String {
    let last = name.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase();
    let parts = last.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.take_while(|part| !is_quantization(part)).collect()
}

/// Whether a part of a name says how numbers are kept.
fn is_quantization(part: &str) -> bool {
    let after = part.strip_prefix("iq").or_else(|| part.strip_prefix('q'));
    after.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        || ["gguf", "safetensors", "f16", "fp16", "f32", "fp32", "bf16", "mxfp4", "bnb", "gptq", "awq", "fp8"]
            .contains(&part)
        || ["int4", "int8", "4bit", "8bit"].contains(&part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_model_has_many_names() {
        for (a, b) in [
            ("Qwen/Qwen2.5-0.5B-Instruct", "qwen2.5-0.5b-instruct-q4_k_m.gguf"),
            ("HuggingFaceTB/SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct.Q4_1.gguf"),
            ("/data/models/ad_base/", "ad_base"),
            ("unsloth/Llama-3.2-1B-Instruct-bnb-4bit", "Llama-3.2-1B-Instruct"),
        ] {
            assert_eq!(plain(a), plain(b));
        }
        for (a, b) in [
            ("Qwen/Qwen2.5-0.5B", "Qwen2.5-0.5B-Instruct"),
            ("meta-llama/Llama-3.2-1B-Instruct", "ad_base"),
            ("Qwen/Qwen2.5-0.5B-Instruct", "Qwen2.5-1.5B-Instruct"),
        ] {
            assert_ne!(plain(a), plain(b));
        }
    }
}
