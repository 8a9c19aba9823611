//! The right row and the right column; in prose, the right words beside a number.

use super::Why;
use super::check::{Claim, Source, days_of};
use super::lex::{Token, What, Word};
use super::lexicon::same;
use super::parse::Text;
use super::quantity::Quantity;

/// Whether a claim's values stand in the row and the column that are asked for, or beside their words.
pub fn place(claim: &Claim, source: &Source) -> Result<(), Why> {
    if source.cells.is_empty() {
        return beside(claim, source);
    }
    if !is_row(claim, source) {
        return Err(Why::Row);
    }
    claim.text.quantities().filter(|(_, q)| !q.soft).try_for_each(|(token, said)| column(claim, source, token, said))
}

/// The tokens of a cell's value.
fn values(source: &Source, cell: usize) -> impl Iterator<Item = &Token> {
    source.body.tokens.iter().filter(move |token| source.cell(token) == Some(cell))
}

/// Whether sentence or question name the row: by its first cell, or, where that is a mere number, by another.
fn is_row(claim: &Claim, source: &Source) -> bool {
    let has = |word: &Word| claim.text.has(&word.key, claim.german) || claim.question.has(&word.key, claim.german);
    let (mut weight, mut held, mut words) = (0.0, 0.0, 0);
    let (said, asked) = (days_of(claim.text), days_of(claim.question));
    // A question for a day is answered by that day's row.
    let days = if asked == 0 { said } else { asked };
    for token in values(source, 0) {
        match &token.what {
            What::Days(label) if days & label != 0 => return true,
            What::Days(_) => weight += 1.0,
            What::Word(word) => {
                words += 1;
                weight += 1.0;
                held += if has(word) { 1.0 } else { 0.0 };
            }
            What::Code(code) if holds_code(claim, code) => return true,
            What::Quantity(label)
                if [claim.text, claim.question].iter().any(|t| t.quantities().any(|(_, q)| q == label)) =>
            {
                return true;
            }
            _ => {}
        }
    }
    if words > 0 || weight > 0.0 {
        return held * 2.0 >= weight && held > 0.0;
    }
    let others = source.body.tokens.iter().filter(|token| source.cell(token).is_some_and(|cell| cell > 0));
    others.into_iter().any(|t| matches!(&t.what, What::Word(word) if word.weight >= 1.0 && has(word)))
}

fn holds_code(claim: &Claim, code: &str) -> bool {
    let holds = |text: &Text| text.tokens.iter().any(|t| matches!(&t.what, What::Code(held) if held == code));
    holds(claim.text) || holds(claim.question)
}

/// How much of a column's header a text names, and where it does so nearest before `at`, else behind it.
fn mention(header: &[&Word], text: &Text, at: usize, german: bool) -> Option<(f32, usize)> {
    let places = |word: &Word| {
        let found = text.words().filter(|(_, w)| same(&w.key, &word.key, german));
        found.map(|(t, _)| if t.at.start <= at { at - t.at.start } else { (t.at.start - at) * 3 }).min()
    };
    let found: Vec<usize> = header.iter().filter_map(|word| places(word)).collect();
    let share = found.len() as f32 / header.len().max(1) as f32;
    found.iter().min().filter(|_| share >= 0.5).map(|nearest| (share, *nearest))
}

fn header(source: &Source, cell: usize) -> Vec<&Word> {
    let range = &source.cells[cell].header;
    source.body.words().filter(|(token, _)| range.contains(&token.at.start)).map(|(_, word)| word).collect()
}

/// The columns that a text names for what stands at `at`: the nearest, and those named just as near.
fn named(claim: &Claim, source: &Source, text: &Text, at: usize) -> Vec<usize> {
    let cells = 1..source.cells.len();
    let found = cells.filter_map(|cell| Some((cell, mention(&header(source, cell), text, at, claim.german)?)));
    let found: Vec<(usize, (f32, usize))> = found.collect();
    let Some(nearest) = found.iter().map(|(_, (_, distance))| *distance).min() else { return vec![] };
    let near: Vec<_> = found.iter().filter(|(_, (_, distance))| *distance == nearest).collect();
    let best = near.iter().map(|(_, (share, _))| *share).fold(0.0, f32::max);
    near.iter().filter(|(_, (share, _))| *share == best).map(|(cell, _)| *cell).collect()
}

