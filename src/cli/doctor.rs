//! `doctor`: whether everything is there and whole.

use super::app::App;
use super::failure::Done;
use super::style::{columns, count};
use clap::Args;
use wayside::{Check, Error};

/// Look whether everything is there and whole
///
/// The home, the parts, ONNX Runtime, the models, the index and the log, each with what was found or what to do. Ends
/// with status 1 if something must be mended before questions can be answered; a part that was not fetched yet is not
/// that.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside doctor
  wayside doctor --json")]
pub struct Words {}

pub fn run(app: &App, _: &Words) -> Done {
    let checks = match app.runtime() {
        Ok(runtime) => runtime.doctor(),
        Err(e) => vec![Check { check: "configuration".into(), ok: false, detail: e.to_string(), blocks: true }],
    };
    app.result(&checks, || {
        let mark = |c: &Check| {
            if c.ok {
                "ok"
            } else if c.blocks {
                "BROKEN"
            } else {
                "-"
            }
        };
        let cells = |c: &Check| [mark(c).to_owned(), c.check.clone(), c.detail.clone()];
        columns(&checks.iter().map(cells).collect::<Vec<_>>()).iter().zip(&checks).for_each(|(line, check)| {
            let style = app.style;
            app.line(&if check.ok {
                style.good(line)
            } else if check.blocks {
                style.bad(line)
            } else {
                line.clone()
            });
        });
    })?;
    match checks.iter().filter(|c| c.blocks).count() {
        0 => Ok(()),
        n => Err(Error::invalid(format!("{} to mend", count(n as u64, "thing is there", "things are there"))).into()),
    }
}
