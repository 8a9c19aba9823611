//! A tokenizer from outside: is it one that can be run?
//!
//! Its file is a small program: texts that are replaced by others, expressions that split, tokens that are put around.
//! Each step is a library's, which believes the file and panics where that is wrong. So what the steps can make of a
//! text is bounded before they run, and they are tried on some texts, within a time, before anything is imported.

use super::Tokenizer;
use crate::contained::contained;
use crate::error::{Error, Result};
use crate::thread;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How often as long as before a text may get, by everything that replaces parts of it.
const GROWTH: usize = 1_000;
/// Steps of one kind.
const STEPS: usize = 64;
/// Bytes of a regular expression; the longest there are have some 400.
const EXPRESSION: usize = 4_000;
/// Tokens that are put around a text.
const AROUND: usize = 1_000;
/// How long the tries may take together. They take milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The parts of the file that are programs.
#[derive(Deserialize)]
struct Steps {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
}

/// Errors: `Corrupt` for a tokenizer that cannot be run, or not within bounds.
pub(super) fn check(bytes: &[u8], vocabulary: usize) -> Result<()> {
    let steps: Steps =
        serde_json::from_slice(bytes).map_err(|e| Error::corrupt("no tokenizer that can be read").because(e))?;
    for (what, step) in [
        ("normalizer", &steps.normalizer),
        ("pre-tokenizer", &steps.pre_tokenizer),
        ("post-processor", &steps.post_processor),
        ("decoder", &steps.decoder),
    ] {
        let mut bounds = Bounds { growth: 1, steps: 0, around: 0 };
        bounds.look(step).map_err(|why| Error::corrupt(format!("the tokenizer's {what} {why}")))?;
    }
    let tokenizer = Arc::new(Tokenizer::from_bytes(bytes, vocabulary)?);
    let (tell, told) = channel();
    // One that does not come back is left behind: nothing can stop it, and the program soon ends.
    thread::spawn("tokenizer", move || {
        let _ = tell.send(contained(|| attempt(&tokenizer)).unwrap_or_else(|| Err(panicked())));
    })?;
    match told.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(RecvTimeoutError::Disconnected) => Err(panicked()),
        Err(RecvTimeoutError::Timeout) => Err(Error::corrupt(format!(
            "the tokenizer needs more than {} s for a few words: an expression in it never comes to an end",
            PATIENCE.as_secs()
        ))),
    }
}

/// What stands for a tokenizer that panicked.
pub(super) fn panicked() -> Error {
    Error::corrupt("the tokenizer cannot be run: it names something that it does not hold")
}

/// Takes some texts to tokens and back.
fn attempt(tokenizer: &Tokenizer) -> Result<()> {
    let mut texts =
        vec!["How long does it take? 12,345.67 (at 9:00)\n\tÜber ☃ 日本語 𝒳 e\u{301}".to_owned(), String::new()];
    // What expressions that try everything take longest for: the same again and again, and then no end.
    texts.extend(["a", " ", "1", "\n", ".", "aA", "a ", "a1", "'s"].map(|text| format!("{}\u{1}", text.repeat(40))));
    for text in &texts {
        let ids = tokenizer.encode(text, true)?;
        tokenizer.encode(text, false)?;
        tokenizer.encode_pair(text, "and more", 64)?;
        tokenizer.decode(&ids)?;
    }
    Ok(())
}

/// What the steps of one kind come to.
struct Bounds {
    growth: usize,
    steps: usize,
    around: usize,
}

impl Bounds {
    fn look(&mut self, step: &Value) -> Result<(), String> {
        let Some(kind) = step["type"].as_str() else { return Ok(()) };
        self.steps += 1;
        if self.steps > STEPS {
            return Err(format!("has more than {STEPS} steps"));
        }
        for list in ["normalizers", "pretokenizers", "processors", "decoders"] {
            step[list].as_array().into_iter().flatten().try_for_each(|step| self.look(step))?;
        }
        if step["pattern"]["Regex"].as_str().is_some_and(|expression| expression.len() > EXPRESSION) {
            return Err(format!("has an expression of more than {EXPRESSION} bytes"));
        }
        let length = |key: &str| step[key].as_str().map_or(0, str::len);
        match kind {
            "Replace" => self.growth = self.growth.saturating_mul(length("content").max(1)),
            "Prepend" => self.around += length("prepend"),
            "TemplateProcessing" => {
                let most = self.template(step)?;
                self.around = self.around.saturating_add(most);
            }
            _ => {}
        }
        if self.growth > GROWTH || self.around > AROUND {
            return Err("makes a text too long".to_owned());
        }
        Ok(())
    }

    /// The most tokens that a template puts around a text. Each must be one that it describes.
    fn template(&self, step: &Value) -> Result<usize, String> {
        let mut most = 0;
        for form in ["single", "pair"] {
            let mut around = 0usize;
            for piece in step[form].as_array().into_iter().flatten() {
                let Some(id) = piece["SpecialToken"]["id"].as_str() else { continue };
                let ids = step["special_tokens"][id]["ids"].as_array().ok_or_else(|| {
                    let shown: String = id.chars().take(40).collect();
                    format!("puts {shown:?} around a text, and does not say what that is")
                })?;
                around = around.saturating_add(ids.len());
            }
            most = most.max(around);
        }
        Ok(most)
    }
}
