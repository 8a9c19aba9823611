//! What an operator asks for: that somebody is forgotten, and whether all is well.

use super::border::{Json, Text, call, handle};
use super::handle::Handle;
use super::status::Status;
use std::path::Path;

/// Erases a person: interactions, records, and every adapter and model that learned from them. One that was
/// interrupted is finished by calling this again. WAYSIDE_STATUS_NOT_FOUND when nothing concerns the person. An answer
/// to them that is under way ends with WAYSIDE_STATUS_CANCELLED and is not kept; a conversation with them begins anew.
///
/// JSON: {"path": the receipt's file, "receipt": {...}}
///
/// Any thread. A cycle of learning that is under way is stopped.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_erase(runtime: Option<&Handle>, subject: Text, json: Json) -> Status {
    call(|| json.put(|| handle(runtime, "the runtime")?.runtime.erase(subject.required("the subject")?)))
}

/// Holds the receipt of an erasure, a file, against this home.
///
/// JSON: [{"check", "ok", "detail"}], one for each claim
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_verify_erasure(runtime: Option<&Handle>, receipt: Text, json: Json) -> Status {
    call(|| {
        json.put(|| {
            let receipt = Path::new(receipt.required("the receipt")?);
            handle(runtime, "the runtime")?.runtime.verify_erasure(receipt)
        })
    })
}

/// Looks at everything that is needed: parts, ONNX Runtime, models byte for byte, adapters, index, log. What is wrong
/// is in the result, and no error.
///
/// JSON: [{"check", "ok", "detail", "blocks": whether no question can be answered until it is mended}]
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_doctor(runtime: Option<&Handle>, json: Json) -> Status {
    call(|| json.put(|| Ok(handle(runtime, "the runtime")?.runtime.doctor())))
}
