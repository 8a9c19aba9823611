//! `backup` and `restore`: a home put away while it is used, and brought back.

use super::app::App;
use super::failure::Done;
use super::style::{bytes, count};
use clap::Args;
use std::path::PathBuf;
use wayside::{Error, Verified};

/// Back up the home, while others answer and learn
///
/// Log, index, records, adapters, configuration and whatever else is yours in the home, as of one moment, each file
/// under its SHA-256. A second backup into the same folder writes what is new and takes the place of the first, which
/// stays whole until then, whenever the power goes. Left out are checkpoints of learning under way and what is derived
/// (prefixes, the kiosk's pages); models and parts come along with --models.
///
/// A backup is as secret as the home. It still holds what is erased after it was made: back up again into the same
/// folder after an erasure, and nothing of it is left there.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside backup /media/stick/kiosk
  wayside backup --models /media/stick/kiosk
  wayside backup --verify /media/stick/kiosk")]
pub struct Words {
    /// The folder: new, empty, or a backup that this one replaces
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Take models and the parts they run on along, for a device without a network
    #[arg(long, conflicts_with = "verify")]
    models: bool,
    /// Change nothing; read the whole backup in DIR, and say whether it is what was backed up
    #[arg(long)]
    verify: bool,
}

/// Make the home what it was when it was backed up
///
/// Everything is read and checked beside the home before it takes its place, in one step; a backup that is damaged is
/// refused, and the home stays as it is. A home that holds data is refused, too, unless --replace is said: what it was
/// is then kept beside it, and its name is told. Models and parts that are there stay where the backup has none.
///
/// Whoever was erased after the backup was made is back with it: erase them again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside restore /media/stick/kiosk
  wayside --home /var/lib/kiosk restore /media/stick/kiosk --replace")]
pub struct RestoreWords {
    /// The folder of the backup
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Take the place of a home that holds data, which is kept beside it
    #[arg(long)]
    replace: bool,
}

pub fn run(app: &App, words: &Words) -> Done {
    if words.verify {
        return verify(app, &words.dir);
    }
    let done = app.runtime()?.back_up(&words.dir, words.models)?;
    app.result(&done, || {
        let (files, size) = (count(done.files as u64, "file", "files"), bytes(done.bytes));
        let copied = format!("{} ({}) written", done.copied, bytes(done.copied_bytes));
        app.line(&format!("{files}, {size} in {}; {copied}; {:.1} s", done.path.display(), done.seconds));
        if !done.left_out.is_empty() {
            app.line(&app.style.dim(&format!("left out: {}", done.left_out.join(", "))));
        }
    })
}

fn verify(app: &App, dir: &std::path::Path) -> Done {
    let found = wayside::verify_backup(dir, &*app.bars, &app.cancel)?;
    let Verified { files, damaged, .. } = &found;
    app.result(&found, || {
        for one in damaged {
            app.line(&app.style.bad(&format!("{}: {} ({})", one.file, one.why, one.copy.display())));
        }
        let (models, whole) = (if found.models { " with models" } else { "" }, files - damaged.len());
        let files = count(*files as u64, "file", "files");
        app.line(&format!("{:.0}{models}: {whole} of {files} whole, {}", found.time, bytes(found.bytes)));
    })?;
    match damaged.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(Error::corrupt(format!(
            "{} not whole, {} first; back up again into the same folder: what is damaged is written anew",
            count(damaged.len() as u64, "file of the backup is", "files of the backup are"),
            first.file
        ))
        .into()),
    }
}

pub fn restore(app: &App, words: &RestoreWords) -> Done {
    let done = wayside::restore(&words.dir, &app.home, words.replace, &*app.bars, &app.cancel)?;
    app.result(&done, || {
        if !done.erased_since.is_empty() {
            let n = count(done.erased_since.len() as u64, "erasure was", "erasures were");
            let receipts = done.erased_since.join(", ");
            app.line(&app.style.bad(&format!(
                "{n} made after this backup ({receipts}): who was erased then is back; erase them again"
            )));
        }
        if done.unguarded {
            app.line(&app.style.bad(
                "signatures were required and are no more: `wayside config set trust.require true` brings that back",
            ));
        }
        let (files, size) = (count(done.files as u64, "file", "files"), bytes(done.bytes));
        app.line(&format!("{} is as of {:.0}: {files}, {size}; {:.1} s", done.home.display(), done.time, done.seconds));
        if let Some(former) = &done.former {
            let (home, former) = (done.home.display(), former.display());
            app.line(&format!("what it was lies in {former}; to go back, move {home} away and {former} in its place"));
        }
    })
}
