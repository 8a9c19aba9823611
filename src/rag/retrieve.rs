//! Passages for a question: by meaning and by words, fused.

use super::words;
use crate::error::Result;
use crate::infer::Embedder;
use crate::store::index::{Index, Scored, View};
use serde::Serialize;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Candidates each of the two searches brings.
const CANDIDATES: usize = 50;

/// The most candidates where copies take up the places of others.
const MOST_CANDIDATES: usize = 3200;

/// What the words add to the meaning, on the cosine's scale: in the score for the passage with the best BM25, in the
/// relevance for one that holds every word. Chosen on the sample's 214 questions (recall@1 0.76, recall@3 0.92).
pub(super) const WORDS: f32 = 0.3;

/// Scores no further apart are one: a text's vector differs by less with what else was embedded beside it.
const SAME: f32 = 1e-5;

/// A passage that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hit {
    /// The document's name: the path it was read from.
    pub document: String,
    /// Further documents that say the same under the same headings: copies of it, or of the passage.
    pub also: Vec<String>,
    /// What people call the document.
    pub title: String,
    /// The headings above the passage.
    pub section: String,
    /// The passage's id in the index.
    pub chunk: u32,
    /// Its text.
    pub text: String,
    /// Meaning and words together, larger is better; about 1.3 at most.
    pub score: f32,
    /// How surely the passage is about the question at all: the cosine, plus up to 0.3 for the words they share.
    /// Unlike the score it does not depend on what else was found.
    pub relevance: f32,
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The best passages, the best first.
    pub hits: Vec<Hit>,
}

impl Found {
    /// These passages and, behind them, those of `other` that are not among them; at most `k`, half of them others.
    pub fn with(mut self, mut other: Self, k: usize) -> Self {
        let is_same = |a: &Hit, b: &Hit| a.chunk == b.chunk || (&a.section, &a.text) == (&b.section, &b.text);
        other.hits.retain(|hit| self.hits.iter().all(|own| !is_same(own, hit)));
        self.hits.truncate(k.saturating_sub(other.hits.len().min(k / 2)));
        self.hits.extend(other.hits);
        self.hits.truncate(k);
        self
    }

    /// The passages that are about the question: at least so relevant.
    pub fn relevant(mut self, least: f32) -> Self {
        self.hits.retain(|h| h.relevance >= least);
        self
    }
}

/// The `k` best passages for `question` in a collection, or in all; each text once, however many documents hold it
/// under the same headings.
///
/// The score is the cosine plus a share of BM25, relative to the best BM25 score for this question; the cosines are
/// exact for all candidates of either search. All of it is read in one state of the index.
pub fn retrieve(
    index: &Index,
    embedder: &Embedder,
    question: &str,
    collection: Option<&str>,
    k: usize,
) -> Result<Found> {
    // No transaction is open while a model runs.
    let query = Query { vector: embedder.query(question)?, question, collection, k };
    index.read(|view| {
        view.check_embedder(embedder.id(), embedder.dimensions())?;
        query.found(view)
    })
}

/// A question as it is looked up.
struct Query<'a> {
    vector: Vec<f32>,
    question: &'a str,
    collection: Option<&'a str>,
    k: usize,
}

/// A passage that may be a hit.
struct Candidate {
    chunk: u32,
    score: f32,
    similarity: f32,
}

