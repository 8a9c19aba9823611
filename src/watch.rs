//! How long work talks to its caller without printing: progress goes out, a wish to stop comes in.

use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A wish to stop, shared between the one who asks and the ones who work. Clones are the same wish.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A wish nobody has made yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everyone who holds a clone to stop soon. Safe in a signal handler.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether someone asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) once someone asked; call it between units of work.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::cancelled("stopped on request")) } else { Ok(()) }
    }
}

/// Hears how far long work has come. The command line draws a bar; the default hears nothing.
pub trait Progress: Send + Sync {
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

impl Progress for Quiet {}
