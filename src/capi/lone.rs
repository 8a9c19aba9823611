//! Work without a second thread. Search trees are built by rayon, which starts threads of its own at first use and
//! reads the environment to learn how many; unless the thread that asks is a pool already.

use super::handle::Handle;

/// Makes the calling thread a pool of itself, where the runtime is to have no other.
pub(super) fn stay(handle: &Handle) {
    if handle.runtime.config().threads == 1 {
        // Refused where it is one already. The pool stays as long as the thread: rayon cannot take it apart.
        if let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build() {
            std::mem::forget(pool);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Runtime;
    use std::thread;

    #[test]
    fn a_thread_does_all_by_itself() {
        let home = tempfile::tempdir().unwrap();
        let mut runtime = Runtime::open(home.path()).unwrap();
        runtime.config_mut().threads = 1;
        let handle = Handle { runtime };
        let work = move || {
            (0..2).for_each(|_| stay(&handle));
            let id = || thread::current().id();
            let (a, b) = rayon::join(id, id);
            assert!(a == id() && b == id() && rayon::current_num_threads() == 1);
        };
        thread::spawn(work).join().unwrap();
    }
}
