//! Asking: question, passages, prompt, answer, log; in this order, and the log before the answer is called finished.

#[cfg(test)]
mod tests;

use super::{Runtime, Wear};
use crate::error::{Error, Result};
use crate::infer::{Context, Finish, Language, Request, Sampling, generate};
use crate::rag::{self, Citer, Fact, Facts, History, Hit, Material, Origin, Prompt, REFUSAL, Room, prompt};
use crate::store::log::{Citation, Interaction, Message, NOTHING, Timings, check_subject};
use crate::watch::Cancel;
use serde::Serialize;
use serde_json::json;
use std::thread;
use std::time::Instant;

/// A question and how to answer it.
#[derive(Clone, Debug)]
pub struct Question {
    /// The question.
    pub text: String,
    /// The collection to search; all without.
    pub collection: Option<String>,
    /// The person served: their records are looked up, and the interaction is kept under them.
    pub subject: Option<String>,
    /// Whether documents are searched and records looked up. Without, the model answers from what it learnt.
    pub retrieval: bool,
    /// The model; the configured one without.
    pub model: Option<String>,
    /// The adapter it wears.
    pub adapter: Wear,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// The longest answer, in tokens.
    pub max_tokens: usize,
    /// Any of these ends the answer.
    pub stop: Vec<String>,
}

impl Question {
    /// What can be wrong with a question before anything is loaded for it or said.
    pub(super) fn check(&self) -> Result<()> {
        if self.text.trim().is_empty() {
            return Err(Error::invalid("the question is empty"));
        }
        self.subject.as_deref().map_or(Ok(()), check_subject)?;
        self.sampling.check()
    }
}

/// An answer, and where it came from.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// The id under which it is in the log.
    pub interaction: String,
    /// The answer with its citations.
    pub answer: String,
    /// The passages and records it cites.
    pub citations: Vec<Citation>,
    /// All passages and records that were found for it, and that the prompt carried.
    pub hits: Vec<Citation>,
    /// The facts about the person served that the prompt carried.
    pub facts: Vec<Fact>,
    /// What a source of records did not do as declared, one sentence each.
    pub notes: Vec<String>,
    /// Tokens of the prompt; 0 when nothing relevant was found and the model was not asked.
    pub prompt_tokens: usize,
    /// Tokens of the answer.
    pub answer_tokens: usize,
    /// Seconds from the question to the first token, retrieval included.
    pub first_token_s: f64,
    /// Tokens a second after the first.
    pub tokens_per_s: f64,
    /// The model that answered.
    pub model: String,
    /// The adapter it wore.
    pub adapter: Option<String>,
    /// Why the answer ended.
    pub finish: Finish,
}

impl Runtime {
    /// A question with the configured settings.
    pub fn question(&self, text: impl Into<String>) -> Question {
        Question {
            text: text.into(),
            collection: None,
            subject: None,
            retrieval: true,
            model: None,
            adapter: Wear::Promoted,
            sampling: self.sampling(),
            max_tokens: self.config.generate.max_tokens,
            stop: vec![],
        }
    }

    /// The configured way to choose tokens.
    pub fn sampling(&self) -> Sampling {
        let g = &self.config.generate;
        Sampling {
            temperature: g.temperature,
            top_k: g.top_k,
            top_p: g.top_p,
            min_p: g.min_p,
            repetition_penalty: g.repetition_penalty,
            seed: 0,
        }
    }

    /// Answers, telling `say` the text as it comes. The interaction is on the disk when this returns; cancelled
    /// answers are kept as far as they came.
    pub fn ask(&self, question: &Question, cancel: &Cancel, say: &mut dyn FnMut(&str)) -> Result<Answer> {
        question.check()?;
        // From here on, so that loading is not slowed down either.
        let _turn = self.turn().answer();
        let this = self.stopped_by(cancel);
        let mut context = this.ready(question)?;
        this.answer(&mut context, question, &mut History::default(), cancel, say)
    }

    /// An empty conversation. What finds passages is loaded beside the model, so that the first answer waits for the
    /// slower of the two alone; unless there is to be one thread.
    fn ready(&self, question: &Question) -> Result<Context> {
        if !question.retrieval {
            return self.context(question.model.as_deref(), &question.adapter);
        }
        // What is not there yet is fetched one after another, in sight.
        self.bundle(question.model.as_deref().unwrap_or(&self.config.model))?;
        self.bundle(&self.config.embedder)?;
        self.engine()?;
        if self.config.threads == 1 {
            self.embedder()?;
            return self.context(question.model.as_deref(), &question.adapter);
        }
        thread::scope(|scope| {
            let embedder = scope.spawn(|| self.embedder());
            let context = self.context(question.model.as_deref(), &question.adapter);
            embedder.join().map_err(|_| Error::engine("the embedder was not loaded"))??;
            context
        })
    }

