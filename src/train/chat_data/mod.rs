//! Conversations to supervised examples: loss on the assistant's words and their end, never on what it was told.
//!
//! The model is trained on the very tokens it is served with. So the prompt of each turn comes from the one who
//! serves ([`Prompting`]), passages and all; and a conversation is one example as long as each prompt goes on from
//! the turn before. Where it does not (older turns were forgotten, the template writes history another way), another
//! example begins.

#[cfg(test)]
mod tests;

use super::data::{Data, Origin};
use super::example::Example;
use super::language::Language;
use super::turn::turn;
use crate::error::{Error, ErrorKind, Result};
use crate::hex::hex;
use crate::store::log::{Interaction, Message, interactions, question_hash, subject_hash};
use crate::text::reply::Turn;
use crate::watch::{Cancel, Progress};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The messages that the server would give the model for a question after a history. A history begins with the
/// conversation's own system message if it has one; questions in it are as an earlier prompt showed them. Beside it
/// stands the latest of them as it was asked.
///
/// An error of kind `Invalid` leaves the turn out; any other ends the reading.
pub type Prompting<'a> = dyn Fn(&[Message], Option<&str>, &str) -> Result<Vec<Message>> + 'a;

/// How conversations become examples.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// How the model reads.
    pub language: Language<'a>,
    /// What it is shown.
    pub prompt: &'a Prompting<'a>,
    /// The longest example, in tokens. Nothing is cut: what is longer is left out.
    pub length: usize,
}

/// What one conversation came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Its examples; more than one where its prompts do not go on from each other.
    pub examples: Vec<Example>,
    /// The questions whose answers they teach, by [`question_hash`].
    pub questions: Vec<String>,
    /// Why turns of it, or all of it, were left out.
    pub skipped: Vec<String>,
}

impl Taken {
    /// Adds it to `data`, as what came from `place`, concerns `subject` and was `spoken` then.
    pub fn add(self, data: &mut Data, place: &str, subject: Option<&str>, spoken: Timestamp) {
        if let Some(subject) = subject
            && !self.examples.is_empty()
        {
            data.hear(subject_hash(subject), spoken);
        }
        data.examples.extend(self.examples);
        data.questions.extend(self.questions);
        self.skipped.into_iter().for_each(|reason| data.skipped.add(format!("{place}: {reason}")));
    }
}

/// Reads JSON lines: `messages` with `role` and `content`, and whatever else an interaction has.
///
/// Errors: `Invalid` for a line that is no interaction, by its number, and for a file without a single example.
pub fn read(path: &Path, settings: &Settings, progress: &dyn Progress, cancel: &Cancel) -> Result<Data> {
    let within = |e: Error| e.context(path.display());
    let unreadable = |e| Error::io(format!("cannot read {}", path.display()), e);
    let file = File::open(path).map_err(unreadable)?;
    let mut reader = Hashing { inner: file, hash: Sha256::new() };
    let mut data = Data::default();
    progress.start("read", 0);
    for entry in interactions(&mut reader) {
        cancel.check()?;
        let (line, interaction) = entry.map_err(within)?;
        let taken = take(&interaction, settings).map_err(|e| within(e.context(format!("line {line}"))))?;
        taken.add(&mut data, &format!("line {line}"), interaction.subject.as_deref(), interaction.time);
        progress.at(line);
    }
    progress.finish();
    if data.examples.is_empty() {
        let why = match data.skipped.reasons.as_slice() {
            [] => "it is empty".to_owned(),
            reasons => reasons.iter().take(3).cloned().collect::<Vec<_>>().join("; "),
        };
        return Err(within(Error::invalid(format!("no example to learn from: {why}"))));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    data.origins.push(Origin { name, sha256: hex(&reader.hash.finalize()), examples: data.examples.len() });
    Ok(data)
}

/// The examples of one conversation.
///
/// A correction takes the place of the last answer; an answer that was rated down and not corrected is left out with
/// all before it, since nobody said that those were good. One that rests on a person's records is, whoever stood by it.
pub fn take(interaction: &Interaction, settings: &Settings) -> Result<Taken> {
    let skipped = |reason: &str| Ok(Taken { skipped: vec![reason.into()], ..Taken::default() });
    if interaction.is_personal() {
        return skipped("it was answered from the records of one person");
    }
    let messages = match interaction.corrected() {
        None => return skipped("rated down, without a correction"),
        Some(messages) if messages.is_empty() => return skipped("no messages"),
        Some(messages) => messages,
    };
    let mut taken = Taken::default();
    let is_system = |message: &&Message| message.role == "system";
    let own: Vec<Message> = messages.iter().take_while(is_system).cloned().collect();
    let mut history = own.clone();
    let mut question: Option<Message> = None;
    let mut before: Option<String> = None;
    let mut example: Option<Example> = None;
    for message in messages.into_iter().skip(own.len()) {
        if message.role != "assistant" {
            // Of questions in a row, the last is asked and the others were said before.
            history.extend(question.take());
            match message.role.as_str() {
                "user" => question = Some(message),
                _ => history.push(message),
            }
            continue;
        }
        let Some(asked) = question.take() else {
            taken.skipped.push("an answer that follows no question".into());
            history.push(message);
            continue;
        };
        match learn(&mut example, (&history, before.as_deref()), &asked, &message, settings) {
            Ok((shown, finished)) => {
                taken.examples.extend(finished);
                taken.questions.push(question_hash(&asked.content));
                history = own.iter().cloned().chain(shown.into_iter().skip_while(|m| m.role == "system")).collect();
                history.push(message);
                before = Some(asked.content);
            }
            Err(e) if e.kind() == ErrorKind::Invalid => {
                taken.skipped.push(e.to_string());
                before = Some(asked.content.clone());
                history.extend([asked, message]);
            }
            Err(e) => return Err(e),
        }
    }
    taken.examples.extend(example);
    if taken.examples.is_empty() && taken.skipped.is_empty() {
        taken.skipped.push("no answer to learn".into());
    }
    Ok(taken)
}

/// Adds a turn to the example in hand, or begins another. Returns what the model is shown before the answer, and the
/// example that was in hand if another began.
///
/// Errors: `Invalid` with the reason why the turn cannot be learnt.
fn learn(
    example: &mut Option<Example>,
    (history, before): (&[Message], Option<&str>),
    question: &Message,
    answer: &Message,
    settings: &Settings,
) -> Result<(Vec<Message>, Option<Example>)> {
    for (message, what) in [(question, "question"), (answer, "answer")] {
        if message.content.trim().is_empty() {
            return Err(Error::invalid(format!("the {what} is empty")));
        }
    }
    let shown = (settings.prompt)(history, before, &question.content)?;
    let Turn { prompt, answer } = turn(&settings.language, &shown, answer)?;
    let length = prompt.len() + answer.len();
    if length > settings.length {
        return Err(Error::invalid(format!("{length} tokens, more than {}", settings.length)));
    }
    let goes_on = example.as_ref().filter(|before| prompt.starts_with(&before.tokens));
    let mut learn = goes_on.map(|before| before.learn.clone()).unwrap_or_default();
    let goes_on = goes_on.is_some();
    learn.resize(prompt.len(), false);
    learn.resize(length, true);
    let before = example.replace(Example::new([prompt, answer].concat(), learn)?);
    Ok((shown, before.filter(|_| !goes_on)))
}

/// Hashes what is read through it.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..n).unwrap_or_default());
        Ok(n)
    }
}
