//! Memory between runs of one graph after another.
//!
//! Training frees and takes arrays of tens of megabytes all the time. By default the C library gives each back to the
//! system and takes new pages for the next, which the system fills with zeros: a fifth of the time of a step. ONNX
//! Runtime's own arena avoids that and doubles as it grows. Here the C library is asked to keep what is freed for as long
//! as training lasts; afterwards everything goes back.

/// While it lives, freed memory stays with the process. One at a time: the last to go gives it back.
#[derive(Debug)]
pub struct Heap(());

impl Heap {
    /// Keeps freed memory from now on.
    pub fn hold() -> Self {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        glibc::set(0, i32::MAX, 1 << 26);
        Self(())
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // The defaults of mallopt(3).
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        glibc::set(65_536, 128 << 10, 128 << 10);
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        glibc::trim();
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    #[allow(unsafe_code, reason = "settings of the C library's allocator; what makes it sound is said at the call")]
    pub fn set(mapped: i32, keep: i32, ahead: i32) {
        // SAFETY: mallopt takes plain numbers and the allocator's own lock, and has no other effect than on how memory
        // is taken and returned. An unknown setting is ignored.
        unsafe {
            libc::mallopt(libc::M_MMAP_MAX, mapped);
            libc::mallopt(libc::M_TRIM_THRESHOLD, keep);
            libc::mallopt(libc::M_TOP_PAD, ahead);
        }
    }

    #[allow(unsafe_code, reason = "returns free memory; what makes it sound is said at the call")]
    pub fn trim() {
        // SAFETY: only memory that nobody holds is returned to the system.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}
