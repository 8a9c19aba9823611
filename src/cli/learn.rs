//! `learn`: the cycle from the log to an adapter that serves, once or by night.

use super::app::App;
use super::args::positive;
use super::failure::Done;
use super::style::{Style, brief, columns, count};
use clap::Args;
use serde_json::{Value, json};
use std::time::Duration;
use wayside::learn::{Check, Curated, Kept, Side};
use wayside::train::Progressed;
use wayside::{ErrorKind, Learned, Learning, Outcome};

/// Learn from the log: curate, train, gate, promote
///
/// One cycle takes what people rated up or corrected, leaves out what must not be learned (every reason is shown by
/// --dry-run), trains an adapter on it from the model as it came, and puts the candidate through the gate: better on
/// held-out answers than the model as it came and than the adapter in use, no worse at general questions and texts, no
/// canary that falls, nothing secret that it says. Only what passes serves, from the next answer on;
/// `wayside adapters rollback` goes back at once.
///
/// Answering goes on meanwhile, and goes first. A cycle that was interrupted is gone on with by the next. With --watch,
/// cycles run by themselves, in the hours and within the limits of `[night]` in config.toml.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside learn --dry-run
  wayside learn --once
  wayside learn --once --max-minutes 30 --json
  wayside learn --watch")]
pub struct Words {
    /// One cycle, now (what is done without --watch)
    #[arg(long, conflicts_with_all = ["watch", "dry_run"])]
    once: bool,
    /// Cycle after cycle, when it is quiet, until stopped
    #[arg(long, conflicts_with = "dry_run")]
    watch: bool,
    /// Show what would be learned, what not and why; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Stop after so many minutes; the next cycle goes on with the training, and judges from the beginning
    #[arg(long, value_name = "M", value_parser = positive, conflicts_with_all = ["watch", "dry_run"])]
    max_minutes: Option<usize>,
    /// Learn even when nothing was added since the last cycle
    #[arg(long, conflicts_with_all = ["watch", "dry_run"])]
    again: bool,
}

pub fn run(app: &App, words: &Words) -> Done {
    let runtime = app.runtime()?;
    let mut each = |step: &Progressed| {
        if app.verbose {
            app.note(&format!("step {} of {}: loss {:.4}", step.step, step.steps, step.loss));
        }
    };
    if words.dry_run {
        let curated = runtime.curated()?;
        return app.result(&document(&curated), || show_curated(app, &curated));
    }
    if words.watch {
        let mut failed = None;
        let ended = runtime.learn_by_night(&mut each, &mut |learned| {
            failed = app.result(learned, || show(app, learned)).err();
        });
        return match ended {
            // It goes on until it is stopped: that is how it ends well.
            Err(e) if e.kind() == ErrorKind::Cancelled => failed.map_or(Ok(()), Err),
            ended => Ok(ended?),
        };
    }
    let limit = words.max_minutes.map(|minutes| Duration::from_secs(60 * minutes as u64));
    let learned = runtime.learn(&Learning { limit, again: words.again }, &mut each)?;
    app.result(&learned, || show(app, &learned))
}

/// What a cycle came to, for people.
pub fn show(app: &App, learned: &Learned) {
    let style = app.style;
    let about = format!(
        "{} to learn from, {} held out, {} left out; {:.1} minutes",
        count(learned.examples as u64, "example", "examples"),
        learned.held_out,
        learned.refused,
        learned.seconds / 60.0
    );
    app.line(&style.dim(&about));
    checks(style, &learned.checks).iter().for_each(|line| app.line(line));
    let adapter = learned.adapter.as_deref().unwrap_or_default();
    let (told, good) = match learned.verdict {
        Outcome::Promoted => (format!("{adapter} passed the gate and serves from now on"), true),
        Outcome::Refused => (format!("{adapter} did not pass the gate; what served before still serves"), false),
        Outcome::TooFew => ("too few to learn from yet".to_owned(), false),
        Outcome::Quarantined => ("nothing was learned: the log holds what must not be".to_owned(), false),
        Outcome::NothingNew => ("nothing new to learn".to_owned(), true),
        Outcome::Unfinished => ("not finished".to_owned(), false),
    };
    app.line(&if good { style.good(&told) } else { style.bad(&told) });
    if learned.checks.is_empty() {
        learned.reasons.iter().for_each(|reason| app.line(&format!("  {reason}")));
    }
}

/// The gate's checks as lines.
pub fn checks(style: Style, checks: &[Check]) -> Vec<String> {
    let row = |check: &Check| {
        [if check.passed { "pass" } else { "FAIL" }.to_owned(), check.check.clone(), check.detail.clone()]
    };
    let lines = columns(&checks.iter().map(row).collect::<Vec<_>>());
    let paint = |(line, check): (String, &Check)| if check.passed { line } else { style.bad(&line) };
    lines.into_iter().zip(checks).map(paint).collect()
}

/// Curation as JSON.
fn document(curated: &Curated) -> Value {
    let kept = |kept: &Kept| {
        let Kept { interaction, side, scrubbed, .. } = kept;
        json!({
            "id": interaction.id, "side": side, "question": interaction.question(), "answer": interaction.answer(),
            "scrubbed": scrubbed, "subject": interaction.subject,
        })
    };
    json!({
        "examples": curated.of(Side::Train).count(), "held_out": curated.of(Side::HeldOut).count(), "alarm": curated.alarm,
        "kept": curated.kept.iter().map(kept).collect::<Vec<_>>(),
        "refused": curated.refused,
    })
}

fn show_curated(app: &App, curated: &Curated) {
    let kept = |kept: &Kept| {
        let side = if kept.side == Side::Train { "learn" } else { "hold out" };
        let interaction = &kept.interaction;
        let scrubbed = kept.scrubbed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let scrubbed = if scrubbed.is_empty() { scrubbed } else { format!("scrubbed: {scrubbed}") };
        [side.to_owned(), interaction.id.clone(), brief(interaction.question().unwrap_or_default(), 60), scrubbed]
    };
    let refused =
        |r: &wayside::learn::Refused| ["leave".to_owned(), r.id.clone(), brief(&r.question, 60), r.reason.clone()];
    let rows: Vec<_> = curated.kept.iter().map(kept).chain(curated.refused.iter().map(refused)).collect();
    columns(&rows).iter().for_each(|line| app.line(line));

    app.line(&app.style.bold(&format!(
        "{} to learn, {} held out, {} left out",
        curated.of(Side::Train).count(),
        curated.of(Side::HeldOut).count(),
        curated.refused.len()
    )));
    curated.counts().iter().for_each(|(rule, n)| app.line(&format!("  {n:4}  {rule}")));
    if let Some(alarm) = &curated.alarm {
        app.line(&app.style.bad(alarm));
    }
}
