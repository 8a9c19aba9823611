//! Perplexity over windows of 512 tokens without overlap, each from an empty context: the figure other tools print.

use crate::error::{Error, Result};
use crate::infer::Context;
use crate::watch::{Cancel, Progress};
use serde::Serialize;

/// Tokens in a window; the first of each is given, the others are predicted.
pub const WINDOW: usize = 512;

/// How well a text was predicted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Perplexity {
    /// exp of the mean negative log-likelihood.
    pub perplexity: f64,
    /// Tokens that were predicted.
    pub tokens: usize,
}

/// Measures `context`'s model on the first `tokens` tokens of `text`, in whole windows.
///
/// Errors: `Invalid` when the text has less than one window.
pub fn perplexity(
    context: &mut Context,
    text: &str,
    tokens: usize,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Perplexity> {
    let mut ids = context.model().tokenizer().encode(text, false)?;
    ids.truncate(tokens);
    let windows = ids.chunks_exact(WINDOW);
    if windows.len() == 0 {
        return Err(Error::invalid(format!(
            "the text has {} tokens, fewer than the {WINDOW} of one window; give a longer text or more --tokens",
            ids.len()
        )));
    }
    let (mut sum, mut count) = (0.0, 0);
    progress.start("perplexity", windows.len() as u64);
    for (done, window) in (1..).zip(windows) {
        context.truncate(0);
        context.feed_all(&window[..WINDOW - 1], cancel, |position, logits| {
            sum -= log_probability(logits, window[position + 1]);
            count += 1;
        })?;
        progress.at(done);
    }
    progress.finish();
    Ok(Perplexity { perplexity: (sum / count as f64).exp(), tokens: count })
}

/// The logarithm of the probability of `token` under a softmax of `logits`.
pub(super) fn log_probability(logits: &[f32], token: u32) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|l| f64::from(l - largest).exp()).sum();
    f64::from(logits.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY) - largest) - sum.ln()
}
