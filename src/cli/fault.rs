//! A page of a mapped file that cannot be read: a file cut off meanwhile, a card that fails, a disk that is full.
//!
//! The system tells it by a signal in the midst of an instruction, and nothing can go on. What is acknowledged is on
//! the disk, so all that is left to do is to say what happened, and to end as a failure and not as a crash.

/// Sees to it that such an end is one sentence.
#[cfg(unix)]
#[allow(unsafe_code, reason = "a signal is handled by what C offers; see the calls")]
pub fn install() {
    extern "C" fn told(_: libc::c_int) {
        const TEXT: &str = "wayside: error: a file of the home can no longer be read where it is mapped: the medium \
            fails, is full, or the file was cut off; free some space, then run `wayside doctor`\n";
        // SAFETY: both calls are among those that a handler of signals may make; the text is static and as long as
        // said.
        unsafe {
            libc::write(libc::STDERR_FILENO, TEXT.as_ptr().cast(), TEXT.len());
            libc::_exit(1)
        }
    }
    let told: extern "C" fn(libc::c_int) = told;
    // SAFETY: the handler touches nothing of the program, and this is before any other thread begins.
    unsafe {
        libc::signal(libc::SIGBUS, told as libc::sighandler_t);
    }
}

/// Elsewhere the system says it in its own way.
#[cfg(not(unix))]
pub fn install() {}
