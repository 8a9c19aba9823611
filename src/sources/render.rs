//! Rows to records: what a row is called, when it was, and what it says.

use super::{Query, Row, Sources};
use crate::error::{Error, Result};
use crate::store::records::Record;
use jiff::civil;
use jiff::tz::TimeZone;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};

/// Characters of a record's text; what is longer is cut.
const LONGEST_TEXT: usize = 600;
/// Bytes of a record's name.
const LONGEST_ID: usize = 120;
/// Steps that a template may take.
const FUEL: u64 = 20_000;

/// The compiled `text` of every query, and its `opening` under the name with a `+`.
#[derive(Debug)]
pub(super) struct Templates(Environment<'static>);

impl Default for Templates {
    fn default() -> Self {
        let mut environment = Environment::new();
        // A column that is not there is a source that changed its shape.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.add_filter("day", |date: Value, format: Option<String>| written(&date, format, "%-d %B %Y"));
        environment.add_filter("clock", |date: Value, format: Option<String>| written(&date, format, "%-H:%M"));
        Self(environment)
    }
}

impl Templates {
    pub fn add(&mut self, query: &Query) -> Result<(), String> {
        let mut add = |name: String, text: &str| self.0.add_template_owned(name, text.to_owned());
        add(query.name.clone(), &query.text).map_err(|e| e.to_string())?;
        query.opening.iter().try_for_each(|text| add(format!("{}+", query.name), text)).map_err(|e| e.to_string())
    }
}

impl Sources {
    /// The records that the rows of a query are. Errors: as [`Sources::record`].
    pub fn records(&self, query: &Query, rows: &[Row]) -> Result<Vec<Record>> {
        rows.iter().map(|row| self.record(query, row.clone())).collect()
    }

    /// The record that a row of a query is.
    ///
    /// Errors: `Invalid` for a row that is not as the query declares: a column is missing, or the text is empty.
    pub fn record(&self, query: &Query, row: Row) -> Result<Record> {
        let there = row.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let missing = |column: &str| Error::invalid(format!("its rows have no `{column}`; they have {there}"));
        let id = row.get(&query.id).and_then(plain).ok_or_else(|| missing(&query.id))?;
        let id = tidy(&id, LONGEST_ID);
        let date = match &query.date {
            Some(column) => Some(row.get(column).ok_or_else(|| missing(column))?).and_then(plain),
            None => None,
        };
        let template = self.templates.0.get_template(&query.name);
        let text = template.and_then(|t| t.render(filled(&row))).map_err(|e| {
            let why = e.detail().map_or_else(|| e.kind().to_string(), str::to_owned);
            Error::invalid(format!("its rows do not fit `text`: {why}")).because(e)
        })?;
        let text = tidy(&text, LONGEST_TEXT);
        if id.is_empty() || text.is_empty() {
            return Err(Error::invalid("it has rows without a name or without a text"));
        }
        let time = date.as_deref().and_then(seconds);
        Ok(Record { id, date: date.map(|d| tidy(&d, LONGEST_ID)), time, text, row })
    }
}

impl Sources {
    /// What a first answer begins with because of a record, if its query says so.
    pub fn opening(&self, query: &Query, record: &Record) -> Option<String> {
        let template = self.templates.0.get_template(&format!("{}+", query.name)).ok()?;
        let text = template.render(filled(&record.row)).ok()?;
        Some(tidy(&text, LONGEST_TEXT)).filter(|text| !text.is_empty())
    }
}

/// A row for a template: what is null says nothing, instead of "None".
fn filled(row: &Row) -> Value {
    let mut row = row.clone();
    row.values_mut().filter(|value| value.is_null()).for_each(|value| *value = String::new().into());
    Value::from(Serde(&row))
}

/// The text of a text or number: what a row is called, or whose it is.
pub fn plain(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// One line without control characters, of at most so many characters.
fn tidy(text: &str, longest: usize) -> String {
    let line = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty());
    let line = line.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{} ...", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    }
}

/// A date or a time in words, as it stands in the source: `19 November 2026`, or as `format` (strftime) says. What is
/// no date stays as it is.
fn written(date: &Value, format: Option<String>, otherwise: &str) -> String {
    let text = date.to_string();
    // The date and the time as they stand there, whatever the offset: that is what the house's people read.
    let Ok(time) = text.trim_end_matches('Z').parse::<civil::DateTime>() else { return text };
    jiff::fmt::strtime::format(format.as_deref().unwrap_or(otherwise), time).unwrap_or(text)
}

/// Seconds since 1970 of a date, or of a date and a time; UTC where nothing else is said.
fn seconds(date: &str) -> Option<i64> {
    if let Ok(time) = date.parse::<jiff::Timestamp>() {
        return Some(time.as_second());
    }
    let time = date.parse::<civil::DateTime>().ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_TEXT, Record, Result, Sources, seconds};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::path::Path;

    fn sources() -> Sources {
        Sources::parse(super::super::EXAMPLE, Path::new("")).unwrap()
    }

    fn record(row: Value) -> Result<Record> {
        let sources = sources();
        let (_, _, orders) = sources.queries().find(|(_, _, q)| q.name == "orders").unwrap();
        sources.record(orders, row.as_object().unwrap().clone())
    }

    #[test]
    fn a_row_becomes_one_dated_line() {
        let row = json!({"number": 1042, "date": "2026-01-03", "product": "Wren\n\u{7}stove", "price": 89.5, "state": "sent"});
        let record = record(row).unwrap();
        assert_eq!((record.id.as_str(), record.date.as_deref()), ("1042", Some("2026-01-03")));
        assert_eq!(record.text, "Order 1042 of 3 January 2026: Wren stove, 89.5, sent");
        assert_eq!(record.time, Some(1_767_398_400));
    }

    #[test]
    fn rows_of_another_shape_are_named() {
        let row = json!({"number": 1, "date": "2026-01-03", "product": "x", "price": 1, "state": "y"});
        for column in ["number", "date", "product"] {
            let mut row = row.as_object().unwrap().clone();
            row.remove(column);
            let error = record(Value::Object(row)).unwrap_err().to_string();
            assert!(error.contains(column) || error.contains("undefined"), "{error}");
        }
        let mut nested = row.as_object().unwrap().clone();
        nested.insert("number".into(), json!({"is": "an object"}));
        assert!(record(Value::Object(nested)).is_err());
    }

    #[test]
    fn dates_are_written_out_and_what_is_none_stays() {
        let written = |date: &str, format: Option<&str>, otherwise: &str| {
            super::written(&super::Value::from(date), format.map(str::to_owned), otherwise)
        };
        assert_eq!(written("2026-11-09", None, "%-d %B %Y"), "9 November 2026");
        assert_eq!(written("2026-11-24T09:10", None, "%-H:%M"), "9:10");
        assert_eq!(written("2026-11-24T09:10:00Z", Some("%d.%m.%Y"), "%-d %B %Y"), "24.11.2026");
        assert_eq!(written("last spring", None, "%-d %B %Y"), "last spring");
        assert_eq!(written("2026-11-24", Some("%&"), "%-d %B %Y"), "2026-11-24", "a format that is none");
    }

    #[test]
    fn dates_of_many_kinds_are_ordered() {
        let order =
            ["2026-01-03", "2026-01-03T10:00:00", "2026-01-03T12:00:00+01:00", "2026-01-03 12:30:00", "2026-02-01"];
        let times: Vec<i64> = order.iter().map(|date| seconds(date).unwrap()).collect();
        assert!(times.is_sorted(), "{times:?}");
        assert_eq!(seconds("last spring"), None);
    }

    proptest! {
        #[test]
        fn any_row_is_a_record_or_an_error(number in ".{0,20}", product in ".{0,900}", date in ".{0,20}") {
            let row = json!({"number": number, "date": date, "product": product, "price": null, "state": [1, {}]});
            if let Ok(record) = record(row) {
                prop_assert!(!record.text.contains(|c: char| c.is_control()) && !record.id.is_empty());
                prop_assert!(record.text.chars().count() <= LONGEST_TEXT + 4);
            }
        }
    }
}
