//! How often nothing was found, without reading what was said.

use super::Log;
use crate::error::Result;
use serde::Deserialize;

/// How many answers there are, and how many of them found nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// All interactions, damaged ones too.
    pub answers: u64,
    /// Those whose answer is that nothing was found.
    pub silent: u64,
}

/// The one key that counts; the rest is passed over where it lies.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    found: Option<bool>,
}

impl Log {
    /// Counts the answers that found nothing. One that is damaged counts as an answer and not as silent.
    pub fn silence(&self) -> Result<Silence> {
        self.env.read(|txn| {
            let mut silence = Silence::default();
            for entry in self.tables.interactions.raw().iter(txn)? {
                let (key, record) = entry?;
                silence.answers += 1;
                let told = self.tables.interactions.decode::<Told>(key, record);
                silence.silent += u64::from(told.is_ok_and(|told| told.found == Some(false)));
            }
            Ok(silence)
        })
    }
}