/// The columns that sentence, else question, name at all.
pub fn columns(claim: &Claim, source: &Source) -> Vec<usize> {
    let all = |text: &Text| -> Vec<usize> {
        (1..source.cells.len())
            .filter(|cell| mention(&header(source, *cell), text, 0, claim.german).is_some())
            .collect()
    };
    let said = all(claim.text);
    if said.is_empty() { all(claim.question) } else { said }
}

fn column(claim: &Claim, source: &Source, token: &Token, said: &Quantity) -> Result<(), Why> {
    let holds =
        |cell: usize| values(source, cell).any(|t| matches!(&t.what, What::Quantity(held) if said.stands_as(held)));
    let held: Vec<&Quantity> = source.body.quantities().map(|(_, q)| q).filter(|q| said.stands_as(q)).collect();
    let is_like = |other: &Quantity| held.iter().any(|held| held.is_like(other));
    let like = |cell: &usize| values(source, *cell).any(|t| matches!(&t.what, What::Quantity(q) if is_like(q)));
    let candidates: Vec<usize> = (0..source.cells.len()).filter(|cell| holds(*cell)).collect();
    // In the row's name, in a heading, or the number of a code.
    if candidates.is_empty() || candidates.contains(&0) {
        return Ok(());
    }
    let of_sentence: Vec<usize> = named(claim, source, claim.text, token.at.start).into_iter().filter(like).collect();
    let of_question: Vec<usize> =
        named(claim, source, claim.question, usize::MAX / 8).into_iter().filter(like).collect();
    let wanted = match (of_sentence.is_empty(), of_question.is_empty()) {
        (false, _) => of_sentence,
        (true, false) => of_question,
        (true, true) => (1..source.cells.len()).filter(like).collect(),
    };
    // Two columns that fit alike and differ: nobody knows which is meant.
    let fits = wanted.iter().filter(|cell| candidates.contains(cell)).count();
    if fits > 0 && fits == wanted.len() { Ok(()) } else { Err(Why::Column) }
}

/// In prose: where a unit has several numbers of a kind, the words beside a number must be those beside it there.
fn beside(claim: &Claim, source: &Source) -> Result<(), Why> {
    for (token, said) in claim.text.quantities().filter(|(_, q)| !q.soft) {
        let found = Numbers::new(said, &source.body);
        if found.own.is_empty() {
            continue;
        }
        let shared = |clause: &usize| shared(claim, token.clause, &source.body, *clause);
        let best = found.own.iter().map(shared).fold(0.0, f32::max);
        let rival = found.rivals.iter().map(shared).fold(0.0, f32::max);
        let heavy = |text: &Text, clause: Option<usize>| -> Vec<Word> {
            let words = text.words().filter(|(t, w)| w.weight >= 1.0 && clause.is_none_or(|c| c == t.clause));
            words.map(|(_, word)| word.clone()).collect()
        };
        let own = heavy(claim.text, Some(token.clause));
        // "blue 3 mg and pink 5 mg": a word that stands beside another number only.
        let strays = |word: &Word| found.is_beside(word, &source.body, claim.german) == Some(false);
        let tells = |word: &Word| found.is_beside(word, &source.body, claim.german) == Some(true);
        let beside_others = own.iter().any(strays) && !own.iter().any(tells);
        // "The warranty is 5 years", asked about lanterns: the question's words decide where the claim's do not.
        let is_new = |word: &&Word| !claim.question.has(&word.key, claim.german);
        let mut asked = heavy(claim.question, None);
        asked.retain(|word| !claim.text.has(&word.key, claim.german));
        let asked_others = asked.iter().any(strays) && !own.iter().filter(is_new).any(tells);
        if rival > best || beside_others || asked_others || hangs(claim, token, source) {
            return Err(said.missing("beside other words"));
        }
    }
    Ok(())
}

/// The clauses of a text that have a number, and those that have another of its kind.
struct Numbers {
    own: Vec<usize>,
    rivals: Vec<usize>,
}

