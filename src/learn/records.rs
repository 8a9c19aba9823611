//! What the house's records say of a person, so that it can be taken out of what that person said.

use crate::config::Personal;
use crate::error::{Error, Result};
use crate::sources;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

/// Letters and digits a value needs: fewer would be found everywhere.
const SHORTEST: usize = 3;

/// The values of all persons, to be found in texts.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// Words of a value, one space between them, to whom it belongs and what it is.
    values: HashMap<String, Vec<Value>>,
    /// Subject and capitalised word to what the whole is.
    parts: HashMap<(String, String), String>,
    /// Words of the longest value.
    longest: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Value {
    subject: String,
    kind: String,
}

impl Records {
    /// Reads the files.
    ///
    /// Errors: not found for a file, invalid for one that lacks a column or is no table, naming it.
    pub fn read(files: &[Personal]) -> Result<Self> {
        let mut records = Self::default();
        for personal in files {
            let rows = rows(&personal.file)?;
            for column in personal.columns.iter().chain([&personal.subject]) {
                if !rows.is_empty() && !rows.iter().any(|row| row.contains_key(column)) {
                    let path = personal.file.display();
                    return Err(Error::invalid(format!(
                        "{path} has no `{column}`; correct `learn.personal` in config.toml"
                    )));
                }
            }
            for row in &rows {
                let Some(subject) = row.get(&personal.subject).filter(|s| !s.trim().is_empty()) else { continue };
                records.add(subject.trim(), "subject", subject);
                for column in &personal.columns {
                    row.get(column).into_iter().for_each(|value| records.add(subject.trim(), column, value));
                }
            }
        }
        Ok(records)
    }

    /// Adds what a record of a person says in some of its columns.
    pub fn insert(&mut self, subject: &str, columns: &[String], row: &sources::Row) {
        self.add(subject, "subject", subject);
        let row = texts(row.clone());
        for column in columns {
            row.get(column).into_iter().for_each(|value| self.add(subject, column, value));
        }
    }

    /// Adds one value.
    fn add(&mut self, subject: &str, kind: &str, value: &str) {
        let tokens = tokens(value);
        let key = key(&tokens);
        if size(&key) < SHORTEST {
            return;
        }
        self.longest = self.longest.max(tokens.len());
        let entry = Value { subject: subject.to_owned(), kind: kind.to_owned() };
        let known = self.values.entry(key).or_default();
        if !known.contains(&entry) {
            known.push(entry);
        }
        let is_name = !value.contains(|c: char| c.is_numeric() || c == '@');
        for (_, part) in tokens.into_iter().filter(|(_, part)| is_name && size(part) >= SHORTEST) {
            self.parts.insert((subject.to_owned(), part), kind.to_owned());
        }
    }

    /// Where `text` says something that belongs to `subject`, or something that can only belong to one other person,
    /// and what it is.
    pub(super) fn find(&self, text: &str, subject: Option<&str>) -> Vec<(Range<usize>, String)> {
        let tokens = tokens(text);
        let own = subject.map(|s| (s, self::tokens(s)));
        let longest = own.as_ref().map_or(0, |(_, tokens)| tokens.len()).max(self.longest);
        let own = own.map(|(subject, tokens)| (subject, key(&tokens))).filter(|(_, key)| size(key) >= SHORTEST);
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let lengths = (1..=longest.min(tokens.len() - at)).rev();
            let hit = lengths.filter_map(|n| tokens.get(at..at + n)).find_map(|run| {
                let key = key(run);
                let is_own = own.as_ref().is_some_and(|(_, id)| *id == key);
                let kind = if is_own { Some("subject") } else { self.kind(&key, run.len(), subject) };
                let kind = kind.or_else(|| self.part(text, run, subject?))?;
                Some((run.len(), run.first()?.0.start..run.last()?.0.end, kind.to_owned()))
            });
            at += hit.as_ref().map_or(1, |(length, ..)| *length);
            found.extend(hit.map(|(_, range, kind)| (range, kind)));
        }
        found
    }

    fn kind(&self, key: &str, words: usize, subject: Option<&str>) -> Option<&str> {
        let values = self.values.get(key)?;
        let own = values.iter().find(|value| Some(value.subject.as_str()) == subject);
        let telling = match values.as_slice() {
            [only] if words > 1 && size(key) >= 5 => Some(only),
            _ => None,
        };
        own.or(telling).map(|value| value.kind.as_str())
    }

    /// A part of a name, where it is written like one.
    fn part(&self, text: &str, run: &[(Range<usize>, String)], subject: &str) -> Option<&str> {
        let [(range, word)] = run else { return None };
        let kind = self.parts.get(&(subject.to_owned(), word.clone()))?;
        text.get(range.clone())?.starts_with(char::is_uppercase).then_some(kind)
    }
}

/// Runs of letters and digits, in lower case, and where they are.
fn tokens(text: &str) -> Vec<(Range<usize>, String)> {
    let mut tokens: Vec<(Range<usize>, String)> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
        let end = at + c.len_utf8();
        match tokens.last_mut().filter(|(range, _)| range.end == at) {
            Some((range, word)) => {
                range.end = end;
                word.extend(c.to_lowercase());
            }
            None => tokens.push((at..end, c.to_lowercase().collect())),
        }
    }
    tokens
}

fn key(tokens: &[(Range<usize>, String)]) -> String {
    tokens.iter().map(|(_, word)| word.as_str()).collect::<Vec<_>>().join(" ")
}

/// Letters and digits.
fn size(key: &str) -> usize {
    key.chars().filter(|c| *c != ' ').count()
}

type Row = BTreeMap<String, String>;

fn rows(path: &Path) -> Result<Vec<Row>> {
    sources::rows(path)?.map(|row| Ok(texts(row?))).collect()
}

/// The texts and numbers of a row.
fn texts(row: sources::Row) -> Row {
    let text = |value| match value {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    row.into_iter().filter_map(|(key, value)| Some((key, text(value)?))).collect()
}
