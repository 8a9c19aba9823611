//! An array that several threads fill.

use half::f16;
#[cfg(target_arch = "x86_64")]
use std::arch::{asm, x86_64::__m512};
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
}

#[cfg(target_arch = "x86_64")]
impl Output<'_, f32> {
    /// Puts sixteen values at `at`, at once: one by one they keep the processor's writes busy. Nothing is put where
    /// there is no room.
    #[inline]
    #[target_feature(enable = "avx512f")]
    #[allow(unsafe_code, reason = "a store of many atomics; what makes it sound is said at the call")]
    pub(super) fn put_vector(&self, at: usize, values: __m512) {
        let Some(there) = at.checked_add(16).and_then(|end| self.numbers.get(at..end)) else { return };
        // SAFETY: sixteen numbers are there. They may be written through a shared reference, and the processor writes
        // every aligned four bytes of a vector at once, as a relaxed store does.
        unsafe {
            asm!(
                "vmovups zmmword ptr [{there}], {values}",
                there = in(reg) there.as_ptr(),
                values = in(zmm_reg) values,
                options(nostack, preserves_flags),
            );
        }
    }
}