impl Query<'_> {
    fn found(&self, view: &View) -> Result<Found> {
        if view.is_empty()? {
            return Ok(Found::default());
        }
        let asked = words::of(self.question);
        let mut most = CANDIDATES.max(self.k);
        loop {
            let candidates = self.candidates(view, most)?;
            let is_all = candidates.len() < most || most >= MOST_CANDIDATES;
            let hits = self.once_each(view, candidates, &asked)?;
            if is_all || hits.len() >= self.k || hits.iter().all(|hit| hit.also.is_empty()) {
                return Ok(Found { hits });
            }
            most *= 4;
        }
    }

    /// The best of the candidates, each text once, with the further documents that hold it.
    fn once_each(&self, view: &View, candidates: Vec<Candidate>, asked: &BTreeSet<String>) -> Result<Vec<Hit>> {
        // Which hit holds a text under its headings.
        let (mut hits, mut held) = (Vec::<Hit>::new(), HashMap::new());
        for candidate in candidates {
            let full = hits.len() >= self.k;
            if full && hits.last().is_none_or(|last| candidate.score < last.score - SAME) {
                break;
            }
            let hit = candidate.hit(view, asked)?;
            match held.entry((collapsed(&hit.section), collapsed(&hit.text))) {
                Entry::Occupied(at) => {
                    let first: Option<&mut Hit> = hits.get_mut(*at.get());
                    if let Some(first) = first {
                        first.join(hit);
                    }
                }
                Entry::Vacant(new) if !full => {
                    new.insert(hits.len());
                    hits.push(hit);
                }
                Entry::Vacant(_) => {}
            }
        }
        Ok(hits)
    }

    /// What either search brings, the best first.
    fn candidates(&self, view: &View, most: usize) -> Result<Vec<Candidate>> {
        let near = view.nearest(self.collection, &self.vector, most)?;
        let words = view.words(self.collection, self.question, most)?;
        let best = words.first().map_or(1.0, |s| s.score.max(f32::MIN_POSITIVE));
        let missing: Vec<u32> = words.iter().map(|w| w.chunk).filter(|c| near.iter().all(|n| n.chunk != *c)).collect();
        let exact = view.similarities(&missing, &self.vector)?;
        let by_words: BTreeMap<u32, f32> = words.iter().map(|w| (w.chunk, w.score / best)).collect();
        let candidate = |Scored { chunk, score: similarity }| {
            let score = similarity + WORDS * by_words.get(&chunk).copied().unwrap_or(0.0);
            Candidate { chunk, score, similarity }
        };
        let mut candidates: Vec<Candidate> = near.into_iter().chain(exact).map(candidate).collect();
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
        Ok(candidates)
    }
}

impl Hit {
    /// Takes in a passage that says the same and stands behind this one. Of equals the first name is the hit's.
    fn join(&mut self, mut copy: Self) {
        let goes_first = copy.score >= self.score - SAME && copy.document < self.document;
        if goes_first {
            std::mem::swap(self, &mut copy);
            self.also.append(&mut copy.also);
        }
        if copy.document != self.document {
            let at = self.also.partition_point(|name| *name < copy.document);
            if self.also.get(at) != Some(&copy.document) {
                self.also.insert(at, copy.document);
            }
        }
    }
}

impl Candidate {
    fn hit(&self, view: &View, asked: &BTreeSet<String>) -> Result<Hit> {
        let chunk = view.chunk(self.chunk)?;
        let title = view.document(&chunk.collection, &chunk.document)?.map(|d| d.title).unwrap_or_default();
        let (document, section, text) = (chunk.document, chunk.section, chunk.text);
        let held = words::of(&format!("{title} {section} {text}"));
        let relevance = self.similarity + WORDS * words::share(asked, &held);
        let also = Vec::new();
        Ok(Hit { document, also, title, section, chunk: self.chunk, text, score: self.score, relevance })
    }
}

