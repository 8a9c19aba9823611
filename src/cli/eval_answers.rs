//! `eval answers`: how often what is answered is true, in a table.

use super::answer::{mode, wear};
use super::app::App;
use super::args::positive;
use super::eval::read;
use super::failure::Done;
use super::style::{brief, columns, count};
use clap::Args;
use std::path::PathBuf;
use wayside::config::Mode;
use wayside::eval::keyed::{Counts, Outcome, Part, Score, Share};
use wayside::{Examination, Examined, ExaminedCase};

/// How much of an answer is shown.
const SHOWN: usize = 300;

/// Measure how often answers are right, wrong, silent, refused or invented
///
/// Takes questions with accepted keys and asks each as a person would, in a conversation of its own, behind the
/// questions that stand before it. One JSON object a line: `question`; `answers`, the accepted keys, [] where the
/// documents do not say; and optionally `subject`, the person served, `after`, the questions before it, and `kind`, any
/// word to count by. Other keys are passed over. Nothing is written to the log.
///
/// An answer is right if it holds any key, whatever the case, white space, quotation marks and dashes; a key is no part
/// of a longer word or number. Questions that the documents answer come out right, wrong (something else was answered)
/// or silent (nothing was found). The others come out refused (nothing was found) or invented. `wrong_cited` counts,
/// over all questions, what was wrong or invented and names a document or record: it looks true and is not. In JSON,
/// `wrong_cited_answerable` and `invented_cited` are its two parts. Near misses are unanswerable questions of the kind
/// `near`. In brackets, and in JSON as `low` and `high`: the interval that holds the share with 95 % (Wilson).
///
/// With `--mode write` it is measured what the model says by itself: a sentence that nothing supports is withheld, and
/// no quotation stands in for it, as if `unsupported = "withhold"` were configured.
///
/// A file falls into two halves: a question belongs to `tuning` if the first byte of the SHA-256 of its text is even,
/// and to `unseen` otherwise. Choose settings on the first, and look at the second when you are done. The time to the
/// first sentence is the median over the questions that got an answer; everything is loaded, and one question asked,
/// before.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wayside eval answers --data keys.jsonl
  wayside eval answers --data keys.jsonl --mode write --part tuning --wrong
  wayside eval answers --data keys.jsonl --model qwen3 --collection manuals --json | jq '.right_share'")]
pub struct Words {
    /// Questions with accepted keys: JSON lines with `question` and `answers`
    #[arg(long, value_name = "FILE.jsonl")]
    data: PathBuf,
    /// The model [default: the configured one]
    #[arg(long, value_name = "M")]
    model: Option<String>,
    /// Whose words answers are made of: `quote` the documents' own, `write` a model's where they are supported, `auto`
    /// both where it pays [default: the configured way]
    #[arg(long, value_name = "MODE", value_parser = mode)]
    mode: Option<Mode>,
    /// The collection to search; all without
    #[arg(long, value_name = "C")]
    collection: Option<String>,
    /// The adapter the model wears: an id, its beginning or a folder; or `none` [default: the promoted one]
    #[arg(long, value_name = "A")]
    adapter: Option<String>,
    /// Which half of the questions: `tuning`, `unseen` or `all`
    #[arg(long, value_name = "PART", default_value = "all", value_parser = part)]
    part: Part,
    /// Only the first N questions of that part
    #[arg(long, value_name = "N", value_parser = positive)]
    limit: Option<usize>,
    /// Show each question that came out wrong, silent or invented; JSON has every question in any case, as `cases`
    #[arg(long)]
    wrong: bool,
}

fn part(name: &str) -> Result<Part, String> {
    let parts = [Part::All, Part::Tuning, Part::Unseen];
    parts.into_iter().find(|part| part.name() == name).ok_or_else(|| "tuning, unseen or all".into())
}

