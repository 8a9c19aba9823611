//! An array that several threads fill.

use half::f16;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

/// Numbers that threads write side by side.
#[derive(Debug)]
pub struct Output<'a, T: Number = f32> {
    numbers: &'a [T::Atomic],
}

/// A number that can be written by several threads.
pub trait Number: Copy + private::Sealed {
    /// An atomic integer of its size, alignment and bit patterns.
    type Atomic: Sync;

    /// Puts the number there.
    fn store(self, there: &Self::Atomic);
}

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for half::f16 {}
}

impl Number for f32 {
    type Atomic = AtomicU32;

    #[inline]
    fn store(self, there: &AtomicU32) {
        there.store(self.to_bits(), Ordering::Relaxed);
    }
}

impl Number for f16 {
    type Atomic = AtomicU16;

    #[inline]
    fn store(self, there: &AtomicU16) {
        there.store(self.to_bits(), Ordering::Relaxed);
    }
}

impl<'a, T: Number> Output<'a, T> {
    /// Over an array that nobody else sees meanwhile.
    #[allow(unsafe_code, reason = "numbers as atomics of their size; what makes it sound is said at the call")]
    pub fn new(numbers: &'a mut [T]) -> Self {
        // SAFETY: the atomic has the size, the alignment and the bit patterns of the number, as nobody but this file
        // says, and the borrow is exclusive.
        Self { numbers: unsafe { &*(std::ptr::from_mut(numbers) as *const [T::Atomic]) } }
    }

    /// Puts `values` at `at` and after; what would lie outside is dropped.
    #[inline]
    pub fn put(&self, at: usize, values: &[T]) {
        for (number, value) in self.numbers.iter().skip(at).zip(values) {
            value.store(number);
        }
    }

    /// Some of them as they lie; none where there are not so many.
    #[inline]
    pub(super) fn atomics(&self, at: usize, count: usize) -> Option<&'a [T::Atomic]> {
        self.numbers.get(at..at.checked_add(count)?)
    }
}
