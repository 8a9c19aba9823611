//! Whose turn it is to run a model. One pass runs at a time; whoever waits longest goes next, and takes along the
//! conversations that wait for a pass of the same kind.
//!
//! Nothing here is a thread: of those who wait, the first leads. It collects what stands in the queue (for a moment it
//! even waits, where conversations are known to be under way), runs the pass for all, and hands out what each gets. So
//! a single conversation costs a lock and nothing else, and none waits for longer than the passes that stood before it.

use super::lanes::Job;
use crate::engine::Tensor;
use crate::error::{Error, Result};
use crate::graph::LANES;
use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a pass waits for conversations that are under way: about what choosing and telling a token takes them.
const PATIENCE: Duration = Duration::from_millis(3);

/// The queue of a model.
pub struct Turns {
    patience: Duration,
    state: Mutex<State>,
    /// A pass has ended.
    ended: Condvar,
    /// Somebody has come, or will not come any more: for the one who collects.
    came: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Ticket>,
    next: u64,
    /// Whether a pass runs, or is being collected.
    busy: bool,
    /// What followers got, by ticket; none from a pass that broke off.
    done: HashMap<u64, Option<Done>>,
    /// Conversations that are generating.
    answering: usize,
}

struct Ticket {
    id: u64,
    /// What others may take along; none for a pass that runs by itself.
    job: Option<Job>,
}

/// A job that was run, and the logits after each of its tokens.
pub type Done = (Job, Result<Tensor>);

/// What came of waiting.
pub enum Turn<'a> {
    /// The pass is this one's alone.
    Alone(Job, Lead<'a>),
    /// This one runs the pass, its own job first.
    Leads(Vec<Job>, Lead<'a>),
    /// Another one ran it.
    Done(Box<Done>),
    /// Another one was running it and broke off: the job is gone.
    Lost,
}

/// The right to run, until it is dropped.
pub struct Lead<'a> {
    turns: &'a Turns,
    /// Whose jobs were taken along.
    followers: Vec<u64>,
}

/// A conversation that is generating, until it is dropped.
pub struct Answering<'a>(&'a Turns);

impl Default for Turns {
    fn default() -> Self {
        Self { patience: PATIENCE, state: Mutex::default(), ended: Condvar::default(), came: Condvar::default() }
    }
}

impl Turns {
    /// Says that a conversation begins to generate, so that passes wait a moment for it.
    pub fn answering(&self) -> Answering<'_> {
        self.lock().answering += 1;
        Answering(self)
    }

    /// Waits for the right to run by oneself.
    pub fn alone(&self) -> Lead<'_> {
        let mut state = self.lock();
        let id = state.queue(None);
        while state.busy || state.waiting.front().is_none_or(|t| t.id != id) {
            state = self.wait(state);
        }
        state.waiting.pop_front();
        state.busy = true;
        Lead { turns: self, followers: vec![] }
    }

    /// Waits for a pass that takes `job`.
    pub fn enter(&self, job: Job) -> Turn<'_> {
        let kind = job.kind.clone();
        let mut state = self.lock();
        let id = state.queue(Some(job));
        self.came.notify_one();
        loop {
            if let Some(done) = state.done.remove(&id) {
                return done.map_or(Turn::Lost, |done| Turn::Done(Box::new(done)));
            }
            if !state.busy && state.waiting.front().is_some_and(|t| t.id == id) {
                break;
            }
            state = self.wait(state);
        }
        state.busy = true;
        let until = Instant::now() + self.patience;
        while state.alike(&kind) < LANES.min(state.answering) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.came.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let (ids, mut jobs): (Vec<_>, Vec<_>) = state.take(&kind).into_iter().unzip();
        let followers = ids.into_iter().filter(|i| *i != id).collect();
        let lead = Lead { turns: self, followers };
        if jobs.len() == 1 { Turn::Alone(jobs.remove(0), lead) } else { Turn::Leads(jobs, lead) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change of the state is whole before anything can fail.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.ended.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn queue(&mut self, job: Option<Job>) -> u64 {
        self.next += 1;
        self.waiting.push_back(Ticket { id: self.next, job });
        self.next
    }

    fn alike(&self, kind: &Option<String>) -> usize {
        self.waiting.iter().filter(|t| t.job.as_ref().is_some_and(|j| j.kind == *kind)).count()
    }

    /// The first jobs of a kind, as many as a pass takes.
    fn take(&mut self, kind: &Option<String>) -> Vec<(u64, Job)> {
        let mut taken = Vec::new();
        for ticket in std::mem::take(&mut self.waiting) {
            match ticket.job {
                Some(job) if job.kind == *kind && taken.len() < LANES => taken.push((ticket.id, job)),
                job => self.waiting.push_back(Ticket { job, ..ticket }),
            }
        }
        taken
    }
}

