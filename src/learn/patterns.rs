//! What looks personal or secret, whoever it belongs to.
//!
//! A pattern proposes, a check decides: an IBAN and a card number carry their own proof, a date is no telephone number,
//! a netmask nobody's address. What is matched is the group `v` where the expression has one.

use super::secrets::{is_key, is_pin, is_secret, is_watchword};
use crate::error::{Error, Result};
use regex::{Captures, Regex};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// A kind of personal data and how to find it.
pub(super) struct Pattern {
    pub kind: &'static str,
    regex: Regex,
    check: Check,
}

/// How many bytes of a proposed value belong to it; `None` when it is something else. Sees what stands before the whole
/// match and behind the value.
type Check = fn(value: &str, before: &str, after: &str) -> Option<usize>;

/// Kind, expression, check. Where two begin at one place the longer counts, of equally long ones the first.
const PATTERNS: &[(&str, &str, Check)] = &[
    ("key", r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", whole),
    ("credentials", r"(?i)\b[a-z][a-z0-9+.-]*://(?P<v>[^\s/:@]+:[^\s/@]+)@", whole),
    (
        "secret",
        r#"(?ix)\b (?: pass(?:word|code|phrase|wd) | pwd | passwort | watchword | code\s?word | safe\s?word )\b
           (?: \s+ (?:for|of|to|in|on|at|from) \s+ [^.:=?!\n]{1,30}? )?
           [\ \t]* (?: \b(?:is|was)\b[\ \t]*:? | [:=] | -> ) [\ \t]*
           (?P<v> ["“‘'`] [^"”’'`\n]{1,80} ["”’'`] | \S{1,80} )"#,
        is_watchword,
    ),
    (
        "secret",
        r#"(?ix)\b (?: secret | code | token | combination | otp | cvv | cvc | login
           | (?:api|access|secret|private|licen[cs]e|activation|encryption|security|recovery|wi-?fi|ssh)[\s_-]?key )\b
           (?: \s+ (?:number|word|phrase) )? (?: \s+ (?:for|of|to|in|on|at|from) \s+ [^.:=?!\n]{1,30}? )?
           [\ \t]* (?: \b(?:is|was)\b[\ \t]*:? | [:=] | -> ) [\ \t]*
           (?P<v> ["“‘'`] [^"”’'`\n]{1,80} ["”’'`] | \S{1,80} (?:[\ -]\d[\d-]*)* )"#,
        is_secret,
    ),
    (
        "secret",
        r"(?i)\bpin\b(?:\s+(?:number|code))?[^.\d\n]{0,40}?(?:\b(?:is|was)\b[ \t]*:?|[:=]|->)[ \t]*(?P<v>\d[\d -]*\d)",
        is_pin,
    ),
    ("email", r"(?i)[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+", whole),
    (
        "email",
        r"(?i)[\p{L}\p{N}._%+-]+ ?[(\[]at[)\]] ?[\p{L}\p{N}-]+(?: ?(?:\.|[(\[]dot[)\]]) ?[\p{L}\p{N}-]+)+",
        whole,
    ),
    ("iban", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", iban),
    ("card", r"\b[2-6]\d{3}(?:[ -]?\d){9,15}\b", card),
    // As it stands on a card, whatever its digits add up to: people mistype them.
    ("card", r"\b\d{4}(?:[ -]\d{4}){3}\b", whole),
    ("number", r"\b\d{3}-\d{2}-\d{4}\b", whole),
    ("number", r"\b[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b", whole),
    ("telephone", r"\+\d(?:[ ./()-]{0,2}\d){6,14}\b", whole),
    ("telephone", r"\(?\b0\d(?:[ ./()-]{0,2}\d){7,10}\b", telephone),
    ("telephone", r"\(?\b[2-9]\d{2}\)?[ .-]\d{3}[ .-]\d{4}\b", whole),
    (
        "telephone",
        r"(?i)\b(?:tel|telephone|phone|mobile|cell|fax|call|ring|text)\b[^\d\n]{0,20}?(?P<v>\+?\d(?:[ ()-]{0,2}\d){5,14})\b",
        whole,
    ),
    (
        "number",
        r"(?ix)\b (?: account | acct | sort\s?code | customer | member(?:ship)? | policy | passport | licen[cs]e
           | national\s+insurance | social\s+security | tax ) \s*
           (?: (?:number|no\.?|nr\.?|id|\#)\s*(?:is|was|:|=)? | is | : | = ) \s*
           (?P<v> [a-z]{0,3}[\ -]?\d[\da-z]*(?:-[\da-z]+)* )",
        |value, _, _| (value.chars().filter(char::is_ascii_digit).count() >= 4).then_some(value.len()),
    ),
    ("number", r"\b\d{10,}\b", whole),
    ("ip", r"\b\d{1,3}(?:\.\d{1,3}){3}\b", ip4),
    ("ip", r"(?i)(?:^|[^\w:.])(?P<v>(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4})(?:$|[^\w:])", ip6),
    ("mac", r"(?i)\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b", whole),
    (
        "address",
        r"\b\d{1,4}[a-zA-Z]?,? (?:\p{Lu}[\p{L}'’-]+ ){1,3}(?:Street|St|Road|Rd|Lane|Ln|Avenue|Ave|Drive|Close|Court|Place|Square|Terrace|Crescent|Gardens|Row|Boulevard|Blvd)\b",
        address,
    ),
    ("address", r"\b\p{Lu}[\p{L}-]*(?:straße|strasse|str\.|gasse|platz|allee|weg) \d{1,4} ?[a-z]?\b", whole),
    ("postcode", r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b", postcode),
    (
        "name",
        r"(?:(?i:\bmy name(?: is|'s|’s))|\b[Rr]egards,?|\b[Ss]incerely,?)\s+(?P<v>\p{Lu}[\p{L}'’-]+(?: \p{Lu}[\p{L}'’-]+){0,2})",
        whole,
    ),
    (
        "key",
        r"\b(?:(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|hf_[A-Za-z0-9]{20,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,})",
        whole,
    ),
    ("key", r"[A-Za-z0-9+_=-]{20,}", is_key),
];

/// Compiles the table.
pub(super) fn patterns() -> Result<Vec<Pattern>> {
    PATTERNS.iter().map(|&(kind, text, check)| Ok(Pattern { kind, regex: compile(kind, text)?, check })).collect()
}

/// An expression of ours; which it is stands in the error.
pub(super) fn compile(what: &str, expression: &str) -> Result<Regex> {
    Regex::new(expression).map_err(|e| Error::unsupported(format!("the pattern for {what} cannot be used")).because(e))
}

impl Pattern {
    /// Where `text` holds it.
    pub fn find<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
        self.regex.captures_iter(text).filter_map(|captures| self.place(text, &captures))
    }

    fn place(&self, text: &str, captures: &Captures) -> Option<Range<usize>> {
        let whole = captures.get(0)?;
        let value = captures.name("v").unwrap_or(whole);
        let (before, after) = (text.get(..whole.start())?, text.get(value.end()..)?);
        let length = (self.check)(value.as_str(), before, after)?;
        Some(value.start()..value.start() + length)
    }
}

fn whole(value: &str, _: &str, _: &str) -> Option<usize> {
    Some(value.len())
}

/// The longest beginning whose check digits are right: a word may follow that looks like a group.
fn iban(value: &str, _: &str, _: &str) -> Option<usize> {
    let ends = value.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
    ends.filter(|&end| value.get(end - 1..end) != Some(" ")).find(|&end| {
        let compact: Vec<u32> = value.chars().take(end).filter_map(|c| c.to_digit(36)).collect();
        let (head, rest) = compact.split_at(4.min(compact.len()));
        let digit = |sum: u32, &d: &u32| (sum * if d > 9 { 100 } else { 10 } + d) % 97;
        (15..=34).contains(&compact.len()) && rest.iter().chain(head).fold(0, digit) == 1
    })
}

/// Luhn's check digit.
fn card(value: &str, _: &str, _: &str) -> Option<usize> {
    let digits = value.chars().rev().filter_map(|c| c.to_digit(10)).enumerate();
    let sum: u32 = digits.map(|(i, d)| if i % 2 == 0 { d } else { d * 2 - if d > 4 { 9 } else { 0 } }).sum();
    (sum.is_multiple_of(10)).then_some(value.len())
}

/// No date, and no end of one.
fn telephone(value: &str, before: &str, _: &str) -> Option<usize> {
    let mut before = before.chars().rev();
    let goes_on = before.next().is_some_and(|c| "-/.:".contains(c)) && before.next().is_some_and(|c| c.is_numeric());
    let parts: Vec<&str> = value.split(['.', '/', '-', ' ']).collect();
    let year = |part: &str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    let is_date = matches!(parts.as_slice(), [day, month, y, ..] if day.len() <= 2 && month.len() <= 2 && year(y));
    (!goes_on && !is_date).then_some(value.len())
}

/// A machine's address: no netmask, no loopback, nothing that means "any".
fn ip4(value: &str, before: &str, after: &str) -> Option<usize> {
    let address: Ipv4Addr = value.parse().ok()?;
    let longer =
        before.ends_with('.') || after.strip_prefix('.').is_some_and(|rest| rest.starts_with(char::is_numeric));
    let special = address.is_loopback() || address.is_unspecified() || value.starts_with("255.");
    (!longer && !special).then_some(value.len())
}

fn ip6(value: &str, _: &str, _: &str) -> Option<usize> {
    let address: Ipv6Addr = value.parse().ok()?;
    (address.segments().iter().filter(|&&s| s != 0).count() >= 3).then_some(value.len())
}

/// "4 Wheel Drive" and "2 Hard Drive" are no places.
fn address(value: &str, _: &str, _: &str) -> Option<usize> {
    let things = ["Wheel", "Hard", "Flash", "Disk", "State", "Tape", "Thumb", "Optical"];
    let is_thing = value.strip_suffix(" Drive").is_some_and(|head| things.iter().any(|thing| head.ends_with(thing)));
    (!is_thing).then_some(value.len())
}

/// "M1 8GB" is a computer.
fn postcode(value: &str, _: &str, _: &str) -> Option<usize> {
    let units = ["AM", "CM", "GB", "HZ", "KB", "KG", "KM", "KW", "MB", "ML", "MM", "MW", "PM", "TB"];
    (!units.iter().any(|unit| value.ends_with(unit))).then_some(value.len())
}
