//! `chat`: a conversation in the terminal, or over a pipe.

mod lines;

use super::answer::{Answering, show, source};
use super::app::App;
use super::failure::{Done, Failure};
use clap::Args;
use lines::Lines;
use std::time::Instant;
use wayside::store::log::{Citation, Rating};
use wayside::{Chat, Error, Question, Runtime};

const HELP: &str = "\
/good        the answer was good
/bad         the answer was bad
/fix TEXT    what the answer should have been
/sources     the passages that the answer was given
/new         begin a new conversation
/help        this
/quit        leave, as Ctrl-D does; Ctrl-C stops an answer";

/// Hold a conversation
///
/// Questions one after another; each may refer to what was said before, and each answer is kept in the log. Lines that
/// begin with a slash rate, correct and explain answers: /help lists them. From a pipe, every line is a question.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside chat
  wayside chat --collection manuals --temperature 0.5
  printf 'Do you deliver?\\n/good\\n' | wayside chat --json")]
pub struct Words {
    #[command(flatten)]
    answering: Answering,
}

pub fn run(app: &App, words: &Words) -> Done {
    let runtime = app.runtime()?;
    let question = words.answering.question(&runtime, "")?;
    let mut talk = Talk { app, runtime: &runtime, chat: chat(&runtime, &question)?, question };
    // Loading cannot be stopped half-way; a wish that came meanwhile is heard now.
    app.cancel.check()?;
    let mut lines = Lines::open(&app.home)?;
    if lines.is_edited() {
        app.note("Ask away; /help lists what else there is, Ctrl-D leaves.");
    }
    let mut failed = false;
    while !app.is_unread() {
        // While nothing is under way, Ctrl-C is the line's own.
        app.interrupts.idle();
        let Some(line) = lines.next()? else { break };
        match talk.take(line.trim()) {
            Ok(true) => {}
            Ok(false) => break,
            Err(failure) => {
                app.bars.clear();
                failure.report();
                failed = true;
            }
        }
    }
    lines.close();
    if failed && !lines.is_edited() {
        // Nobody sits at a pipe: its exit status tells.
        return Err(Error::invalid("not every line could be answered").into());
    }
    Ok(())
}

fn chat<'r>(runtime: &'r Runtime, question: &Question) -> Result<Chat<'r>, Error> {
    runtime.chat(question.model.as_deref(), &question.adapter)
}

struct Talk<'a> {
    app: &'a App,
    runtime: &'a Runtime,
    chat: Chat<'a>,
    /// The settings of every question.
    question: Question,
}

impl Talk<'_> {
    /// Takes a line; false when it is the last.
    fn take(&mut self, line: &str) -> Result<bool, Failure> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match word {
            "" => {}
            "/good" => self.rate(Rating::Up)?,
            "/bad" => self.rate(Rating::Down)?,
            "/fix" => {
                self.chat.correct(rest)?;
                self.app.note("kept as what the answer should have been");
            }
            "/sources" => self.sources()?,
            "/new" => {
                self.chat = chat(self.runtime, &self.question)?;
                self.app.note("a new conversation");
            }
            "/help" => self.app.note(HELP),
            "/quit" => return Ok(false),
            word if word.starts_with('/') => {
                return Err(Error::invalid(format!("there is no {word}; /help lists what there is")).into());
            }
            _ => self.ask(line)?,
        }
        Ok(true)
    }

    fn ask(&mut self, text: &str) -> Done {
        let app = self.app;
        self.question.text = text.to_owned();
        let begin = Instant::now();
        let mut say = |piece: &str| {
            if !app.json {
                app.print(piece);
            }
        };
        let answer = self.chat.ask(&self.question, &app.interrupts.begin(), &mut say)?;
        app.result(answer, || show(app, answer, begin.elapsed().as_secs_f64()))
    }

    fn rate(&self, rating: Rating) -> Done {
        self.chat.rate(rating)?;
        self.app.note(if rating == Rating::Up { "rated up" } else { "rated down" });
        Ok(())
    }

    fn sources(&self) -> Done {
        let last = self.chat.last().ok_or_else(|| Error::not_found("there is no answer yet; ask something first"))?;
        if last.hits.is_empty() {
            self.app.note("the answer was given no passages");
        }
        let index = self.runtime.index()?;
        let text = |hit: &Citation| hit.chunk.map_or(Ok(String::new()), |chunk| Ok(index.chunk(chunk)?.text));
        let texts = last.hits.iter().map(text).collect::<Result<Vec<_>, Error>>()?;
        let app = self.app;
        app.result(&last.hits, || {
            for (hit, text) in last.hits.iter().zip(&texts) {
                app.line(&format!("{} ({:.2})\n{text}\n", app.style.bold(&source(hit)), hit.score));
            }
        })
    }
}
