//! What a folder holds: which of its files is the model, or why none of them can be taken.

use super::huggingface::Keys;
use crate::bundle::TOKENIZER;
use crate::error::{Error, Result};
use crate::format::gguf::goes_on;
use crate::format::safetensors;
use std::path::{Path, PathBuf};

/// What to take in place of weights that cannot be read.
const INSTEAD: &str = "take the model's original folder, or a GGUF file of it in Q4_K_M";

/// The GGUF file of a folder that holds nothing else to build from. Of a split file that is the first part.
///
/// Errors: `Invalid` where there are several.
pub(super) fn gguf(folder: &Path) -> Result<Option<PathBuf>> {
    if folder.join("config.json").exists() {
        return Ok(None);
    }
    let models: Vec<String> = names(folder).into_iter().filter(|n| n.ends_with(".gguf") && !goes_on(n)).collect();
    match models.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(folder.join(one))),
        several => Err(Error::invalid(format!(
            "{} holds several models: {}; name the one to import",
            folder.display(),
            several.join(", ")
        ))),
    }
}

/// Whether a folder holds weights as safetensors of ordinary numbers, and what reads and writes their tokens.
///
/// Errors: `Unsupported` or `NotFound`, naming what is there instead and what to do.
pub(super) fn check(folder: &Path) -> Result<()> {
    let shown = folder.display();
    if let Some(method) = quantized(folder) {
        return Err(Error::unsupported(format!("{shown} holds weights quantized by {method}; {INSTEAD}")));
    }
    let names = names(folder);
    let first = |is: &dyn Fn(&str) -> bool| names.iter().find(|name| is(name));
    if safetensors::files(folder)?.is_empty() {
        let pickle = |name: &str| name.ends_with(".bin") && name.contains("model") || name.ends_with(".pth");
        return Err(if let Some(name) = first(&pickle) {
            Error::unsupported(format!(
                "{shown} holds its weights as {name}, a format that can run code and is not read; \
                 save the model as safetensors with transformers' save_pretrained"
            ))
        } else if let several @ [_, _, ..] = super::ready::models(folder).as_slice() {
            Error::invalid(format!(
                "{shown} holds several ONNX models: {}; leave the one to import, or call it model.onnx",
                several.join(", ")
            ))
        } else if let Some(name) = first(&|name| name.ends_with(".safetensors")) {
            Error::unsupported(format!(
                "{shown} holds {name}, but no model.safetensors with the names of transformers; {INSTEAD}"
            ))
        } else {
            let some: Vec<_> = names.iter().take(5).map(String::as_str).collect();
            let some = if some.is_empty() { "nothing".to_owned() } else { some.join(", ") };
            Error::not_found(format!("{shown} holds no model.safetensors, no GGUF file and no ONNX model, but {some}"))
        });
    }
    if !folder.join(TOKENIZER).exists()
        && let Some(name) = first(&|name| matches!(name, "tokenizer.model" | "vocab.json" | "vocab.txt" | "merges.txt"))
    {
        return Err(Error::unsupported(format!(
            "{shown} holds {name}, but no tokenizer.json; AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER) \
             of transformers writes it"
        )));
    }
    Ok(())
}

/// By what the weights were quantized, if they were.
fn quantized(folder: &Path) -> Option<String> {
    let config = Keys::read(folder, "config.json").ok()?;
    if let Some(how) = config.object("quantization_config") {
        return Some(how.text("quant_method").unwrap_or_else(|_| "a method that config.json does not name".into()));
    }
    config.object("quantization").map(|_| "MLX".into())
}

/// The names of the files in a folder, sorted.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}
