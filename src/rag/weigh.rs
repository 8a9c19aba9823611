//! Which unit answers: the units of what was found, each weighed against the question.
//!
//! The judge reads the question beside each unit under its headings, and the embedder says how near the two are. Both
//! together become a chance: how surely this unit, with what belongs to it, answers this question.

use super::facts::Fact;
use super::source::{Material, Origin, Source, Weighed};
use super::words;
use crate::error::Result;
use crate::infer::{Embedder, Judge};
use crate::text::unit::{Unit, UnitKind, only_asks, units};
use crate::watch::{Cancel, Quiet};

/// The most units of documents that the embedder looks at for a question, and of those that the judge reads: those that
/// are nearest. Reading all of them finds the right one no more often (119 tuning questions), and takes twice as long.
const READ: (usize, usize) = (20, 10);
/// What the share of the question's words adds to a unit's nearness when it is decided whether the judge reads it.
const NEAR: f32 = 0.4;
/// The most units that a model is shown, and the chance below which one is not worth showing, unless it is the best.
const SHOWN: (usize, f32) = (3, 0.1);

/// The chance is `1 / (1 + exp(-(scale score + shift)))`, where the score is a weighted sum. Fitted by logistic
/// regression on questions about four organisations that the judge was not taught on, and on the tuning halves of
/// `tests/answers`: the weights on which unit answers, the scale on how often what is then quoted is right.
const CHANCE: Chance = Chance {
    judge: 0.869,
    cosine: 4.005,
    words: 0.652,
    passage: -2.009,
    bias: -2.2,
    added: 1.5,
    within: 1.0,
    scale: 0.97,
    shift: 1.618,
};

/// The chance of the fact that a question about one's own records asks for: so much, and so much more for each part of
/// its words and of its query's nearness. A question of which no word and no query is near stays below any certainty.
const OWN: (f32, f32) = (0.3, 0.45);

/// What a unit's score is made of.
struct Chance {
    /// Of the judge's logit.
    judge: f32,
    /// Of the cosine of question and unit.
    cosine: f32,
    /// Of the share of the question's words that the unit or its headings hold.
    words: f32,
    /// Of the relevance of its passage: what is near because of its passage alone is less sure.
    passage: f32,
    bias: f32,
    /// Of the share of the words that a question adds to the one it leans on: "and on Sunday?" is not about Saturday.
    added: f32,
    /// Of standing in the document that answered the question it leans on: people ask on about the same thing.
    within: f32,
    scale: f32,
    shift: f32,
}

impl Chance {
    fn of(&self, logit: f32, candidate: &Candidate, cosine: f32, relevance: f32) -> f32 {
        let score = self.judge * logit
            + self.cosine * cosine
            + self.words * candidate.share
            + self.passage * relevance
            + self.bias
            + self.added * candidate.added
            + if candidate.is_within { self.within } else { 0.0 };
        1.0 / (1.0 + (-(self.scale * score + self.shift)).exp())
    }
}

/// The judge was taught on Latin letters. What is asked in others it cannot read, though it says something: there the
/// nearness decides. So near is as likely right as not, and so steep is the way there. multilingual-e5-small puts the
/// best sentence of Debian's Chinese FAQ at 0.64 to 0.77 for 13 of 16 questions that it answers, and at 0.47 to 0.56
/// for 9 of 12 others.
const UNREAD: (f32, f32) = (0.62, 20.0);

/// The chance of a unit that is so near to a question that the judge cannot read.
fn unread(cosine: f32) -> f32 {
    let (even, steep) = UNREAD;
    1.0 / (1.0 + (-(steep * (cosine - even))).exp())
}

/// Whether a question is in Latin letters, for the most part. A Chinese sign says as much as three letters, and names
/// of products are Latin in any language.
fn is_latin(question: &str) -> bool {
    let letters = question.chars().filter(|c| c.is_alphabetic());
    let (latin, others): (Vec<char>, Vec<char>) = letters.partition(|c| *c <= '\u{24F}');
    latin.len() >= 3 * others.len()
}

/// What units are weighed against.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// What is sought: the question, behind the one it leans on.
    pub sought: &'a str,
    /// What a question that leans adds to the one before; empty for others.
    pub added: &'a str,
    /// The document that answered the one before; none for others.
    pub within: Option<&'a str>,
    /// Whether the asker's own records are meant.
    pub own: bool,
}

/// What units are weighed with.
#[derive(Clone, Copy)]
pub struct Finders<'a> {
    /// Reads question and unit side by side.
    pub judge: &'a Judge,
    /// Says how near they are.
    pub embedder: &'a Embedder,
    /// Whether the embedder reads other letters than Latin ones.
    pub reads_all_letters: bool,
}

