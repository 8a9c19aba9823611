//! One conversation's place in a model: the tokens it has seen and their cache.

use super::ahead::Agreement;
use super::cache::Cache;
use super::lanes::Job;
use super::language_model::{LOGITS_TO_KEEP, LanguageModel};
use super::step::Step;
use super::turns::Turn;
use super::worn::Worn;
use crate::engine::{Binding, Outputs, Session, Tensor};
use crate::error::{Error, Result};
use crate::graph::{PAST_LENGTH, ROWS, TOTAL_LENGTH};
use crate::watch::Cancel;
use std::sync::{Arc, OnceLock};

/// Tokens that go through the model at once. Larger is no faster, and memory and the answer to a cancel grow.
pub const CHUNK: usize = 128;

/// Tokens up to which a pass takes other conversations along: those of an answer, and guesses.
const SHORT: usize = 8;

/// Tokens seen and what the model remembers of them. Each conversation has its own; they share the model.
pub struct Context {
    model: Arc<LanguageModel>,
    worn: Option<Arc<Worn>>,
    session: Arc<Session>,
    binding: Binding,
    cache: Cache,
    /// The pass of one token, where it is recorded.
    step: Option<Step>,
    tokens: Vec<u32>,
    /// Room that is worth making at once, because it will be needed.
    expected: usize,
    /// The most tokens that a pass may guess; none where answers go on by single rows.
    drafts: Option<usize>,
    takes_keep: bool,
    takes_positions: bool,
}

impl Context {
    /// An empty conversation.
    pub fn new(model: Arc<LanguageModel>) -> Result<Self> {
        let session = model.sessions.plain()?;
        Self::with(model, session, None)
    }

    /// An empty conversation with a model that wears an adapter, to its end: what it remembers holds for that adapter
    /// alone.
    pub fn wearing(worn: Arc<Worn>) -> Result<Self> {
        Self::with(worn.model.clone(), worn.session.clone(), Some(worn))
    }

    fn with(model: Arc<LanguageModel>, session: Arc<Session>, worn: Option<Arc<Worn>>) -> Result<Self> {
        let mut binding = session.bind()?;
        binding.output("logits");
        for (name, array) in worn.iter().flat_map(|w| &w.arrays) {
            binding.input(name, array)?;
        }
        let takes_keep = session.takes(LOGITS_TO_KEEP);
        let takes_positions = session.takes("position_ids");
        let recorded = if session.records() { model.recorded.take() } else { None };
        let (recorded, step) = recorded.unzip();
        let mut cache = recorded.unwrap_or_else(|| Cache::new(&model.decoder));
        cache.bind(&mut binding)?;
        let tokens = Vec::new();
        Ok(Self {
            model,
            worn,
            session,
            binding,
            cache,
            step,
            tokens,
            expected: 0,
            drafts: None,
            takes_keep,
            takes_positions,
        })
    }

    /// The model it runs on.
    pub fn model(&self) -> &Arc<LanguageModel> {
        &self.model
    }

    /// The id of the adapter it wears.
    pub fn adapter(&self) -> Option<&str> {
        self.worn.as_ref().map(|worn| worn.id())
    }

    /// The tokens it has seen.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Says that the conversation will reach `tokens` in all, so that room is made once.
    pub fn expect(&mut self, tokens: usize) {
        self.expected = tokens.min(self.model.context());
    }

    /// Lets [`super::generate`] guess up to `most` tokens ahead and check them in one pass. Whatever is guessed, and be
    /// it nothing, the answer is the same. Without this call it may be another where two tokens are nearly tied:
    /// kernels round one row otherwise than several.
    pub fn draft(&mut self, most: usize) {
        self.drafts = Some(most);
    }

    /// The most tokens that can be guessed: none where the cache cannot forget, or logits are the last row's alone.
    pub(super) fn drafts(&self) -> Option<usize> {
        self.drafts.filter(|_| self.cache.can_shrink() && self.takes_keep)
    }

    /// What is known of the session's passes of several rows.
    pub(super) fn agreement(&self) -> &OnceLock<Agreement> {
        &self.model.agreements[usize::from(self.worn.is_some())]
    }

    /// Makes the conversation `tokens`, computing only what follows the beginning it shares with what is there.
    /// Returns the logits after the last.
    ///
    /// Errors: `Invalid` for no tokens or more than the model's context; `Cancelled` between chunks.
    pub fn set(&mut self, tokens: &[u32], cancel: &Cancel) -> Result<Vec<f32>> {
        let shared = self.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        // The last token always runs again: its logits are wanted.
        self.truncate(shared.min(tokens.len().saturating_sub(1)));
        self.feed(&tokens[self.tokens.len()..], cancel)
    }

