//! Passages for a question: by meaning and by words, fused.

use super::words;
use crate::error::{ErrorKind, Result};
use crate::infer::Embedder;
use crate::store::index::{Index, Scored};
use serde::Serialize;
use std::collections::BTreeMap;

/// Candidates each of the two searches brings.
const CANDIDATES: usize = 50;

/// What the words add to the meaning, on the cosine's scale: in the score for the passage with the best BM25, in the
/// relevance for one that holds every word. Chosen on the sample's 214 questions (recall@1 0.76, recall@3 0.92).
pub(super) const WORDS: f32 = 0.3;

/// By how much a question must be surer of its best passage with the question before it than alone, to be taken for one
/// about the same. Of 25 that were, from "And then?" to "Does it need a password?", all but one won more than 0.12 by
/// it, 0.35 on average; of 25 about something else none won more than 0.12 (293 help pages).
const LEANS: f32 = 0.12;

/// How much less sure than the best a passage may be for a question that leans on the one before. Its words bring
/// little of their own, so that what is less sure is mostly what the question before has left over.
const NEARLY: f32 = 0.2;

/// A passage that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hit {
    /// The document's name: the path it was read from.
    pub document: String,
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
    /// What a question in a conversation is about: what it finds alone or, if it leans on the question before ("And how
    /// do I turn it off again?"), what both find `together`.
    pub fn or_together(self, mut together: Self) -> Self {
        let together_best = together.surest();
        if together_best <= self.surest() + LEANS {
            return self;
        }
        together.hits.retain(|hit| hit.relevance >= together_best - NEARLY);
        together
    }

    /// The relevance of the most relevant passage.
    fn surest(&self) -> f32 {
        self.hits.iter().map(|hit| hit.relevance).fold(0.0, f32::max)
    }

    /// The passages that are about the question: at least so relevant.
    pub fn relevant(mut self, least: f32) -> Self {
        self.hits.retain(|h| h.relevance >= least);
        self
    }
}

/// The `k` best passages for `question` in a collection, or in all.
///
/// The score is the cosine plus a share of BM25, relative to the best BM25 score for this question; the cosines are
/// exact for all candidates of either search.
pub fn retrieve(
    index: &Index,
    embedder: &Embedder,
    question: &str,
    collection: Option<&str>,
    k: usize,
) -> Result<Found> {
    if index.stats()?.chunks == 0 {
        return Ok(Found::default());
    }
    index.set_embedder(embedder.id(), embedder.dimensions())?;
    let query = embedder.query(question)?;
    let near = index.nearest(collection, &query, CANDIDATES.max(k))?;
    let words = index.words(collection, question, CANDIDATES.max(k))?;
    let best = words.first().map_or(1.0, |s| s.score.max(f32::MIN_POSITIVE));
    let missing: Vec<u32> = words.iter().map(|w| w.chunk).filter(|c| near.iter().all(|n| n.chunk != *c)).collect();
    let exact = index.similarities(&missing, &query)?;
    let mut similarity: BTreeMap<u32, f32> = BTreeMap::new();
    for Scored { chunk, score } in near.into_iter().chain(exact) {
        similarity.insert(chunk, score);
    }
    let by_words: BTreeMap<u32, f32> = words.iter().map(|w| (w.chunk, w.score / best)).collect();
    let mut scored: Vec<(u32, f32, f32)> = similarity
        .into_iter()
        .map(|(chunk, cosine)| (chunk, cosine + WORDS * by_words.get(&chunk).copied().unwrap_or(0.0), cosine))
        .collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let (asked, mut hits) = (words::of(question), Vec::new());
    for (id, score, similarity) in scored.into_iter().take(k) {
        let chunk = match index.chunk(id) {
            Ok(chunk) => chunk,
            // Removed since the search: another process may be ingesting.
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        let title = index.document(&chunk.collection, &chunk.document)?.map(|d| d.title).unwrap_or_default();
        let (document, section, text) = (chunk.document, chunk.section, chunk.text);
        let held = words::of(&format!("{title} {section} {text}"));
        let relevance = similarity + WORDS * words::share(&asked, &held);
        hits.push(Hit { document, title, section, chunk: id, text, score, relevance });
    }
    Ok(Found { hits })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(relevances: &[f32]) -> Found {
        let hit = |(chunk, relevance): (u32, &f32)| Hit {
            document: String::new(),
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
    fn a_question_leans_on_the_one_before_only_if_that_makes_it_surer() {
        let chunks = |found: Found| found.hits.iter().map(|hit| hit.relevance).collect::<Vec<_>>();
        assert_eq!(chunks(found(&[0.94, 0.77]).or_together(found(&[0.84, 0.71]))), [0.94, 0.77], "another matter");
        assert_eq!(chunks(found(&[0.5, 0.45]).or_together(found(&[0.6, 0.9, 0.75]))), [0.9, 0.75], "the same matter");
        assert_eq!(chunks(found(&[0.5]).or_together(found(&[]))), [0.5]);
        assert_eq!(chunks(found(&[]).or_together(found(&[0.5]))), [0.5]);
        assert!(found(&[]).or_together(found(&[])).hits.is_empty());
    }
}
