//! `export`: a model for other programs.

use super::app::App;
use super::failure::Done;
use super::style::bytes;
use clap::Args;
use std::path::PathBuf;

/// Write a model as a folder that any ONNX Runtime loads
///
/// Where this machine has kernels for them, a file's own blocks serve as they lie; no other ONNX Runtime reads those.
/// Here they become the blocks that its operators MatMulNBits and GatherBlockQuantized read: exactly where 4 or 8 bits
/// hold them, else rounded to 8. The folder also holds the tokenizer, the chat template and a config.json.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside export --onnx ./smollm2-onnx
  wayside export --onnx ./qwen3-onnx --model qwen3")]
pub struct Words {
    /// The folder to write, which must be new or empty
    #[arg(long, value_name = "DIR")]
    onnx: PathBuf,
    /// The model [default: the configured one]
    #[arg(long, value_name = "M")]
    model: Option<String>,
}

pub fn run(app: &App, words: &Words) -> Done {
    let exported = app.runtime()?.export_onnx(words.model.as_deref(), &words.onnx)?;
    app.result(&exported, || {
        app.line(&format!("{}: {}", words.onnx.display(), bytes(exported.bytes)));
        exported.files.iter().for_each(|(name, size)| app.line(&format!("  {name}  {}", bytes(*size))));
    })
}
