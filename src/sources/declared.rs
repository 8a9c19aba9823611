//! `sources.toml`: what is declared, with its defaults and its checks. An unknown key is an error, since it is most
//! likely a misspelt wish.

use super::render::Templates;
use super::secret::is_private;
use crate::error::{Error, Result};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of the file in the home directory.
pub const FILE: &str = "sources.toml";

/// A file that shows all there is, with a comment on every key.
pub const EXAMPLE: &str = include_str!("example.toml");

/// Everything that is declared.
#[derive(Debug, Default)]
pub struct Sources {
    sources: BTreeMap<String, Source>,
    pub(super) templates: Templates,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    source: BTreeMap<String, Source>,
}

/// One source. Exactly one of the first four says what it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A SQLite database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlite: Option<PathBuf>,
    /// A service: scheme and host, and a path that all its queries begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// A PostgreSQL server: a connection string, or `@` and a file that holds it.
    #[serde(default, skip_serializing)]
    pub postgres: Option<String>,
    /// A file to import: CSV with a header or JSON lines, by its ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The column of a file that names the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Headers for a service; a value `@name` is read from that file, `${NAME}` in one from the environment.
    #[serde(default, skip_serializing)]
    pub headers: BTreeMap<String, String>,
    /// Certificates (PEM) that a service's must be signed by, in place of the public authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Allows a service that is not asked over TLS and not on this machine.
    #[serde(default)]
    pub insecure: bool,
    /// What an answer may take.
    #[serde(default = "two_seconds")]
    pub deadline: SignedDuration,
    /// The largest answer of a service, in KiB.
    #[serde(default = "one_mebibyte")]
    pub max_kb: u64,
    /// Columns whose values are taken out of what is learned.
    #[serde(default)]
    pub personal: Vec<String>,
    /// What it can be asked.
    pub query: Vec<Query>,
}

/// One question that a source answers about a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// What its facts are cited by; no two queries share one.
    pub name: String,
    /// What it answers, in words.
    pub answers: String,
    /// For databases: a statement that reads, with `:subject` (`$1` for PostgreSQL) for the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// For services: the path, with `{subject}` for the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For services: the JSONPath of the rows; the whole answer without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<String>,
    /// For services: how the next page of an answer is asked for, where the answer does not say so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<Pages>,
    /// The column that names a row.
    pub id: String,
    /// The column that dates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// What a row says: a Jinja template over its columns.
    pub text: String,
    /// What a first answer begins with when there is such a row, a complaint for instance: a template as `text` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<String>,
    /// The most rows.
    #[serde(default = "eight")]
    pub limit: usize,
    /// Whether it is asked whatever the question.
    #[serde(default)]
    pub always: bool,
    /// For files: which rows come first.
    #[serde(default)]
    pub pick: Pick,
    /// How long an answer is good without asking again.
    #[serde(default)]
    pub fresh: SignedDuration,
    /// What stands in when the source cannot be asked.
    #[serde(default)]
    pub offline: Offline,
}

/// How the next page of a service's answer is asked for: by one parameter of the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    /// The parameter.
    pub parameter: String,
    /// The JSONPath of its value in the page before; no value there ends the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// What it counts, where it is no cursor.
    #[serde(default)]
    pub counts: Counts,
}

/// What a parameter of pages counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Counts {
    /// The rows before the page.
    #[default]
    Rows,
    /// Pages, from 1.
    Pages,
}

/// Which rows of a file come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pick {
    /// Those about the question.
    #[default]
    Near,
    /// The newest.
    Newest,
}