    /// Answers a checked question within a conversation, and adds the turn to it.
    pub(super) fn answer(
        &self,
        context: &mut Context,
        question: &Question,
        history: &mut History,
        cancel: &Cancel,
        say: &mut dyn FnMut(&str),
    ) -> Result<Answer> {
        let _turn = self.turn().answer();
        let log = self.log()?;
        // Loading is not part of answering.
        if question.retrieval {
            self.embedder()?;
        }
        let begin = Instant::now();
        let (material, notes) = self.material(question, &history.messages)?;
        let mut interaction = Interaction::new(vec![Message::new("user", &question.text)]);
        interaction.subject = question.subject.clone();
        interaction.model = Some(context.model().name().to_owned());
        interaction.adapter = context.adapter().map(str::to_owned);
        interaction.settings = json!({
            "sampling": question.sampling, "max_tokens": question.max_tokens, "retrieval": question.retrieval,
            "collection": question.collection,
        });
        let fixed = match &material {
            None => Some(REFUSAL),
            Some(found) if question.retrieval && found.is_empty() && history.messages.is_empty() => Some(NOTHING),
            Some(_) => None,
        };
        let mut shown_before = vec![];
        let answer = match fixed {
            Some(text) => {
                say(text);
                let seconds = begin.elapsed().as_secs_f64();
                Said { text: text.into(), first_token_s: seconds, ..Said::default() }
            }
            None => {
                let prompt = self.prompt(context.model(), question, history, &material.unwrap_or_default())?;
                shown_before = history.records(&prompt);
                let shared = shared(context.model(), &prompt)?;
                context.expect(prompt.tokens.len() + question.max_tokens);
                self.prefixes.begin(context, &shared, cancel)?;
                let said = self.say(context, question, prompt, begin, cancel, say)?;
                self.prefixes.keep(context, &shared)?;
                history.messages = said.shown.iter().filter(|m| m.role != "system").cloned().collect();
                history.add(&said.sources);
                said
            }
        };
        interaction.messages.push(Message::new("assistant", &answer.text));
        interaction.citations = answer.cited.iter().map(citation).collect();
        let hits: Vec<Citation> = answer.sources.iter().map(citation).collect();
        interaction.hits = hits.iter().cloned().chain(shown_before.iter().map(citation)).collect();
        interaction.timings = Some(Timings {
            first_token_s: answer.first_token_s,
            tokens_per_s: answer.tokens_per_s,
            prompt_tokens: answer.prompt_tokens as u64,
            answer_tokens: answer.answer_tokens as u64,
        });
        interaction.settings["finish"] = json!(answer.finish);
        if self.erased_since(question.subject.as_deref(), interaction.time)? {
            return Err(Error::cancelled("who asked was erased meanwhile; the answer is not kept"));
        }
        log.put(&interaction)?;
        let answer = Answer {
            interaction: interaction.id,
            answer: answer.text,
            citations: interaction.citations,
            hits,
            facts: answer.sources.iter().filter_map(rag::Source::fact).cloned().collect(),
            notes,
            prompt_tokens: answer.prompt_tokens,
            answer_tokens: answer.answer_tokens,
            first_token_s: answer.first_token_s,
            tokens_per_s: answer.tokens_per_s,
            model: context.model().name().to_owned(),
            adapter: interaction.adapter,
            finish: answer.finish,
        };
        Ok(answer)
    }

    /// What goes before a question: passages, and facts about the person served; and what went wrong with the latter.
    /// None for a question about somebody else.
    pub(super) fn material(&self, question: &Question, history: &[Message]) -> Result<(Option<Material>, Vec<String>)> {
        if !question.retrieval {
            return Ok((Some(Material::default()), vec![]));
        }
        let facts = match &question.subject {
            Some(subject) => self.facts(subject, &sought(question, history))?,
            None => Facts::default(),
        };
        if let Some(subject) = &question.subject
            && !self.sources()?.is_empty()
            && self.is_about_another(&question.text, subject, &facts)?
        {
            return Ok((None, facts.notes));
        }
        let hits = self.passages(question, history)?;
        Ok((Some(Material { hits, facts: facts.facts }), facts.notes))
    }

