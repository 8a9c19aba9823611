//! Memory between runs of one graph after another.
//!
//! Training frees and takes arrays of megabytes all the time. By default the C library gives each back to the system
//! and takes new pages for the next, which the system fills with zeros: a tenth of the time of a step. ONNX Runtime's
//! own arena avoids that and doubles as it grows. Here the C library is asked to keep what is freed for as long as
//! training lasts, but for arrays of more than 32 MB, and gives it back where a phase with other sizes begins.

/// While it lives, freed memory stays with the process. One at a time: the last to go gives it back.
#[derive(Debug)]
pub struct Heap(());

impl Heap {
    /// Keeps freed memory from now on.
    pub fn hold() -> Self {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        glibc::set(LARGE, i32::MAX);
        Self(())
    }

    /// Gives back what is free now.
    pub fn release(&self) {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        glibc::trim();
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // The defaults of mallopt(3).
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        glibc::set(128 << 10, 128 << 10);
        self.release();
    }
}

/// The most that glibc keeps; larger arrays always go back.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: i32 = 32 << 20;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    #[allow(unsafe_code, reason = "settings of the C library's allocator; what makes it sound is said at the call")]
    pub fn set(mapped: i32, keep: i32) {
        // SAFETY: mallopt takes plain numbers and the allocator's own lock, and has no other effect than on how memory
        // is taken and returned. An unknown setting is ignored.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, mapped);
            libc::mallopt(libc::M_TRIM_THRESHOLD, keep);
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
