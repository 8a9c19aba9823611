//! Several tokens in one pass. A pass through the model takes the token that was chosen and some that may follow, see
//! [`draft`]; its rows of logits are handed out one by one for as long as the tokens chosen from them are those that
//! were guessed. The first other one cuts the cache back, and what follows it is computed anew. So whoever chooses
//! tokens sees the logits it would see without guesses, in the same order, each exactly once: penalties, filters and
//! random draws need to know nothing of it.
//!
//! The same logits to the last bit, or an answer would depend on what happened to be guessed: activations are rounded
//! to 8 bits in every layer, and a last bit that differs in the first layer moves logits by 0.2 (root mean square) and
//! by more than 1 at worst, which is enough to choose another token some 2 times in 100. No bound on a lead helps: the
//! difference stays in the cache. A row of a pass does not depend on the other rows, but it may depend on their number,
//! since kernels do. Ours do not ([`crate::kernel`]). Of ONNX Runtime's, measured on x86-64 with AVX-512: from two rows
//! on nothing differs; a single row does, in attention alone, where a product with a vector takes a kernel of its own.
//!
//! So with its kernels passes of an answer have [`Agreement::least`] rows or more, which one look at them tells, with
//! the model and depth at hand. Where no number of rows will do, nothing is guessed: so it is there for a model that
//! wears an adapter, whose products in float32 take other kernels again.

use super::context::Context;
use super::draft::{Draft, draft};
use super::payoff::Payoff;
use crate::engine::Tensor;
use crate::error::{Error, Result};
use crate::watch::Cancel;
use std::time::Instant;

/// Rows of the pass that the agreement is told by.
const MANY: usize = 5;

/// How many rows a pass must have for its logits not to depend on their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// 1 where a single row agrees with many, else 2; `None` where two do not either.
    pub least: Option<usize>,
}

impl Agreement {
    /// Compares passes of one, two and [`MANY`] rows, all of `token`, and leaves the context as it was. The context has
    /// room for one more than so many.
    fn tell(context: &mut Context, token: u32) -> Result<Self> {
        let (before, width) = (context.tokens().len(), context.model().vocabulary());
        let many = context.rows(&[token; MANY])?;
        // Kernels that take rows by twos or fours treat the last of an odd number apart.
        context.truncate(before + MANY - 1);
        let last = context.rows(&[token; 2])?;
        context.truncate(before);
        let first = context.rows(&[token; 2])?;
        context.truncate(before);
        let single = context.rows(&[token])?;
        context.truncate(before);
        let (many, last, single) = (many.as_f32()?, last.as_f32()?, single.as_f32()?);
        let pairs = many.starts_with(first.as_f32()?) && last.get(..width).is_some_and(|last| many.ends_with(last));
        let least = match pairs {
            true if many.starts_with(single) => Some(1),
            true => Some(2),
            false => None,
        };
        Ok(Self { least })
    }
}

/// A pass whose rows are being handed out.
struct Pass {
    /// Tokens that were in the context before it.
    before: usize,
    draft: Draft,
    /// Guesses that came true.
    right: usize,
    logits: Tensor,
}

/// The logits after each token of an answer, computed ahead where that pays.
#[derive(Default)]
pub struct Ahead {
    payoff: Payoff,
    pass: Option<Pass>,
    /// Tokens that were guessed.
    pub drafted: usize,
    /// Guesses that came true.
    pub accepted: usize,
}

impl Ahead {
    /// The logits after `token`, which is the next one of the answer; `wanted` more will be asked for at most, this one
    /// counted.
    pub fn after(&mut self, context: &mut Context, token: u32, wanted: usize) -> Result<Vec<f32>> {
        if let Some(pass) = &mut self.pass
            && pass.draft.tokens.get(pass.right) == Some(&token)
        {
            pass.right += 1;
            self.accepted += 1;
            return row(pass, context.model().vocabulary());
        }
        if let Some(pass) = &self.pass {
            self.payoff.judged(pass.draft.matched, pass.right, pass.right < pass.draft.tokens.len());
        }
        self.settle(context);
        let room = context.model().context().saturating_sub(context.tokens().len());
        // Close to the model's limit every answer goes on by single rows, whether the agreement is known or not.
        let Some(drafts) = context.drafts().filter(|_| room > MANY) else {
            return context.feed(&[token], &Cancel::new());
        };
        let Some(least) = self.agreement(context, token)?.least else {
            return context.feed(&[token], &Cancel::new());
        };
        let most = least.max(1 + drafts);
        let text = [context.tokens(), &[token]].concat();
        let mut guess = draft(&text, most.min(room) - 1);
        let rows = self.payoff.rows(guess.matched, least, most.min(room).min(wanted.max(least)));
        guess.tokens.truncate(rows - 1);
        let before = context.tokens().len();
        let begin = Instant::now();
        let logits = context.rows(&[&[token], &guess.tokens[..]].concat())?;
        self.payoff.ran(rows, begin.elapsed().as_secs_f64());
        self.drafted += guess.tokens.len();
        let pass = self.pass.insert(Pass { before, draft: guess, right: 0, logits });
        row(pass, context.model().vocabulary())
    }

    /// Leaves in the context what is part of the answer, and no guess.
    pub fn settle(&mut self, context: &mut Context) {
        if let Some(pass) = self.pass.take() {
            context.truncate(pass.before + 1 + pass.right);
        }
    }

    /// The agreement of the context's session, told once in a process.
    fn agreement(&self, context: &mut Context, token: u32) -> Result<Agreement> {
        if let Some(known) = context.agreement().get() {
            return Ok(*known);
        }
        let told = match context.can_share() {
            true => Agreement { least: Some(1) },
            false => Agreement::tell(context, token)?,
        };
        log::debug!("{}: passes of {:?} rows or more agree", context.model().name(), told.least);
        Ok(*context.agreement().get_or_init(|| told))
    }
}

/// The logits after the last of a pass's tokens that is known to be right.
fn row(pass: &Pass, width: usize) -> Result<Vec<f32>> {
    let rows = pass.logits.as_f32()?;
    let row = rows.get(pass.right * width..(pass.right + 1) * width);
    row.map(<[f32]>::to_vec).ok_or_else(|| Error::engine("the model gave fewer logits than it was asked for"))
}
