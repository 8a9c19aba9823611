//! A model asked outright, as programs ask models: nothing is sought, nothing is checked, and every token is said as it
//! comes.

use super::{Runtime, Wear};
use crate::error::{Error, Result};
use crate::infer::{CHUNK, Context, Finish, Form, Guide, Request, Sampling, generate_guided, guide};
use crate::store::log::{Interaction, Message, State, Timings, check_subject};
use crate::watch::Cancel;
use serde::Serialize;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;

/// The most alternatives that are told for a token.
pub const MOST_ALTERNATIVES: usize = 20;

/// What a model is to go on from.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// A conversation, its latest message last; `tools` are shown to templates that know them.
    Conversation {
        /// Its messages as templates take them, each with a `role` and a `content`.
        messages: Vec<Value>,
        /// Functions that the model may ask for.
        tools: Vec<Value>,
    },
    /// A text.
    Text(String),
}

/// What a model is asked.
#[derive(Clone, Debug)]
pub struct Completion {
    /// What it goes on from.
    pub given: Given,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// The most tokens; none means as many as there is room for.
    pub max_tokens: Option<usize>,
    /// Any of these texts ends it.
    pub stop: Vec<String>,
    /// What it must be.
    pub form: Option<Form>,
    /// How many alternatives are told with each token's chance; none means no chances.
    pub chances: Option<usize>,
    /// Whether a conversation is kept in the log.
    pub keep: bool,
    /// Whom it concerns, where it is kept.
    pub subject: Option<String>,
}

/// A token and how likely it was, before anything was forbidden or preferred.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chance {
    /// Its text; of a part of a character what stands for it.
    pub token: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The natural logarithm of its probability.
    pub logprob: f32,
    /// The likeliest tokens there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<Chance>,
}

/// What is said at once: a text, and the chances of the tokens since.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Chances, where they are wanted.
    pub chances: Vec<Chance>,
}

/// What a model went on with.
#[derive(Clone, Debug, Serialize)]
pub struct Completed {
    /// The text.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens of what was given.
    pub prompt_tokens: usize,
    /// Those of them that were there already.
    pub known_tokens: usize,
    /// Tokens of the text.
    pub answer_tokens: usize,
    /// Seconds to the first of them.
    pub first_token_s: f64,
    /// Tokens a second after it.
    pub tokens_per_s: f64,
    /// The model.
    pub model: String,
    /// The adapter that it wore.
    pub adapter: Option<String>,
    /// The id under which it is in the log, where it is kept.
    pub interaction: Option<String>,
}

/// A model at somebody's disposal. What it read last is not read again, where the next begins in the same way.
pub struct Completer {
    runtime: Runtime,
    wear: Wear,
    context: Context,
    /// Tokens at its beginning that were read as part of what was given, in whole chunks.
    read: usize,
}

impl Runtime {
    /// A model (none means the configured one), wearing an adapter.
    pub fn completer(&self, model: Option<&str>, wear: &Wear) -> Result<Completer> {
        let _turn = self.turn().answer();
        self.check_model(model)?;
        self.check_adapter(wear)?;
        Ok(Completer { context: self.context(model, wear)?, runtime: self.clone(), wear: wear.clone(), read: 0 })
    }
}

impl Completer {
    /// The tokens of what is given, as the model reads them.
    pub fn read(&self, given: &Given) -> Result<Vec<u32>> {
        let model = self.context.model();
        match given {
            Given::Text(text) => model.encode(text),
            Given::Conversation { messages, tools } => model.encode_asked(messages, tools),
        }
    }

    /// Whether a new one would wear the same: another adapter may have been promoted meanwhile, or its own dropped.
    pub fn is_current(&self) -> Result<bool> {
        let worn = self.context.adapter();
        let dropped = match worn {
            Some(id) => self.runtime.log()?.registered(id)?.is_some_and(|adapter| adapter.state == State::Dropped),
            None => false,
        };
        let same = match self.wear {
            Wear::Promoted => self.runtime.promoted(self.context.model().bundle())?.as_deref() == worn,
            Wear::Nothing | Wear::Named(_) => true,
        };
        Ok(same && !dropped)
    }

    /// How many of these tokens it has read already.
    pub fn knows(&self, tokens: &[u32]) -> usize {
        self.context.tokens().iter().zip(tokens).take_while(|(a, b)| a == b).count()
    }

