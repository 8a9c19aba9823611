//! A run of training as it can be taken up again after a power cut.
//!
//! One safetensors file, so that any tool can look into it:
//!
//! ```text
//! header      "__metadata__": {"wayside": {"crc32": of all that follows, "state": JSON: format, step, position, ...}}
//! tensors     F32 [n] for each array: the adapter, and the optimizer's two moments
//!             F32 [step] "losses"
//! ```
//!
//! The checksum covers the state, then each array's name, length and bytes, then the losses. A checkpoint replaces the
//! one before it by rename, once it is on the disk: there is always a whole one.

use super::order::Position;
use crate::durable;
use crate::error::{Error, Result};
use crate::format;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// The version of the layout this code writes and the newest it reads.
const FORMAT: u32 = 1;
/// The key under which the file's metadata holds ours.
const KEY: &str = "wayside";
/// The tensor that holds the losses.
const LOSSES: &str = "losses";

/// All that a run needs to go on exactly as if it had never stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Steps that are over.
    pub step: u64,
    /// Where in the data it stands.
    pub position: Position,
    /// The seed it began with.
    pub seed: u64,
    /// A hash of data, configuration and base: what must be the same for the run to go on.
    pub identity: String,
    /// The loss of every step so far, in nats a token.
    pub losses: Vec<f32>,
    /// The adapter's arrays and the optimizer's, by name.
    pub arrays: Vec<(String, Vec<f32>)>,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    crc32: u32,
    state: String,
}

#[derive(Serialize, Deserialize)]
struct State {
    format: u32,
    step: u64,
    position: Position,
    seed: u64,
    identity: String,
    /// The arrays' names in their order; the file sorts them.
    arrays: Vec<String>,
}

/// What every version's state begins with.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Checkpoint {
    /// Puts the checkpoint in place of the one at `path`; it is on the disk when this returns.
    ///
    /// Errors: `Invalid` for two arrays of one name, or one called `losses`; what `durable` says of the disk.
    pub fn write(&self, path: &Path) -> Result<()> {
        let failed = |e| Error::invalid("the checkpoint cannot be written").because(e);
        let state = State {
            format: FORMAT,
            step: self.step,
            position: self.position,
            seed: self.seed,
            identity: self.identity.clone(),
            arrays: self.arrays.iter().map(|(name, _)| name.clone()).collect(),
        };
        let state = serde_json::to_string(&state).map_err(|e| Error::invalid("checkpoint").because(e))?;
        let mut views = Vec::with_capacity(self.arrays.len() + 1);
        for (name, values) in self.tensors() {
            let bytes: &[u8] = bytemuck::cast_slice(values);
            views.push((name, TensorView::new(Dtype::F32, vec![values.len()], bytes).map_err(failed)?));
        }
        views.sort_by_key(|(name, _)| *name);
        if let Some(twice) = views.windows(2).find_map(|w| (w.first()?.0 == w.last()?.0).then_some(w.first()?.0)) {
            return Err(Error::invalid(format!("a checkpoint has one array {twice:?}, not two")));
        }
        let crc32 = checksum(&state, self.tensors().map(|(name, values)| (name, bytemuck::cast_slice(values))));
        let sealed = serde_json::to_string(&Sealed { crc32, state });
        let sealed = sealed.map_err(|e| Error::invalid("checkpoint").because(e))?;
        let bytes = serialize(views, Some(HashMap::from([(KEY.to_owned(), sealed)]))).map_err(failed)?;
        durable::write(path, &bytes)
    }

    /// The checkpoint at `path`; `None` when there is none.
    ///
    /// Errors: `Corrupt` when it is damaged; `Invalid` when it is some other file; `Incompatible` when a newer version
    /// wrote it.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        if !path.try_exists().map_err(|e| Error::io(format!("cannot read {}", path.display()), e))? {
            return Ok(None);
        }
        let map = format::map(path)?;
        Self::parse(&map).map(Some).map_err(|e| e.context(path.display()))
    }

    /// Incompatible when it belongs to a run of another `identity`.
    pub fn check(&self, identity: &str) -> Result<()> {
        if self.identity == identity {
            return Ok(());
        }
        Err(Error::incompatible(format!(
            "the checkpoint at step {} belongs to another run: data, settings or model have changed since; \
             put them back, or remove the checkpoint to begin anew",
            self.step
        )))
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let damaged = || Error::corrupt("the checkpoint is damaged; remove it to begin anew");
        let file = SafeTensors::deserialize(bytes).map_err(|e| damaged().because(e))?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| damaged().because(e))?;
        let sealed = header.metadata().as_ref().and_then(|m| m.get(KEY));
        let sealed = sealed.ok_or_else(|| Error::invalid("this is no checkpoint of a training run; choose another"))?;
        let Sealed { crc32, state: text } = serde_json::from_str(sealed).map_err(|e| damaged().because(e))?;
        let Version { format } = serde_json::from_str(&text).map_err(|e| damaged().because(e))?;
        if format > FORMAT {
            return Err(Error::incompatible(format!(
                "the checkpoint has format {format}, written by a newer Wayside; this one reads up to {FORMAT}"
            )));
        }
        let state: State = serde_json::from_str(&text).map_err(|e| damaged().because(e))?;
        let mut found = Vec::with_capacity(state.arrays.len() + 1);
        for name in state.arrays.iter().map(String::as_str).chain([LOSSES]) {
            let tensor = file.tensor(name).map_err(|e| damaged().because(e))?;
            if tensor.dtype() != Dtype::F32 {
                return Err(damaged());
            }
            found.push((name, tensor.data()));
        }
        if file.len() != found.len() || checksum(&text, found.iter().copied()) != crc32 {
            return Err(damaged());
        }
        let mut arrays = found.into_iter().map(|(name, bytes)| (name.to_owned(), floats(bytes)));
        let losses = arrays.next_back().map(|(_, losses)| losses).unwrap_or_default();
        let arrays = arrays.collect();
        let State { step, position, seed, identity, .. } = state;
        Ok(Self { step, position, seed, identity, losses, arrays })
    }

    fn tensors(&self) -> impl Iterator<Item = (&str, &[f32])> {
        let arrays = self.arrays.iter().map(|(name, values)| (name.as_str(), values.as_slice()));
        arrays.chain([(LOSSES, self.losses.as_slice())])
    }
}