impl Lead<'_> {
    /// Hands what came of a pass to whose it is; returns one's own, the first.
    pub fn hand_out(mut self, done: Vec<Done>) -> Result<Done> {
        let mut done = done.into_iter();
        let own = done.next().ok_or_else(|| Error::engine("a pass without conversations"))?;
        let followers = std::mem::take(&mut self.followers).into_iter();
        self.turns.lock().done.extend(followers.map(|id| (id, done.next())));
        Ok(own)
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        state.done.extend(self.followers.drain(..).map(|id| (id, None)));
        state.busy = false;
        drop(state);
        self.turns.ended.notify_all();
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.lock().answering -= 1;
        self.0.came.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes of each conversation.
    const PASSES: [usize; 3] = [20, 21, 22];

    /// Goes through its passes; how many conversations were in those that it led.
    fn converse(turns: &Turns, passes: usize, _answering: Answering<'_>) -> Vec<usize> {
        let mut led = Vec::new();
        for pass in 0..passes {
            let job = Job { kind: None, cache: 0, buffers: vec![], used: pass, tokens: vec![] };
            let (own, _) = match turns.enter(job) {
                Turn::Alone(job, _lead) => {
                    led.push(1);
                    (job, Err(Error::engine("")))
                }
                Turn::Leads(jobs, lead) => {
                    led.push(jobs.len());
                    lead.hand_out(jobs.into_iter().map(|job| (job, Err(Error::engine("")))).collect()).unwrap()
                }
                Turn::Done(done) => *done,
                Turn::Lost => panic!("no pass breaks off"),
            };
            assert_eq!(own.used, pass, "each gets its own");
        }
        led
    }

    #[test]
    fn a_pass_that_breaks_off_keeps_nobody() {
        let turns = Turns { patience: Duration::from_secs(600), ..Turns::default() };
        let conversations = [turns.answering(), turns.answering(), turns.answering()];
        let enter = || {
            let turn = turns.enter(Job { kind: None, cache: 0, buffers: vec![], used: 0, tokens: vec![] });
            matches!(turn, Turn::Lost)
        };
        let lost = std::thread::scope(|scope| {
            let threads = conversations.each_ref().map(|_| scope.spawn(enter));
            threads.map(|thread| thread.join().unwrap())
        });
        assert_eq!(lost.into_iter().filter(|lost| *lost).count(), 2, "one led");
        drop(turns.alone());
    }

    #[test]
    fn a_pass_begins_when_the_last_conversation_has_come_or_gone() {
        let turns = Turns { patience: Duration::from_secs(600), ..Turns::default() };
        let begin = Instant::now();
        let conversations = PASSES.map(|passes| (passes, turns.answering()));
        let mut led = std::thread::scope(|scope| {
            let turns = &turns;
            let threads = conversations.map(|(passes, known)| scope.spawn(move || converse(turns, passes, known)));
            threads.map(|thread| thread.join().unwrap()).concat()
        });
        led.sort_by(|a, b| b.cmp(a));
        assert_eq!(led, [vec![3; 20], vec![2, 1]].concat());
        assert!(begin.elapsed() < Duration::from_secs(300), "nobody waits for who is there or gone");
    }
}
