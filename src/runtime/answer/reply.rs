//! An answer under way: sentences as they are said, and what each rests on.

use super::{Heard, Said};
use crate::rag::{Quote, Source};
use crate::store::log::{Citation, Sentence, Words, marked};
use crate::text::unit::UnitKind;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// What stands behind a sentence that nothing supports, where such are shown.
const UNSUPPORTED: &str = " (not found in the documents)";

/// Collects an answer while it is told.
pub struct Reply<'a> {
    sources: &'a [Source],
    begin: Instant,
    hear: &'a mut dyn FnMut(Heard),
    text: String,
    found: bool,
    sentences: Vec<Sentence>,
    /// The units that support it, by the place of their source.
    support: BTreeMap<usize, BTreeSet<usize>>,
    first_s: Option<f64>,
    /// Words of the sentence under way that were heard already.
    heard: String,
}

/// A finished one.
pub struct Replied {
    pub text: String,
    pub found: bool,
    pub sentences: Vec<Sentence>,
    pub citations: Vec<Citation>,
    /// Seconds until the first sentence was said, or until the end.
    pub first_s: f64,
}

impl<'a> Reply<'a> {
    /// An empty one over what was found; its time began at `begin`.
    pub fn new(sources: &'a [Source], begin: Instant, hear: &'a mut dyn FnMut(Heard)) -> Self {
        Self {
            sources,
            begin,
            hear,
            text: String::new(),
            found: false,
            sentences: vec![],
            support: BTreeMap::new(),
            first_s: None,
            heard: String::new(),
        }
    }

    /// Whether something was said that answers.
    pub fn answers(&self) -> bool {
        self.found
    }

    /// What the house says where there is no answer.
    pub fn notice(&mut self, text: &str) {
        let gap = if self.text.is_empty() { "" } else { " " };
        self.tell(gap, text, None, "", &[]);
    }

    /// What a record wants said first.
    pub fn opening(&mut self, source: usize, text: &str) {
        self.support.entry(source).or_default();
        let sentence = Sentence { text: text.to_owned(), kind: Words::Quote, sources: self.numbers([source]) };
        let mark = self.marks(&sentence);
        self.sentence(" ", sentence, &mark);
        // It comes before any answer, and is none.
        self.found = false;
    }

    /// Units of a source, word for word: one sentence each, and the mark once.
    pub fn quote(&mut self, quote: &Quote) {
        let Some(source) = self.sources.get(quote.source) else { return };
        self.support.entry(quote.source).or_default().extend(&quote.units);
        let sources = self.numbers([quote.source]);
        let units: Vec<_> = quote.units.iter().filter_map(|&at| source.units.get(at)).collect();
        let last = units.len().saturating_sub(1);
        for (at, weighed) in units.into_iter().enumerate() {
            let gap = if matches!(weighed.unit.kind, UnitKind::Sentence) { " " } else { "\n" };
            let sentence =
                Sentence { text: weighed.unit.reading.clone(), kind: Words::Quote, sources: sources.clone() };
            let mark = if at == last { self.marks(&sentence) } else { String::new() };
            self.sentence(gap, sentence, &mark);
        }
    }

    /// A model's sentence that units support, each by its source's place and its own.
    pub fn written(&mut self, gap: &str, text: &str, support: &[(usize, usize)]) {
        let places: BTreeSet<usize> = support.iter().map(|(source, _)| *source).collect();
        support.iter().for_each(|(source, unit)| {
            self.support.entry(*source).or_default().insert(*unit);
        });
        let sentence = Sentence { text: text.to_owned(), kind: Words::Written, sources: self.numbers(places) };
        let mark = self.marks(&sentence);
        self.sentence(gap, sentence, &mark);
    }

    /// A model's sentence that nothing supports; `flagged` where something should.
    pub fn free(&mut self, gap: &str, text: &str, flagged: bool) {
        let sentence = Sentence { text: text.to_owned(), kind: Words::Free, sources: vec![] };
        self.sentence(gap, sentence, if flagged { UNSUPPORTED } else { "" });
    }

