//! How an answer comes about: the quotation, and what a model writes that is supported.

use super::reply::Reply;
use super::{Found, Question, Seat};
use crate::config::{Mode, Unsupported};
use crate::error::Result;
use crate::infer::{Context, Finish, Language, Request, generate};
use crate::rag::{self, Conversation, Draft, Drafted, Ground, Prompt, Quote, Source, Verdict, support};
use crate::runtime::factory::FACTORY;
use crate::runtime::{Runtime, Wear};
use crate::store::log::Message;
use crate::watch::Cancel;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// From this chance on a quotation stands by itself, and no model is asked to say more.
const SURE: f32 = 0.9;

/// What a model did for an answer.
#[derive(Debug)]
pub struct Written {
    pub prompt_tokens: usize,
    pub answer_tokens: usize,
    pub tokens_per_s: f64,
    pub finish: Finish,
    /// The question as the model was shown it.
    pub shown: Option<Vec<Message>>,
    /// What it was shown for the first time.
    pub sources: Vec<Source>,
    /// How many turns stood in the prompt, the latest.
    pub turns: usize,
    /// Whether a turn stood in it.
    pub goes_on: bool,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            prompt_tokens: 0,
            answer_tokens: 0,
            tokens_per_s: 0.0,
            finish: Finish::Stop,
            shown: None,
            sources: vec![],
            turns: usize::MAX,
            goes_on: false,
        }
    }
}

/// What comes of a model that writes.
enum Part<'a> {
    /// What there is of a sentence that is not complete.
    Open(&'a str),
    /// A whole one.
    Sentence(Drafted),
}

/// A unit that may support a sentence: its source's place, its own, and how it reads.
#[derive(Clone)]
pub(in crate::runtime) struct Standing {
    place: (usize, usize),
    text: String,
    headings: String,
    /// Whether it is of the surest quotation.
    best: bool,
}

impl Standing {
    /// As support is sought on it.
    pub fn ground(&self) -> Ground<'_> {
        Ground { text: &self.text, headings: &self.headings, best: self.best }
    }
}

impl Runtime {
    /// Says an answer to a question for which something was sought.
    pub(super) fn compose(
        &self,
        seat: &mut Seat,
        question: &Question,
        before: &Conversation,
        found: &Found,
        reply: &mut Reply,
        cancel: &Cancel,
    ) -> Result<Written> {
        if !question.retrieval {
            let context = seat.take(self, false)?;
            let prompt = self.prompt(context.model(), question, before, &[])?;
            return self.write(context, question, prompt, before, cancel, &mut |part| match part {
                Part::Open(open) => reply.words(open),
                Part::Sentence(Drafted { text, gap }) => reply.free(&gap, &text, false),
            });
        }
        let least = self.config.answer.certainty;
        let quotes = rag::quotes(&found.sources, least);
        if before.is_empty() {
            let openings = found.sources.iter().enumerate();
            let openings = openings.filter_map(|(at, source)| Some((at, source.fact()?.opening.as_deref()?)));
            openings.for_each(|(at, opening)| reply.opening(at, opening));
        }
        let Some(surest) = quotes.first() else { return Ok(Written::default()) };
        if question.mode != Mode::Write {
            quotes.iter().for_each(|quote| reply.quote(quote));
        }
        if !self.asks_the_model(question, seat, surest)? {
            return Ok(Written::default());
        }
        let context = seat.take(self, true)?;
        let prompt = self.prompt(context.model(), question, before, &found.sources)?;
        let quoted = quoted(&found.sources, &quotes);
        let standing = standing(&found.sources, &prompt.sources, &quotes, least);
        let learned = context.adapter().is_some_and(|adapter| adapter != FACTORY);
        let repeats = question.mode == Mode::Auto && !learned;
        let unsupported = self.config.answer.unsupported;
        let mut supported = 0;
        let written = self.say(context, question, prompt, before, cancel, &mut |Drafted { text, gap }| {
            if repeats && supports(&text, &found.sought, &quoted).is_some() {
                return;
            }
            match supports(&text, &found.sought, &standing) {
                Some(places) => {
                    supported += 1;
                    reply.written(&gap, &text, &places);
                }
                None if unsupported == Unsupported::Flag => reply.free(&gap, &text, true),
                None => {}
            }
        })?;
        if question.mode == Mode::Write && supported == 0 && unsupported == Unsupported::Quote {
            quotes.iter().for_each(|quote| reply.quote(quote));
        }
        Ok(written)
    }

    /// Whether a model is to say something beside a quotation.
    fn asks_the_model(&self, question: &Question, seat: &Seat, quote: &Quote) -> Result<bool> {
        Ok(match question.mode {
            Mode::Quote => false,
            Mode::Write => true,
            // A sure quotation says it all, unless somebody taught the model how to say it here.
            Mode::Auto => quote.chance < SURE || self.wears_one(question, seat)?,
        })
    }

    /// Whether an adapter would be worn.
    fn wears_one(&self, question: &Question, seat: &Seat) -> Result<bool> {
        if let Some(context) = seat.context() {
            return Ok(context.adapter().is_some_and(|adapter| adapter != FACTORY));
        }
        match &question.adapter {
            Wear::Nothing => Ok(false),
            Wear::Named(_) => Ok(true),
            Wear::Promoted => {
                let bundle = self.bundle(question.model.as_deref().unwrap_or(&self.config.model))?;
                Ok(self.promoted(&bundle)?.is_some())
            }
        }
    }

