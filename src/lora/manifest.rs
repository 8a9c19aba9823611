//! `wayside.json`, beside PEFT's files: which model an adapter belongs to, and what it was made from.

use super::peft;
use crate::bundle::{self, Bundle, digest};
use crate::durable;
use crate::error::{Error, Result};
use crate::format::map;
use crate::hex::hex;
use crate::versioned;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// The version of the layout this code writes and the newest it reads.
const FORMAT: u32 = 1;
/// The manifest's name.
pub(super) const MANIFEST: &str = "wayside.json";
/// Digits of an adapter's id.
pub(crate) const ID_DIGITS: usize = 12;

/// What `wayside.json` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this layout.
    pub format: u32,
    /// The adapter's name: the first twelve digits of the SHA-256 of its tensors followed by its configuration.
    pub id: String,
    /// The bundle it belongs to, by name.
    pub base: String,
    /// That bundle's [`Bundle::fingerprint`].
    pub base_fingerprint: String,
    /// The SHA-256 of that bundle's tokenizer, in hexadecimal.
    pub tokenizer_sha256: String,
    /// Its rank.
    pub rank: usize,
    /// When it was made, or came in.
    pub created: Timestamp,
    /// What it was made from.
    pub lineage: Lineage,
    /// The training loss over time, in nats a token; empty where it is not known.
    pub loss: Vec<f32>,
    /// The length of `adapter_model.safetensors`.
    pub bytes: u64,
    /// The SHA-256 of `adapter_model.safetensors`, in hexadecimal.
    pub sha256: String,
}

/// What an adapter was made from. The default, without data, is that of an adapter from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lineage {
    /// What it was trained on.
    pub data: Vec<Dataset>,
    /// The seed of its training.
    pub seed: u64,
    /// Optimizer steps.
    pub steps: u64,
    /// Times it has seen the data.
    pub epochs: u64,
    /// Whether retrieved passages were in the prompts.
    pub retrieval: bool,
    /// What an example was.
    pub kind: Kind,
    /// Whose words they were, where that is known, by [`subject_hash`](crate::store::log::subject_hash); sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// When the oldest of each one's words were spoken, where that is known: words erased since make it unfit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub spoken: BTreeMap<String, Timestamp>,
    /// The questions whose answers were learned, by [`question_hash`](crate::store::log::question_hash); sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

/// A file of examples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// How many examples it gave.
    pub examples: u64,
}

/// What training examples were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Texts, learned whole.
    #[default]
    Text,
    /// Conversations, of which the answers are learned.
    Chat,
}

impl Manifest {
    /// Describes the adapter whose two files are in `dir`, made for `base` now.
    ///
    /// Errors: as reading the files; `Corrupt` when the bundle has no tokenizer.
    pub fn new(dir: &Path, base: &Bundle, lineage: Lineage, loss: Vec<f32>) -> Result<Self> {
        let tensors = digest(&dir.join(peft::TENSORS))?;
        Ok(Self {
            format: FORMAT,
            id: id(dir)?,
            base: base.manifest.name.clone(),
            base_fingerprint: base.fingerprint(),
            tokenizer_sha256: tokenizer(base)?.to_owned(),
            rank: peft::read_config(dir)?.rank,
            created: Timestamp::now(),
            lineage,
            loss,
            bytes: tensors.bytes,
            sha256: tensors.sha256,
        })
    }

    /// The manifest of the adapter in `dir` as one for `base`: its own, held against the files and the model, or a new
    /// one for an adapter that came without.
    ///
    /// Errors: `Incompatible` when its manifest names another base; `Corrupt` when it names other files.
    pub fn of(dir: &Path, base: &Bundle) -> Result<Self> {
        if !dir.join(MANIFEST).exists() {
            return Self::new(dir, base, Lineage::default(), vec![]);
        }
        let manifest = Self::read(dir)?;
        manifest.verify(dir)?;
        manifest.belongs_to(base)?;
        Ok(manifest)
    }

    /// Reads the manifest in `dir`. Errors: `NotFound`, `Corrupt`, or `Incompatible` when a newer Wayside wrote it.
    pub fn read(dir: &Path) -> Result<Self> {
        versioned::read(&dir.join(MANIFEST), FORMAT, "import the adapter again")
    }

    /// Writes the manifest into `dir`. Errors: `Invalid` for a loss that is not finite, which JSON cannot hold.
    pub fn write(&self, dir: &Path) -> Result<()> {
        if self.loss.iter().any(|loss| !loss.is_finite()) {
            return Err(Error::invalid("the training's loss is not finite: train again with a smaller learning rate"));
        }
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::invalid("the adapter's manifest cannot be written").because(e))?;
        durable::write(&dir.join(MANIFEST), &text)
    }

    /// Hashes the files in `dir`. Errors: `Corrupt` when they are not those the manifest describes.
    pub fn verify(&self, dir: &Path) -> Result<()> {
        let tensors = digest(&dir.join(peft::TENSORS))?;
        if (tensors.bytes, &tensors.sha256) == (self.bytes, &self.sha256) && id(dir)? == self.id {
            return Ok(());
        }
        Err(Error::corrupt(format!(
            "the adapter in {} was altered: its files are not those of {}; import it again",
            dir.display(),
            self.id
        )))
    }

    /// Whether the adapter belongs to `base`. Errors: `Incompatible` when it was made for another model.
    pub fn belongs_to(&self, base: &Bundle) -> Result<()> {
        if self.base_fingerprint == base.fingerprint() && self.tokenizer_sha256 == tokenizer(base)? {
            return Ok(());
        }
        let (name, how) = (&base.manifest.name, if self.base == base.manifest.name { "an earlier" } else { "another" });
        Err(Error::incompatible(format!(
            "adapter {} was made for {how} model, {} ({}), not for {name} as it is now; use it with that model, or train it again",
            self.id,
            self.base,
            self.base_fingerprint.get(..ID_DIGITS).unwrap_or_default()
        )))
    }
}

