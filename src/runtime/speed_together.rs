//! `bench together`: several conversations on one model.

use super::Runtime;
use super::speed::{SOME, peak_mb, tokens};
use crate::error::{Error, Result};
use crate::infer::{Context, LanguageModel, Request, Sampling, generate};
use crate::thread;
use crate::watch::Cancel;
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// Rounds of each measurement; the best counts, as what else runs can only slow them.
const ROUNDS: usize = 3;

/// What conversations cost side by side.
#[derive(Clone, Debug, Serialize)]
pub struct TogetherSpeed {
    /// Conversations.
    pub conversations: usize,
    /// Answer tokens a second of one alone.
    pub alone_tok_s: f64,
    /// Answer tokens a second of all, side by side.
    pub together_tok_s: f64,
    /// The second through the first.
    pub ratio: f64,
    /// Of the slowest conversation, the share it had of what each would have had.
    pub least_share: f64,
    /// The most memory this process has had resident, in MB.
    pub peak_rss_mb: u64,
}

impl Runtime {
    /// Answers of `tokens` tokens after prompts of `prompt`, by one conversation and then by several at once. Greedy,
    /// and nothing is guessed ahead.
    pub fn bench_together(&self, conversations: usize, prompt: usize, tokens: usize) -> Result<TogetherSpeed> {
        let model = self.model(None)?;
        let (mut alone, mut together, mut least_share) = (0.0f64, 0.0f64, 0.0f64);
        self.progress.start("together", 2 * ROUNDS as u64);
        for round in 0..ROUNDS as u64 {
            alone = alone.max(side_by_side(&model, 1, prompt, tokens, &self.cancel)?.0);
            self.progress.at(2 * round + 1);
            let (rate, share) = side_by_side(&model, conversations, prompt, tokens, &self.cancel)?;
            if rate > together {
                (together, least_share) = (rate, share);
            }
            self.progress.at(2 * round + 2);
        }
        self.progress.finish();
        Ok(TogetherSpeed {
            conversations,
            alone_tok_s: alone,
            together_tok_s: together,
            ratio: together / alone,
            least_share,
            peak_rss_mb: peak_mb(),
        })
    }
}

/// Tokens a second of all conversations from the moment on when all have read their prompts, and the least share.
fn side_by_side(
    model: &Arc<LanguageModel>,
    conversations: usize,
    prompt: usize,
    answer: usize,
    cancel: &Cancel,
) -> Result<(f64, f64)> {
    let mut contexts = Vec::new();
    let vocabulary = model.vocabulary().min(SOME);
    for c in 0..conversations {
        let ids = tokens(prompt, c, vocabulary);
        let mut context = Context::new(model.clone())?;
        context.expect(prompt + answer);
        context.feed(&ids, cancel)?;
        contexts.push((context, ids));
    }
    let begin = Instant::now();
    let answers = std::thread::scope(|scope| {
        let say = |(mut context, prompt): (Context, Vec<u32>)| {
            thread::spawn_in(scope, "conversation", move || {
                let request = Request { prompt, max_tokens: answer, sampling: Sampling::greedy(), stop: vec![] };
                let said = generate(&mut context, &request, cancel, &mut |_| {})?;
                Ok((said.tokens.len(), begin.elapsed().as_secs_f64()))
            })
        };
        let threads: Vec<_> = contexts.into_iter().map(say).collect::<Result<_>>()?;
        let joined = threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err(Error::engine("a thread failed"))));
        joined.collect::<Result<Vec<(usize, f64)>>>()
    })?;
    let all = begin.elapsed().as_secs_f64();
    let said: usize = answers.iter().map(|(n, _)| n).sum();
    let rates = answers.iter().map(|(n, seconds)| *n as f64 / seconds);
    let least = rates.fold(f64::INFINITY, f64::min);
    let rate = said as f64 / all;
    Ok((rate, least * conversations as f64 / rate))
}