    /// Words of a model that speaks freely: all that it has said of a sentence, white space before it included.
    pub fn words(&mut self, open: &str) {
        let open = match (self.text.is_empty(), open.starts_with(char::is_whitespace)) {
            (true, _) => open.trim_start().to_owned(),
            (false, true) => open.to_owned(),
            (false, false) => format!(" {open}"),
        };
        // The last one may go on.
        let whole = open.rfind(char::is_whitespace).and_then(|end| open.get(..end)).map_or("", str::trim_end);
        let new = whole.strip_prefix(self.heard.as_str()).filter(|new| !new.is_empty());
        if let Some(new) = new {
            self.first_s.get_or_insert_with(|| self.begin.elapsed().as_secs_f64());
            (self.hear)(Heard::Words(new));
            self.heard = whole.to_owned();
        }
    }

    /// Ends it.
    pub fn finish(self) -> Replied {
        Replied {
            citations: self.citations(|_| true),
            found: self.found,
            first_s: self.first_s.unwrap_or_else(|| self.begin.elapsed().as_secs_f64()),
            text: self.text,
            sentences: self.sentences,
        }
    }

    /// What is cited so far of the numbers that are `wanted`, in their order.
    fn citations(&self, wanted: impl Fn(u32) -> bool) -> Vec<Citation> {
        let citation = |(source, units): (&usize, &BTreeSet<usize>)| {
            let units: Vec<usize> = units.iter().copied().collect();
            let source = self.sources.get(*source).filter(|source| wanted(source.n))?;
            Some(source.citation(&units))
        };
        let mut citations: Vec<Citation> = self.support.iter().filter_map(citation).collect();
        citations.sort_by_key(|citation| citation.n);
        citations
    }

    fn numbers(&self, places: impl IntoIterator<Item = usize>) -> Vec<u32> {
        places.into_iter().filter_map(|at| self.sources.get(at)).map(|source| source.n).collect()
    }

    /// The marks behind a sentence.
    fn marks(&self, sentence: &Sentence) -> String {
        let cited = self.sources.iter().filter(|source| sentence.sources.contains(&source.n));
        let citations: Vec<Citation> = cited.map(|source| source.citation(&[])).collect();
        marked(&Sentence { text: String::new(), ..sentence.clone() }, &citations)
    }

    fn sentence(&mut self, gap: &str, sentence: Sentence, behind: &str) {
        self.found = true;
        let gap = match (self.text.is_empty(), gap) {
            (true, _) => "",
            (false, "") => " ",
            (false, gap) => gap,
        };
        self.tell(gap, &sentence.text, Some(sentence.kind), behind, &sentence.sources);
        self.sentences.push(sentence);
    }

    /// Says a text; what stands behind it is shown and not kept.
    fn tell(&mut self, gap: &str, text: &str, kind: Option<Words>, behind: &str, sources: &[u32]) {
        self.first_s.get_or_insert_with(|| self.begin.elapsed().as_secs_f64());
        let whole = format!("{gap}{text}");
        let heard = std::mem::take(&mut self.heard);
        // What was heard beyond it was a mark of the model's own; what was heard instead is not said after all.
        let rest = whole.strip_prefix(heard.as_str()).unwrap_or(if heard.starts_with(&whole) { "" } else { &whole });
        if !rest.is_empty() {
            (self.hear)(Heard::Words(rest));
        }
        self.text.push_str(&whole);
        let citations = self.citations(|n| sources.contains(&n));
        (self.hear)(Heard::Sentence(&Said {
            gap: gap.to_owned(),
            text: text.to_owned(),
            kind,
            behind: behind.to_owned(),
            sources: sources.to_vec(),
            citations,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_before_their_sentence_and_are_the_answer() {
        let mut heard: Vec<String> = Vec::new();
        let mut hear = |what: Heard| {
            heard.push(match what {
                Heard::Words(words) => words.to_owned(),
                Heard::Sentence(said) => format!("<{}>", said.text),
            });
        };
        let mut reply = Reply::new(&[], Instant::now(), &mut hear);
        for open in ["\nIt", "\nIt wi", "\nIt will", "\nIt will ", "\nIt will rain."] {
            reply.words(open);
        }
        reply.free("\n", "It will rain.", false);
        reply.words("  Take");
        reply.free("  ", "Take it.", false);
        reply.notice("Ask us.");
        let text = reply.finish().text;
        let pieces = ["It", " will", " rain.", "<It will rain.>", "  Take it.", "<Take it.>", " Ask us.", "<Ask us.>"];
        assert_eq!(heard, pieces);
        assert_eq!(heard.iter().filter(|piece| !piece.starts_with('<')).cloned().collect::<String>(), text);
    }
}