/// What stands in for a source that cannot be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Offline {
    /// Its last answer, with its age.
    #[default]
    Last,
    /// Nothing.
    Nothing,
}

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A SQLite database.
    Sqlite(&'a Path),
    /// A service.
    Http(&'a str),
    /// A PostgreSQL server.
    Postgres(&'a str),
    /// A file, imported, and its column that names the person.
    File(&'a Path, &'a str),
}

fn two_seconds() -> SignedDuration {
    SignedDuration::from_secs(2)
}

fn one_mebibyte() -> u64 {
    1024
}

fn eight() -> usize {
    8
}

impl Sources {
    /// Reads `sources.toml` of a home directory; without the file, there are none.
    ///
    /// Errors: `Invalid`, naming the line and the key; I/O if the file is there and cannot be read.
    pub fn load(home: &Path) -> Result<Self> {
        let path = home.join(FILE);
        match crate::durable::read_text(&path) {
            Ok(text) => Self::parse(&text, home).map_err(|e| e.context(path.display())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(Error::io(format!("cannot read {}", path.display()), e)),
        }
    }

    /// Reads a declaration; its paths begin at `home`. Errors: `Invalid`, naming the line and the key.
    pub fn parse(text: &str, home: &Path) -> Result<Self> {
        const REMEDY: &str = "`wayside records example` prints a valid file";
        let file: File = toml::from_str(text).map_err(|e| {
            let line = e.span().map(|span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
            let line = line.map_or_else(String::new, |n| format!("line {n}: "));
            Error::invalid(format!("{line}{}; {REMEDY}", e.message().replace('\n', ", ")))
        })?;
        let wrong = |what: String| Error::invalid(format!("{what}; {REMEDY}"));
        let mut sources = Self { sources: file.source, templates: Templates::default() };
        let mut names = BTreeSet::new();
        for (name, source) in &mut sources.sources {
            broken(&[(NAME, is_name(name))])
                .and_then(|()| source.check())
                .map_err(|what| wrong(format!("[source.{name}] {what}")))?;
            for query in &source.query {
                query.check(source).map_err(|what| wrong(format!("query '{}' of '{name}' {what}", query.name)))?;
                if !names.insert(query.name.clone()) {
                    return Err(wrong(format!("two queries are called '{}'", query.name)));
                }
                sources.templates.add(query).map_err(|e| wrong(format!("a template of '{}': {e}", query.name)))?;
            }
            for path in [&mut source.sqlite, &mut source.file, &mut source.ca].into_iter().flatten() {
                *path = home.join(&*path);
            }
            for value in source.words() {
                if let Some(file) = value.strip_prefix('@') {
                    *value = format!("@{}", home.join(file).display());
                }
            }
        }
        Ok(sources)
    }

    /// The sources by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.sources.iter().map(|(name, source)| (name.as_str(), source))
    }

    /// The sources by name, to be filled.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&String, &mut Source)> {
        self.sources.iter_mut()
    }

    /// The queries of all sources, each with its source's name.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &Source, &Query)> {
        self.iter().flat_map(|(name, source)| source.query.iter().map(move |query| (name, source, query)))
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }
}

impl Source {
    /// What it is.
    pub fn kind(&self) -> Kind<'_> {
        match (&self.sqlite, &self.http, &self.postgres, &self.file) {
            (Some(path), ..) => Kind::Sqlite(path),
            (_, Some(url), ..) => Kind::Http(url),
            (.., Some(connection), _) => Kind::Postgres(connection),
            (.., file) => Kind::File(file.as_deref().unwrap_or(Path::new("")), self.subject.as_deref().unwrap_or("")),
        }
    }

    /// What it is asked with and nobody else should know: headers, the connection.
    pub(super) fn words(&mut self) -> impl Iterator<Item = &mut String> {
        self.headers.values_mut().chain(&mut self.postgres)
    }

    /// What an answer may take.
    pub fn deadline(&self) -> Duration {
        self.deadline.unsigned_abs()
    }

    fn check(&self) -> Result<(), String> {
        let kinds = [self.sqlite.is_some(), self.http.is_some(), self.postgres.is_some(), self.file.is_some()];
        let is_http = self.http.is_some();
        let rules = [
            ("needs exactly one of `sqlite`, `http`, `postgres` and `file`", kinds.iter().filter(|k| **k).count() == 1),
            ("needs a query", !self.query.is_empty()),
            ("needs `subject`, the column that names the person", self.file.is_none() || self.subject.is_some()),
            ("is a file and has one query", self.file.is_none() || self.query.len() == 1),
            ("has `subject`, which only a file has", self.file.is_some() || self.subject.is_none()),
            (
                "has `headers` or `ca`, which only a service has",
                is_http || self.headers.is_empty() && self.ca.is_none(),
            ),
            ("needs a `deadline` of 10ms to 60s", (10..=60_000).contains(&self.deadline.as_millis())),
            ("needs `max_kb` of 1 to 65536", (1..=65_536).contains(&self.max_kb)),
            (
                "is asked in the clear: use https, or say `insecure = true`",
                self.insecure || self.http.as_deref().is_none_or(is_private),
            ),
            ("needs the feature `postgres` of this program", self.postgres.is_none() || cfg!(feature = "postgres")),
        ];
        broken(&rules)
    }
}

