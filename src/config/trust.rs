//! Whose signatures count, and whether they must be there.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What must be signed before it is loaded, and by whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trust {
    /// Whether models, adapters and ONNX Runtime must carry a signature by a trusted key before any byte of theirs is
    /// used.
    pub require: bool,
    /// The folder of trusted keys; a relative path starts at the home directory.
    pub keys: PathBuf,
}

impl Default for Trust {
    fn default() -> Self {
        Self { require: false, keys: "trust".into() }
    }
}

impl Trust {
    /// What must hold, with how to say that it does not.
    pub(super) fn rules(&self) -> [(&'static str, bool); 1] {
        [("`trust.keys` must not be empty", !self.keys.as_os_str().is_empty())]
    }
}
