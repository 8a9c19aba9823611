//! A model as Wayside keeps it: a folder of standard files and a manifest that vouches for each.
//!
//! ```text
//! models/<name>/
//!   manifest.json       what it is, and the size and SHA-256 of every other file
//!   model.onnx          the graph: for any ONNX Runtime, or with operators of ours; see `ARCHITECTURE.md`
//!   weights.bin         its external data
//!   tokenizer.json      Hugging Face's format
//!   chat_template.jinja decoders that have one
//! ```

mod hyperparameters;
mod rope;

pub use hyperparameters::{Activation, Hyperparameters, Layer, Multipliers};
pub use rope::{Rope, Scaling};

use crate::durable;
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::versioned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The version of the layout this code writes and the newest it reads.
const FORMAT: u32 = 2;
/// The manifest's name.
pub const MANIFEST: &str = "manifest.json";
/// The graph's name.
pub const MODEL: &str = "model.onnx";
/// The tokenizer's name.
pub const TOKENIZER: &str = "tokenizer.json";
/// The chat template's name.
pub const TEMPLATE: &str = "chat_template.jinja";

/// What an encoder's graph calls the vectors of whole texts, `[batch, dimensions]`, where it gives such.
pub const WHOLE: &str = "sentence_embedding";

/// What `manifest.json` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this layout.
    pub format: u32,
    /// The name it goes by.
    pub name: String,
    /// The family: `llama`, `qwen2`, `bert`...
    pub architecture: String,
    /// How many numbers were trained.
    pub parameters: u64,
    /// `int4`, `int8`, or `as given` for a graph that came ready.
    pub weights: String,
    /// The file or folder it was made from, by name.
    pub source: String,
    /// The licence that its files name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// What it does and how to drive it.
    pub model: Model,
    /// The adapter it carries and the model that is under it, where it was made by merging the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Merged>,
    /// Every other file, by its path in the bundle.
    pub files: BTreeMap<String, FileEntry>,
}

/// What a model was merged of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// The model under it, by name.
    pub base: String,
    /// That model's [`Bundle::fingerprint`].
    pub base_fingerprint: String,
    /// The adapter's id.
    pub adapter: String,
    /// Whose words it learned, as its lineage says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
}

/// A file the manifest vouches for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// What a model does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Model {
    /// Predicts the next token.
    Decoder(Decoder),
    /// Turns a text into a vector.
    Encoder(Encoder),
}

/// How to drive a decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decoder {
    /// Layers, each with a key and a value cache.
    pub layers: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Numbers in a head.
    pub head_dim: usize,
    /// Tokens in the vocabulary.
    pub vocabulary: usize,
    /// The most tokens it can look at.
    pub context: usize,
    /// Put before every text, where the model was trained so.
    pub bos: Option<u32>,
    /// Any of these ends an answer.
    pub eos: Vec<u32>,
    /// How its cache grows.
    pub cache: Cache,
    /// What it is; none for a graph that came ready, and for what was imported before this was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hyperparameters: Option<Hyperparameters>,
}

/// How a decoder's graph treats past keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cache {
    /// Past and present are one buffer of the full capacity, written in place.
    InPlace,
    /// Present is past with the new tokens behind it: a new buffer each step.
    Appended,
}

/// How to drive an encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoder {
    /// Numbers in a vector.
    pub dimensions: usize,
    /// The most tokens it can look at.
    pub context: usize,
    /// How token vectors become one.
    pub pooling: Pooling,
    /// Put before a question (E5 and BGE were trained so).
    #[serde(default)]
    pub query_prefix: String,
    /// Put before a passage.
    #[serde(default)]
    pub passage_prefix: String,
}

/// How token vectors become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean over the tokens.
    Mean,
    /// The first token's.
    Cls,
    /// The last token's.
    Last,
    /// The largest over the tokens, number by number.
    Max,
    /// The model's own: it gives one vector for a text, as `sentence_embedding`.
    Own,
}

/// A bundle on disk.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Its folder.
    pub dir: PathBuf,
    /// What its manifest says.
    pub manifest: Manifest,
}

impl Bundle {
    /// Opens the bundle in `dir`: reads the manifest and checks that every file is there in its full length.
    /// [`Bundle::verify`] reads them all.
    pub fn open(dir: &Path) -> Result<Self> {
        let manifest = versioned::read(&dir.join(MANIFEST), FORMAT, "import the model again")?;
        let bundle = Self { dir: dir.to_owned(), manifest };
        for (name, entry) in &bundle.manifest.files {
            let length = bundle.path(name)?.metadata().map_or(0, |m| m.len());
            if length != entry.bytes {
                return Err(bundle.broken(name, &format!("{length} bytes instead of {}", entry.bytes)));
            }
        }
        Ok(bundle)
    }

