//! Where the next page of an answer is. Only ever on the host that was declared.
//!
//! First comes what the house declared. Else the answer says so itself: an address, under `next` or in a `Link`; a
//! cursor, under one of the names that services have for it; or counts, see [`counted`](super::counted).

use super::counted;
use crate::sources::{Counts, Pages};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use serde_json_path::JsonPath;

/// A page of an answer.
pub struct Page<'a> {
    /// What it says.
    pub answer: &'a Value,
    /// Its `Link`.
    pub link: Option<&'a str>,
    /// Where it was.
    pub address: &'a str,
    /// The rows of the pages before.
    pub before: usize,
    /// The rows with those of this page.
    pub rows: usize,
}

/// Where an answer tells of its pages, beside its top.
const WITHIN: [&str; 11] = [
    "links",
    "_links",
    "meta",
    "pagination",
    "paging",
    "page",
    "page_info",
    "pageInfo",
    "cursors",
    "response_metadata",
    "metadata",
];

/// What services call the address of the next page.
const ADDRESSES: [&str; 6] = ["next", "next_url", "nextUrl", "next_page_url", "nextLink", "@odata.nextLink"];

/// What services call a cursor, and the parameter that takes it.
const CURSORS: [(&str, &str); 11] = [
    ("next_cursor", "cursor"),
    ("nextCursor", "cursor"),
    ("next_page_token", "page_token"),
    ("nextPageToken", "pageToken"),
    ("next_token", "next_token"),
    ("nextToken", "nextToken"),
    ("continuation_token", "continuation_token"),
    ("continuationToken", "continuationToken"),
    ("end_cursor", "after"),
    ("endCursor", "after"),
    ("after", "after"),
];

/// What services say where no page follows.
const MORE: [&str; 6] = ["has_more", "hasMore", "has_next", "hasNext", "has_next_page", "hasNextPage"];

/// The address of the next page, if there is one.
pub fn next(page: &Page, declared: Option<&Pages>) -> Option<String> {
    if let Some(Pages { parameter, cursor, counts }) = declared {
        let value = match (cursor, counts) {
            (Some(path), _) => JsonPath::parse(path).ok()?.query(page.answer).first().and_then(written)?,
            _ if page.rows == page.before => return None,
            (None, Counts::Rows) => page.rows.to_string(),
            (None, Counts::Pages) => (parameter_of(page.address, parameter).unwrap_or(1) + 1).to_string(),
        };
        return Some(with_parameter(page.address, parameter, &value));
    }
    if is_last(page.answer) {
        return None;
    }
    let named = named(page.answer).or_else(|| linked(page.link?));
    match named {
        Some(Named::Address(next)) => address(page.address, &next),
        Some(Named::Parameter(name, value)) => Some(with_parameter(page.address, &name, &value)),
        None => counted::next(page),
    }
}

/// What an answer names as the next page.
#[derive(Debug, PartialEq)]
enum Named {
    Address(String),
    Parameter(String, String),
}

/// The objects of an answer that may tell of its pages.
pub fn told(answer: &Value) -> impl Iterator<Item = &Value> {
    let within = WITHIN.iter().filter_map(|key| answer.get(key));
    let deeper = within.clone().flat_map(|object| WITHIN.iter().filter_map(|key| object.get(key)));
    std::iter::once(answer).chain(within).chain(deeper).filter(|value| value.is_object())
}

fn is_last(answer: &Value) -> bool {
    told(answer).any(|object| MORE.iter().any(|key| object.get(key) == Some(&Value::Bool(false))))
}

fn named(answer: &Value) -> Option<Named> {
    let address = |object: &Value| {
        let next = ADDRESSES.iter().find_map(|key| object.get(key))?;
        next.get("href").or_else(|| next.get("url")).and_then(meant).or_else(|| meant(next)).or_else(|| cursor(next))
    };
    told(answer).find_map(address).or_else(|| told(answer).find_map(cursor))
}

fn cursor(object: &Value) -> Option<Named> {
    let found = |(key, parameter): &(&str, &str)| {
        Some(Named::Parameter((*parameter).to_owned(), object.get(key).and_then(written)?))
    };
    CURSORS.iter().find_map(found)
}

/// What a value under `next` means: an address, the number of a page, or a cursor.
fn meant(value: &Value) -> Option<Named> {
    let text = written(value)?;
    let is_address = text.contains("://") || text.contains('?') || text.starts_with('/');
    Some(match value {
        Value::Number(_) => Named::Parameter("page".into(), text),
        _ if is_address => Named::Address(text),
        _ => Named::Parameter("cursor".into(), text),
    })
}

