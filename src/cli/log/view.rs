//! How interactions look: as JSON rows, as a table, in full.

use crate::cli::answer::source;
use crate::cli::app::App;
use crate::cli::failure::Done;
use crate::cli::style::{brief, columns, table as table_of};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use wayside::Error;
use wayside::store::log::{Filter, Interaction, Rating};

/// The keys that every row has, in their order; what is unset is null, or empty.
const KEYS: [&str; 9] = ["id", "time", "subject", "messages", "rating", "correction", "citations", "model", "adapter"];

/// An interaction as a JSON row.
pub fn row(interaction: &Interaction) -> Value {
    let Ok(Value::Object(mut known)) = serde_json::to_value(interaction) else { return Value::Null };
    let mut row = Map::new();
    for key in KEYS {
        let unset = if key == "citations" { json!([]) } else { Value::Null };
        row.insert(key.into(), known.shift_remove(key).unwrap_or(unset));
    }
    row.extend(known);
    Value::Object(row)
}

/// Writes interactions as one JSON array, row by row as they are read: a log may be larger than memory.
pub fn stream(app: &App, filter: &Filter) -> Done {
    let log = app.runtime()?.log()?;
    let mut out = BufWriter::new(app.out());
    let failed = |e| Error::io("cannot write the result", e);
    out.write_all(b"[").map_err(failed)?;
    let mut write = |written: &mut u64, interaction: &Interaction| -> std::io::Result<()> {
        if *written > 0 {
            out.write_all(b",")?;
        }
        *written += 1;
        Ok(serde_json::to_writer(&mut out, &row(interaction))?)
    };
    let mut refused = None;
    let (_, damaged) = log.newest(|written: &mut u64, interaction| {
        if filter.limit.is_some_and(|limit| *written >= limit as u64) {
            return ControlFlow::Break(());
        }
        if filter.admits(&interaction)
            && let Err(e) = write(written, &interaction)
        {
            refused = Some(e);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    if let Some(e) = refused {
        return Err(failed(e).into());
    }
    out.write_all(b"]\n").and_then(|()| out.flush()).map_err(failed)?;
    damaged.iter().for_each(|damage| app.note(damage));
    super::unread(&damaged)
}

/// Interactions as lines: id, time, rating, and how the question begins.
pub fn table(list: &[Interaction]) -> Vec<String> {
    let row = |i: &Interaction| {
        let asked = i.messages.iter().rfind(|m| m.role == "user").map_or("", |m| m.content.as_str());
        let corrected = if i.correction.is_some() { " corrected" } else { "" };
        [i.id.clone(), time(i.time), format!("{}{corrected}", rating(i.rating)), brief(asked, 60)]
    };
    table_of(["ID", "TIME", "RATING", "QUESTION"], list.iter().map(row))
}

/// An interaction in full, for people.
pub fn full(app: &App, interaction: &Interaction) {
    let style = app.style;
    let facts = [
        ("time", Some(time(interaction.time))),
        ("subject", interaction.subject.clone()),
        ("model", interaction.model.clone()),
        ("adapter", interaction.adapter.clone()),
        ("rating", interaction.rating.map(|r| rating(Some(r)).to_owned())),
        (
            "took",
            interaction.timings.map(|t| {
                let (first, rate) = (t.first_token_s, t.tokens_per_s);
                let (prompt, answer) = (t.prompt_tokens, t.answer_tokens);
                format!("{prompt} + {answer} tokens, first after {first:.2} s, then {rate:.1} a second")
            }),
        ),
    ];
    app.line(&style.bold(&interaction.id));
    let facts = facts.map(|(name, value)| value.map(|v| [name.to_owned(), v]));
    columns(&facts.into_iter().flatten().collect::<Vec<_>>()).iter().for_each(|line| app.line(line));
    for message in &interaction.messages {
        app.line(&format!("\n{}\n{}", style.dim(&message.role), message.content));
    }
    if let Some(correction) = &interaction.correction {
        app.line(&format!("\n{}\n{correction}", style.dim("should have been")));
    }
    if !interaction.citations.is_empty() {
        app.line("");
        interaction.citations.iter().for_each(|c| app.line(&source(c)));
    }
}

/// A rating as one word.
fn rating(rating: Option<Rating>) -> &'static str {
    match rating {
        Some(Rating::Up) => "up",
        Some(Rating::Down) => "down",
        None => "-",
    }
}

/// A time of day where the reader is.
fn time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}
