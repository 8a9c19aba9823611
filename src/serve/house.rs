//! What all connections share.

use super::gate::{Caller, Gate};
use super::metrics::Metrics;
use super::pool::{Forget, Pool};
use super::problem::Problem;
use super::rate::Rate;
use super::work::Desk;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wayside::store::log::check_subject;
use wayside::watch::Cancel;
use wayside::{Chat, Completer, Runtime};

/// Conversations over the documents that are kept for who may come back.
const CHATS: usize = 8;
/// Models that were asked outright and are kept: each has the memory of a whole conversation.
const COMPLETERS: usize = 4;
/// Short questions at once, and how many wait: searches, ratings, lists.
const SHORT: (usize, usize) = (4, 256);

/// The service.
pub struct House {
    /// What answers.
    pub runtime: Runtime,
    /// Who may come in.
    pub gate: Gate,
    /// What is counted.
    pub metrics: Metrics,
    /// How many requests there may be.
    pub rate: Rate,
    /// Answers.
    pub answers: Desk,
    /// What takes moments.
    pub short: Desk,
    /// Conversations over the documents.
    pub chats: Pool<Kept<Chat>>,
    /// Models that were asked outright.
    pub completers: Pool<Kept<Completer>>,
    /// Ends all work.
    pub stopping: Cancel,
    /// Whether everything that answers is loaded.
    pub ready: AtomicBool,
    /// When it began.
    pub since: Instant,
}

/// A conversation, and what is known of it.
pub struct Kept<T> {
    /// The model and what it wears.
    pub model: String,
    /// Whom it concerns.
    pub subject: Option<String>,
    /// What was said, as programs tell it again; or its name.
    pub said: String,
    /// The conversation itself.
    pub talk: T,
}

impl Forget for Kept<Chat> {
    fn forget(&mut self) {
        self.talk.end();
    }
}

impl Forget for Kept<Completer> {
    fn forget(&mut self) {
        self.talk.wipe();
    }
}

impl House {
    /// A service over `runtime`.
    pub fn new(runtime: Runtime, gate: Gate) -> Self {
        let settings = &runtime.config().serve;
        let idle = Duration::from_secs(settings.idle_seconds);
        Self {
            gate,
            metrics: Metrics::default(),
            rate: Rate::new(settings.requests_per_second),
            answers: Desk::new(settings.answers, settings.waiting),
            short: Desk::new(SHORT.0, SHORT.1),
            chats: Pool::new(CHATS, idle),
            completers: Pool::new(COMPLETERS, idle),
            stopping: Cancel::new(),
            ready: AtomicBool::new(false),
            since: Instant::now(),
            runtime,
        }
    }

    /// Whether everything that answers is loaded.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Loads what answers, so that nobody waits for it.
    ///
    /// # Errors
    /// What is missing.
    pub fn load(&self) -> Result<(), wayside::Error> {
        self.runtime.embedder()?;
        self.runtime.answer_judge()?;
        self.runtime.completer(None, &wayside::Wear::Promoted)?;
        self.ready.store(true, Ordering::Release);
        Ok(())
    }

    /// Whom a question concerns: whom the caller's session serves, or whom staff names.
    ///
    /// # Errors
    /// Somebody else is named, by one who may not.
    pub fn subject(&self, caller: &Caller, named: Option<&str>) -> Result<Option<String>, Problem> {
        match (named, &caller.subject) {
            (None, own) => Ok(own.clone()),
            (Some(named), Some(own)) if named == own => Ok(Some(named.to_owned())),
            (Some(named), _) if caller.staff => {
                check_subject(named)?;
                Ok(Some(named.to_owned()))
            }
            _ => Err(Problem::staff()),
        }
    }
}