/// A text without what white space makes of it.
fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::index::{NewChunk, NewDocument};
    use crate::watch::Cancel;

    fn found(relevances: &[f32]) -> Found {
        let hit = |(chunk, relevance): (u32, &f32)| Hit {
            document: String::new(),
            also: vec![],
            title: String::new(),
            section: String::new(),
            chunk,
            text: String::new(),
            score: *relevance,
            relevance: *relevance,
        };
        Found { hits: (0..).zip(relevances).map(hit).collect() }
    }

    #[test]
    fn passages_of_two_searches_stand_together_once() {
        let chunks = |found: Found| found.hits.iter().map(|hit| hit.chunk).collect::<Vec<_>>();
        let with = |from: std::ops::Range<u32>, relevances: &[f32]| {
            let mut found = found(relevances);
            for (hit, chunk) in found.hits.iter_mut().zip(from) {
                (hit.chunk, hit.text) = (chunk, format!("passage {chunk}"));
            }
            found
        };
        assert_eq!(chunks(with(0..4, &[0.9; 4]).with(with(2..6, &[0.8; 4]), 4)), [0, 1, 4, 5]);
        assert_eq!(chunks(with(0..4, &[0.9; 4]).with(found(&[]), 4)), [0, 1, 2, 3]);
        assert_eq!(chunks(found(&[]).with(with(0..2, &[0.9; 2]), 4)), [0, 1]);
    }

    /// An index of documents with one passage each, and what "wren" finds in it.
    fn sought(documents: &[(&str, &str, &str, f32)], k: usize) -> Vec<String> {
        hits(documents, k).into_iter().map(|hit| hit.document).collect()
    }

    fn hits(documents: &[(&str, &str, &str, f32)], k: usize) -> Vec<Hit> {
        let home = tempfile::tempdir().unwrap();
        let index = Index::open(&home.path().join("index")).unwrap();
        index.set_embedder("test", 2).unwrap();
        let document = |(name, section, text, near): &(&str, &str, &str, f32)| {
            let vector = vec![*near, (1.0 - near * near).sqrt()];
            let chunk = NewChunk { section: (*section).into(), text: (*text).into(), tokens: 3, vector };
            NewDocument { name: (*name).into(), digest: String::new(), title: String::new(), chunks: vec![chunk] }
        };
        index.apply("c", documents.iter().map(document).collect(), &[], &Cancel::new()).unwrap();
        let query = Query { vector: vec![1.0, 0.0], question: "wren", collection: Some("c"), k };
        index.read(|view| query.found(view)).unwrap().hits
    }

    #[test]
    fn copies_are_further_places_and_take_nobody_elses() {
        let names: Vec<String> = (0..90).map(|n| format!("copy{n:02}/wren.md")).collect();
        let mut documents: Vec<_> =
            names.iter().map(|n| (n.as_str(), "Wren", "The Wren burns 9 hours.", 0.9)).collect();
        documents.push(("heron.md", "Heron", "The Heron burns 4 hours.", 0.2));
        let hits = hits(&documents, 2);
        assert_eq!(hits.iter().map(|h| h.document.as_str()).collect::<Vec<_>>(), ["copy00/wren.md", "heron.md"]);
        assert_eq!((hits[0].also.len(), hits[0].also[0].as_str()), (89, "copy01/wren.md"));
    }

    #[test]
    fn a_text_at_two_paths_takes_one_place() {
        let documents = [
            ("shop/wren.md", "Wren", "The Wren burns\n9 hours.", 0.9),
            ("copy/wren.md", "Wren", "The Wren burns 9 hours.", 0.9),
            ("late/wren.md", "Wren", "The Wren  burns 9 hours.", 0.8),
            ("heron.md", "Heron", "The Heron burns 4 hours.", 0.7),
            ("otter.md", "Otter", "The Otter burns wood.", 0.6),
        ];
        assert_eq!(sought(&documents, 2), ["copy/wren.md", "heron.md"], "of equals the first name");
        assert_eq!(sought(&documents, 1), ["copy/wren.md"]);
        assert_eq!(sought(&documents, 9), ["copy/wren.md", "heron.md", "otter.md"]);
        assert_eq!(sought(&documents, 0), [""; 0]);
        assert_eq!(sought(&[], 3), [""; 0]);
    }

    #[test]
    fn the_better_copy_wins_and_other_headings_make_another_passage() {
        let copies = [("a.md", "Wren", "9 to 17", 0.5), ("b.md", "Wren", "9 to 17", 0.9)];
        assert_eq!(sought(&copies, 2), ["b.md"]);
        let hours = [("hours.md", "Shop", "9 to 17", 0.9), ("hours2.md", "Workshop", "9 to 17", 0.8)];
        assert_eq!(sought(&hours, 2), ["hours.md", "hours2.md"], "what the shop's hours are, the workshop's are not");
    }
}
