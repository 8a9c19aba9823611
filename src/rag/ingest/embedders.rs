//! Which embedder an ingest uses: the one it began with, or one of many languages where the documents want that.
//!
//! An index has vectors of one embedder. Where another takes over, those of all passages are made anew, and replaced in
//! one transaction: at any moment they are all of one kind.

use super::{Cut, passage};
use crate::error::{ErrorKind, Result};
use crate::infer::Embedder;
use crate::store::index::{Chunk, Index};
use crate::watch::{Cancel, Progress};
use std::collections::BTreeMap;
use std::sync::Arc;
use whatlang::{Lang, Script};

/// Of so many passages one has to be in another language than English, before an embedder of many languages takes over.
const ONE_OF: u64 = 10;
/// Bytes of a document that are looked at, and how few letters say nothing.
const LOOKED_AT: (usize, usize) = (4000, 40);
/// Passages that are embedded together when all are embedded anew.
const BATCH: usize = 256;

/// What an ingest may embed with.
#[derive(Clone)]
pub struct Embedders<'a> {
    /// What it begins with.
    pub first: Arc<Embedder>,
    /// Loads one of many languages, where the house leaves the choice and has not made it.
    pub of_languages: Option<&'a dyn Fn() -> Result<Arc<Embedder>>>,
}

/// How many passages there are, and how many of them are in other languages than English.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    all: u64,
    foreign: u64,
}

impl Count {
    fn add(&mut self, passages: u64, is_foreign: bool) {
        self.all += passages;
        self.foreign += if is_foreign { passages } else { 0 };
    }
}

/// The embedder of an ingest under way.
pub struct Choice<'a> {
    index: &'a Index,
    progress: &'a dyn Progress,
    cancel: &'a Cancel,
    /// What embeds now.
    pub embedder: Arc<Embedder>,
    of_languages: Option<&'a dyn Fn() -> Result<Arc<Embedder>>>,
    /// What the index held and what came since, once that was looked at.
    count: Option<Count>,
}

impl<'a> Choice<'a> {
    /// Makes the index one of the first embedder's vectors, if it is not yet.
    pub fn new(
        index: &'a Index,
        embedders: Embedders<'a>,
        progress: &'a dyn Progress,
        cancel: &'a Cancel,
    ) -> Result<Self> {
        let Embedders { first: embedder, of_languages } = embedders;
        let this = Self { index, progress, cancel, embedder, of_languages, count: None };
        this.take_over()?;
        Ok(this)
    }

    /// Looks at the languages of what is to be embedded next; says whether another embedder took over.
    pub fn look_at(&mut self, batch: &[Cut]) -> Result<bool> {
        let Some(of_languages) = self.of_languages else { return Ok(false) };
        let mut came = Count::default();
        for document in batch {
            let texts = document.pieces.iter().map(|piece| piece.text.as_str());
            came.add(document.pieces.len() as u64, is_foreign(texts));
        }
        // What is there need not be looked at for English.
        let mut count = match self.count {
            None if came.foreign == 0 => return Ok(false),
            None => self.counted()?,
            Some(count) => count,
        };
        count.all += came.all;
        count.foreign += came.foreign;
        self.count = Some(count);
        if count.foreign * ONE_OF < count.all {
            return Ok(false);
        }
        self.of_languages = None;
        match of_languages() {
            Ok(embedder) => self.embedder = embedder,
            Err(e) if e.kind() == ErrorKind::Cancelled => return Err(e),
            Err(e) => {
                self.progress.note(&format!(
                    "{} of {} passages are in other languages than English, which {} reads badly, and \
                     multilingual-e5-small is not to be had: {e}; `wayside models pull multilingual-e5-small` where \
                     there is a network, `wayside models use multilingual-e5-small`, and ingest again",
                    count.foreign,
                    count.all,
                    self.embedder.name()
                ));
                return Ok(false);
            }
        }
        self.progress.note(&format!(
            "{} of {} passages are in other languages than English: {} finds them from now on",
            count.foreign,
            count.all,
            self.embedder.name()
        ));
        self.take_over()?;
        Ok(true)
    }

