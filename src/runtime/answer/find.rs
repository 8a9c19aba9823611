//! What is found for a question: passages and facts, and how surely each of their units answers it.

use super::Question;
use crate::error::Result;
use crate::infer::Language;
use crate::rag::{
    self, Asked, Conversation, Facts, Finders, Hit, Material, Prompt, Room, Source, asks_about_self, leans, prompt,
};
use crate::runtime::Runtime;
use crate::store::log::Message;

/// What was found for a question.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Passages and facts, those with the surest unit first, numbered within their conversation.
    pub sources: Vec<Source>,
    /// What a source of records did not do as declared, one sentence each.
    pub notes: Vec<String>,
    /// What is to be said instead of an answer, where nothing was sought.
    pub notice: Option<&'static str>,
    /// What was sought: the question, behind the one before where it leans on that.
    pub sought: String,
}

impl Runtime {
    /// What is found for a question within a conversation. Nothing is sought without retrieval.
    pub(in crate::runtime) fn find(&self, question: &Question, before: &Conversation) -> Result<Found> {
        let sought = sought(&question.text, before.question());
        if !question.retrieval {
            return Ok(Found { sought, ..Found::default() });
        }
        let (material, notes) = match self.material(question, &sought)? {
            (Ok(material), notes) => (material, notes),
            (Err(notice), notes) => return Ok(Found { notes, notice: Some(notice), sought, ..Found::default() }),
        };
        let own = !material.facts.is_empty() && asks_about_self(&question.text);
        let asked = Asked { own, ..about(question, &sought, before) };
        let sources = self.weigh(asked, &material)?;
        Ok(Found { sources: rag::number(sources, before), notes, notice: None, sought })
    }

    /// Passages and facts with their units weighed.
    pub(in crate::runtime) fn weigh(&self, asked: Asked, material: &Material) -> Result<Vec<Source>> {
        if material.is_empty() {
            return Ok(vec![]);
        }
        let (judge, embedder) = (self.answer_judge()?, self.embedder()?);
        let reads_all_letters = embedder.name() != crate::parts::EMBEDDER;
        rag::weigh(Finders { judge: &judge, embedder: &embedder, reads_all_letters }, asked, material)
    }

    /// Passages, and facts about the person served; or what is said instead. And what went wrong with the facts.
    fn material(&self, question: &Question, sought: &str) -> Result<(Result<Material, &'static str>, Vec<String>)> {
        let facts = match &question.subject {
            Some(subject) => self.facts(subject, sought)?,
            None => Facts::default(),
        };
        let says = question.language.phrases();
        if !self.sources()?.is_empty() {
            match &question.subject {
                Some(subject) if self.is_about_another(&question.text, subject, &facts)? => {
                    return Ok((Err(says.others), facts.notes));
                }
                None if asks_about_self(&question.text) => return Ok((Err(says.nobody), facts.notes)),
                // A document that is near would be about somebody whom nobody ever was.
                Some(_) if facts.facts.is_empty() && asks_about_self(&question.text) => {
                    return Ok((Err(says.no_records), facts.notes));
                }
                _ => {}
            }
        }
        let hits = self.passages(question, sought)?;
        Ok((Ok(Material { hits, facts: facts.facts }), facts.notes))
    }

    /// The passages about a question, and about what it leans on.
    fn passages(&self, question: &Question, sought: &str) -> Result<Vec<Hit>> {
        let retrieve = &self.config.retrieve;
        let (index, embedder) = (self.index()?, self.embedder()?);
        let find = |query: &str| rag::retrieve(&index, &embedder, query, question.collection.as_deref(), retrieve.k);
        let mut found = find(sought)?;
        if sought != question.text {
            found = found.with(find(&question.text)?, retrieve.k);
        }
        Ok(found.relevant(retrieve.min_score).hits)
    }

    /// The prompt of a question after `before`, under its sources.
    pub(in crate::runtime) fn prompt(
        &self,
        language: &Language,
        question: &Question,
        before: &Conversation,
        sources: &[Source],
    ) -> Result<Prompt> {
        let system = self.config.chat.system.as_deref();
        let total = self.config.generate.context;
        let room = Room { total, answer: question.max_tokens, material: self.config.retrieve.budget };
        prompt(language, system, before, &question.text, sources, room)
    }

    /// What the model is shown for a question that concerns nobody, as `ask` would; and how many passages were found.
    /// Training and its gate show this: no record of a person is ever learned from. `asked` is the question before, as
    /// it was asked.
    pub(in crate::runtime) fn asked(
        &self,
        language: &Language,
        question: &Question,
        history: &[Message],
        asked: Option<&str>,
    ) -> Result<(Vec<Message>, Vec<Source>)> {
        let before = Conversation::of(history, asked);
        let sources = if question.retrieval {
            let sought = sought(&question.text, before.question());
            let hits = self.passages(question, &sought)?;
            let asked = about(question, &sought, &before);
            rag::number(self.weigh(asked, &Material { hits, facts: vec![] })?, &before)
        } else {
            vec![]
        };
        Ok((self.prompt(language, question, &before, &sources)?.messages, sources))
    }
}

/// What units are weighed against: a question, and what it leans on.
fn about<'a>(question: &'a Question, sought: &'a str, before: &'a Conversation) -> Asked<'a> {
    if sought == question.text {
        return Asked { sought, ..Asked::default() };
    }
    // What was surest then is what was quoted.
    let within = before.turns.last().and_then(|turn| turn.found.first()).map(Source::document);
    Asked { sought, added: &question.text, within, own: false }
}

/// What is sought for a question: behind what was sought before it, where it leans on that.
fn sought(question: &str, before: Option<&str>) -> String {
    match before {
        Some(before) if leans(question) => format!("{before} {question}"),
        _ => question.to_owned(),
    }
}
