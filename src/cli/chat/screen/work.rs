//! The thread that answers. Jobs come in, one after another; what came of them goes out.

use crate::cli::answer::{ended, source};
use crate::cli::chat::talk::Talk;
use ratatui::crossterm::event::Event;
use std::sync::mpsc::{Receiver, Sender};
use wayside::store::log::{Rating, Words};
use wayside::watch::Cancel;
use wayside::{Answer, Error, Heard};

/// What the conversation is asked to do. Each but `Serve` ends with one [`Told`] that is no piece.
#[derive(Debug)]
pub enum Job {
    Ask(String, Cancel),
    Rate(Rating),
    Correct(String),
    Sources,
    /// Forget, and go on with the one who is served.
    Forget,
    /// Forget, and serve somebody else, or nobody.
    Serve(Option<String>),
}

/// What the screen hears.
#[derive(Debug)]
pub enum Told {
    Event(Event),
    /// The next words of the answer.
    Piece(String),
    /// The answer is finished: where it comes from, and what else there is to say of it.
    Answered(Vec<String>),
    /// Passages, each with its title.
    Sources(Vec<(String, String)>),
    /// Something was done, or could not be.
    Note(String),
}

/// Does jobs until there are no more.
pub fn work(mut talk: Talk, jobs: &Receiver<Job>, tell: &Sender<Told>) {
    for job in jobs {
        let told = work_on(&mut talk, job, tell).unwrap_or_else(|e| Some(Told::Note(e.to_string())));
        // Whoever has left hears nothing; there will be no more jobs.
        let _ = told.map(|told| tell.send(told));
    }
}

fn work_on(talk: &mut Talk, job: Job, tell: &Sender<Told>) -> Result<Option<Told>, Error> {
    Ok(Some(match job {
        Job::Ask(text, cancel) => {
            let mut hear = |heard: Heard| drop(tell.send(Told::Piece(heard.shown().to_owned())));
            Told::Answered(beside(talk.ask(&text, &cancel, &mut hear)?))
        }
        Job::Rate(rating) => Told::Note(talk.rate(rating)?.into()),
        Job::Correct(text) => Told::Note(talk.correct(&text)?.into()),
        Job::Sources => {
            Told::Sources(talk.sources()?.into_iter().map(|source| (source.title(), source.text)).collect())
        }
        Job::Forget => {
            talk.forget();
            Told::Note("a new conversation".into())
        }
        Job::Serve(subject) => {
            talk.serve(subject);
            return Ok(None);
        }
    }))
}

/// What is said beside an answer.
fn beside(answer: &Answer) -> Vec<String> {
    let ended = ended(answer.finish).map(|why| format!("({why})"));
    let free = answer.sentences.iter().any(|sentence| sentence.kind == Words::Free);
    let free = free.then(|| "(the model's own words; nothing in the documents says so)".to_owned());
    answer.citations.iter().map(source).chain(free).chain(ended).collect()
}