pub fn run(app: &App, words: &Words) -> Done {
    let data = read(app, &words.data)?;
    let examination = Examination {
        collection: words.collection.clone(),
        model: words.model.clone(),
        adapter: wear(words.adapter.as_deref()),
        mode: words.mode,
        part: words.part,
        limit: words.limit,
    };
    let examined = app.runtime()?.examine(&data, &examination)?;
    app.result(&examined, || {
        if words.wrong {
            let bad = examined.cases.iter().filter(|case| !case.outcome.is_good());
            bad.for_each(|case| shown(case).iter().for_each(|line| app.prose(line)));
        }
        columns(&halves(&examined)).iter().for_each(|line| app.line(line));
        app.line("");
        columns(&kinds(&examined)).iter().for_each(|line| app.line(line));
        app.prose(&app.style.dim(&summary(&examined)));
    })
}

/// Questions that the documents answer, those that they do not, and what is false with a citation.
fn halves(examined: &Examined) -> Vec<[String; 3]> {
    let Score { counts, .. } = &examined.score;
    let all = |name: &str, number: usize| [name.to_owned(), number.to_string(), String::new()];
    let some = |name: &str, number: usize, share: Option<Share>| {
        [format!("  {name}"), number.to_string(), share.map_or_else(|| "-".to_owned(), |share| share.to_string())]
    };
    let Score { right_share, wrong_share, silent_share, refused_share, invented_share, .. } = examined.score;
    vec![
        ["", "questions", "share"].map(str::to_owned),
        all("answerable", counts.answerable),
        some("right", counts.right, right_share),
        some("wrong", counts.wrong, wrong_share),
        some("silent", counts.silent, silent_share),
        all("unanswerable", counts.unanswerable),
        some("refused", counts.refused, refused_share),
        some("invented", counts.invented, invented_share),
        all("near misses", examined.near),
        some("refused", examined.near_refused, examined.near_refused_share),
        all("all", counts.questions),
        some("false and cited", counts.wrong_cited, examined.score.wrong_cited_share),
    ]
}

/// A row for each kind.
fn kinds(examined: &Examined) -> Vec<[String; 8]> {
    let head = ["kind", "questions", "right", "wrong", "silent", "refused", "invented", "false and cited"];
    let row = |(kind, score): (&String, &Score)| {
        let Counts { questions, right, wrong, silent, refused, invented, wrong_cited, .. } = score.counts;
        let [questions, right, wrong, silent, refused, invented, wrong_cited] =
            [questions, right, wrong, silent, refused, invented, wrong_cited].map(|number| number.to_string());
        [kind.clone(), questions, right, wrong, silent, refused, invented, wrong_cited]
    };
    std::iter::once(head.map(str::to_owned)).chain(examined.kinds.iter().map(row)).collect()
}

fn summary(examined: &Examined) -> String {
    let Examined { model, adapter, mode, part, first_sentence_s, left_out, seconds, .. } = examined;
    let mode = match mode {
        Mode::Auto => "auto",
        Mode::Quote => "quote",
        Mode::Write => "write",
    };
    let adapter = adapter.as_ref().map_or_else(String::new, |id| format!(", adapter {id}"));
    let part = if *part == Part::All { String::new() } else { format!(", the {} half", part.name()) };
    let first = first_sentence_s.map_or_else(String::new, |s| format!("; first sentence after {s:.2} s (median)"));
    let left_out = match left_out {
        0 => String::new(),
        some => format!("; {} left out", count(*some as u64, "question", "questions")),
    };
    format!("{model}{adapter}, mode {mode}{part}{first}; {seconds:.0} s{left_out}")
}

/// A question that did not come out as it should, with its answer and what was expected.
fn shown(case: &ExaminedCase) -> Vec<String> {
    let kind = case.kind.as_ref().map_or_else(String::new, |kind| format!(" ({kind})"));
    let cited = if case.outcome.is_false() && !case.cited.is_empty() { ", cited" } else { "" };
    let mut lines = vec![format!("line {}{kind}: {}{cited}", case.line, case.outcome)];
    lines.extend(case.after.iter().map(|before| format!("  before:   {before}")));
    lines.push(format!("  question: {}", case.question));
    lines.push(format!("  answer:   {}", brief(&case.answer, SHOWN)));
    if case.outcome == Outcome::Invented {
        lines.push("  expected: nothing; the documents do not say".into());
    } else {
        lines.push(format!("  expected: {}", case.expected.join(" | ")));
    }
    if !case.cited.is_empty() {
        lines.push(format!("  cited:    {}", case.cited.join(", ")));
    }
    lines.push(String::new());
    lines
}