    /// How to drive a language model. Errors: `Invalid` for one that makes vectors.
    pub fn decoder(&self) -> Result<&Decoder> {
        match &self.manifest.model {
            Model::Decoder(decoder) => Ok(decoder),
            Model::Encoder(_) => {
                let name = &self.manifest.name;
                Err(Error::invalid(format!("{name} makes vectors, it cannot answer; choose a language model")))
            }
        }
    }

    /// How to drive an embedder. Errors: `Invalid` for a language model.
    pub fn encoder(&self) -> Result<&Encoder> {
        match &self.manifest.model {
            Model::Encoder(encoder) => Ok(encoder),
            Model::Decoder(_) => {
                let name = &self.manifest.name;
                Err(Error::invalid(format!("{name} answers, it makes no vectors; choose an embedder")))
            }
        }
    }

    /// Hashes every file and compares. Slow: it reads the whole model.
    pub fn verify(&self) -> Result<()> {
        for (name, entry) in &self.manifest.files {
            let found = digest(&self.path(name)?)?;
            if found.sha256 != entry.sha256 {
                return Err(self.broken(name, "altered"));
            }
        }
        Ok(())
    }

    fn broken(&self, file: &str, how: &str) -> Error {
        let path = self.dir.join(file);
        Error::corrupt(format!("{} is {how}; import the model {} again", path.display(), self.manifest.name))
    }

    /// A file of the bundle. Errors: `Corrupt` when the name would leave the folder.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        let plain = Path::new(name).components().all(|c| matches!(c, std::path::Component::Normal(_)));
        if plain { Ok(self.dir.join(name)) } else { Err(self.broken(name, "outside the bundle")) }
    }

    /// Hashes what is in `staged`, writes the manifest, and puts the folder in place.
    pub fn publish(staged: durable::Staged, mut manifest: Manifest, target: &Path) -> Result<Self> {
        manifest.format = FORMAT;
        for entry in walkdir::WalkDir::new(staged.path()).min_depth(1).sort_by_file_name() {
            let entry = entry.map_err(|e| Error::io("cannot list a new bundle", e.into()))?;
            if entry.file_type().is_file() {
                let name = entry.path().strip_prefix(staged.path()).unwrap_or(entry.path());
                manifest.files.insert(name.to_string_lossy().into_owned(), digest(entry.path())?);
            }
        }
        let text = serde_json::to_vec_pretty(&manifest).map_err(|e| Error::invalid("manifest").because(e))?;
        durable::write(&staged.path().join(MANIFEST), &text)?;
        staged.publish()?;
        Ok(Self { dir: target.to_owned(), manifest })
    }

    /// The manifest's fingerprint of the model: equal only when graph, weights and tokenizer are.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for (name, entry) in &self.manifest.files {
            hash.update(format!("{name} {}\n", entry.sha256));
        }
        hex(&hash.finalize())
    }

    /// Name and fingerprint: what vectors are kept with. [`name_of_id`] reads the name off it.
    pub fn id(&self) -> String {
        format!("{} {}", self.manifest.name, self.fingerprint())
    }
}

/// The name in a [`Bundle::id`].
pub fn name_of_id(id: &str) -> &str {
    id.rsplit_once(' ').map_or(id, |(name, _)| name)
}

/// The name of the bundle in `dir`: the last part of its path. Errors: `Invalid` for a name that is no plain file name.
pub(crate) fn name_of(dir: &Path) -> Result<String> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    check_name(&name)?;
    Ok(name)
}

/// Errors: `Invalid` for what cannot be a model's name, a path out of the home among it.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && !name.starts_with('.');
    if !plain || name.is_empty() || name.len() > 100 {
        return Err(Error::invalid(format!(
            "{name:?} cannot be a model's name; use letters, digits, '-', '_' and '.', not in front"
        )));
    }
    Ok(())
}

/// Length and SHA-256 of a file.
pub(crate) fn digest(path: &Path) -> Result<FileEntry> {
    let fail = |e| Error::io(format!("cannot read {}", path.display()), e);
    let mut file = File::open(path).map_err(fail)?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let n = file.read(&mut buffer).map_err(fail)?;
        if n == 0 {
            return Ok(FileEntry { bytes, sha256: hex(&hash.finalize()) });
        }
        hash.update(&buffer[..n]);
        bytes += n as u64;
    }
}