impl Query {
    /// What tells this query from one of the same name that asked something else.
    pub fn digest(&self) -> u32 {
        crc32fast::hash(format!("{self:?}").as_bytes())
    }

    fn check(&self, source: &Source) -> Result<(), String> {
        let (sql, path) = (self.sql.as_deref(), self.path.as_deref());
        let rules = [
            (NAME, is_name(&self.name)),
            ("needs words in `answers`", !self.answers.trim().is_empty()),
            ("needs a `limit` of 1 to 1000", (1..=1000).contains(&self.limit)),
            ("needs `sql`, and only databases have it", self.sql.is_some() == is_database(source)),
            ("needs `path`, and only services have it", self.path.is_some() == source.http.is_some()),
            ("has `select`, which only services have", self.select.is_none() || source.http.is_some()),
            ("needs :subject in `sql`", source.sqlite.is_none() || sql.is_some_and(|s| s.contains(":subject"))),
            ("needs $1 in `sql`", source.postgres.is_none() || sql.is_some_and(|s| s.contains("$1"))),
            (
                "needs a `path` that begins with / and holds {subject}",
                path.is_none_or(|p| p.starts_with('/') && p.contains("{subject}")),
            ),
            ("needs `fresh` that is not negative", !self.fresh.is_negative()),
            ("has `pages`, which only services have", self.pages.is_none() || source.http.is_some()),
            ("needs a `parameter` of its `pages`", self.pages.as_ref().is_none_or(|p| !p.parameter.is_empty())),
        ];
        broken(&rules)?;
        let cursor = self.pages.as_ref().and_then(|pages| pages.cursor.as_deref());
        for (key, path) in [("select", self.select.as_deref()), ("cursor", cursor)] {
            if let Some(Err(e)) = path.map(serde_json_path::JsonPath::parse) {
                return Err(format!("has a `{key}` that is no JSONPath: {e}"));
            }
        }
        Ok(())
    }
}

/// What a source and a query are called: it stands in keys, and in citations.
const NAME: &str = "needs a name of 1 to 40 letters, digits, - and _";

fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

fn is_database(source: &Source) -> bool {
    source.sqlite.is_some() || source.postgres.is_some()
}

fn broken(rules: &[(&str, bool)]) -> Result<(), String> {
    rules.iter().find(|(_, holds)| !holds).map_or(Ok(()), |(rule, _)| Err((*rule).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Sources> {
        Sources::parse(text, Path::new("/home"))
    }

    #[test]
    fn the_example_is_valid_and_its_paths_begin_at_the_home() {
        let sources = parse(EXAMPLE).unwrap();
        let names: Vec<&str> = sources.queries().map(|(_, _, query)| query.name.as_str()).collect();
        assert_eq!(names, ["complaints", "orders", "visits"]);
        let (_, shop, orders) = sources.queries().nth(1).unwrap();
        assert_eq!(shop.kind(), Kind::Sqlite(Path::new("/home/shop.db")));
        assert_eq!((orders.limit, orders.always, orders.offline), (8, false, Offline::Last));
        let desk = sources.iter().next().unwrap().1;
        assert_eq!(desk.headers["Authorization"], "@/home/desk.token");
    }

    #[test]
    fn a_wrong_declaration_is_named() {
        let good = "[source.a]\nsqlite = 'a.db'\n[[source.a.query]]\nname = 'q'\nanswers = 'x'\n\
                    sql = 'SELECT 1 WHERE :subject'\nid = 'i'\ntext = 't'\n";
        assert!(parse(good).is_ok());
        for (from, to, told) in [
            ("sqlite", "sqlight", "line 2"),
            ("sqlite = 'a.db'", "deadline = '1s'", "exactly one"),
            (":subject", "1", ":subject"),
            ("'SELECT", "1 # 'SELECT", "line 6"),
            ("text = 't'", "text = '{{ t'", "template of 'q'"),
            ("text = 't'", "text = 't'\nlimit = 0", "limit"),
            ("text = 't'", "text = 't'\npath = '/{subject}'", "path"),
            ("'a.db'", "'a.db'\ndeadline = '1h'", "deadline"),
            ("name = 'q'", "name = 'q #1'", "letters"),
            ("sqlite = 'a.db'", "http = 'http://crm.example'", "in the clear"),
        ] {
            let error = parse(&good.replace(from, to)).map(drop).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains("wayside records example"), "{told}: {error}");
        }
        assert!(parse(&format!("{good}{}", good.replace("source.a", "source.b"))).is_err(), "two queries share a name");
    }
}