    /// What it remembers of `tokens`, where it begins with them; see [`super::Prefixes`].
    pub(super) fn beginning(&self, tokens: &[u32]) -> Result<Option<Vec<u8>>> {
        if self.tokens.starts_with(tokens) { self.cache.beginning(tokens.len()) } else { Ok(None) }
    }

    /// Forgets everything and begins with `tokens`, of which `rows` is what is remembered. False where that does not
    /// fit; then it is empty.
    pub(super) fn begin(&mut self, tokens: &[u32], rows: &[u8]) -> Result<bool> {
        self.truncate(0);
        self.cache.reserve(&self.session, &mut self.binding, 0, tokens.len().max(self.expected))?;
        let fits = self.cache.begin(tokens.len(), rows)?;
        if fits {
            self.tokens.extend_from_slice(tokens);
        }
        Ok(fits)
    }

    /// Forgets everything, and overwrites the memory that held it.
    pub fn wipe(&mut self) {
        self.tokens.clear();
        self.cache.wipe();
    }

    /// Forgets everything after the first `length` tokens (everything, where the cache cannot be cut).
    pub fn truncate(&mut self, length: usize) {
        if length < self.tokens.len() {
            self.tokens.truncate(if self.cache.can_shrink() { length } else { 0 });
        }
    }

    /// Appends tokens; returns the logits after the last.
    pub fn feed(&mut self, tokens: &[u32], cancel: &Cancel) -> Result<Vec<f32>> {
        let mut last = Vec::new();
        if tokens.is_empty() {
            return Err(Error::invalid("there is nothing to read: the text has no tokens"));
        }
        for chunk in tokens.chunks(CHUNK) {
            cancel.check()?;
            let logits = self.step(chunk, 1)?;
            let row = logits.as_f32()?;
            last = row[row.len().saturating_sub(self.model.vocabulary())..].to_vec();
        }
        Ok(last)
    }

    /// Appends tokens and calls `each` with the position of each token and the logits after it.
    pub fn feed_all(&mut self, tokens: &[u32], cancel: &Cancel, mut each: impl FnMut(usize, &[f32])) -> Result<()> {
        // Logits of a whole chunk would be 50 MB with a vocabulary of 49,152.
        for chunk in tokens.chunks(CHUNK / 2) {
            cancel.check()?;
            let before = self.tokens.len();
            let logits = self.step(chunk, chunk.len())?;
            for (i, row) in logits.as_f32()?.chunks_exact(self.model.vocabulary()).enumerate() {
                each(before + i, row);
            }
        }
        Ok(())
    }

    /// Appends tokens in one pass; returns the logits after each.
    pub(super) fn rows(&mut self, tokens: &[u32]) -> Result<Tensor> {
        self.step(tokens, tokens.len())
    }

    /// One run: `chunk` goes in, the logits after its last `keep` tokens come out (after all, from a graph that cannot
    /// choose).
    fn step(&mut self, chunk: &[u32], keep: usize) -> Result<Tensor> {
        let decoder = &self.model.decoder;
        let (used, total) = (self.tokens.len(), self.tokens.len() + chunk.len());
        if total > decoder.context {
            return Err(Error::invalid(format!(
                "{total} tokens are more than the {} that {} can look at; shorten the text",
                decoder.context,
                self.model.name()
            )));
        }
        if let Some(strange) = chunk.iter().find(|&&t| t as usize >= decoder.vocabulary) {
            return Err(Error::invalid(format!("token {strange} is outside the vocabulary of {}", self.model.name())));
        }
        self.cache.reserve(&self.session, &mut self.binding, used, total.max(self.expected))?;
        let logits = if keep == chunk.len() && chunk.len() <= SHORT && self.can_share() {
            self.share(chunk)?
        } else {
            let model = self.model.clone();
            let _turn = model.turns.alone();
            self.run(chunk, keep)?
        };
        self.tokens.extend_from_slice(chunk);
        Ok(logits)
    }

    /// Whether its passes can take other conversations along, and no row of them depends on another.
    pub fn can_share(&self) -> bool {
        self.cache.can_shrink() && self.model.sessions.can_share(self.worn.is_some())
    }