    /// What the index holds.
    fn counted(&self) -> Result<Count> {
        let mut count = Count::default();
        for collection in self.index.collections()? {
            for document in self.index.documents(&collection.name)? {
                let passages = self.index.passages(&collection.name, &document.name)?;
                let texts = passages.iter().map(|(chunk, _)| chunk.text.as_str());
                count.add(passages.len() as u64, is_foreign(texts));
            }
        }
        Ok(count)
    }

    /// Makes all vectors of the index the embedder's.
    fn take_over(&self) -> Result<()> {
        let (id, dims) = (self.embedder.id(), self.embedder.dimensions());
        let held = self.index.stats()?;
        let differs = held.embedder.is_some_and(|held| (held.id.as_str(), held.dims) != (id, dims));
        if !differs || held.chunks == 0 {
            return self.index.set_embedder(id, dims);
        }
        // What was ingested meanwhile is embedded in the next round.
        let mut vectors = BTreeMap::new();
        loop {
            let chunks = self.without(&vectors)?;
            let (mut done, all) = (0, chunks.len() as u64);
            self.progress.start("embed anew", all);
            for batch in chunks.chunks(BATCH) {
                self.cancel.check()?;
                let texts: Vec<String> = batch.iter().map(|(title, c)| passage(title, &c.section, &c.text)).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let made = self.embedder.passages(&texts, &crate::watch::Quiet, self.cancel)?;
                vectors.extend(batch.iter().map(|(_, chunk)| chunk.id).zip(made));
                done += batch.len() as u64;
                self.progress.at(done);
            }
            self.progress.finish();
            if self.index.replace_vectors(id, dims, &mut vectors, self.cancel)? {
                return Ok(());
            }
        }
    }

    /// The passages that have no vector among `vectors`, each with the title of its document.
    fn without(&self, vectors: &BTreeMap<u32, Vec<f32>>) -> Result<Vec<(String, Chunk)>> {
        let mut chunks = Vec::new();
        for collection in self.index.collections()? {
            for document in self.index.documents(&collection.name)? {
                let passages = self.index.passages(&collection.name, &document.name)?;
                let new = passages.into_iter().filter(|(chunk, _)| !vectors.contains_key(&chunk.id));
                chunks.extend(new.map(|(chunk, _)| (document.title.clone(), chunk)));
            }
        }
        Ok(chunks)
    }
}

/// Whether a document is in another language than English, as far as that can be told.
fn is_foreign<'t>(texts: impl Iterator<Item = &'t str>) -> bool {
    let (most, least) = LOOKED_AT;
    let mut looked_at = String::new();
    for text in texts {
        looked_at.push_str(text);
        looked_at.push('\n');
        if looked_at.len() > most {
            looked_at.truncate(looked_at.floor_char_boundary(most));
            break;
        }
    }
    let Some(found) = whatlang::detect(&looked_at) else { return false };
    match found.script() {
        // Many languages share the letters, and a list of names has none.
        Script::Latin => {
            let letters = looked_at.chars().filter(|c| c.is_alphabetic()).count();
            found.lang() != Lang::Eng && found.is_reliable() && letters >= least
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_apart() {
        for (text, foreign) in [
            (
                "The lamp charges in three hours. Keep the rubber cover free of sand, and wipe it with a damp cloth.",
                false,
            ),
            ("Die Laterne lädt in drei Stunden. Halten Sie die Abdeckung frei von Sand und wischen Sie sie ab.", true),
            ("La lanterne se charge en trois heures. Gardez le couvercle propre et essuyez-le.", true),
            ("La linterna se carga en tres horas. Mantenga la tapa limpia y límpiela con un paño húmedo.", true),
            ("灯在三小时内充电。请保持橡胶盖清洁，并用湿布擦拭。", true),
            ("يشحن المصباح في ثلاث ساعات. حافظ على نظافة الغطاء.", true),
            ("P-724; P-725; HL-720; 3 A; 5 V", false),
            ("Anna Rossi, Jean Dupont, Karl Müller", false),
            ("", false),
        ] {
            assert_eq!(is_foreign([text].into_iter()), foreign, "{text}");
        }
    }
}
