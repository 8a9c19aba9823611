//! What a search looks at of a record: when it was, its vector, its words.
//!
//! ```text
//! record of   time i64 | dimensions u16 | vector f16 ... | word u32 ...        little-endian (codec.rs)
//! ```
//!
//! Half precision: a rank among one person's records does not turn on the fourth digit, and a device that keeps a
//! million records keeps them in half the room. A record without a date has the least time there is.

use super::{NewRecord, Wanted};
use crate::store::codec::{self, Damage};
use half::f16;
use half::slice::HalfFloatSliceExt;

/// A trace that was read.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// Seconds since 1970.
    pub time: i64,
    vector: Vec<f32>,
    words: Vec<u32>,
}

impl Trace {
    /// The cosine, plus `weight` times the share of the words that the record holds.
    pub fn score(&self, wanted: &Wanted) -> f32 {
        let cosine: f32 = self.vector.iter().zip(&wanted.vector).map(|(a, b)| a * b).sum();
        let held = wanted.words.iter().filter(|word| self.words.contains(word)).count();
        cosine + wanted.weight * held as f32 / wanted.words.len().max(1) as f32
    }
}

/// Reads traces one after another, into the same memory.
#[derive(Debug, Default)]
pub(super) struct Reader {
    trace: Trace,
    halves: Vec<f16>,
}

impl Reader {
    /// The trace in `value`, found under `key`.
    pub fn read(&mut self, key: &[u8], value: &[u8]) -> Result<&Trace, Damage> {
        let payload = codec::unseal(key, value)?;
        let (time, rest) = payload.split_first_chunk::<8>().ok_or(Damage::Short)?;
        let (dimensions, rest) = rest.split_first_chunk::<2>().ok_or(Damage::Short)?;
        let bytes = 2 * usize::from(u16::from_le_bytes(*dimensions));
        let (vector, words) = rest.split_at_checked(bytes).ok_or(Damage::Short)?;
        self.halves.clear();
        self.halves.extend(vector.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b)));
        let trace = &mut self.trace;
        trace.time = i64::from_le_bytes(*time);
        trace.vector.resize(self.halves.len(), 0.0);
        self.halves.convert_to_f32_slice(&mut trace.vector);
        trace.words.clear();
        trace.words.extend(words.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)));
        Ok(trace)
    }
}

/// The trace of a record under `key`. What a vector has beyond 65,535 numbers is left out; no embedder has so many.
pub(super) fn encode(key: &[u8], new: &NewRecord) -> Vec<u8> {
    let dimensions = u16::try_from(new.vector.len()).unwrap_or(u16::MAX);
    let mut payload = new.record.time.unwrap_or(i64::MIN).to_le_bytes().to_vec();
    payload.extend_from_slice(&dimensions.to_le_bytes());
    let halves = new.vector.iter().take(dimensions.into()).map(|x| f16::from_f32(*x));
    payload.extend(halves.flat_map(f16::to_le_bytes));
    payload.extend(new.words.iter().flat_map(|word| word.to_le_bytes()));
    codec::seal(key, &payload)
}
