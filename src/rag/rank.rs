//! Which of somebody's records a question is about: by the words they share, and by "last" and "next".

use super::words;
use crate::sources::{Kind, Query, Source};
use crate::store::records::Record;
use jiff::Timestamp;
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The newest is asked for. English and German.
static LAST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(last|latest|newest|(most )?recent(ly)?|letzte[nmrs]?|zuletzt|neueste[nmrs]?|jüngste[nmrs]?)\b")
        .ok()
});

/// What comes is asked for.
static NEXT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(next|upcoming|coming up|nächste[nmrs]?|kommende[nmrs]?|demnächst)\b").ok());

/// The one before the newest is asked for.
static BEFORE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(one before|before that|previous|davor|vorletzte[nmrs]?)\b").ok());

/// A question, as records are held against it.
#[derive(Debug)]
pub(super) struct Asked {
    words: BTreeSet<String>,
    /// The newest first.
    pub last: bool,
    /// The soonest of those that come first.
    pub next: bool,
    /// Before the newest.
    before: bool,
}

impl Asked {
    pub fn new(question: &str) -> Self {
        let is = |pattern: &LazyLock<Option<Regex>>| pattern.as_ref().is_some_and(|regex| regex.is_match(question));
        Self { words: words::telling(question), last: is(&LAST), next: is(&NEXT), before: is(&BEFORE) }
    }

    /// The share of the question's words that are in what a query says it answers.
    pub fn of_query(&self, query: &Query) -> f32 {
        words::share(&self.words, &words::telling(&format!("{} {}", query.name, query.answers)))
    }

    /// The share of the question's words that a row holds. A word that its query speaks of counts half: "tablets" tells
    /// less about one of somebody's medicines than "morning".
    pub fn of_record(&self, query: &Query, record: &Record) -> f32 {
        let date = record.date.as_deref().unwrap_or_default();
        let held = words::telling(&format!("{} {} {date} {}", query.name, record.id, record.text));
        let spoken_of = words::telling(&query.answers);
        let weight = |word: &String| if spoken_of.contains(word) { 0.5 } else { 1.0 };
        let all: f32 = self.words.iter().map(weight).sum();
        let shared: f32 = self.words.intersection(&held).map(weight).sum();
        if all > 0.0 { shared / all } else { 0.0 }
    }

    /// Rows that share words with the question first. Among those that share as many: the newest or the next, where
    /// that is asked; else as the source gives them. A database gives what comes in the order that it was asked for.
    pub fn order(&self, records: &mut [Record], source: &Source, query: &Query, now: Timestamp) {
        let is_database = matches!(source.kind(), Kind::Sqlite(_) | Kind::Postgres(_));
        let now = now.as_second();
        let time = |record: &Record| match record.time {
            // Of what was, the newest, then what has no date, then what comes.
            Some(time) if self.last || self.before => (i64::from(time > now) * 2, -time),
            None if self.last || self.before => (1, 0),
            Some(time) if self.next && !is_database => (i64::from(time < now), time.abs_diff(now) as i64),
            _ => (2, 0),
        };
        let share = |record: &Record| self.of_record(query, record);
        records.sort_by(|a, b| share(b).total_cmp(&share(a)).then_with(|| time(a).cmp(&time(b))));
        if self.before {
            // Lines of the newest thing go behind those that share as many words.
            let Some(first) = records.first() else { return };
            let (id, best) = (first.id.clone(), share(first));
            let alike = records.iter().take_while(|record| share(record) == best).count();
            let newest = records.iter().take(alike).take_while(|record| record.id == id).count();
            if let Some(alike) = records.get_mut(..alike) {
                alike.rotate_left(newest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Sources;
    use std::path::Path;

    const SQLITE: &str = "sqlite = 'a.db'\n[[source.s.query]]\nsql = 'SELECT :subject'\n";
    const FILE: &str = "file = 'a.csv'\nsubject = 'who'\n[[source.s.query]]\n";

    /// The ids of `rows` (id, day, text) as a question orders them.
    fn ordered(kind: &str, question: &str, rows: &[(&str, &str, &str)]) -> String {
        let query =
            "name = 'orders'\nanswers = 'orders of mugs and kettles'\nid = 'id'\ndate = 'day'\ntext = '{{ text }}'\n";
        let sources = Sources::parse(&format!("[source.s]\n{kind}{query}"), Path::new("")).unwrap();
        let (_, source, query) = sources.queries().next().unwrap();
        let row = |(id, day, text): &(&str, &str, &str)| {
            let row = serde_json::json!({ "id": id, "day": day, "text": text });
            sources.record(query, row.as_object().unwrap().clone()).unwrap()
        };
        let mut records: Vec<Record> = rows.iter().map(row).collect();
        Asked::new(question).order(&mut records, source, query, "2026-06-01T00:00:00Z".parse().unwrap());
        records.iter().map(|record| record.id.as_str()).collect::<Vec<_>>().join(" ")
    }

    const ROWS: [(&str, &str, &str); 4] = [
        ("1", "2026-05-01", "4 x Enamel mug"),
        ("2", "2026-05-20", "1 x Tarn kettle"),
        ("3", "2026-07-03", "service"),
        ("4", "2026-06-02", "inspection"),
    ];
    const BOUGHT: [(&str, &str, &str); 2] = [("1", "2026-05-01", "a kettle"), ("2", "2026-05-02", "red wool")];

    #[test]
    fn a_row_that_shares_words_comes_first_and_else_the_source_decides() {
        assert_eq!(ordered(SQLITE, "Where is my kettle?", &ROWS), "2 1 3 4");
        assert_eq!(ordered(SQLITE, "What did I pay for the mugs?", &ROWS), "1 2 3 4");
        assert_eq!(ordered(SQLITE, "What did I order?", &ROWS), "1 2 3 4");
        assert_eq!(ordered(SQLITE, "Is the kettle red?", &BOUGHT), "2 1", "all of it is about kettles");
        assert_eq!(ordered(SQLITE, "What did I pay for the mugs? And for the kettle?", &ROWS), "1 2 3 4");
    }

    #[test]
    fn last_and_next_and_the_one_before_are_understood() {
        assert_eq!(ordered(SQLITE, "What did I order last?", &ROWS), "2 1 3 4");
        assert_eq!(ordered(SQLITE, "Was habe ich zuletzt bestellt?", &ROWS), "2 1 3 4");
        assert_eq!(ordered(SQLITE, "What did I order last? and the one before?", &ROWS), "1 3 4 2");
        assert_eq!(ordered(FILE, "When is my next one?", &ROWS), "4 3 2 1");
        assert_eq!(ordered(SQLITE, "When is my next one?", &ROWS), "1 2 3 4", "as the house asked its database");
        assert_eq!(ordered(FILE, "When was the last inspection?", &ROWS), "4 2 1 3");
    }
}