impl Numbers {
    fn new(said: &Quantity, text: &Text) -> Self {
        let held: Vec<(usize, &Quantity)> =
            text.quantities().filter(|(_, q)| said.stands_as(q)).map(|(t, q)| (t.clause, q)).collect();
        let own: Vec<usize> = held.iter().map(|(clause, _)| *clause).collect();
        let is_like = |other: &Quantity| held.iter().any(|(_, held)| held.is_like(other));
        let others = text.quantities().filter(|(t, q)| !own.contains(&t.clause) && !said.stands_as(q) && is_like(q));
        let rivals = others.map(|(t, _)| t.clause).collect();
        Self { own, rivals }
    }

    /// Whether a word stands in the number's clause alone (`true`) or only in those of its rivals (`false`).
    fn is_beside(&self, word: &Word, text: &Text, german: bool) -> Option<bool> {
        let places = text.words().filter(|(_, held)| same(&held.key, &word.key, german)).map(|(t, _)| t.clause);
        let places: Vec<usize> = places.collect();
        let all = |clauses: &[usize]| !places.is_empty() && places.iter().all(|place| clauses.contains(place));
        if all(&self.own) {
            return Some(true);
        }
        all(&self.rivals).then_some(false)
    }
}

/// The weight of the words that a clause of the claim shares with a clause of a text.
fn shared(claim: &Claim, clause: usize, text: &Text, held: usize) -> f32 {
    let there: Vec<&Word> = text.words().filter(|(t, _)| t.clause == held).map(|(_, word)| word).collect();
    let said = claim.text.words().filter(|(t, _)| t.clause == clause).map(|(_, word)| word);
    let has_days =
        |text: &Text, clause| text.tokens.iter().any(|t| t.clause == clause && matches!(t.what, What::Days(_)));
    let days = if has_days(claim.text, clause) && has_days(text, held) { 1.0 } else { 0.0 };
    let words = said.filter(|word| there.iter().any(|held| same(&held.key, &word.key, claim.german)));
    days + words.map(|word| word.weight).sum::<f32>()
}

/// Whether what a number is said of merely hangs on in the unit: "may be used in a tent and costs £24".
fn hangs(claim: &Claim, token: &Token, source: &Source) -> bool {
    let hung = |text: &Text, at: usize| {
        let before = text.tokens[..at].iter().rev();
        let mut before = before.skip_while(|t| match &t.what {
            What::Function(f) => matches!(f.as_str(), "a" | "an" | "the" | "your" | "einem" | "einer" | "dem" | "der"),
            What::Quantity(_) => true,
            _ => false,
        });
        let hanging = ["in", "with", "near", "beside", "im", "mit", "neben"];
        matches!(before.next().map(|t| &t.what), Some(What::Function(f)) if hanging.contains(&f.as_str()))
    };
    let body = &source.body;
    claim.text.tokens.iter().enumerate().any(|(at, said)| {
        let What::Word(word) = &said.what else { return false };
        let is_subject = said.clause == token.clause && said.at.start < token.at.start && word.weight >= 1.0;
        if !is_subject || hung(claim.text, at) || source.headings.has(&word.key, claim.german) {
            return false;
        }
        let is_same = |t: &Token| matches!(&t.what, What::Word(held) if same(&held.key, &word.key, claim.german));
        let mut places = (0..body.tokens.len()).filter(|i| is_same(&body.tokens[*i])).peekable();
        places.peek().is_some() && places.all(|place| hung(body, place))
    })
}

/// Whether another unit says a number of the kind in more of the claim's words: then this one speaks of something else.
pub fn is_outdone(claim: &Claim, source: &Source, others: &[Source]) -> bool {
    claim.text.quantities().filter(|(_, q)| !q.soft).any(|(token, said)| {
        let held: Vec<&Quantity> = source.body.quantities().map(|(_, q)| q).filter(|q| said.stands_as(q)).collect();
        let best = |source: &Source, fits: &dyn Fn(&Quantity) -> bool| {
            let clauses = source.body.quantities().filter(|(_, q)| fits(q)).map(|(t, _)| t.clause);
            clauses.map(|clause| shared(claim, token.clause, &source.body, clause)).fold(0.0, f32::max)
        };
        let own = best(source, &|q| said.stands_as(q));
        let rivals = others
            .iter()
            .filter(|other| other.cells.is_empty() && !other.body.quantities().any(|(_, q)| said.stands_as(q)));
        let is_rival = |q: &Quantity| held.iter().any(|held| held.is_like(q));
        source.cells.is_empty() && rivals.map(|other| best(other, &is_rival)).any(|rival| rival >= own + 1.0)
    })
}
