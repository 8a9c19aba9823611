//! An array that several threads fill.

use std::sync::atomic::{AtomicU32, Ordering};

/// float32 numbers that threads write side by side.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    numbers: &'a [AtomicU32],
}

impl<'a> Output<'a> {
    /// Over an array that nobody else sees meanwhile.
    #[allow(unsafe_code, reason = "numbers as atomics of their size; what makes it sound is said at the call")]
    pub fn new(numbers: &'a mut [f32]) -> Self {
        // SAFETY: an AtomicU32 has the size, the alignment and the bit patterns of an f32, and the borrow is exclusive.
        Self { numbers: unsafe { &*(std::ptr::from_mut(numbers) as *const [AtomicU32]) } }
    }

    /// Puts `values` at `at` and after; what would lie outside is dropped.
    #[inline]
    pub fn put(&self, at: usize, values: &[f32]) {
        for (number, value) in self.numbers.iter().skip(at).zip(values) {
            number.store(value.to_bits(), Ordering::Relaxed);
        }
    }
}
