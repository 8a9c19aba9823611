//! The conversation: commands to calls of the library.

use crate::cli::answer::source;
#[cfg(feature = "serve")]
use crate::cli::served::Conversation;
use wayside::store::log::{Citation, Rating, Source as Found};
use wayside::watch::Cancel;
use wayside::{Answer, Chat, Error, Heard, Question, Runtime};

/// A conversation, and the settings of every question in it.
pub struct Talk<'r> {
    runtime: &'r Runtime,
    chat: Chat,
    question: Question,
    /// The latest answer.
    last: Option<Answer>,
    /// Where a service runs, it holds the conversation.
    #[cfg(feature = "serve")]
    service: Option<Conversation>,
}

/// A passage that an answer was given.
pub struct Source {
    pub citation: Citation,
    pub text: String,
}

impl<'r> Talk<'r> {
    /// A conversation that begins. What answers is loaded when it is first needed.
    pub fn open(runtime: &'r Runtime, question: Question) -> Result<Self, Error> {
        let chat = runtime.chat(question.model.as_deref(), &question.adapter)?;
        Ok(Self {
            runtime,
            chat,
            question,
            last: None,
            #[cfg(feature = "serve")]
            service: None,
        })
    }

    /// The same, held by a service, where there is one.
    #[cfg(feature = "serve")]
    pub fn served(self, service: Option<Conversation>) -> Self {
        Self { service, ..self }
    }

    /// The name of the model that answers.
    pub fn model(&self) -> &str {
        self.question.model.as_deref().unwrap_or(&self.runtime.config().model)
    }

    /// Asks the next question, telling `hear` its answer as it comes.
    pub fn ask(&mut self, text: &str, cancel: &Cancel, hear: &mut dyn FnMut(Heard)) -> Result<&Answer, Error> {
        self.question.text = text.to_owned();
        #[cfg(feature = "serve")]
        if let Some(service) = &mut self.service {
            if let Some(answer) = service.ask(&self.question, cancel, hear)? {
                return Ok(self.last.insert(answer));
            }
            // It has ended: this process goes on.
            let new = self.runtime.chat(self.question.model.as_deref(), &self.question.adapter)?;
            self.chat = new.after(self.question.subject.as_deref(), service.said());
            self.service = None;
        }
        let answer = self.chat.ask_hearing(&self.question, cancel, hear)?;
        Ok(self.last.insert(answer.clone()))
    }

    fn last(&self) -> Result<&Answer, Error> {
        self.last.as_ref().ok_or_else(|| Error::not_found("there is no answer yet; ask something first"))
    }

    /// Rates the latest answer; says so.
    pub fn rate(&self, rating: Rating) -> Result<&'static str, Error> {
        self.runtime.rate(&self.last()?.interaction, rating)?;
        Ok(if rating == Rating::Up { "rated up" } else { "rated down" })
    }

    /// Corrects the latest answer; says so.
    pub fn correct(&self, text: &str) -> Result<&'static str, Error> {
        self.runtime.correct(&self.last()?.interaction, text)?;
        Ok("kept as what the answer should have been")
    }

    /// What the latest answer was given.
    pub fn sources(&self) -> Result<Vec<Source>, Error> {
        let last = self.last()?;
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
        self.last = None;
        self.question.text.clear();
        #[cfg(feature = "serve")]
        self.service.iter_mut().for_each(Conversation::forget);
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