    /// Goes on from what is given, telling `say` as it comes.
    ///
    /// # Errors
    /// Invalid: nothing is given, it leaves no room, or the form cannot be used. Cancelled before the first token;
    /// later it ends with [`Finish::Cancelled`].
    pub fn complete(&mut self, asked: &Completion, cancel: &Cancel, say: &mut dyn FnMut(Piece)) -> Result<Completed> {
        asked.subject.as_deref().map_or(Ok(()), check_subject)?;
        asked.sampling.check()?;
        let _turn = self.runtime.turn().answer();
        let prompt = self.read(&asked.given)?;
        let model = self.context.model().clone();
        let limit = self.runtime.config().generate.context.min(model.context());
        let most = asked.max_tokens.unwrap_or(usize::MAX).min(limit.saturating_sub(prompt.len()));
        if most == 0 {
            let length = prompt.len();
            let what = format!("the prompt has {length} tokens, and there is room for {limit} in all");
            return Err(Error::invalid(format!("{what}; shorten it, or ask for a token at least")));
        }
        self.forget_what_differs(&prompt);
        let mut form = asked.form.as_ref().map(|form| guide(&model, form, most)).transpose()?;
        let chances = Rc::new(RefCell::new(Vec::new()));
        let mut watch = Watch {
            form: form.as_deref_mut(),
            alternatives: asked.chances.map(|many| many.min(MOST_ALTERNATIVES)),
            row: vec![],
            told: chances.clone(),
        };
        self.read = prompt.len() / CHUNK * CHUNK;
        let (prompt_tokens, known_tokens) = (prompt.len(), self.knows(&prompt).min(prompt.len().saturating_sub(1)));
        let request = Request { prompt, max_tokens: most, sampling: asked.sampling.clone(), stop: asked.stop.clone() };
        let spell = |(token, logprob, top): Row| {
            let one = |(id, logprob)| chance(&model, id, logprob);
            Chance { top: top.into_iter().map(one).collect(), ..chance(&model, token, logprob) }
        };
        let generated = generate_guided(&mut self.context, &request, Some(&mut watch), cancel, &mut |text| {
            let chances = chances.take().into_iter().map(spell).collect();
            say(Piece { text: text.to_owned(), chances });
        })?;
        let mut completed = Completed {
            text: generated.text,
            finish: generated.finish,
            prompt_tokens,
            known_tokens,
            answer_tokens: generated.tokens.len(),
            first_token_s: generated.first_token_s,
            tokens_per_s: generated.tokens_per_s,
            model: model.name().to_owned(),
            adapter: self.context.adapter().map(str::to_owned),
            interaction: None,
        };
        if let (true, Given::Conversation { messages, .. }) = (asked.keep, &asked.given) {
            completed.interaction = Some(self.keep(asked, messages, &completed)?);
        }
        Ok(completed)
    }

    /// Keeps of what it read what would be the same if it were read anew. Kernels of others round a row by how many
    /// stand beside it, so that only whole chunks are: with ours everything is. An answer must not depend on what was
    /// asked before.
    fn forget_what_differs(&mut self, prompt: &[u32]) {
        if self.context.can_share() {
            return;
        }
        let same = self.knows(prompt).min(self.read).min(prompt.len().saturating_sub(1));
        self.context.truncate(same / CHUNK * CHUNK);
    }

    /// Puts it into the log.
    fn keep(&self, asked: &Completion, messages: &[Value], completed: &Completed) -> Result<String> {
        let text = |message: &Value, key: &str| message[key].as_str().unwrap_or_default().to_owned();
        let mut messages: Vec<Message> =
            messages.iter().map(|message| Message::new(text(message, "role"), text(message, "content"))).collect();
        messages.push(Message::new("assistant", &completed.text));
        let mut interaction = Interaction::new(messages);
        interaction.subject.clone_from(&asked.subject);
        interaction.model = Some(completed.model.clone());
        interaction.adapter.clone_from(&completed.adapter);
        interaction.settings = json!({ "sampling": asked.sampling, "retrieval": false, "finish": completed.finish });
        interaction.timings = Some(Timings {
            first_token_s: completed.first_token_s,
            tokens_per_s: completed.tokens_per_s,
            prompt_tokens: completed.prompt_tokens as u64,
            answer_tokens: completed.answer_tokens as u64,
        });
        self.runtime.log()?.put(&interaction)?;
        Ok(interaction.id)
    }

    /// Forgets what it read, and overwrites it.
    pub fn wipe(&mut self) {
        self.read = 0;
        self.context.wipe();
    }
}

fn chance(model: &crate::infer::LanguageModel, id: u32, logprob: f32) -> Chance {
    let token = model.tokenizer().decode(&[id]).unwrap_or_default();
    Chance { bytes: token.clone().into_bytes(), token, logprob, top: vec![] }
}

/// A token, the logarithm of its probability, and the likeliest ones beside it.
type Row = (u32, f32, Vec<(u32, f32)>);

/// Keeps an answer in its form, and takes down how likely each token was.
struct Watch<'a> {
    form: Option<&'a mut (dyn Guide + 'static)>,
    alternatives: Option<usize>,
    /// Logits before anything was forbidden.
    row: Vec<f32>,
    told: Rc<RefCell<Vec<Row>>>,
}

impl Guide for Watch<'_> {
    fn before(&mut self, logits: &mut [f32]) -> Result<()> {
        if self.alternatives.is_some() {
            self.row = logits.to_vec();
        }
        self.form.as_mut().map_or(Ok(()), |form| form.before(logits))
    }

    fn after(&mut self, token: u32) -> Result<bool> {
        if let Some(many) = self.alternatives {
            self.told.borrow_mut().push(likelihood(&self.row, token, many));
        }
        self.form.as_mut().map_or(Ok(false), |form| form.after(token))
    }
}

/// How likely a token was, and which were the likeliest.
fn likelihood(logits: &[f32], token: u32, many: usize) -> Row {
    let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|logit| f64::from(logit - best).exp()).sum();
    let of = |logit: f32| logit - best - total.ln() as f32;
    let mut order: Vec<(u32, f32)> = (0..).zip(logits.iter().copied()).collect();
    let many = many.min(order.len());
    if many > 0 && many < order.len() {
        order.select_nth_unstable_by(many - 1, |a, b| b.1.total_cmp(&a.1));
    }
    order.truncate(many);
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let own = logits.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
    (token, of(own), order.into_iter().map(|(id, logit)| (id, of(logit))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_those_of_the_softmax() {
        let (token, own, top) = likelihood(&[0.0, 1.0, 2.0], 1, 2);
        let near = |a: f32, b: f32| (a.exp() - b).abs() < 0.001;
        assert!(token == 1 && near(own, 0.2447), "{own}");
        assert!(top[0].0 == 2 && near(top[0].1, 0.6652) && top[1].0 == 1 && top.len() == 2, "{top:?}");
        assert_eq!(likelihood(&[0.0, 1.0], 0, 0).2, []);
    }
}
