//! ONNX Runtime's telemetry, refused.
//!
//! Since 1.29 its official builds report what they run to their maker's servers: from a thread of their own, with a
//! database and an identifier of the device below the user's cache folder. That begins with the environment; the call
//! that turns telemetry off needs an environment and so comes after the first message. One variable, looked at before,
//! keeps all of it from being set up.

use std::sync::Once;

/// What ONNX Runtime asks before it sets anything up.
const VARIABLE: &str = "ORT_DISABLE_TELEMETRY";

/// Refuses it for the rest of this process. To be called before ONNX Runtime is loaded.
pub fn refuse() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: Rust's own readers of the environment wait for this. Readers in C do not, which the header tells
        // them: what was there is replaced, and only a program that reads the environment on another thread at this
        // very moment could see a pointer that is no longer.
        #[allow(unsafe_code, reason = "there is no other way to say it before the first message")]
        unsafe {
            std::env::set_var(VARIABLE, "1");
        }
    });
}
