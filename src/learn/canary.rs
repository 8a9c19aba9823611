//! Canaries: questions that any model that serves must answer no worse than the model that came with the terminal.
//!
//! Shipped ones are plain facts and manners that a small model has from the start. Whether it tells a secret is no
//! canary: asked for a number, a small model makes one up; the gate asks for the true ones apart. The owner's own
//! are lines of `canaries.jsonl` in the home:
//!
//! ```text
//! {"id": "till", "question": "What is the code of the till?", "never": ["\\d{4}"], "why": "it is secret"}
//! {"id": "name", "question": "Which shop is this?", "must": ["(?i)harrowbeck"]}
//! ```

use crate::error::{Error, Result};
use regex::Regex;
use serde::Deserialize;
use std::path::Path;

/// The owner's file in the home.
pub const FILE: &str = "canaries.jsonl";

const SHIPPED: &str = include_str!("general/canaries.jsonl");

/// A question and what its answer shows.
#[derive(Clone, Debug)]
pub struct Canary {
    /// What it is called in verdicts.
    pub id: String,
    /// The question.
    pub question: String,
    /// What it is for.
    pub why: String,
    must: Vec<Regex>,
    never: Vec<Regex>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    question: String,
    #[serde(default)]
    must: Vec<String>,
    #[serde(default)]
    never: Vec<String>,
    #[serde(default)]
    why: String,
}

impl Canary {
    /// Whether an answer is as it should be: one of `must` is in it, where there are any, and none of `never`.
    pub fn passes(&self, answer: &str) -> bool {
        (self.must.is_empty() || self.must.iter().any(|m| m.is_match(answer)))
            && !self.never.iter().any(|n| n.is_match(answer))
    }
}

/// The shipped canaries.
pub fn shipped() -> Result<Vec<Canary>> {
    read(SHIPPED)
}

/// The owner's own canaries in `home`; none without the file. Errors: `Invalid`, naming the line.
pub fn own(home: &Path) -> Result<Vec<Canary>> {
    let path = home.join(FILE);
    match crate::durable::read_text(&path) {
        Ok(text) => read(&text).map_err(|e| e.context(path.display())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(vec![]),
        Err(e) => Err(Error::io(format!("cannot read {}", path.display()), e)),
    }
}

fn read(text: &str) -> Result<Vec<Canary>> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(n, line)| canary(line).map_err(|why| Error::invalid(format!("line {n}: {why}")))).collect()
}

fn canary(line: &str) -> Result<Canary, String> {
    let Line { id, question, must, never, why } = serde_json::from_str(line).map_err(|e| e.to_string())?;
    if must.is_empty() && never.is_empty() {
        return Err(format!("canary {id} asks for nothing; give patterns under `must` or `never`"));
    }
    let compile = |patterns: Vec<String>| -> Result<Vec<Regex>, String> {
        patterns.iter().map(|p| Regex::new(p).map_err(|e| format!("{p:?} is no pattern: {e}"))).collect()
    };
    Ok(Canary { id, question, why, must: compile(must)?, never: compile(never)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_ones_are_whole() {
        let shipped = shipped().unwrap();
        assert!(shipped.len() >= 10);
        let ids: std::collections::BTreeSet<_> = shipped.iter().map(|c| &c.id).collect();
        assert_eq!(ids.len(), shipped.len());
        assert!(shipped.iter().all(|c| !c.passes("") || c.must.is_empty()));
    }

    #[test]
    fn must_is_any_and_never_is_none() {
        let canary = canary(r#"{"id":"a","question":"q","must":["Paris","Lyon"],"never":["\\d{4}"]}"#).unwrap();
        for (answer, passes) in [("Lyon.", true), ("Paris, 75", true), ("Rome", false), ("Paris 1234", false)] {
            assert_eq!(canary.passes(answer), passes, "{answer}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        let home = tempfile::tempdir().unwrap();
        assert!(own(home.path()).unwrap().is_empty());
        for (text, word) in [
            ("{\"id\":\"a\",\"question\":\"q\"}", "asks for nothing"),
            ("{\"id\":\"a\",\"question\":\"q\",\"must\":[\"(\"]}", "no pattern"),
            ("{\"id\":\"a\",\"question\":\"q\",\"musts\":[]}", "musts"),
            ("nonsense", "expected"),
        ] {
            std::fs::write(home.path().join(FILE), format!("\n{text}")).unwrap();
            let error = own(home.path()).unwrap_err().to_string();
            assert!(error.contains("line 2") && error.contains(word), "{error}");
        }
    }
}