    /// Lets a model answer a prompt, telling `each` whole sentence as it is complete.
    pub(in crate::runtime) fn say(
        &self,
        context: &mut Context,
        question: &Question,
        prompt: Prompt,
        before: &Conversation,
        cancel: &Cancel,
        each: &mut dyn FnMut(Drafted),
    ) -> Result<Written> {
        self.write(context, question, prompt, before, cancel, &mut |part| {
            if let Part::Sentence(drafted) = part {
                each(drafted);
            }
        })
    }

    /// As [`Runtime::say`], telling of sentences under way too.
    fn write(
        &self,
        context: &mut Context,
        question: &Question,
        prompt: Prompt,
        before: &Conversation,
        cancel: &Cancel,
        each: &mut dyn FnMut(Part),
    ) -> Result<Written> {
        let shared = shared(context.model(), &prompt)?;
        context.expect(prompt.tokens.len() + question.max_tokens);
        self.prefixes.begin(context, &shared, cancel)?;
        let prompt_tokens = prompt.tokens.len();
        let request = Request {
            prompt: prompt.tokens,
            max_tokens: question.max_tokens,
            sampling: question.sampling.clone(),
            stop: question.stop.clone(),
        };
        let texts: Vec<&str> = prompt.sources.iter().map(|source| source.text.as_str()).collect();
        let mut draft = Draft::new(&texts.join("\n"));
        // What a model says after it has begun to repeat itself is not worth waiting for.
        let over = Arc::new(AtomicBool::new(false));
        let heard = over.clone();
        let stop = cancel.or_when(move || heard.load(Ordering::Relaxed));
        let generated = generate(context, &request, &stop, &mut |piece| {
            draft.push(piece).into_iter().map(Part::Sentence).for_each(&mut *each);
            each(Part::Open(draft.open()));
            over.store(draft.is_over(), Ordering::Relaxed);
        })?;
        let finish = if draft.is_over() && !cancel.is_cancelled() { Finish::Stop } else { generated.finish };
        // Half a sentence says something else than a whole one; a model's free words were heard already.
        let rest = draft.finish();
        if finish == Finish::Stop || !question.retrieval {
            rest.into_iter().map(Part::Sentence).for_each(&mut *each);
        }
        self.prefixes.keep(context, &shared)?;
        let new = |source: &Source| before.sources().all(|known| known.n != source.n || known.text != source.text);
        Ok(Written {
            prompt_tokens,
            answer_tokens: generated.tokens.len(),
            tokens_per_s: generated.tokens_per_s,
            finish,
            shown: Some(prompt.shown),
            sources: prompt.sources.into_iter().filter(new).collect(),
            turns: prompt.turns,
            goes_on: prompt.turns > 0,
        })
    }
}

/// The units that may support something: those that are quoted, and of what a prompt shows those that are sure enough
/// to be quoted themselves.
pub(in crate::runtime) fn standing(
    sources: &[Source],
    shown: &[Source],
    quotes: &[Quote],
    least: f32,
) -> Vec<Standing> {
    let quoted = quoted(sources, quotes);
    let is_shown = |source: &Source| shown.iter().any(|other| other.n == source.n);
    let units = sources.iter().enumerate().filter(|(_, source)| is_shown(source)).flat_map(|(place, source)| {
        source.units.iter().enumerate().map(move |(at, weighed)| (place, at, source, weighed))
    });
    let sure = units.filter(|(.., weighed)| weighed.chance >= least);
    let mut standing: Vec<Standing> = sure.map(|(place, at, source, _)| stand(place, at, source)).collect();
    standing.retain(|unit| quoted.iter().all(|other| other.place != unit.place));
    standing.extend(quoted);
    standing
}

/// The units of quotations, the surest first.
fn quoted(sources: &[Source], quotes: &[Quote]) -> Vec<Standing> {
    let units = quotes.iter().enumerate().flat_map(|(rank, quote)| {
        let source = sources.get(quote.source).into_iter();
        source.flat_map(move |source| quote.units.iter().map(move |&at| (rank, stand(quote.source, at, source))))
    });
    units.map(|(rank, unit)| Standing { best: rank == 0, ..unit }).collect()
}

fn stand(place: usize, at: usize, source: &Source) -> Standing {
    let unit = source.units.get(at).map(|weighed| &weighed.unit);
    let above = std::iter::once(source.origin.name()).chain(unit.into_iter().flat_map(|unit| unit.under.clone()));
    Standing {
        place: (place, at),
        text: unit.map(|unit| unit.reading.clone()).unwrap_or_default(),
        headings: above.collect::<Vec<_>>().join(" > "),
        best: false,
    }
}

/// The units that support a sentence; none where nothing does.
fn supports(sentence: &str, question: &str, standing: &[Standing]) -> Option<Vec<(usize, usize)>> {
    let grounds: Vec<Ground> = standing.iter().map(Standing::ground).collect();
    match support(sentence, question, &grounds) {
        Verdict::Supported(units) => {
            Some(units.into_iter().filter_map(|at| standing.get(at)).map(|s| s.place).collect())
        }
        Verdict::Unsupported(why) => {
            log::debug!("not said, {why}: {sentence}");
            None
        }
    }
}

/// The tokens with which every prompt under the same instructions begins: those before the first word of a question.
fn shared(language: &Language, prompt: &Prompt) -> Result<Vec<u32>> {
    let Some(system) = prompt.messages.first().filter(|m| m.role == "system") else { return Ok(vec![]) };
    let with = |text: &str| language.encode_chat(&[system.clone(), Message::new("user", text)]);
    let (one, other) = (with("a")?, with("1")?);
    let alike = one.iter().zip(&other).zip(&prompt.tokens).take_while(|((a, b), c)| a == b && a == c);
    Ok(alike.map(|(_, &token)| token).collect())
}
