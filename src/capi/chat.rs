//! Conversations.

use super::answer::{Asked, wear};
use super::border::{Json, Text, call, close, hand_out, handle};
use super::handle::Handle;
use super::status::Status;
use super::watch::{SayFn, Wish, hearing, wish};
use crate::error::{Error, Result};
use crate::{Chat, Runtime};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::{Mutex, MutexGuard, TryLockError};

/// A conversation: a question may rest on those before it. One thread at a time may use it; a second one finds it
/// busy.
pub struct Talk {
    runtime: Runtime,
    chat: Mutex<Chat>,
}

impl Talk {
    fn lock(&self) -> Result<MutexGuard<'_, Chat>> {
        match self.chat.try_lock() {
            Ok(chat) => Ok(chat),
            // The next question begins where the one before was.
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Error::busy("the conversation is answering on another thread")),
        }
    }
}

/// Begins a conversation with a model and an adapter, as in wayside_question, and loads them: asking is quick then.
/// It may outlive the handle it was opened with.
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_chat_open(
    runtime: Option<&Handle>,
    model: Text,
    adapter: Text,
    chat: Option<&mut MaybeUninit<*mut Talk>>,
) -> Status {
    call(|| {
        hand_out(chat, || {
            let runtime = handle(runtime, "the runtime")?.runtime.clone();
            let chat = runtime.chat(model.read("`model`")?, &wear(adapter)?)?;
            Ok(Talk { runtime, chat: Mutex::new(chat) })
        })
    })
}

/// Asks the next question; otherwise as wayside_ask. One that concerns another subject than the one before begins
/// anew.
///
/// Any thread, one at a time: WAYSIDE_STATUS_BUSY for a second one.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_chat_ask(
    chat: Option<&Talk>,
    question: *const Asked,
    say: SayFn,
    user: *mut c_void,
    cancel: Option<&Wish>,
    json: Json,
) -> Status {
    call(|| {
        json.put(|| {
            let talk = handle(chat, "the conversation")?;
            let (question, whole) = (Asked::question(question, &talk.runtime)?, Asked::by_sentence(question)?);
            let cancel = wish(cancel);
            talk.lock()?.ask_hearing(&question, &cancel, &mut hearing(whole, say, user, &cancel)).cloned()
        })
    })
}

/// Ends a conversation: what was said and computed is wiped from memory. The next question begins a new one.
///
/// Any thread, one at a time: WAYSIDE_STATUS_BUSY for a second one.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_chat_end(chat: Option<&Talk>) -> Status {
    call(|| {
        handle(chat, "the conversation")?.lock()?.end();
        Ok(())
    })
}

/// Lets go of a conversation. Null does nothing.
///
/// Any thread; not while another thread is in a call with it, and each once.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_chat_close(chat: Option<Box<Talk>>) {
    close(chat);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_may_change_threads() {
        fn crosses<T: Send + Sync>() {}
        crosses::<Handle>();
        crosses::<Talk>();
    }
}