fn checksum<'a>(state: &str, tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(state.as_bytes());
    for (name, bytes) in tensors {
        crc.update(name.as_bytes());
        crc.update(&(bytes.len() as u64).to_le_bytes());
        crc.update(bytes);
    }
    crc.finalize()
}

/// From bytes that need not be aligned.
fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use proptest::prelude::*;
    use std::fs;

    fn some() -> Checkpoint {
        Checkpoint {
            step: 3,
            position: Position { epoch: 1, index: 2 },
            seed: u64::MAX,
            identity: "abc".into(),
            losses: vec![3.5, 2.25, f32::INFINITY],
            arrays: vec![("b".into(), vec![1.0, -0.0]), ("a".into(), vec![]), ("m.b".into(), vec![f32::MIN_POSITIVE])],
        }
    }

    fn bytes(checkpoint: &Checkpoint) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        checkpoint.write(&folder.path().join("run")).unwrap();
        fs::read(folder.path().join("run")).unwrap()
    }

    #[test]
    fn a_checkpoint_comes_back_and_replaces_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        assert_eq!(Checkpoint::read(&path).unwrap(), None);
        for step in [3, 4] {
            let one = Checkpoint { step, ..some() };
            one.write(&path).unwrap();
            assert_eq!(Checkpoint::read(&path).unwrap().unwrap(), one);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_checkpoint_that_cannot_be_written_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        some().write(&path).unwrap();
        for name in ["b", LOSSES] {
            let mut twin = some();
            twin.arrays.push((name.into(), vec![0.0]));
            assert_eq!(twin.write(&path).unwrap_err().kind(), ErrorKind::Invalid, "{name}");
        }
        assert_eq!(Checkpoint::read(&path).unwrap().unwrap(), some());
    }

    #[test]
    fn what_is_no_checkpoint_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let empty: [(&str, TensorView<'_>); 0] = [];
        let state = r#"{"format":2,"more":[]}"#.to_owned();
        let newer = serde_json::to_string(&Sealed { crc32: 0, state }).unwrap();
        let newer = serialize(empty.clone(), Some(HashMap::from([(KEY.to_owned(), newer)]))).unwrap();
        for (bytes, kind) in [
            (vec![], ErrorKind::Corrupt),
            (b"not at all".to_vec(), ErrorKind::Corrupt),
            (serialize(empty, None).unwrap(), ErrorKind::Invalid),
            (newer, ErrorKind::Incompatible),
        ] {
            fs::write(&path, bytes).unwrap();
            let error = Checkpoint::read(&path).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains("run"), "{error}");
        }
        assert!(some().check("abc").is_ok());
        assert_eq!(some().check("abd").unwrap_err().kind(), ErrorKind::Incompatible);
    }

    proptest! {
        #[test]
        fn every_state_comes_back(
            step: u64, epoch: u64, index: u64, seed: u64, identity: String, losses: Vec<f32>,
            arrays in prop::collection::btree_map("[a-z.0-9]{1,9}", prop::collection::vec(-1e9f32..1e9, 0..9), 0..5),
        ) {
            let arrays = arrays.into_iter().filter(|(name, _)| name != LOSSES).rev().collect();
            let one = Checkpoint { step, position: Position { epoch, index }, seed, identity, losses, arrays };
            let back = Checkpoint::parse(&bytes(&one)).unwrap();
            // NaN differs from itself: the bits are compared.
            let bits = |c: &Checkpoint| c.losses.iter().map(|l| l.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&back), bits(&one));
            prop_assert_eq!(Checkpoint { losses: vec![], ..back }, Checkpoint { losses: vec![], ..one });
        }

        #[test]
        fn damage_never_goes_unseen(at: prop::sample::Index, bit in 0u8..8, cut: prop::sample::Index) {
            let whole = bytes(&some());
            prop_assert!(Checkpoint::parse(&whole[..cut.index(whole.len())]).is_err());
            let mut flipped = whole.clone();
            flipped[at.index(whole.len())] ^= 1 << bit;
            // Spaces at the header's end say nothing; all else is covered.
            match Checkpoint::parse(&flipped) {
                Ok(read) => prop_assert_eq!(read, some()),
                Err(e) => prop_assert!(matches!(
                    e.kind(), ErrorKind::Corrupt | ErrorKind::Invalid | ErrorKind::Incompatible
                ), "{e}"),
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>) {
            prop_assert!(Checkpoint::parse(&bytes).is_err());
        }
    }
}
