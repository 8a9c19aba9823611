//! `import`: a model from a file or folder.

use super::app::App;
use super::failure::Done;
use super::style::bytes;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use wayside::import::Options;
use wayside::tensor::Bits;

/// Make a model of your own ready: a GGUF file, or a folder from Hugging Face
///
/// Reads a GGUF file, or a folder with safetensors or ONNX files. Where this machine has kernels for them, the numbers
/// of a GGUF file stay as they are, bit for bit. Elsewhere, and for a GPU, they become what stock ONNX Runtime reads;
/// `export` writes that on any machine. Safetensors are stored in 8 bits. `--weights int4` rounds what has more bits to
/// 4, by a search over scales: half the memory, and a little less exact.
///
/// Language models of the families Llama, Mistral, Qwen2, Qwen3, Gemma 2 and 3, Granite, SmolLM3 and Phi 3. Embedders
/// of the families BERT, RoBERTa, XLM-RoBERTa, CamemBERT, DistilBERT, MPNet, Nomic BERT and ModernBERT, and those made
/// of a language model, as Qwen3-Embedding; as GGUF BERT and Nomic BERT.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside import Qwen3-0.6B-Q8_0.gguf --name qwen3
  wayside import ./SmolLM2-360M-Instruct --name smollm2-360m --weights int4
  wayside ask \"How do I ...?\" --model qwen3")]
pub struct Words {
    /// The GGUF file or the folder
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// What to call it; a model of that name is replaced
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Bits of the linear layers
    #[arg(long, value_name = "BITS")]
    weights: Option<Weights>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Weights {
    /// 4 bits in blocks of 32: half the memory, faster, a little less exact
    Int4,
    /// 8 bits in blocks of 32: as good as the source
    Int8,
}

pub fn run(app: &App, words: &Words) -> Done {
    let weights = words.weights.map(|w| match w {
        Weights::Int4 => Bits::Int4,
        Weights::Int8 => Bits::Int8,
    });
    let imported = app.runtime()?.import(&words.path, &words.name, Options { weights, ..Options::default() })?;
    app.result(&imported, || {
        let (millions, size) = (imported.parameters as f64 / 1e6, bytes(imported.bytes));
        app.line(&format!(
            "{}: {}, {millions:.0} million numbers, {}, {size}, in {:.1} s",
            imported.name, imported.architecture, imported.weights, imported.seconds
        ));
        imported.notes.iter().for_each(|note| app.note(note));
    })
}