/// A unit on its way to being weighed.
struct Candidate {
    /// The place of its source.
    source: usize,
    /// Its place among the source's units.
    unit: usize,
    /// It under its headings, as the judge reads it.
    text: String,
    /// The share of the question's words that `text` holds.
    share: f32,
    /// The share of the words that a question adds to the one it leans on.
    added: f32,
    /// Whether it stands in the document that answered that one.
    is_within: bool,
}

/// What was found as sources with their units weighed, those with the surest unit first. They have no numbers yet.
pub fn weigh(finders: Finders, asked: Asked, material: &Material) -> Result<Vec<Source>> {
    let Asked { sought: question, added, within, own } = asked;
    let mut sources: Vec<Source> = material.hits.iter().map(|hit| source(Origin::Passage(hit.clone()))).collect();
    sources.extend(material.facts.iter().map(|fact| source(Origin::Record(fact.clone()))));
    let (about, added) = (words::of(question), words::of(added));
    let mut candidates = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let headings = headings(&source.origin);
        for (number, weighed) in source.units.iter().enumerate() {
            let from = source.units.iter().skip(number).map(|weighed| &weighed.unit);
            // What only asks answers nothing, however near it is.
            if weighed.unit.kind == UnitKind::Heading || only_asks(from) {
                continue;
            }
            let above = headings.iter().chain(&weighed.unit.under);
            let above = above.map(String::as_str).collect::<Vec<_>>().join(" > ");
            let text = if above.is_empty() {
                weighed.unit.reading.clone()
            } else {
                format!("{above}: {}", weighed.unit.reading)
            };
            let held = words::of(&text);
            let share = words::share(&about, &held);
            let added = words::share(&added, &held);
            let is_within = within.is_some_and(|document| source.document() == document);
            candidates.push(Candidate { source: at, unit: number, text, share, added, is_within });
        }
    }
    // Records are few, and always read; of the others those that look likeliest by their words and their passage.
    let is_fact = |c: &Candidate| sources[c.source].fact().is_some();
    let likely = |c: &Candidate| (is_fact(c), c.share + sources[c.source].origin.score());
    keep(&mut candidates, READ.0 + material.facts.len(), likely);
    let asked = finders.embedder.query(question)?;
    let texts: Vec<&str> = candidates.iter().map(|candidate| candidate.text.as_str()).collect();
    let vectors = finders.embedder.passages(&texts, &Quiet, &Cancel::new())?;
    let cosine = |vector: Vec<f32>| vector.iter().zip(&asked).map(|(a, b)| a * b).sum();
    let mut near: Vec<(Candidate, f32)> = candidates.into_iter().zip(vectors.into_iter().map(cosine)).collect();
    keep(&mut near, READ.1 + material.facts.len(), |(c, cosine)| (is_fact(c), cosine + NEAR * c.share));
    let texts: Vec<&str> = near.iter().map(|(candidate, _)| candidate.text.as_str()).collect();
    let reads = is_latin(question);
    let logits = if reads { finders.judge.logits(question, &texts)? } else { vec![0.0; texts.len()] };
    for ((candidate, cosine), logit) in near.iter().zip(logits) {
        let relevance = sources[candidate.source].origin.score();
        let weighed = &mut sources[candidate.source].units[candidate.unit];
        weighed.chance = match reads {
            true => CHANCE.of(logit, candidate, *cosine, relevance),
            false if finders.reads_all_letters => unread(*cosine),
            false => 0.0,
        };
    }
    if own {
        prefer_own(&mut sources, question);
    }
    sources.retain(|source| !source.units.is_empty());
    sources.sort_by(|a, b| surest(b).total_cmp(&surest(a)));
    show(&mut sources);
    Ok(sources)
}

/// Keeps so many, facts first, and of either those of the highest value.
fn keep<T>(list: &mut Vec<T>, most: usize, of: impl Fn(&T) -> (bool, f32)) {
    list.sort_by(|a, b| {
        let ((a_fact, a_value), (b_fact, b_value)) = (of(a), of(b));
        b_fact.cmp(&a_fact).then(b_value.total_cmp(&a_value))
    });
    list.truncate(most);
}

