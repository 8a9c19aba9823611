//! From a prompt to an answer, piece by piece.

use super::ahead::Ahead;
use super::context::Context;
use super::sample::{Sampler, Sampling};
use crate::error::{Error, Result};
use crate::watch::Cancel;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What to generate.
#[derive(Clone, Debug)]
pub struct Request {
    /// The prompt's tokens. What of it the context already holds is not computed again.
    pub prompt: Vec<u32>,
    /// The most tokens of the answer.
    pub max_tokens: usize,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Any of these texts ends the answer and is not part of it.
    pub stop: Vec<String>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The model ended it, or a stop text did.
    Stop,
    /// The most tokens asked for.
    Length,
    /// The model can look at no more tokens.
    Context,
    /// The caller asked to stop; what was said so far stands.
    Cancelled,
}

/// Looks over the shoulder of whoever chooses tokens. Guesses are chosen from like all others, so it sees each token of
/// an answer exactly once, in order.
pub trait Guide {
    /// What the next token may be chosen from, before anything else: it may forbid tokens by minus infinity.
    ///
    /// # Errors
    /// Its own; they end the answer.
    fn before(&mut self, logits: &mut [f32]) -> Result<()>;

    /// The token that was chosen; true where the answer ends behind it.
    ///
    /// # Errors
    /// Its own; they end the answer.
    fn after(&mut self, token: u32) -> Result<bool>;
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Its text.
    pub text: String,
    /// Its tokens, the ending one left out.
    pub tokens: Vec<u32>,
    /// Why it ended.
    pub finish: Finish,
    /// Seconds until the first token was chosen.
    pub first_token_s: f64,
    /// Tokens a second after the first; 0 for a single one.
    pub tokens_per_s: f64,
    /// Tokens that were guessed, see [`Context::draft`].
    pub drafted: usize,
    /// Guesses that came true.
    pub accepted: usize,
}

/// Generates an answer, telling `say` each piece of text as it is certain.
///
/// The context's limit is met so: a prompt that leaves no room for a single token is an error, and an answer that
/// reaches the limit ends there with [`Finish::Context`].
pub fn generate(
    context: &mut Context,
    request: &Request,
    cancel: &Cancel,
    say: &mut dyn FnMut(&str),
) -> Result<Generated> {
    generate_guided(context, request, None, cancel, say)
}

/// As [`generate`], under a guide.
pub fn generate_guided(
    context: &mut Context,
    request: &Request,
    mut guide: Option<&mut dyn Guide>,
    cancel: &Cancel,
    say: &mut dyn FnMut(&str),
) -> Result<Generated> {
    let model = context.model().clone();
    let (prompt, limit) = (request.prompt.len(), model.context());
    if prompt >= limit {
        return Err(Error::invalid(format!(
            "the prompt has {prompt} tokens, and {} can look at {limit} in all; shorten the question or the texts",
            model.name()
        )));
    }
    let mut sampler = Sampler::new(&request.sampling)?;
    context.expect(prompt + request.max_tokens);
    let begin = Instant::now();
    let mut logits = context.set(&request.prompt, cancel)?;
    let mut first = None;
    let mut told = Told::new(&request.stop);
    let mut stream = model.tokenizer().stream();
    let mut tokens = Vec::new();
    let mut ahead = Ahead::default();
    // From here on passes are short, and wait for one another.
    let _answering = model.turns.answering();
    let finish = loop {
        if tokens.len() == request.max_tokens {
            break Finish::Length;
        }
        if cancel.is_cancelled() {
            break Finish::Cancelled;
        }
        if let Some(guide) = &mut guide {
            guide.before(&mut logits)?;
        }
        let token = sampler.next(&mut logits, &tokens)?;
        first.get_or_insert_with(|| begin.elapsed());
        if model.ends(token) {
            break Finish::Stop;
        }
        tokens.push(token);
        let over = guide.as_mut().map_or(Ok(false), |guide| guide.after(token))?;
        if told.push(&stream.push(token)?, say) {
            break Finish::Stop;
        }
        if over {
            break Finish::Stop;
        }
        // The last token is not in the context yet.
        if prompt + tokens.len() > limit {
            break Finish::Context;
        }
        if tokens.len() < request.max_tokens {
            // A pass is one unit of work: the wish to stop is heard above, where what was said is kept.
            logits = ahead.after(context, token, request.max_tokens - tokens.len())?;
        }
    };
    ahead.settle(context);
    if !told.stopped {
        told.push(&stream.finish()?, say);
        told.finish(say);
    }
    let first = first.unwrap_or_else(|| begin.elapsed());
    let rest = (begin.elapsed() - first).as_secs_f64();
    let tokens_per_s = if tokens.len() > 1 && rest > 0.0 { (tokens.len() - 1) as f64 / rest } else { 0.0 };
    let (drafted, accepted) = (ahead.drafted, ahead.accepted);
    log::debug!("{} tokens at {tokens_per_s:.1}/s; {accepted} of {drafted} guesses came true", tokens.len());
    let first_token_s = first.as_secs_f64();
    Ok(Generated { text: told.text, tokens, finish, first_token_s, tokens_per_s, drafted, accepted })
}

