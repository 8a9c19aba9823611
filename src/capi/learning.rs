//! Learning from the log, and the adapters that come of it.

use super::border::{Json, Text, call, handle};
use super::handle::Handle;
use super::status::Status;
use super::watch::{ProgressFn, Wish, watched};
use crate::Learning;
use crate::error::Error;
use std::ffi::c_void;
use std::time::Duration;

/// For `flags` of wayside_learn: learn even when nothing was added since the last cycle.
pub const WAYSIDE_LEARN_AGAIN: u32 = 1;

/// Learns from the log: curates, trains, puts the candidate through the gate, and lets it serve if it passes. After
/// `seconds` (0: no limit) it stops, and the next call goes on with the training. What comes before and behind that, a
/// look at the whole log and the gate, begins anew in each call: give it more minutes than they take, and stop it by
/// `cancel` when the time is needed. Answers go first: while one is given, learning waits. `progress` and `cancel` may
/// be null.
///
/// JSON: {"verdict": "promoted", "refused", "too_few", "quarantined", "nothing_new" or "unfinished", "reasons": [...],
/// "adapter", "examples", "held_out", "checks": [{"check", "passed", "detail"}], ...}
///
/// Any thread. One cycle at a time in a home, of all processes: WAYSIDE_STATUS_BUSY for a second one.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_learn(
    runtime: Option<&Handle>,
    seconds: u32,
    flags: u32,
    progress: ProgressFn,
    user: *mut c_void,
    cancel: Option<&Wish>,
    json: Json,
) -> Status {
    call(|| {
        json.put(|| {
            if flags & !WAYSIDE_LEARN_AGAIN != 0 {
                return Err(Error::invalid(format!("learning has no such flags: {flags:#x}")));
            }
            let limit = (seconds > 0).then(|| Duration::from_secs(seconds.into()));
            let learning = Learning { limit, again: flags & WAYSIDE_LEARN_AGAIN != 0 };
            watched(handle(runtime, "the runtime")?, progress, user, cancel).learn(&learning, &mut |_| ())
        })
    })
}

/// The adapters there are and those that were judged, the latest first.
///
/// JSON: [{"id", "state": "active", "retired", "rolled_back", "refused", "dropped", "ready" or "damaged", "base",
/// "rank", "trained_on": [...], "verdict": "passed", "refused" or null, ...}]
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_adapters(runtime: Option<&Handle>, json: Json) -> Status {
    call(|| json.put(|| handle(runtime, "the runtime")?.runtime.adapters()))
}

/// Puts an adapter through the gate, by what the log holds now, and lets it serve if it passes. One that does not pass
/// is no error: look at `state`. `progress` and `cancel` may be null.
///
/// JSON: as one of wayside_adapters, with "state": "active" or "refused", and {"serving": the adapter that serves now
/// or null, "reasons": [...], "checks": [{"check", "passed", "detail"}]}
///
/// Any thread. WAYSIDE_STATUS_BUSY while a cycle of learning is under way.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_adapter_promote(
    runtime: Option<&Handle>,
    id: Text,
    progress: ProgressFn,
    user: *mut c_void,
    cancel: Option<&Wish>,
    json: Json,
) -> Status {
    call(|| {
        json.put(|| {
            let id = id.required("the adapter")?;
            watched(handle(runtime, "the runtime")?, progress, user, cancel).promote(id)
        })
    })
}

/// Goes back to the adapter that served before, or to the model as it came: at once. `reason` is kept with it; null
/// says nothing special. WAYSIDE_STATUS_NOT_FOUND when no adapter serves.
///
/// JSON: as of wayside_adapter_promote, with "state": "rolled_back" and no checks
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_adapter_roll_back(runtime: Option<&Handle>, reason: Text, json: Json) -> Status {
    call(|| {
        json.put(|| {
            let reason = reason.read("the reason")?.unwrap_or("rolled back by the program");
            handle(runtime, "the runtime")?.runtime.roll_back(reason)
        })
    })
}
