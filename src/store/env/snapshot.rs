//! A copy of a store's newest state, made while others write to it.
//!
//! LMDB copies within one read transaction and leaves out the free pages, so writers go on meanwhile. What a removal
//! that is not compacted yet has left within pages may come along, see `compact`; the mark comes along, too, so that
//! whoever opens the copy compacts it. What was written is walked over before it counts.

use super::{Env, broken};
use crate::error::{Error, Result};
use crate::store::fault::Fault;
use crate::store::pages;
use heed::CompactionOption;
use std::fs::File;
use std::io::Seek;

impl Env {
    /// Writes the newest state into `file`, which is empty and can be read, too.
    ///
    /// Errors: Full and Io where the file cannot take it; Corrupt where what was written is not whole.
    pub fn copy_to(&self, file: &mut File) -> Result<()> {
        let what = format!("cannot write a copy of the {} store", self.kind.name);
        self.retry(|| {
            // This may be another attempt.
            file.set_len(0).and_then(|()| file.rewind()).map_err(|e| Error::io(&what, e))?;
            match self.heed.copy_to_file(file, CompactionOption::Enabled) {
                Err(heed::Error::Io(e)) => Err(Fault::Failed(Error::io(&what, e))),
                copied => Ok(copied?),
            }
        })?;
        let broken = |why| broken(self.kind, &self.dir, why).context(&what);
        let [newest, _] = pages::metas(file).map_err(broken)?;
        let mut each = self.kind.check;
        pages::whole(file, &newest, &mut each).map_err(broken)
    }
}
