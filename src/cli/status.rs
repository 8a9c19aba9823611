//! `status`: what serves here, how it does, and what was learned last.

use super::app::App;
use super::failure::Done;
use super::style::{columns, count};
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use wayside::store::log::State;

/// What serves, how much was answered, what was learned last
///
/// Loads no model and asks none: it is quick enough for a script that looks every minute. The share of silent answers
/// is that of all in the log whose answer is that nothing was found. Whether everything is whole, `doctor` tells.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside status
  wayside status --json")]
pub struct Words {}

pub fn run(app: &App, _: &Words) -> Done {
    let status = app.runtime()?.status()?;
    app.result(&status, || {
        let answers = match status.silent_rate {
            None => "none yet".into(),
            Some(rate) => format!(
                "{}, {:.1} % of them said that nothing was found",
                count(status.answers, "answer", "answers"),
                rate * 100.0
            ),
        };
        let learned = match &status.last_learn {
            None => "nothing yet".into(),
            Some(last) => {
                let now = match last.state {
                    State::Active => "serves".into(),
                    state => state.to_string(),
                };
                format!("{}: {} was {}; now: {now}", day(last.when), last.adapter, last.verdict)
            }
        };
        let adapter = status.adapter.clone().unwrap_or_else(|| "none was promoted".into());
        let rows = [
            ["version", status.version],
            ["model", &status.model],
            ["adapter", &adapter],
            ["answers", &answers],
            ["learned", &learned],
        ];
        columns(&rows.map(|row| row.map(str::to_owned))).iter().for_each(|line| app.line(line));
        if let Some(last) = &status.last_learn {
            last.reasons.iter().for_each(|reason| app.line(&app.style.dim(&format!("         {reason}"))));
        }
    })
}

/// A time as people here read it.
fn day(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime("%F %H:%M").to_string()
}
