//! What is signed: an in-toto statement whose predicate lists files with their hashes.

use crate::error::{Error, Result};
use crate::hex::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://model_signing/signature/v1.0";

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What the signer called it; to inform only.
    pub name: String,
    /// The SHA-256 of each file, or of each piece of one, by its name.
    pub hashes: BTreeMap<String, [u8; 32]>,
    /// Bytes in a piece, where files were hashed by pieces.
    pub piece: Option<u64>,
    /// Paths that the signer left out.
    pub ignored: Vec<String>,
    /// Its number, where the signer counts: what is older is no successor.
    pub version: Option<u64>,
    /// The SHA-256 over all hashes.
    pub digest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layout {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    name: String,
    digest: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Predicate {
    serialization: Serialization,
    resources: Vec<Resource>,
    /// Ours; others leave out what they do not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<Value>,
}

#[derive(Serialize, Deserialize)]
struct Serialization {
    method: String,
    hash_type: String,
    #[serde(default)]
    allow_symlinks: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard_size: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ignore_paths: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Resource {
    name: String,
    algorithm: String,
    digest: String,
}

impl Statement {
    /// One about whole files.
    pub fn new(name: String, files: Vec<(String, [u8; 32])>, ignored: Vec<String>, version: Option<u64>) -> Self {
        let hashes: BTreeMap<_, _> = files.into_iter().collect();
        let digest = digest(sorted(&hashes).into_iter().map(|(_, hash)| hash));
        Self { name, hashes, piece: None, ignored, version, digest }
    }

    /// Its bytes.
    pub fn write(&self) -> Result<Vec<u8>> {
        let resource = |(name, hash): (&String, &[u8; 32])| Resource {
            name: name.clone(),
            algorithm: "sha256".into(),
            digest: hex(hash),
        };
        let layout = Layout {
            kind: STATEMENT.into(),
            subject: vec![Subject {
                name: self.name.clone(),
                digest: [("sha256".to_owned(), self.digest.clone())].into(),
            }],
            predicate_type: PREDICATE.into(),
            predicate: Predicate {
                serialization: Serialization {
                    method: "files".into(),
                    hash_type: "sha256".into(),
                    allow_symlinks: false,
                    shard_size: None,
                    ignore_paths: self.ignored.clone(),
                },
                resources: sorted(&self.hashes).into_iter().map(resource).collect(),
                version: self.version.map(Value::from),
            },
        };
        serde_json::to_vec_pretty(&layout).map_err(|e| Error::invalid("the statement cannot be written").because(e))
    }

    /// Reads what [`Statement::write`] or another signer wrote. Call it on signed bytes only.
    ///
    /// Errors: `Corrupt` for what contradicts itself; `Unsupported` for other statements and hashes.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let corrupt = |why: String| Error::corrupt(format!("what was signed makes no sense: {why}; sign again"));
        let layout: Layout = serde_json::from_slice(bytes).map_err(|e| corrupt(e.to_string()))?;
        if (layout.kind.as_str(), layout.predicate_type.as_str()) != (STATEMENT, PREDICATE) {
            return Err(Error::unsupported(format!(
                "what was signed is {:?} with {:?}, not {PREDICATE}; sign again",
                layout.kind, layout.predicate_type
            )));
        }
        let Serialization { method, hash_type, shard_size, ignore_paths, .. } = layout.predicate.serialization;
        let piece = match (method.as_str(), shard_size) {
            ("files", _) => None,
            // Numbers in such statements are floating; above 2^53 they would not be exact.
            ("shards", Some(size)) if (1.0..9e15).contains(&size) && size.fract() == 0.0 => Some(size as u64),
            ("shards", _) => return Err(corrupt("its shards have no size".into())),
            (other, _) => return Err(Error::unsupported(format!("files were hashed by {other:?}; sign again"))),
        };
        let mut hashes = BTreeMap::new();
        let mut order = Vec::new();
        for Resource { name, algorithm, digest } in layout.predicate.resources {
            let pieces = piece.map(|piece| format!("sha256-sharded-{piece}"));
            if hash_type != "sha256" || (algorithm != "sha256" && Some(&algorithm) != pieces.as_ref()) {
                return Err(Error::unsupported(format!(
                    "{name:?} was hashed with {algorithm}; sign again with SHA-256"
                )));
            }
            let hash = unhex(&digest).ok_or_else(|| corrupt(format!("{name:?} has no SHA-256")))?;
            order.push(hash);
            if hashes.insert(name.clone(), hash).is_some() {
                return Err(corrupt(format!("{name:?} stands there twice")));
            }
        }
        let [Subject { name, digest: roots }] = layout.subject.as_slice() else {
            return Err(corrupt("it has more than one subject, or none".into()));
        };
        let digest = digest(order.iter());
        if roots.get("sha256") != Some(&digest) {
            return Err(corrupt("its hashes are not those of its subject".into()));
        }
        let version = match layout.predicate.version {
            None => None,
            Some(version) => Some(version.as_u64().ok_or_else(|| corrupt("its version is no number".into()))?),
        };
        Ok(Self { name: name.clone(), hashes, piece, ignored: ignore_paths, version, digest })
    }
}

/// By the parts of their paths, as `model-signing` sorts them.
fn sorted(hashes: &BTreeMap<String, [u8; 32]>) -> Vec<(&String, &[u8; 32])> {
    let mut all: Vec<_> = hashes.iter().collect();
    all.sort_by(|(a, _), (b, _)| a.split('/').cmp(b.split('/')));
    all
}

fn digest<'a>(hashes: impl Iterator<Item = &'a [u8; 32]>) -> String {
    let mut all = Sha256::new();
    hashes.for_each(|hash| all.update(hash));
    hex(&all.finalize())
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn statement() -> Statement {
        let files = [("a/b", 1), ("a-b", 2), ("c", 3)].map(|(name, n)| (name.to_owned(), [n; 32]));
        Statement::new("model".into(), files.into(), vec!["model.sig".into()], Some(4))
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Statement::parse(&statement().write().unwrap()).unwrap(), statement());
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let text = String::from_utf8(statement().write().unwrap()).unwrap();
        for (from, to, kind) in [
            (hex(&[1; 32]), hex(&[9; 32]), ErrorKind::Corrupt),
            (hex(&[1; 32]), "01".into(), ErrorKind::Corrupt),
            ("\"a-b\"".into(), "\"a/b\"".into(), ErrorKind::Corrupt),
            ("\"sha256\",".into(), "\"md5\",".into(), ErrorKind::Unsupported),
            ("v1.0".into(), "v9.0".into(), ErrorKind::Unsupported),
            ("\"files\"".into(), "\"shards\"".into(), ErrorKind::Corrupt),
            ("\"version\": 4".into(), "\"version\": \"4\"".into(), ErrorKind::Corrupt),
        ] {
            assert!(text.contains(&from), "{from}: {text}");
            let error = Statement::parse(text.replace(&from, &to).as_bytes()).unwrap_err();
            assert_eq!(error.kind(), kind, "{from} to {to}: {error}");
        }
    }
}
