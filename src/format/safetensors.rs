//! safetensors: one file, or several with an index. The `safetensors` crate reads the header and checks that the
//! tensors neither overlap nor leave holes.

use crate::error::{Error, Result};
use crate::tensor::{Encoding, Tensor};
use ::safetensors::{Dtype, SafeTensors};
use memmap2::Mmap;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

struct Entry {
    file: usize,
    encoding: Result<Encoding, Dtype>,
    shape: Vec<usize>,
    range: std::ops::Range<usize>,
}

/// The weights of a folder, see [`files`]. Or of one file, see [`Folder::file`].
pub struct Folder {
    files: Vec<Mmap>,
    tensors: BTreeMap<String, Entry>,
}

impl Folder {
    /// Opens the weights in `folder`. Errors: `NotFound` without any, `Corrupt` for a damaged header or shard.
    pub fn open(folder: &Path) -> Result<Self> {
        let files = files(folder)?;
        if files.is_empty() {
            return Err(Error::not_found(format!("{} holds no model.safetensors", folder.display())));
        }
        let mut this = Self { files: Vec::new(), tensors: BTreeMap::new() };
        files.iter().try_for_each(|file| this.add(file))?;
        Ok(this)
    }

    /// Opens one file, whatever its name. Errors: as [`Folder::open`].
    pub fn file(path: &Path) -> Result<Self> {
        let mut this = Self { files: Vec::new(), tensors: BTreeMap::new() };
        this.add(path)?;
        Ok(this)
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let map = super::map(path)?;
        let corrupt = |e| Error::corrupt(format!("{} is damaged: {e}; fetch it again", path.display()));
        for (name, view) in SafeTensors::deserialize(&map).map_err(corrupt)?.iter() {
            let at = view.data().as_ptr() as usize - map.as_ptr() as usize;
            let entry = Entry {
                file: self.files.len(),
                encoding: encoding(view.dtype()),
                shape: view.shape().to_vec(),
                range: at..at + view.data().len(),
            };
            if self.tensors.insert(name.to_owned(), entry).is_some() {
                return Err(Error::corrupt(format!("{}: tensor {name} is in two shards", path.display())));
            }
        }
        self.files.push(map);
        Ok(())
    }

    /// The tensors' names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// A tensor by name: `None` when the folder has none; `Unsupported` when its type is none of ours.
    pub fn tensor(&self, name: &str) -> Option<Result<Tensor<'_>>> {
        let (name, entry) = self.tensors.get_key_value(name)?;
        Some(match &entry.encoding {
            Err(dtype) => Err(Error::unsupported(format!(
                "tensor {name} is {dtype:?}; known safetensors types are F32, F16 and BF16"
            ))),
            Ok(encoding) => Ok(Tensor {
                name,
                encoding: *encoding,
                shape: entry.shape.clone(),
                bytes: &self.files[entry.file][entry.range.clone()],
            }),
        })
    }
}

fn encoding(dtype: Dtype) -> Result<Encoding, Dtype> {
    match dtype {
        Dtype::F32 => Ok(Encoding::F32),
        Dtype::F16 => Ok(Encoding::F16),
        Dtype::BF16 => Ok(Encoding::BF16),
        other => Err(other),
    }
}

/// The files that hold the weights of `folder`: `model.safetensors`, or the shards that its index lists, or those whose
/// names say that they are all of them. None where there is neither.
///
/// Errors: `Corrupt` for an index that cannot be believed, `NotFound` for a shard that is missing.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let single = folder.join("model.safetensors");
    let index = folder.join("model.safetensors.index.json");
    if single.exists() {
        return Ok(vec![single]);
    }
    let shards = if index.exists() { shards(&index)? } else { numbered(folder) };
    let files: Vec<PathBuf> = shards.iter().map(|shard| folder.join(shard)).collect();
    match files.iter().find(|file| !file.exists()) {
        Some(missing) => Err(Error::not_found(format!(
            "{} is missing, one of {} files that hold the model; fetch it, too",
            missing.display(),
            files.len()
        ))),
        None => Ok(files),
    }
}

/// The names of all shards of a folder that has lost its index.
fn numbered(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let count = names.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        name.strip_prefix("model-")?.strip_suffix(".safetensors")?.split_once("-of-")?.1.parse::<usize>().ok()
    });
    // A folder that says it has more than this is no folder of a model.
    let count = count.max().unwrap_or(0).min(1000);
    (1..=count).map(|n| format!("model-{n:05}-of-{count:05}.safetensors")).collect()
}

/// The file names in an index, each once. A name with a path in it is refused.
fn shards(index: &Path) -> Result<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let text = std::fs::read(index).map_err(|e| Error::io(format!("cannot read {}", index.display()), e))?;
    let parsed: Index =
        serde_json::from_slice(&text).map_err(|e| Error::corrupt(format!("{}: {e}", index.display())))?;
    let mut names: Vec<String> = parsed.weight_map.into_values().collect();
    names.sort_unstable();
    names.dedup();
    match names.iter().find(|n| Path::new(n).file_name().is_none_or(|f| f != n.as_str())) {
        Some(bad) => Err(Error::corrupt(format!("{} names {bad:?}, which is no plain file name", index.display()))),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn file(header: &str, data: usize) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
    }

    fn open(bytes: &[u8]) -> Result<Folder> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
        Folder::open(folder.path())
    }

    const GOOD: &str = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;

    #[test]
    fn a_good_file_reads_and_lies_are_refused() {
        assert_eq!(open(&file(GOOD, 8)).unwrap().tensor("a").unwrap().unwrap().to_f32(), [0.0, 0.0]);
        for (header, data) in [
            (GOOD, 4),
            (r#"{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,8]}}"#, 8),
            (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8),
            (
                r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
                12,
            ),
            ("{", 0),
        ] {
            assert_eq!(open(&file(header, data)).err().unwrap().kind(), crate::ErrorKind::Corrupt, "{header}");
        }
        assert!(open(&u64::MAX.to_le_bytes()).is_err());
    }

    #[test]
    fn an_index_cannot_leave_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("model.safetensors.index.json");
        fs::write(&index, r#"{"weight_map":{"a":"../../etc/passwd"}}"#).unwrap();
        assert!(Folder::open(folder.path()).err().unwrap().to_string().contains("no plain file name"));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 1..200)) {
            let _ = open(&bytes);
        }
    }
}
