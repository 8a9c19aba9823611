//! The adapters of a home: folders named by what is in them, so that the same adapter is there once.

use super::adapter::Adapter;
use super::manifest::Manifest;
use super::peft;
use crate::bundle::Bundle;
use crate::durable::{self, Staged};
use crate::error::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of all adapters.
#[derive(Clone, Debug)]
pub struct Library {
    dir: PathBuf,
}

/// An adapter on disk.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its folder.
    pub dir: PathBuf,
    /// What its manifest says.
    pub manifest: Manifest,
}

impl Library {
    /// Opens the adapters in `dir`, which need not exist yet, and finishes what a power cut interrupted.
    pub fn open(dir: &Path) -> Result<Self> {
        durable::sweep(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Takes in a copy of the adapter in `source`, a folder of PEFT's or of ours, as one for `base`. An adapter that is
    /// there already is left as it is, a damaged one replaced.
    ///
    /// Whether its matrices fit the model is for [`Adapter::check`] to say before.
    ///
    /// Errors: as [`Adapter::read`]; `Incompatible` when its manifest names another base, or when it is there already
    /// for another; `Corrupt` when its manifest names other files.
    pub fn add(&self, source: &Path, base: &Bundle) -> Result<Entry> {
        Adapter::read(source)?;
        let manifest = Manifest::of(source, base)?;
        let dir = self.dir.join(&manifest.id);
        if let Ok(entry) = Entry::open(&dir).and_then(Entry::verified) {
            let again = |e: Error| e.context("to import it for this model, remove it first");
            return entry.manifest.belongs_to(base).map_err(again).map(|()| entry);
        }
        put(source, &manifest, &dir)?;
        Ok(Entry { dir, manifest })
    }

    /// The adapters there are, by id; damaged ones as errors.
    pub fn list(&self) -> Result<Vec<(String, Result<Entry>)>> {
        Ok(self.names()?.into_iter().map(|name| (name.clone(), Entry::open(&self.dir.join(&name)))).collect())
    }

    /// An adapter by its id, or by enough of its beginning.
    ///
    /// Errors: `NotFound`; `Invalid` when several begin so; `Corrupt` and `Incompatible` as [`Manifest::read`].
    pub fn get(&self, id: &str) -> Result<Entry> {
        Entry::open(&self.dir.join(self.id(id)?))
    }

    /// The whole id of an adapter, damaged or not, by enough of its beginning. Errors: `NotFound`; `Invalid` when
    /// several begin so.
    pub fn id(&self, id: &str) -> Result<String> {
        let names = self.names()?;
        let mut found = names.iter().filter(|name| !id.is_empty() && name.starts_with(id));
        match (found.next(), found.next()) {
            (Some(name), None) => Ok(name.clone()),
            (None, _) => Err(Error::not_found(format!("there is no adapter {id:?} in {}", self.dir.display()))),
            (Some(first), Some(second)) => {
                Err(Error::invalid(format!("{id:?} could be {first} or {second}; give more of the id")))
            }
        }
    }

    /// Removes an adapter, damaged or not, by its id or enough of its beginning; returns its id. Errors: as
    /// [`Library::id`].
    pub fn remove(&self, id: &str) -> Result<String> {
        let id = self.id(id)?;
        durable::discard(&self.dir.join(&id))?;
        Ok(id)
    }

    /// Copies an adapter into a new folder `target`, for PEFT or another home.
    ///
    /// Errors: as [`Library::get`]; `Invalid` when `target` exists; `Corrupt` when the adapter was altered.
    pub fn export(&self, id: &str, target: &Path) -> Result<()> {
        let entry = self.get(id)?.verified()?;
        if target.symlink_metadata().is_ok() {
            return Err(Error::invalid(format!("{} exists already; name a new folder", target.display())));
        }
        put(&entry.dir, &entry.manifest, target)
    }

    fn names(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.dir) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
            entries => entries.map_err(|e| Error::io(format!("cannot list {}", self.dir.display()), e))?,
        };
        let names = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|n| !n.starts_with('.')).collect();
        names.sort();
        Ok(names)
    }
}

impl Entry {
    /// Opens the adapter in `dir`: reads its manifest, and checks that it is under its own id and in its full length.
    pub fn open(dir: &Path) -> Result<Self> {
        let manifest = Manifest::read(dir)?;
        let damaged = |how: String| Error::corrupt(format!("{} {how}; import the adapter again", dir.display()));
        if dir.file_name().is_none_or(|name| name != manifest.id.as_str()) {
            return Err(damaged(format!("holds adapter {}", manifest.id)));
        }
        let length = dir.join(peft::TENSORS).metadata().map_or(0, |m| m.len());
        if length != manifest.bytes {
            return Err(damaged(format!("holds {length} bytes of tensors instead of {}", manifest.bytes)));
        }
        Ok(Self { dir: dir.to_owned(), manifest })
    }

    /// Reads the numbers, once every byte has been compared with the manifest's hashes.
    pub fn adapter(&self) -> Result<Adapter> {
        self.manifest.verify(&self.dir)?;
        Adapter::read(&self.dir)
    }

    fn verified(self) -> Result<Self> {
        self.manifest.verify(&self.dir)?;
        Ok(self)
    }
}