    /// A pass in which others may take part: run by whoever comes first. A conversation is empty while it is away, and
    /// stays so if the pass breaks off.
    fn share(&mut self, chunk: &[u32]) -> Result<Tensor> {
        let mut cache = std::mem::replace(&mut self.cache, Cache::new(&self.model.decoder));
        let tokens = std::mem::take(&mut self.tokens);
        let (number, buffers) = cache.lend();
        let kind = self.adapter().map(str::to_owned);
        let model = self.model.clone();
        let (job, logits) =
            match model.turns.enter(Job { kind, cache: number, buffers, used: tokens.len(), tokens: chunk.to_vec() }) {
                Turn::Done(done) => *done,
                Turn::Alone(job, _turn) => {
                    cache.put_back(job.buffers);
                    (self.cache, self.tokens) = (cache, tokens);
                    return self.run(chunk, chunk.len());
                }
                Turn::Lost => return Err(Error::engine("the pass that this conversation shared broke off; ask again")),
                Turn::Leads(mut jobs, lead) => {
                    let logits = model.sessions.together(self.worn.as_deref(), &model.decoder, &mut jobs);
                    let logits: Vec<_> = match logits {
                        Ok(logits) => logits.into_iter().map(Ok).collect(),
                        Err(e) => jobs.iter().map(|_| Err(Error::engine(e.to_string()))).collect(),
                    };
                    lead.hand_out(jobs.into_iter().zip(logits).collect())?
                }
            };
        cache.put_back(job.buffers);
        (self.cache, self.tokens) = (cache, tokens);
        logits
    }

    /// One run of its own session.
    fn run(&mut self, chunk: &[u32], keep: usize) -> Result<Tensor> {
        let (used, total) = (self.tokens.len(), self.tokens.len() + chunk.len());
        let ids = Tensor::i64(&[1, chunk.len()], chunk.iter().map(|&t| i64::from(t)).collect())?;
        if self.session.records() {
            return self.run_recording(chunk.len(), keep, ids);
        }
        self.binding.input("input_ids", &ids)?;
        self.binding.input("attention_mask", &Tensor::i64(&[1, total], vec![1; total])?)?;
        if self.takes_positions {
            let positions = (used as i64..total as i64).collect();
            self.binding.input("position_ids", &Tensor::i64(&[1, chunk.len()], positions)?)?;
        }
        if self.takes_keep {
            self.binding.input(LOGITS_TO_KEEP, &Tensor::i64(&[1], vec![keep as i64])?)?;
        }
        let mut outputs = self.session.run_bound(&mut self.binding)?;
        self.cache.advance(&mut self.binding, &mut outputs)?;
        logits(outputs)
    }

    /// One run of a session that records passes: those of one token are.
    fn run_recording(&mut self, rows: usize, keep: usize, ids: Tensor) -> Result<Tensor> {
        let (session, total) = (&self.session, self.tokens.len() + rows);
        let past = Tensor::i32(&[1], vec![total as i32 - 1])?;
        let kept = Tensor::i64(&[keep], (rows as i64 - keep as i64..rows as i64).collect())?;
        let inputs = [("input_ids", ids), (PAST_LENGTH, past), (ROWS, kept)];
        if rows == 1 && self.model.recorded.goes_on() {
            let shape = [1, 1, self.model.vocabulary()];
            let step = Step::over(&mut self.step, &mut self.cache, |cache| {
                Step::new(session, cache, &inputs, ("logits", &shape))
            });
            match step.and_then(|step| step.run(session, &inputs[..2])) {
                Ok(logits) => return Ok(logits),
                // It writes what the pass would have written: the same can be computed unrecorded.
                Err(why) => {
                    log::warn!("passes are not recorded any more: {why}");
                    self.model.recorded.give_up();
                    self.step = None;
                }
            }
        }
        inputs.iter().try_for_each(|(name, numbers)| self.binding.input(name, numbers))?;
        self.binding.input(TOTAL_LENGTH, &Tensor::i32(&[1], vec![total as i32])?)?;
        logits(session.run_bound(&mut self.binding)?)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // What was recorded holds good for these arrays alone and is kept as long as the session: others go on with
        // both.
        if let Some(step) = self.step.take() {
            self.model.recorded.put_back(std::mem::replace(&mut self.cache, Cache::new(&self.model.decoder)), step);
        }
    }
}

fn logits(outputs: Outputs) -> Result<Tensor> {
    let logits = outputs.into_iter().find(|(name, _)| name == "logits");
    logits.map(|(_, tensor)| tensor).ok_or_else(|| Error::engine("the model gave no logits"))
}