    /// The passages about a question.
    pub(super) fn passages(&self, question: &Question, history: &[Message]) -> Result<Vec<Hit>> {
        let retrieve = &self.config.retrieve;
        let (index, embedder) = (self.index()?, self.embedder()?);
        let find = |query: &str| rag::retrieve(&index, &embedder, query, question.collection.as_deref(), retrieve.k);
        let found = find(&question.text)?;
        let found = match asked_before(history) {
            Some(before) => found.or_together(find(&format!("{before} {}", question.text))?),
            None => found,
        };
        Ok(found.relevant(retrieve.min_score).hits)
    }

    /// The prompt of a question after `history`, under its passages and records.
    pub(super) fn prompt(
        &self,
        language: &Language,
        question: &Question,
        history: &History,
        material: &Material,
    ) -> Result<Prompt> {
        let system = self.config.chat.system.as_deref();
        let total = self.config.generate.context;
        let room = Room { total, answer: question.max_tokens, material: self.config.retrieve.budget };
        prompt(language, system, history, &question.text, material, room)
    }

    /// What the model is shown for a question that concerns nobody, as `ask` would; and how many passages were found.
    /// Training and its gate show this: no record of a person is ever learned from.
    pub(super) fn asked(
        &self,
        language: &Language,
        question: &Question,
        history: &[Message],
    ) -> Result<(Vec<Message>, usize)> {
        let hits = if question.retrieval { self.passages(question, history)? } else { vec![] };
        let found = hits.len();
        let material = Material { hits, facts: vec![] };
        let history = History::from(history.to_vec());
        Ok((self.prompt(language, question, &history, &material)?.messages, found))
    }

    /// Answers a prompt, telling `say` the text with its citations as it comes.
    pub(super) fn say(
        &self,
        context: &mut Context,
        question: &Question,
        prompt: Prompt,
        begin: Instant,
        cancel: &Cancel,
        say: &mut dyn FnMut(&str),
    ) -> Result<Said> {
        let before = begin.elapsed().as_secs_f64();
        let prompt_tokens = prompt.tokens.len();
        let request = Request {
            prompt: prompt.tokens,
            max_tokens: question.max_tokens,
            sampling: question.sampling.clone(),
            stop: question.stop.clone(),
        };
        let mut citer = Citer::new(&prompt.sources);
        if !prompt.messages.iter().any(|m| m.role == "assistant") {
            prompt.sources.iter().for_each(|source| citer.open(source, say));
        }
        let generated = generate(context, &request, cancel, &mut |piece| citer.push(piece, say))?;
        let (text, cited) = citer.finish(say);
        let numbered = |n: &u32| prompt.sources.iter().find(|s| s.n == *n).cloned();
        let mut shown = prompt.messages;
        shown.push(Message::new("assistant", &generated.text));
        let said = Said {
            text,
            cited: cited.iter().filter_map(numbered).collect(),
            sources: prompt.sources,
            shown,
            prompt_tokens,
            answer_tokens: generated.tokens.len(),
            first_token_s: before + generated.first_token_s,
            tokens_per_s: generated.tokens_per_s,
            finish: generated.finish,
        };
        Ok(said)
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

/// What is sought among records. A short question in a conversation is about what was asked before it.
fn sought(question: &Question, history: &[Message]) -> String {
    let before = asked_before(history).filter(|_| question.text.split(' ').count() < 6);
    before.map_or_else(|| question.text.clone(), |b| format!("{b} {}", question.text))
}

/// The latest question of a conversation, without what was shown with it.
fn asked_before(history: &[Message]) -> Option<&str> {
    let latest = history.iter().rev().find(|m| m.role == "user")?;
    latest.content.rsplit("Question: ").next()
}

/// An answer before it is logged.
pub(super) struct Said {
    pub text: String,
    /// The passages it cites.
    pub cited: Vec<rag::Source>,
    sources: Vec<rag::Source>,
    /// The turn as the model saw it.
    shown: Vec<Message>,
    prompt_tokens: usize,
    answer_tokens: usize,
    first_token_s: f64,
    tokens_per_s: f64,
    finish: Finish,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            text: String::new(),
            cited: vec![],
            sources: vec![],
            shown: vec![],
            prompt_tokens: 0,
            answer_tokens: 0,
            first_token_s: 0.0,
            tokens_per_s: 0.0,
            finish: Finish::Stop,
        }
    }
}

fn citation(source: &rag::Source) -> Citation {
    match &source.origin {
        Origin::Passage(hit) => Citation {
            n: source.n,
            document: hit.document.clone(),
            section: source.name(),
            chunk: Some(hit.chunk),
            score: hit.score,
        },
        Origin::Record(fact) => Citation {
            n: source.n,
            document: fact.name.clone(),
            section: fact.date.clone().unwrap_or_default(),
            chunk: None,
            score: fact.score,
        },
    }
}