/// Text on its way out: held back while it may be the beginning of a stop text.
struct Told<'a> {
    stop: &'a [String],
    text: String,
    /// Bytes of `text` that were told.
    told: usize,
    stopped: bool,
}

impl<'a> Told<'a> {
    fn new(stop: &'a [String]) -> Self {
        Self { stop, text: String::new(), told: 0, stopped: false }
    }

    /// Adds a piece; true when a stop text appeared.
    fn push(&mut self, piece: &str, say: &mut dyn FnMut(&str)) -> bool {
        self.text.push_str(piece);
        let stops = self.stop.iter().filter(|s| !s.is_empty());
        let found = stops.clone().filter_map(|s| Some(self.told + self.text[self.told..].find(s.as_str())?)).min();
        if let Some(at) = found {
            self.text.truncate(at);
            self.stopped = true;
        }
        let held = if self.stopped { 0 } else { stops.map(|s| overlap(&self.text[self.told..], s)).max().unwrap_or(0) };
        self.tell(self.text.len() - held, say);
        self.stopped
    }

    fn finish(&mut self, say: &mut dyn FnMut(&str)) {
        self.tell(self.text.len(), say);
    }

    fn tell(&mut self, end: usize, say: &mut dyn FnMut(&str)) {
        if end > self.told {
            say(&self.text[self.told..end]);
            self.told = end;
        }
    }
}

/// The longest end of `text` that begins `stop`, in bytes.
fn overlap(text: &str, stop: &str) -> usize {
    let ends = stop.char_indices().map(|(at, _)| at).filter(|&at| at > 0);
    ends.filter(|&at| text.ends_with(&stop[..at])).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tell(stop: &[&str], pieces: &[&str]) -> (String, Vec<String>) {
        let stop: Vec<String> = stop.iter().map(|s| (*s).to_owned()).collect();
        let mut told = Told::new(&stop);
        let mut said = Vec::new();
        for piece in pieces {
            if told.push(piece, &mut |s| said.push(s.to_owned())) {
                return (told.text, said);
            }
        }
        told.finish(&mut |s| said.push(s.to_owned()));
        (told.text, said)
    }

    #[test]
    fn a_stop_text_is_never_told_even_in_pieces() {
        let (text, said) = tell(&["\nUser:"], &["Yes", ".\nU", "se", "r: and"]);
        assert_eq!(text, "Yes.");
        assert_eq!(said.concat(), "Yes.");
    }

    #[test]
    fn what_only_looked_like_a_stop_text_is_told() {
        let (text, said) = tell(&["END"], &["the E", "N", "glish é", "E"]);
        assert_eq!(text, "the ENglish éE");
        assert_eq!(said.concat(), text);
    }
}
