//! The conversation: commands to calls of the library.

use crate::cli::answer::source;
use wayside::store::log::{Citation, Rating, Source as Found};
use wayside::watch::Cancel;
use wayside::{Answer, Chat, Error, Question, Runtime};

/// A conversation, and the settings of every question in it.
pub struct Talk<'r> {
    runtime: &'r Runtime,
    chat: Chat,
    question: Question,
}

/// A passage that an answer was given.
pub struct Source {
    pub citation: Citation,
    pub text: String,
}

impl<'r> Talk<'r> {
    /// Loads what answers.
    pub fn open(runtime: &'r Runtime, question: Question) -> Result<Self, Error> {
        let chat = runtime.chat(question.model.as_deref(), &question.adapter)?;
        Ok(Self { runtime, chat, question })
    }

    /// The name of the model that answers.
    pub fn model(&self) -> &str {
        self.question.model.as_deref().unwrap_or(&self.runtime.config().model)
    }

    pub fn ask(&mut self, text: &str, cancel: &Cancel, say: &mut dyn FnMut(&str)) -> Result<&Answer, Error> {
        self.question.text = text.to_owned();
        self.chat.ask(&self.question, cancel, say)
    }

    /// Rates the latest answer; says so.
    pub fn rate(&self, rating: Rating) -> Result<&'static str, Error> {
        self.chat.rate(rating)?;
        Ok(if rating == Rating::Up { "rated up" } else { "rated down" })
    }

    /// Corrects the latest answer; says so.
    pub fn correct(&self, text: &str) -> Result<&'static str, Error> {
        self.chat.correct(text)?;
        Ok("kept as what the answer should have been")
    }

    /// What the latest answer was given.
    pub fn sources(&self) -> Result<Vec<Source>, Error> {
        let last = self.chat.last().ok_or_else(|| Error::not_found("there is no answer yet; ask something first"))?;
        let index = self.runtime.index()?;
        let fact = |name: &str| last.facts.iter().find(|fact| fact.name == name).map(|fact| fact.text.clone());
        let text = |hit: &Citation| match &hit.source {
            Found::Passage { chunk, .. } => Ok(index.chunk(*chunk)?.text),
            Found::Record { record, .. } => Ok(fact(record).unwrap_or_default()),
        };
        let source = |hit: &Citation| Ok(Source { citation: hit.clone(), text: text(hit)? });
        last.hits.iter().map(source).collect()
    }

    /// Begins anew with the one who is served already.
    pub fn forget(&mut self) {
        self.chat.end();
        self.question.text.clear();
    }

    /// Forgets, and serves `subject` from now on, or nobody.
    pub fn serve(&mut self, subject: Option<String>) {
        self.forget();
        self.question.subject = subject;
    }
}

impl Source {
    /// `[1] wren.md, Wren > Cleaning (0.71)`.
    pub fn title(&self) -> String {
        format!("{} ({:.2})", source(&self.citation), self.citation.score)
    }
}
