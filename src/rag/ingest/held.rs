//! What the index holds already of what comes in: vectors are made once for a content, wherever its file lies.
//!
//! A vector depends on the embedder, which is one for the index, and on a passage under its headings. Documents with
//! the same digest have the same bytes, read and cut in the same way, so their passages have the same vectors: a moved
//! file, a copy, and an index that was carried to a machine where the documents lie elsewhere cost no embedding. A file
//! under another name may have another title; its content decides, so that the same content is one thing for a search.
//! Passages that an edit left as they were keep theirs, too.

use crate::error::Result;
use crate::store::index::Index;
use crate::text::chunk::Piece;
use std::collections::{BTreeSet, HashMap};
use std::io::ErrorKind;
use std::path::Path;

/// The documents of an index, by what they hold.
pub struct Held<'a> {
    index: &'a Index,
    collection: &'a str,
    /// Collection and name of the documents with a digest.
    by_digest: HashMap<String, Vec<(String, String)>>,
    /// Digests of what this ingest found.
    found: BTreeSet<String>,
}

impl<'a> Held<'a> {
    /// What `index` holds; `collection` is the one to take documents in.
    pub fn new(index: &'a Index, collection: &'a str) -> Result<Self> {
        let mut by_digest = HashMap::<String, Vec<_>>::new();
        for known in index.collections()? {
            for document in index.documents(&known.name)? {
                by_digest.entry(document.digest).or_default().push((known.name.clone(), document.name));
            }
        }
        Ok(Self { index, collection, by_digest, found: BTreeSet::new() })
    }

    /// The vectors of a document's pieces, as far as they are known: of the same content, else of what the document
    /// itself said before under the same title.
    pub fn vectors(&self, name: &str, digest: &str, title: &str, pieces: &[Piece]) -> Result<Vec<Option<Vec<f32>>>> {
        let same = self.by_digest.get(digest).and_then(|places| places.first());
        let known = match same {
            Some((collection, name)) => self.index.passages(collection, name)?,
            None => match self.index.document(self.collection, name)? {
                Some(before) if before.title == title => self.index.passages(self.collection, name)?,
                _ => Vec::new(),
            },
        };
        let known: HashMap<(&str, &str), &Vec<f32>> =
            known.iter().map(|(chunk, vector)| ((&chunk.section[..], &chunk.text[..]), vector)).collect();
        Ok(pieces.iter().map(|p| known.get(&(&p.section[..], &p.text[..])).map(|v| (*v).clone())).collect())
    }

    /// A document came in.
    pub fn came(&mut self, name: String, digest: String) {
        self.by_digest.entry(digest.clone()).or_default().push((self.collection.to_owned(), name));
        self.found.insert(digest);
    }

    /// A document was found as it is in the index.
    pub fn seen(&mut self, digest: String) {
        self.found.insert(digest);
    }

    /// Adds to `gone` the documents of the collection whose file is not there and whose content was found in another
    /// place: nothing that they said is lost. Returns how many of `gone` were moved.
    pub fn moved(&self, gone: &mut Vec<String>) -> u64 {
        let mut before: BTreeSet<String> = gone.drain(..).collect();
        let mut moved = 0;
        let several = self.found.iter().filter_map(|digest| self.by_digest.get(digest)).filter(|d| d.len() > 1);
        for (collection, name) in several.flatten() {
            if collection == self.collection && (before.contains(name) || is_nowhere(name)) {
                before.insert(name.clone());
                moved += 1;
            }
        }
        gone.extend(before);
        moved
    }
}

/// Whether there is no file of that name for sure. A name with bytes written out is none of a file.
fn is_nowhere(name: &str) -> bool {
    let path = Path::new(name);
    path.is_absolute()
        && !name.contains("\\x")
        && path.symlink_metadata().is_err_and(|e| matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}
