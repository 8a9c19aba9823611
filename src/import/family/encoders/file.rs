//! Encoders in GGUF files, as llama.cpp's converter writes them: BERT with its many relatives, and Nomic's BERT.

use super::nomic::turning;
use super::{EncoderConfig, Names, Nonlinear};
use crate::bundle::Pooling;
use crate::error::{Error, Result};
use crate::format::gguf::Gguf;
use crate::import::gguf::rope;
use crate::import::sentence::{Sentence, unsaid};
use crate::watch::Progress;

/// A family of files.
pub(in crate::import) struct File {
    /// Its name in GGUF (`general.architecture`).
    name: &'static str,
    /// Whether positions turn heads and the feed-forward has a gate; positions are learned otherwise.
    turns: bool,
}

const FILES: [File; 2] = [File { name: "bert", turns: false }, File { name: "nomic-bert", turns: true }];

/// A family by its name in a GGUF file.
pub(in crate::import) fn of_file(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

/// What llama.cpp calls the tensors.
const NAMES: Names = Names {
    prefix: "",
    layers: "blk.",
    parts: &[
        ("token_embd", "embeddings.word_embeddings"),
        ("position_embd", "embeddings.position_embeddings"),
        ("token_types", "embeddings.token_type_embeddings"),
        ("token_embd_norm", "embeddings.LayerNorm"),
        ("attn_q", "attention.self.query"),
        ("attn_k", "attention.self.key"),
        ("attn_v", "attention.self.value"),
        ("attn_output", "attention.output.dense"),
        ("attn_output_norm", "attention.output.LayerNorm"),
        ("ffn_gate", "intermediate.gate"),
        ("ffn_up", "intermediate.dense"),
        ("ffn_down", "output.dense"),
        ("layer_output_norm", "output.LayerNorm"),
    ],
    joined: &[("attn_qkv", &["attention.self.query", "attention.self.key", "attention.self.value"])],
    unused: &["cls"],
};

impl File {
    /// What llama.cpp calls the tensors.
    pub fn names(&self) -> &'static Names {
        &NAMES
    }

    /// Reads the file's keys. `shown` is the file, as a person reads it.
    pub fn config(&self, gguf: &Gguf, shown: &str, progress: &dyn Progress) -> Result<EncoderConfig> {
        let key = |k: &str| format!("{}.{k}", self.name);
        let size = |k: &str| {
            let found = gguf.integer::<u32>(&key(k)).filter(|&n| n > 0 && n < 1 << 30).map(|n| n as usize);
            let lacks = || Error::corrupt(format!("the GGUF file lacks a sensible {:?}; fetch it again", key(k)));
            found.ok_or_else(lacks)
        };
        let rows = |name: &str| Ok::<_, Error>(gguf.tensor(name).transpose()?.map(|tensor| tensor.matrix().0));
        let lacks = |name: &str| Error::corrupt(format!("the GGUF file lacks {name}; fetch it again"));
        if gguf.bool(&key("attention.causal")) == Some(true) {
            return Err(Error::unsupported("a file whose attention.causal is true; known are encoders that see all"));
        }
        let words = "token_embd.weight";
        let config = EncoderConfig {
            hidden: size("embedding_length")?,
            inner: size("feed_forward_length")?,
            heads: size("attention.head_count")?,
            vocabulary: rows(words)?.ok_or_else(|| lacks(words))?,
            epsilon: gguf.float(&key("attention.layer_norm_epsilon")).unwrap_or(1e-12) as f32,
            // Nomic's gate goes through SiLU; no key says so.
            nonlinear: if self.turns { Nonlinear::Silu } else { Nonlinear::Gelu },
            kinds: gguf.tensor("token_types.weight").is_some(),
            ..EncoderConfig::bert(self.name, size("block_count")?, self.sentence(gguf, shown, progress)?)
        };
        let context = size("context_length")?;
        if self.turns {
            let head = config.hidden / config.heads;
            return Ok(turning(config, rope(gguf, &key, head)?).within(context));
        }
        let table = "position_embd.weight";
        Ok(config.learned(rows(table)?.ok_or_else(|| lacks(table))?, 0))
    }

    fn sentence(&self, gguf: &Gguf, shown: &str, progress: &dyn Progress) -> Result<Sentence> {
        let key = format!("{}.pooling_type", self.name);
        let pooling = match gguf.integer::<u32>(&key) {
            Some(1) => Pooling::Mean,
            Some(2) => Pooling::Cls,
            Some(3) => Pooling::Last,
            None | Some(0) => {
                unsaid(shown, "import its folder with safetensors", progress);
                Pooling::Mean
            }
            Some(other) => {
                return Err(Error::unsupported(format!(
                    "{key} is {other}; known are 1 (mean), 2 (cls) and 3 (last): choose an embedder, not a reranker"
                )));
            }
        };
        let (dense, none) = (vec![], String::new);
        let (query_prefix, passage_prefix) = (none(), none());
        Ok(Sentence { pooling, dense, centred: false, query_prefix, passage_prefix, longest: None })
    }
}
