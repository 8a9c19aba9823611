//! The service on the device.

use serde::{Deserialize, Serialize};

/// The service on the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Serve {
    /// Where it listens: an address and a port; empty for none but the socket.
    pub listen: String,
    /// Names under which it may be reached, beside the address it listens on and this machine's own.
    pub hosts: Vec<String>,
    /// Pages elsewhere that may ask it, as browsers name them: `https://kiosk.example`.
    pub origins: Vec<String>,
    /// The most answers under way at once.
    pub answers: usize,
    /// The most that wait for that.
    pub waiting: usize,
    /// The most connections.
    pub connections: usize,
    /// The most requests a second, in the long run.
    pub requests_per_second: u32,
    /// The longest request, in KiB.
    pub request_kb: usize,
    /// What the kiosk's page is called; empty for what it says by itself.
    pub title: String,
    /// Questions that the kiosk's page offers.
    pub examples: Vec<String>,
    /// Seconds without a question after which a conversation is forgotten.
    pub idle_seconds: u64,
}

impl Default for Serve {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7431".to_owned(),
            hosts: vec![],
            origins: vec![],
            answers: 8,
            waiting: 64,
            connections: 512,
            requests_per_second: 100,
            request_kb: 4096,
            title: String::new(),
            examples: vec![],
            idle_seconds: 600,
        }
    }
}

impl Serve {
    pub(super) fn rules(&self) -> [(&'static str, bool); 6] {
        [
            ("`serve.answers` must be between 1 and 256", (1..=256).contains(&self.answers)),
            ("`serve.waiting` must be at most 65536", self.waiting <= 65_536),
            ("`serve.connections` must be between 8 and 65536", (8..=65_536).contains(&self.connections)),
            ("`serve.requests_per_second` must be at least 1", self.requests_per_second >= 1),
            ("`serve.request_kb` must be between 1 and 1048576", (1..=1_048_576).contains(&self.request_kb)),
            ("`serve.idle_seconds` must be between 1 and 86400", (1..=86_400).contains(&self.idle_seconds)),
        ]
    }
}
