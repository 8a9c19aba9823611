//! `log`: what was asked and answered, and what people thought of it.

mod erase;
mod files;
mod view;

use super::app::App;
use super::args::{filled, subject};
use super::failure::Done;
use super::style::count;
use clap::{Subcommand, ValueEnum};
use std::path::PathBuf;
use wayside::Error;
use wayside::store::log::{Filter, Listed, Rating};

/// Interactions a person is shown unless -n says otherwise.
const SHOWN: usize = 20;

/// See, rate, correct and erase what was answered
///
/// Every question and its answer are kept on this machine. A rating says whether an answer was good, a correction what
/// it should have been. Interactions come and go as JSON lines in the chat format: `messages` with `role` and
/// `content`, and whatever else is known.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  wayside log list -n 5
  wayside log rate 01a20547-dfb8-72b2-af26-ea651a52d99f down
  wayside log export backup.jsonl")]
pub enum Words {
    /// List interactions, the newest first
    ///
    /// People are shown the latest 20 unless -n says otherwise; --json gives all, whole. What is damaged is named and
    /// left out, with status 1.
    #[command(after_help = "Examples:
  wayside log list
  wayside log list -n 100 --rating down
  wayside log list --subject C-0042 --json")]
    List {
        /// At most this many
        #[arg(short, value_name = "N")]
        n: Option<usize>,
        /// Only those that concern this one
        #[arg(long, value_name = "ID", value_parser = subject)]
        subject: Option<String>,
        /// Only those rated so
        #[arg(long, value_name = "RATING")]
        rating: Option<Thumb>,
    },
    /// Show one interaction in full
    ///
    /// The conversation, its sources, what people thought of it and how long it took.
    #[command(after_help = "Examples:
  wayside log show 01a20547-dfb8-72b2-af26-ea651a52d99f")]
    Show {
        /// The interaction: its id, or as much of the beginning as no other has
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Say whether an answer was good
    ///
    /// A later rating takes the place of an earlier one.
    #[command(after_help = "Examples:
  wayside log rate 01a20547-dfb8-72b2-af26-ea651a52d99f up
  wayside log rate 01a20547-dfb8 up")]
    Rate {
        /// The interaction: its id, or as much of the beginning as no other has
        #[arg(value_name = "ID")]
        id: String,
        /// Good or bad
        #[arg(value_name = "RATING")]
        rating: Thumb,
    },
    /// Say what an answer should have been
    ///
    /// The correction stands beside the answer that was given.
    #[command(after_help = "Examples:
  wayside log correct 01a20547-dfb8-72b2-af26-ea651a52d99f \"Within 28 days. Next: bring the receipt.\"")]
    Correct {
        /// The interaction: its id, or as much of the beginning as no other has
        #[arg(value_name = "ID")]
        id: String,
        /// The answer as it should have been
        #[arg(value_name = "TEXT", value_parser = filled)]
        text: String,
    },
    /// Take in interactions from JSON lines
    ///
    /// All or nothing: a line that is no interaction is named, and nothing changes. An id that the log has is replaced;
    /// without one, each import adds anew. Unknown keys are kept. What somebody said who was erased since is left out,
    /// and that is said.
    #[command(after_help = "Examples:
  wayside log import backup.jsonl
  zcat old.jsonl.gz | wayside log import -")]
    Import {
        /// The file, or `-` for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Write all interactions as JSON lines
    ///
    /// The oldest first. What is damaged is named and left out, with status 1: this also saves what can be saved.
    #[command(after_help = "Examples:
  wayside log export backup.jsonl
  wayside log export - | jq .messages")]
    Export {
        /// The file, or `-` for standard output
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Erase all that concerns one person
    ///
    /// The interactions under that subject leave the log and the log's file. Adapters that learned from them are
    /// removed at once, with the models they were merged into: what served before serves again, and the next `wayside
    /// learn` trains anew without them. It happens without a question, and cannot be undone; if it is interrupted, the
    /// same command finishes it.
    ///
    /// A receipt in the home's folder `receipts` says what was removed, naming nobody, and how many interactions are so
    /// damaged that nobody can tell whose they are; --verify holds it against the home. Files that you exported or
    /// copied elsewhere are yours to remove, and so are documents.
    #[command(after_help = "Examples:
  wayside log list --subject C-0042
  wayside log erase --subject C-0042
  wayside log erase --verify receipts/20260102T030405.000000Z.json")]
    Erase {
        /// Whom to erase
        #[arg(long, value_name = "ID", value_parser = subject, required_unless_present = "verify")]
        subject: Option<String>,
        /// Check that what this receipt says is so
        #[arg(long, value_name = "FILE", conflicts_with = "subject")]
        verify: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Thumb {
    /// Good
    Up,
    /// Bad
    Down,
}

impl From<Thumb> for Rating {
    fn from(thumb: Thumb) -> Self {
        match thumb {
            Thumb::Up => Self::Up,
            Thumb::Down => Self::Down,
        }
    }
}

pub fn run(app: &App, words: &Words) -> Done {
    match words {
        Words::List { n, subject, rating } => {
            let filter = Filter { subject: subject.clone(), rating: rating.map(Rating::from), limit: *n };
            list(app, filter)
        }
        Words::Show { id } => show(app, id),
        Words::Rate { id, rating } => {
            app.runtime()?.rate(id, (*rating).into())?;
            show(app, id)
        }
        Words::Correct { id, text } => {
            app.runtime()?.correct(id, text)?;
            show(app, id)
        }
        Words::Import { file } => files::import(app, file),
        Words::Export { file } => files::export(app, file),
        Words::Erase { verify: Some(receipt), .. } => erase::verify(app, receipt),
        Words::Erase { subject, .. } => erase::erase(app, subject.as_deref().unwrap_or_default()),
    }
}

fn list(app: &App, mut filter: Filter) -> Done {
    if app.json {
        return view::stream(app, &filter);
    }
    let log = app.runtime()?.log()?;
    filter.limit = filter.limit.or(Some(SHOWN));
    let Listed { interactions: list, damaged } = log.list(&filter)?;
    view::table(&list).iter().for_each(|line| app.line(line));
    damaged.iter().for_each(|damage| app.note(damage));
    let all = log.len()?;
    if all == 0 {
        app.note("nothing was asked yet: `wayside ask QUESTION` asks");
    }
    if (list.len() as u64) < all {
        app.note(&format!("{} of {all} interactions", list.len()));
    }
    unread(&damaged)
}

/// What could not be read is a failure, however much could be.
fn unread(damaged: &[String]) -> Done {
    match damaged.len() {
        0 => Ok(()),
        n => {
            Err(Error::corrupt(format!("{} could not be read", count(n as u64, "interaction", "interactions"))).into())
        }
    }
}

fn show(app: &App, id: &str) -> Done {
    let interaction = app.runtime()?.log()?.get(id)?;
    app.result(&view::row(&interaction), || view::full(app, &interaction))
}

pub use view::{row, table};
