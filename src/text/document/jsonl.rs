//! JSON lines: every line is a record and becomes a section.
//!
//! The usual names are understood: `title` is the record's heading, and `text`, `content` or `body` its prose. All
//! other keys become `key: value` lines under it, nested ones with dotted keys, so that nothing is lost.

use super::{Parts, Section, line};
use crate::error::{Error, Result};
use serde_json::{Map, Value};

/// The keys that hold a record's prose; the first that is there and is a string wins.
const PROSE: [&str; 3] = ["text", "content", "body"];

/// Reads every line; [`Corrupt`](crate::ErrorKind::Corrupt) names the first that is not JSON.
pub fn read(text: &str) -> Result<Parts> {
    let mut sections = Vec::new();
    for (i, source) in text.lines().enumerate().filter(|(_, source)| !source.trim().is_empty()) {
        let value = serde_json::from_str(source)
            .map_err(|e| Error::corrupt(format!("line {} is not JSON; correct or remove it", i + 1)).because(e))?;
        let (title, text) = record(value);
        if !text.trim().is_empty() {
            sections.push(Section { path: title.into_iter().collect(), place: Some(format!("line {}", i + 1)), text });
        }
    }
    Ok((None, sections))
}

/// A record's heading and its text.
fn record(value: Value) -> (Option<String>, String) {
    let mut blocks = Vec::new();
    let (title, rest) = match value {
        Value::Object(mut map) => {
            let prose = PROSE.iter().find_map(|key| take(&mut map, key));
            // Without prose a title is one value among the others.
            let title = prose.is_some().then(|| take(&mut map, "title")).flatten().map(|title| line(&title));
            blocks.extend(prose);
            (title, Value::Object(map))
        }
        other => (None, other),
    };
    let mut lines = Vec::new();
    flatten("", &rest, &mut lines);
    if !lines.is_empty() {
        blocks.push(lines.join("\n"));
    }
    (title, blocks.join("\n\n"))
}

/// Takes a string that says something out of `map`.
fn take(map: &mut Map<String, Value>, key: &str) -> Option<String> {
    map.get(key)?.as_str().filter(|s| !s.trim().is_empty())?;
    // `shift_remove` keeps the order of the others.
    match map.shift_remove(key) {
        Some(Value::String(text)) => Some(text.trim().to_string()),
        _ => None,
    }
}

/// `key: value` lines, dotted where nested. The depth is bounded by the parser's own limit.
fn flatten(key: &str, value: &Value, lines: &mut Vec<String>) {
    let under = |name: &str| if key.is_empty() { name.to_string() } else { format!("{key}.{name}") };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| flatten(&under(name), value, lines)),
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            items.iter().enumerate().for_each(|(i, item)| flatten(&under(&(i + 1).to_string()), item, lines));
        }
        Value::Array(items) => {
            let words: Vec<String> = items.iter().filter_map(scalar).collect();
            push(key, words.join(", "), lines);
        }
        other => push(key, scalar(other).unwrap_or_default(), lines),
    }
}

fn push(key: &str, value: String, lines: &mut Vec<String>) {
    if !value.is_empty() {
        lines.push(if key.is_empty() { value } else { format!("{key}: {value}") });
    }
}

/// A value without parts as a person writes it.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_string()),
        Value::Bool(yes) => Some(if *yes { "yes" } else { "no" }.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(json: &str) -> (String, String) {
        let (_, mut sections) = read(json).unwrap();
        let section = sections.remove(0);
        (section.path.join("/"), section.text)
    }

    #[test]
    fn prose_and_title() {
        let (path, text) = one(r#"{"id": 7, "title": "Returns", "body": "Within 30 days.", "tags": ["a", "b"]}"#);
        assert_eq!((path.as_str(), text.as_str()), ("Returns", "Within 30 days.\n\nid: 7\ntags: a, b"));
    }

    #[test]
    fn nested_keys_are_dotted() {
        let (path, text) = one(
            r#"{"title": "Lamp", "size": {"w": 3, "h": {"cm": 4.5}}, "none": null, "in": true, "p": [{"q": 1}, [2]]}"#,
        );
        assert_eq!(path, "");
        assert_eq!(text, "title: Lamp\nsize.w: 3\nsize.h.cm: 4.5\nin: yes\np.1.q: 1\np.2: 2");
        assert_eq!(one("\"only words\"").1, "only words");
        assert_eq!(one(r#"{"text": 3}"#).1, "text: 3");
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = read("{\"a\": 1}\n\n{\"a\": \n").unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Corrupt);
        assert!(error.to_string().contains("line 3"), "{error}");
        let deep = "[".repeat(100_000);
        assert!(read(&deep).is_err());
    }
}