/// Raises the fact that a question about the asker's own records asks for: the one that shares most of its words and
/// whose query is nearest. The judge was taught on documents, and no document can answer such a question.
fn prefer_own(sources: &mut [Source], question: &str) {
    let asked = words::telling(question);
    let wanted = |source: &Source| {
        let fact = source.fact()?;
        Some(words::share(&asked, &words::telling(&format!("{} {}", fact.name, fact.text))) + fact.score)
    };
    let facts = sources.iter_mut().filter_map(|source| Some((wanted(source)?, source)));
    // The first of equals: facts come in the order in which they are wanted.
    let best = facts.reduce(|best, next| if next.0 > best.0 { next } else { best });
    if let Some((wanted, source)) = best
        && let Some(weighed) = source.units.first_mut()
    {
        weighed.chance = weighed.chance.max((OWN.0 + OWN.1 * wanted).min(1.0));
    }
}

/// The chance of a source's surest unit.
pub fn surest(source: &Source) -> f32 {
    source.units.iter().map(|weighed| weighed.chance).fold(0.0, f32::max)
}

fn source(origin: Origin) -> Source {
    let found = match &origin {
        Origin::Passage(hit) => units(&hit.text),
        Origin::Record(fact) => vec![whole(fact)],
    };
    let units = found.into_iter().map(|unit| Weighed { unit, chance: 0.0 }).collect();
    Source { n: 0, origin, text: String::new(), units }
}

/// A fact is one unit.
fn whole(fact: &Fact) -> Unit {
    let range = 0..fact.text.len();
    let pieces = vec![range.clone()];
    Unit { range, kind: UnitKind::Field, reading: fact.text.clone(), pieces, under: vec![], block: 0 }
}

/// The headings above a passage, and what a record is called; without places such as rows, which say nothing.
fn headings(origin: &Origin) -> Vec<String> {
    let is_place = |part: &str| {
        let mut words = part.split(' ');
        matches!(words.next(), Some("row" | "line" | "page"))
            && words.next().is_some_and(|word| word.chars().all(|c| c.is_ascii_digit()))
    };
    match origin {
        Origin::Passage(hit) => {
            let parts = [hit.title.as_str()].into_iter().chain(hit.section.split(" > "));
            let mut parts: Vec<String> =
                parts.filter(|part| !part.is_empty() && !is_place(part)).map(str::to_owned).collect();
            parts.dedup();
            parts
        }
        Origin::Record(fact) => vec![fact.name.clone()],
    }
}

/// Chooses what of each source a model is shown; sources of which nothing is are left with an empty text.
fn show(sources: &mut [Source]) {
    let mut chances: Vec<f32> = sources.iter().flat_map(|s| &s.units).map(|weighed| weighed.chance).collect();
    chances.sort_by(|a, b| b.total_cmp(a));
    let best = chances.first().copied().unwrap_or_default();
    let least = chances.get(SHOWN.0 - 1).copied().unwrap_or_default().max(SHOWN.1.min(best));
    for source in sources {
        let shown = source.units.iter().filter(|weighed| weighed.chance >= least && weighed.chance > 0.0);
        let mut under: &[String] = &[];
        let mut lines = Vec::new();
        for weighed in shown {
            if weighed.unit.under != under && !weighed.unit.under.is_empty() {
                lines.push(weighed.unit.under.join(" > "));
            }
            under = &weighed.unit.under;
            lines.push(weighed.unit.reading.clone());
        }
        source.text = lines.join("\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_document_that_answered_before_is_surer() {
        let candidate =
            |is_within| Candidate { source: 0, unit: 0, text: String::new(), share: 0.5, added: 0.0, is_within };
        let chance = |is_within| CHANCE.of(0.0, &candidate(is_within), 0.5, 0.5);
        assert!(chance(true) > chance(false) && chance(true) < 1.0);
    }

    #[test]
    fn letters_that_the_judge_cannot_read_are_told_apart() {
        for (question, latin) in [
            ("How do I sell Debian CDs?", true),
            ("Darf ich größere Töpfe kaufen?", true),
            ("我可以出售 Debian 光盘吗？", false),
            ("怎样安装 LibreOffice？", false),
            ("Debian 怎么发音？", false),
            ("هل يمكنني البيع؟", false),
            ("Как продать?", false),
            ("12?", true),
        ] {
            assert_eq!(is_latin(question), latin, "{question}");
        }
        assert!(unread(0.72) > 0.8 && unread(0.5) < 0.1);
    }

    #[test]
    fn facts_are_kept_first_and_then_what_is_worth_most() {
        let mut list = vec![(false, 0.9), (true, 0.1), (false, 0.5), (true, 0.7)];
        keep(&mut list, 3, |entry| *entry);
        assert_eq!(list, [(true, 0.7), (true, 0.1), (false, 0.9)]);
    }
}
