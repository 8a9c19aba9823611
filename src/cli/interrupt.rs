//! Ctrl-C: the first asks the work to stop where it leaves everything whole, the second ends the process.

use std::sync::{Arc, Mutex, PoisonError};
use wayside::watch::Cancel;

/// The exit status of a process that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Who hears of Ctrl-C: the work under way, if there is any.
#[derive(Clone, Default)]
pub struct Interrupts(Arc<Mutex<Option<Cancel>>>);

impl Interrupts {
    /// Listens for Ctrl-C, and for the signals that ask a process to end.
    pub fn catch() -> Self {
        let interrupts = Self::default();
        let heard = interrupts.clone();
        let listen = ctrlc::set_handler(move || match heard.current().as_ref() {
            Some(work) if !work.is_cancelled() => work.cancel(),
            _ => {
                #[cfg(feature = "tui")]
                super::chat::give_back();
                std::process::exit(INTERRUPTED)
            }
        });
        if let Err(e) = listen {
            // Then Ctrl-C ends the process at once, which the stores survive too.
            log::warn!("Ctrl-C cannot be caught: {e}");
        }
        interrupts
    }

    /// Work begins; the next Ctrl-C stops it.
    pub fn begin(&self) -> Cancel {
        let cancel = Cancel::new();
        *self.current() = Some(cancel.clone());
        cancel
    }

    /// Asks the work under way to stop, as Ctrl-C does.
    pub fn stop(&self) {
        if let Some(work) = &*self.current() {
            work.cancel();
        }
    }

    /// Waits for input, which nothing else ends: Ctrl-C ends the process meanwhile.
    pub fn waiting<T>(&self, wait: impl FnOnce() -> T) -> T {
        let work = self.current().take();
        let come = wait();
        *self.current() = work;
        come
    }

    /// Nothing is under way; the next Ctrl-C ends the process.
    pub fn idle(&self) {
        *self.current() = None;
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Cancel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