/// The id of the adapter whose two files are in `dir`.
fn id(dir: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for name in [peft::TENSORS, peft::CONFIG] {
        hash.update(&map(&dir.join(name))?);
    }
    let mut id = hex(&hash.finalize());
    id.truncate(ID_DIGITS);
    Ok(id)
}

fn tokenizer(base: &Bundle) -> Result<&str> {
    let entry = base.manifest.files.get(bundle::TOKENIZER);
    entry.map(|entry| entry.sha256.as_str()).ok_or_else(|| {
        let name = &base.manifest.name;
        Error::corrupt(format!("the model {name} has no {}; import it again", bundle::TOKENIZER))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::adapter::tests::example;
    use super::*;
    use crate::bundle::FileEntry;
    use crate::error::ErrorKind;
    use serde_json::json;

    /// A bundle of that name, whose tokenizer is made of it too.
    pub fn bundle(name: &str) -> Bundle {
        let files = [(bundle::TOKENIZER.to_owned(), FileEntry { bytes: 1, sha256: hex(name.as_bytes()) })];
        let model = json!({
            "kind": "decoder", "layers": 2, "kv_heads": 1, "head_dim": 2, "vocabulary": 3, "context": 4,
            "bos": null, "eos": [], "cache": "in_place",
        });
        let manifest = bundle::Manifest {
            format: 1,
            name: name.into(),
            architecture: "llama".into(),
            parameters: 1,
            weights: "int8".into(),
            source: "folder".into(),
            license: None,
            model: serde_json::from_value(model).unwrap(),
            merged: None,
            files: files.into(),
        };
        Bundle { dir: "models".into(), manifest }
    }

    fn written() -> (tempfile::TempDir, Manifest) {
        let dir = tempfile::tempdir().unwrap();
        example().write(dir.path(), "base").unwrap();
        let data = vec![Dataset { name: "faq.jsonl".into(), sha256: "00".into(), examples: 3 }];
        let lineage = Lineage {
            data,
            seed: 7,
            steps: 9,
            epochs: 2,
            retrieval: true,
            kind: Kind::Chat,
            subjects: vec!["s".into()],
            spoken: [("s".to_owned(), Timestamp::UNIX_EPOCH)].into(),
            examples: vec![],
        };
        let manifest = Manifest::new(dir.path(), &bundle("base"), lineage, vec![1.5, 0.1]).unwrap();
        manifest.write(dir.path()).unwrap();
        (dir, manifest)
    }

    #[test]
    fn what_is_written_is_read_and_the_id_is_the_content_s() {
        let (dir, manifest) = written();
        assert_eq!(Manifest::read(dir.path()).unwrap(), manifest);
        assert_eq!((manifest.rank, manifest.id.len()), (2, ID_DIGITS));
        let files = [peft::TENSORS, peft::CONFIG].map(|name| std::fs::read(dir.path().join(name)).unwrap()).concat();
        assert!(hex(&Sha256::digest(files)).starts_with(&manifest.id));
        let (_other, again) = written();
        assert_eq!(again.id, manifest.id);
        manifest.verify(dir.path()).unwrap();
        std::fs::write(dir.path().join(peft::CONFIG), "{}").unwrap();
        assert_eq!(manifest.verify(dir.path()).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn another_base_is_refused_by_name() {
        let (_dir, manifest) = written();
        manifest.belongs_to(&bundle("base")).unwrap();
        let error = manifest.belongs_to(&bundle("other")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Incompatible);
        assert!(error.to_string().contains("another model, base"), "{error}");
        let mut altered = bundle("base");
        altered.manifest.files.insert("weights.bin".into(), FileEntry { bytes: 1, sha256: "1".into() });
        assert!(manifest.belongs_to(&altered).unwrap_err().to_string().contains("an earlier model, base"));
    }

    #[test]
    fn newer_and_damaged_ones_are_told_apart() {
        let (dir, manifest) = written();
        let read = |text: &str| {
            std::fs::write(dir.path().join(MANIFEST), text).unwrap();
            Manifest::read(dir.path()).unwrap_err().kind()
        };
        assert_eq!(read(r#"{"format": 2, "news": []}"#), ErrorKind::Incompatible);
        assert_eq!(read(r#"{"format": 1}"#), ErrorKind::Corrupt);
        assert_eq!(read("{"), ErrorKind::Corrupt);
        let diverged = Manifest { loss: vec![f32::NAN], ..manifest };
        assert_eq!(diverged.write(dir.path()).unwrap_err().kind(), ErrorKind::Invalid);
    }
}