/// A text or a number as a parameter has it; none for nothing.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The number that a parameter of an address has.
pub fn parameter_of(address: &str, name: &str) -> Option<usize> {
    let (_, query) = address.split_once('?')?;
    query.split('&').find_map(|one| one.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

/// An address with a parameter set.
pub fn with_parameter(address: &str, name: &str, value: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let is_other = |one: &&str| !one.is_empty() && one.split('=').next() != Some(name);
    let mut all: Vec<String> = query.split('&').filter(is_other).map(str::to_owned).collect();
    all.push(format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    format!("{path}?{}", all.join("&"))
}

/// The address that a `Link` header names as `next`.
fn linked(link: &str) -> Option<Named> {
    link.split(',').find_map(|one| {
        let (address, rest) = one.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = rest.split(';').any(|p| p.trim().trim_matches('"').replace('"', "") == "rel=next");
        is_next.then(|| Named::Address(address.to_owned()))
    })
}

/// The whole address of `next` as seen from `page`; none where it is of another host, or of another scheme.
fn address(page: &str, next: &str) -> Option<String> {
    let (scheme, rest) = page.split_once("://")?;
    let host = rest.split(['/', '?']).next()?;
    let origin = format!("{scheme}://{host}");
    if next.contains("://") {
        let same = next.strip_prefix(&origin).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        return same.then(|| next.to_owned());
    }
    let path = page.split('?').next()?;
    Some(match next.as_bytes() {
        [b'/', b'/', ..] => return None,
        [b'/', ..] => format!("{origin}{next}"),
        [b'?', ..] => format!("{path}{next}"),
        _ => format!("{}/{next}", path.rsplit_once('/').filter(|(base, _)| base.len() > scheme.len() + 2)?.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn after(answer: &Value, link: Option<&str>, address: &str, rows: usize) -> Option<String> {
        next(&Page { answer, link, address, before: 0, rows }, None)
    }

    #[test]
    fn pages_are_named_in_several_ways() {
        let at = "http://h/a?page=1&size=2";
        for (answer, wanted) in [
            (json!({"next": "/a?page=2"}), Some("http://h/a?page=2")),
            (json!({"_links": {"next": {"href": "?page=2"}}}), Some("http://h/a?page=2")),
            (json!({"next": null, "links": {"next": "http://h/b"}}), Some("http://h/b")),
            (json!({"next": "x/y+z="}), Some("http://h/a?page=1&size=2&cursor=x%2Fy%2Bz%3D")),
            (json!({"next": 2}), Some("http://h/a?size=2&page=2")),
            (json!({"meta": {"next_cursor": "n1"}}), Some("http://h/a?page=1&size=2&cursor=n1")),
            (json!({"nextPageToken": "t"}), Some("http://h/a?page=1&size=2&pageToken=t")),
            (json!({"paging": {"next": {"after": "9"}}}), Some("http://h/a?page=1&size=2&after=9")),
            (json!({"paging": {"cursors": {"after": "Q"}}}), Some("http://h/a?page=1&size=2&after=Q")),
            (json!({"pageInfo": {"hasNextPage": false, "endCursor": "e"}}), None),
            (json!({"next_cursor": "", "has_more": false}), None),
        ] {
            assert_eq!(after(&answer, None, at, 2).as_deref(), wanted, "{answer}");
        }
        let link = "<http://h/a?page=1>; rel=\"prev\", <http://h/a?page=3>; rel=\"next\"";
        assert_eq!(after(&json!({"next": null}), Some(link), at, 2).as_deref(), Some("http://h/a?page=3"));
        assert_eq!(after(&json!([1]), None, "http://h/a", 1), None);
    }

    #[test]
    fn what_is_declared_goes_first() {
        let declared = |cursor: Option<&str>, counts| Pages {
            parameter: "from".into(),
            cursor: cursor.map(str::to_owned),
            counts,
        };
        let answer = json!({"items": [{"id": 7}], "next": "/b?x"});
        let page = Page { answer: &answer, link: None, address: "http://h/a", before: 2, rows: 3 };
        let asked = |pages: Pages| next(&page, Some(&pages)).unwrap();
        assert_eq!(asked(declared(Some("$.items[-1].id"), Counts::Rows)), "http://h/a?from=7");
        assert_eq!(asked(declared(None, Counts::Rows)), "http://h/a?from=3");
        assert_eq!(asked(declared(None, Counts::Pages)), "http://h/a?from=2");
        let empty = Page { rows: 2, ..page };
        assert_eq!(next(&empty, Some(&declared(None, Counts::Rows))), None);
        assert_eq!(next(&empty, Some(&declared(Some("$.no"), Counts::Rows))), None);
    }

    #[test]
    fn no_page_leads_to_another_host() {
        let page = "http://h:8/a/b?page=1";
        assert_eq!(address(page, "/c?page=2").as_deref(), Some("http://h:8/c?page=2"));
        assert_eq!(address(page, "?page=2").as_deref(), Some("http://h:8/a/b?page=2"));
        assert_eq!(address(page, "http://h:8/a?page=2").as_deref(), Some("http://h:8/a?page=2"));
        for elsewhere in ["http://evil/a", "http://h:8.evil/a", "//evil/a", "https://h:8/a"] {
            assert_eq!(address(page, elsewhere), None, "{elsewhere}");
        }
    }
}