/// Makes the folder `target` of the adapter in `from`. What else lies beside its files is not taken along.
fn put(from: &Path, manifest: &Manifest, target: &Path) -> Result<()> {
    let staged = Staged::new(target)?;
    for name in [peft::CONFIG, peft::TENSORS] {
        let source = from.join(name);
        fs::copy(&source, staged.path().join(name))
            .map_err(|e| Error::io(format!("cannot copy {} to {}", source.display(), target.display()), e))?;
    }
    manifest.write(staged.path())?;
    manifest.verify(staged.path()).map_err(|e| e.context(format!("{} changed meanwhile", from.display())))?;
    staged.publish()
}

#[cfg(test)]
mod tests {
    use super::super::adapter::tests::example;
    use super::super::manifest::tests::bundle;
    use super::*;
    use crate::error::ErrorKind;

    /// A library with one adapter, and the folder that came from.
    fn library() -> (tempfile::TempDir, Library, PathBuf, Entry) {
        let home = tempfile::tempdir().unwrap();
        let library = Library::open(&home.path().join("adapters")).unwrap();
        let source = made(home.path(), 1.0);
        let entry = library.add(&source, &bundle("base")).unwrap();
        (home, library, source, entry)
    }

    /// A folder as PEFT leaves it, and something of the owner's.
    fn made(home: &Path, factor: f32) -> PathBuf {
        let dir = home.join(format!("made-{factor}"));
        fs::create_dir(&dir).unwrap();
        let mut adapter = example();
        adapter.pairs.values_mut().flat_map(|pair| &mut pair.a).for_each(|x| *x *= factor);
        adapter.write(&dir, "base").unwrap();
        fs::write(dir.join("README.md"), "mine").unwrap();
        dir
    }

    fn ids(library: &Library) -> Vec<String> {
        library.list().unwrap().into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn an_adapter_comes_in_once_and_is_found_by_its_beginning() {
        let (home, library, source, entry) = library();
        assert_eq!(library.add(&source, &bundle("base")).unwrap().manifest, entry.manifest, "left as it is");
        let id = entry.manifest.id.clone();
        assert_eq!(ids(&library), [id.as_str()]);
        assert_eq!(library.get(&id[..4]).unwrap().adapter().unwrap(), example());
        assert!(!entry.dir.join("README.md").exists());

        let other = library.add(&made(home.path(), 2.0), &bundle("base")).unwrap();
        assert_ne!(other.manifest.id, id);
        assert_eq!(library.get("").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(library.get("zz").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(library.get("../made-1").unwrap_err().kind(), ErrorKind::NotFound);
        fs::create_dir(library.dir.join(format!("{}x", &id[..4]))).unwrap();
        assert_eq!(library.get(&id[..4]).unwrap_err().kind(), ErrorKind::Invalid, "two begin so");
    }

    #[test]
    fn damage_is_listed_refused_and_mended() {
        let (_home, library, source, entry) = library();
        let id = entry.manifest.id.clone();
        let tensors = entry.dir.join(peft::TENSORS);
        let whole = fs::read(&tensors).unwrap();

        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(&tensors, flipped).unwrap();
        assert_eq!(library.get(&id).unwrap().adapter().unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(library.export(&id, &source.join("out")).unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(!source.join("out").exists());

        fs::write(&tensors, &whole[1..]).unwrap();
        assert_eq!(library.list().unwrap()[0].1.as_ref().unwrap_err().kind(), ErrorKind::Corrupt);
        library.add(&source, &bundle("base")).unwrap();
        assert_eq!(library.get(&id).unwrap().adapter().unwrap(), example());

        fs::rename(&entry.dir, library.dir.join("0123")).unwrap();
        assert_eq!(library.get("0123").unwrap_err().kind(), ErrorKind::Corrupt, "under another's name");
        library.remove("0123").unwrap();
        assert_eq!(fs::read_dir(&library.dir).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn what_goes_out_comes_in_again_with_its_history() {
        let (home, library, source, entry) = library();
        let out = home.path().join("out");
        library.export(&entry.manifest.id, &out).unwrap();
        assert_eq!(library.export(&entry.manifest.id, &out).unwrap_err().kind(), ErrorKind::Invalid, "no overwriting");
        for name in [peft::CONFIG, peft::TENSORS] {
            assert_eq!(fs::read(out.join(name)).unwrap(), fs::read(source.join(name)).unwrap(), "{name}");
        }
        let elsewhere = Library::open(&home.path().join("elsewhere")).unwrap();
        assert_eq!(elsewhere.add(&out, &bundle("base")).unwrap().manifest, entry.manifest);

        let refused = elsewhere.add(&out, &bundle("other")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Incompatible, "{refused}");
        let refused = library.add(&source, &bundle("other")).unwrap_err();
        assert!(refused.to_string().contains("remove it first"), "{refused}");
        fs::write(out.join(peft::CONFIG), fs::read_to_string(out.join(peft::CONFIG)).unwrap() + "\n").unwrap();
        assert_eq!(library.add(&out, &bundle("base")).unwrap_err().kind(), ErrorKind::Corrupt, "not what it says");
    }

    #[test]
    fn a_refused_adapter_leaves_nothing() {
        let (home, library, _source, entry) = library();
        library.remove(&entry.manifest.id).unwrap();
        let bad = made(home.path(), 0.0);
        let refused = library.add(&bad, &bundle("base")).unwrap_err();
        assert!(refused.to_string().contains("changes nothing"), "{refused}");
        assert_eq!(fs::read_dir(&library.dir).unwrap().count(), 0);
    }
}
