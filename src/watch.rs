//! How long work talks to its caller without printing: progress goes out, a wish to stop comes in.

use crate::error::{Error, Result};
use crate::turn::Turn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A wish to stop, shared between the one who asks and the ones who work. Clones are the same wish.
#[derive(Clone, Default)]
pub struct Cancel {
    wish: Arc<Wish>,
    /// To whom the one who works gives way.
    turn: Option<Turn>,
    /// What else ends the work.
    also: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

#[derive(Default)]
struct Wish {
    made: AtomicBool,
    /// Counts for this one, too.
    above: Option<Arc<Wish>>,
}

impl Cancel {
    /// A wish nobody has made yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A wish of its own that also counts as made once this one is. Making it leaves this one as it is.
    pub fn below(&self) -> Self {
        Self { wish: Arc::new(Wish { above: Some(self.wish.clone()), ..Wish::default() }), ..self.clone() }
    }

    /// The same wish for work that also waits, wherever it would [`check`](Self::check), while somebody answers.
    pub fn giving_way(&self, turn: Turn) -> Self {
        Self { turn: Some(turn), ..self.clone() }
    }

    /// The same wish for work that also ends when `over` says so: when time is up, or the battery low.
    pub fn or_when(&self, over: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let before = self.also.clone();
        let also = move || before.as_ref().is_some_and(|over| over()) || over();
        Self { also: Some(Arc::new(also)), ..self.clone() }
    }

    /// Asks everyone who holds a clone to stop soon. Safe in a signal handler.
    pub fn cancel(&self) {
        self.wish.made.store(true, Ordering::Relaxed);
    }

    /// Whether someone asked.
    pub fn is_cancelled(&self) -> bool {
        self.is_wished() || self.also.as_ref().is_some_and(|over| over())
    }

    /// Whether someone asked, and it is not only that the work must end for another reason.
    pub fn is_wished(&self) -> bool {
        let mut wish = Some(&self.wish);
        while let Some(this) = wish {
            if this.made.load(Ordering::Relaxed) {
                return true;
            }
            wish = this.above.as_ref();
        }
        false
    }

    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) once someone asked; call it between units of work.
    pub fn check(&self) -> Result<()> {
        if let Some(turn) = &self.turn {
            turn.give_way(&|| self.is_cancelled());
        }
        if self.is_cancelled() { Err(Error::cancelled("stopped on request")) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Cancel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cancel({})", self.is_wished())
    }
}

/// Hears how far long work has come. The command line draws a bar; the default hears nothing.
pub trait Progress: Send + Sync {
    /// Whether anybody hears what is told.
    fn hears(&self) -> bool {
        true
    }
    /// A stage begins: its name as a person reads it, and the units it will take (0 when unknown).
    fn start(&self, _stage: &str, _total: u64) {}
    /// `done` units of the stage are finished.
    fn at(&self, _done: u64) {}
    /// A figure that stands beside how far the stage has come: the loss, a rate.
    fn detail(&self, _text: &str) {}
    /// The stage is over.
    fn finish(&self) {}
    /// Something a person should know, that does not stop the work.
    fn note(&self, _text: &str) {}
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn hears(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends_on_a_wish_or_for_its_own_reason() {
        let wish = Cancel::new();
        let over = Arc::new(AtomicBool::new(false));
        let work = wish.or_when({
            let over = over.clone();
            move || over.load(Ordering::Relaxed)
        });
        work.check().unwrap();
        over.store(true, Ordering::Relaxed);
        assert!(work.check().is_err() && !work.is_wished() && !wish.is_cancelled());
        let more = work.or_when(|| false);
        assert!(more.is_cancelled(), "what ended it before does still");
        wish.cancel();
        assert!(work.is_wished());
    }

    #[test]
    fn a_wish_below_another_is_made_with_it_and_not_the_other_way_round() {
        let one = Cancel::new();
        let (this, that) = (one.below(), one.below().below());
        this.cancel();
        assert!(this.is_wished() && !one.is_wished() && !that.is_wished());
        one.cancel();
        assert!(that.is_wished());
    }
}
