//! A text as tokens: words, quantities, codes, days, denials.

use super::dates::{clock_time, dotted, iso, named_date};
use super::quantity::{Bound, Kind, Quantity, Side, unit};
use super::word::spoken;
use regex::{Captures, Regex};
use std::ops::Range;
use std::sync::LazyLock;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub what: What,
    pub at: Range<usize>,
    /// Number of the clause it stands in.
    pub clause: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A word that brings matter.
    Word(Word),
    /// A word that brings none, in lower case.
    Function(String),
    Quantity(Quantity),
    /// A product code, a number with letters, an address: upper case, letters and digits only.
    Code(String),
    /// Days of the week, one bit each from Monday.
    Days(u8),
    /// A word that denies its clause.
    Not,
    /// "only", "except": what limits its clause.
    Limit(&'static str),
    /// "at least": what limits the number that follows.
    Bound(Bound),
    Break(char),
}

/// A word that brings matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// As it is compared.
    pub key: String,
    /// In lower case.
    pub lower: String,
    pub weight: f32,
    /// Whether it is written as a name: a capital within the sentence, or more than one.
    pub name: bool,
    /// Whether it begins with a capital.
    pub capital: bool,
    /// Whether it stands for a word that denies this one: "closed" for "open".
    pub denied: bool,
}

/// Bounds of several words, or that are no mere prepositions: words, side, whether strict.
const BOUNDS: [(&str, Side, bool); 4] = [
    (
        "up to|at most|no more than|not more than|(?:a )?maximum of|no longer than|not longer than|fewer than|less than|\
         under|below|höchstens|maximal|bis zu|nicht mehr als|weniger als|unter",
        Side::Down,
        true,
    ),
    (
        "at least|no less than|not less than|no fewer than|(?:a )?minimum of|more than|longer than|older than|over|above|\
         mindestens|mehr als|über|wenigstens",
        Side::Up,
        true,
    ),
    ("no later than|not later than|spätestens|innerhalb von|innerhalb", Side::Down, false),
    ("not before|not earlier than|no earlier than|frühestens", Side::Up, false),
];

/// Months, with their capital: "may" is a word.
const MONTHS: &str = "(?-i:Jan(?:uary|uar)?|Feb(?:ruary|ruar)?|Mar(?:ch)?|März|Apr(?:il)?|May|Mai|June?|Juni|July?|Juli|\
    Aug(?:ust)?|Sep(?:t|tember)?|Oct(?:ober)?|Okt(?:ober)?|Nov(?:ember)?|Dec(?:ember)?|Dez(?:ember)?)";

/// The kinds of token in the order in which they are tried.
static TOKENS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let parts = [
        format!(r"(?P<bound>\b(?:{})\b)", BOUNDS.map(|(words, ..)| words).join("|")),
        r"(?P<free>\b(?:free of charge|(?:at )?no (?:extra )?(?:charge|cost)|without (?:charge|cost))\b)".to_owned(),
        r"(?P<filler>\bnot (?:only|just)\b|\bno (?:problem|matter)\b)".to_owned(),
        r"(?P<code0>[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?://[^\s)>\]]*[\w/]|www\.[^\s)>\]]*[\w/])".to_owned(),
        r"(?P<iso>\b\d{4}-\d{2}-\d{2}\b)".to_owned(),
        r"(?P<dmy>\b\d{1,2}\.\s?\d{1,2}\.(?:\s?\d{4}\b)?|\b\d{1,2}/\d{1,2}/\d{4}\b)".to_owned(),
        format!(r"(?P<date>\b\d{{1,2}}(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(?:{MONTHS})\b(?:,?\s+\d{{4}}\b)?)"),
        format!(r"(?P<mdate>\b(?:{MONTHS})\.?\s+(?:\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+\d{{4}}\b)?|\d{{4}}\b))"),
        r"(?P<time>\b\d{1,2}:\d{2}(?::\d{2})?(?:\s*(?:[ap]\.?m\b\.?|uhr\b|o['’]clock\b))?|\b\d{1,2}(?:\.\d{2})?\s*(?:[ap]\.?m\b|[ap]\.m\.|uhr\b|o['’]clock\b))".to_owned(),
        r"(?P<code1>\+\d[\d ()/-]{6,}\d|\(0\d{2,5}\)\s?\d[\d -]{3,}\d|\b0\d{2,5}[ /-]\d{2,}(?:[ -]\d{2,})*\b)".to_owned(),
        r"(?P<code2>\b\d+(?:\.\d+){2,}\b|#[\w-]*\d[\w-]*|\B--[a-z][\w-]+)".to_owned(),
        r"(?P<code3>(?-i:\b[A-Z][A-Za-z]{0,7}[-_/]?\d\w*(?:[-/]\w+)*))".to_owned(),
        r"(?P<code4>(?:~|\B)/[\w.-]+(?:/[\w.-]+)+|(?-i:\b[\w-]+\.[a-z]{2,4}\b))".to_owned(),
        r"(?:(?P<money>[£$€])\s?)?(?P<sign>[-−]|\bminus\s)?(?P<number>\b\d{1,3}(?:,\d{3})+(?:\.\d+)?\b|\d+(?:\.\d{3})+,\d+|\d+[.,]\d+|\d+/\d+|\d+)(?P<vulgar>[½¼¾])?(?:st\b|nd\b|rd\b|th\b)?(?:(?P<gap>[\s\u{a0}-]?)(?P<unit>%|°[CF]?|[€£$]|\p{L}+))?".to_owned(),
        r"(?P<half>[½¼¾])".to_owned(),
        r"(?P<word>\p{L}[\p{L}\p{M}\p{N}]*(?:['’]\p{L}+)*)".to_owned(),
        r"(?P<break>[.!?;:,()\n–—|]|\s-\s)".to_owned(),
        r"(?P<dash>-)".to_owned(),
    ];
    Regex::new(&format!("(?i){}", parts.join("|"))).ok()
});

/// The tokens of a text, without clauses.
pub fn tokens(text: &str, german: bool) -> Vec<Token> {
    let Some(regex) = TOKENS.as_ref() else { return vec![] };
    let mut out: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(found) = regex.captures_at(text, at) {
        let Some(whole) = found.get(0) else { break };
        let (what, end) = read(text, &found, german, &out);
        let end = end.unwrap_or(whole.end()).max(whole.start() + 1);
        if let Some(what) = what {
            out.push(Token { what, at: whole.start()..end, clause: 0 });
        }
        at = end;
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    out
}

/// What a match is, and where it ends if that is before the match does.
fn read(text: &str, found: &Captures, german: bool, before: &[Token]) -> (Option<What>, Option<usize>) {
    let get = |name: &str| found.name(name).map(|m| m.as_str());
    if let Some(bound) = get("bound").and_then(bound) {
        return (Some(What::Bound(bound)), None);
    }
    if get("free").is_some() {
        return (Some(spoken("free", false, false)), None);
    }
    if let Some(filler) = get("filler") {
        return (Some(What::Function(filler.to_lowercase())), None);
    }
    if get("dash").is_some() || glued_dash(text, found) {
        let start = found.get(0).map_or(0, |m| m.start());
        return (Some(What::Function("-".into())), Some(start + found.get(0).map_or(1, |m| first_len(m.as_str()))));
    }
    if let Some(code) = ["code0", "code1", "code2", "code3", "code4"].iter().find_map(|name| get(name)) {
        return (Some(What::Code(plain(code))), None);
    }
    if let Some(date) = get("iso") {
        return (iso(date), None);
    }
    if let Some(date) = get("dmy") {
        return dotted(text, found, date, german);
    }
    if let Some(date) = get("date").or_else(|| get("mdate")) {
        return (Some(named_date(date)), None);
    }
    if let Some(time) = get("time") {
        return (Some(clock_time(time)), None);
    }
    if get("number").is_some() {
        return number(found, german);
    }
    if let Some(half) = get("half") {
        return (Some(What::Quantity(Quantity::new(vulgar(half), Kind::Bare))), None);
    }
    if let Some(sign) = get("break") {
        return (sign.trim().chars().next().or(Some('\n')).map(What::Break), None);
    }
    (get("word").map(|word| spoken(word, german, is_start(before))), None)
}

fn first_len(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

/// Whether a match begins with a sign that stands right behind a number or word: "9:00-17:00" holds no minus.
fn glued_dash(text: &str, found: &Captures) -> bool {
    let start = found.name("sign").filter(|sign| !sign.as_str().starts_with(['m', 'M'])).map(|sign| sign.start());
    let is_first = start == found.get(0).map(|m| m.start());
    let before = start.and_then(|start| text.get(..start)).and_then(|text| text.chars().next_back());
    is_first && before.is_some_and(|c| !c.is_whitespace() && c != '(')
}

/// The bound that such words set.
fn bound(words: &str) -> Option<Bound> {
    let lower = words.to_lowercase();
    let fits = |alternatives: &str| alternatives.replace("(?:a )?", "").split('|').any(|one| lower.ends_with(one));
    let found = BOUNDS.iter().filter(|(words, ..)| fits(words));
    // "not more than" ends with "more than".
    let best = found.max_by_key(|(words, ..)| {
        let plain = words.replace("(?:a )?", "");
        plain.split('|').filter(|one| lower.ends_with(one)).map(str::len).max()
    });
    best.map(|(_, side, strict)| Bound { side: *side, strict: *strict })
}

/// Whether what comes next begins a sentence.
fn is_start(before: &[Token]) -> bool {
    match before.last().map(|token| &token.what) {
        None => true,
        Some(What::Break(c)) => matches!(c, '.' | '!' | '?' | ':' | '\n' | '(' | '|'),
        _ => false,
    }
}

fn plain(code: &str) -> String {
    code.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

fn vulgar(sign: &str) -> f64 {
    match sign {
        "½" => 0.5,
        "¼" => 0.25,
        _ => 0.75,
    }
}

/// A number in digits with the unit beside it.
fn number(found: &Captures, german: bool) -> (Option<What>, Option<usize>) {
    let get = |name: &str| found.name(name).map(|m| m.as_str());
    let digits = get("number").unwrap_or_default();
    let end = |name: &str| found.name(name).map(|m| m.end());
    let number_end = end("vulgar").or_else(|| end("number"));
    let Some(mut value) = value_of(digits, german) else {
        return (Some(What::Code(plain(digits))), number_end);
    };
    value += get("vulgar").map_or(0.0, vulgar);
    if get("sign").is_some() {
        value = -value;
    }
    let mut quantity = Quantity::new(value, get("money").and_then(unit).unwrap_or(Kind::Bare));
    let (name, is_glued) = (get("unit").unwrap_or_default(), get("gap").unwrap_or_default().is_empty());
    let lower = name.to_lowercase();
    // "5 a day", "3 x": a bare letter after a space is a unit only if it is written as units are.
    let letter = name.chars().count() == 1 && !is_glued && matches!(name, "a" | "A" | "x" | "c" | "d" | "p");
    match unit(&lower).filter(|_| !letter && !name.is_empty()) {
        Some(found_unit) if quantity.kind == Kind::Bare => quantity.kind = found_unit,
        Some(Kind::Money(_)) => {}
        _ if is_glued && name.chars().all(char::is_uppercase) && !name.is_empty() => {
            return (Some(What::Code(plain(&format!("{digits}{name}")))), None);
        }
        _ => {
            return (Some(What::Quantity(quantity)), number_end.filter(|_| !name.is_empty()));
        }
    }
    (Some(What::Quantity(quantity)), None)
}

/// "1,000", "4,50", "1.000,50", "1/2"; `None` for what is no number, such as "24/7".
fn value_of(digits: &str, german: bool) -> Option<f64> {
    if let Some((over, under)) = digits.split_once('/') {
        let (over, under): (f64, f64) = (over.parse().ok()?, under.parse().ok()?);
        return (over < under && under > 0.0).then(|| over / under);
    }
    let grouped = |sign: char| digits.split(sign).skip(1).all(|group| group.len() == 3 && group.parse::<u16>().is_ok());
    let text = match (digits.contains(','), digits.contains('.')) {
        (true, true) if digits.rfind(',') > digits.rfind('.') => digits.replace('.', "").replace(',', "."),
        (true, true) => digits.replace(',', ""),
        (true, false) if grouped(',') && !german => digits.replace(',', ""),
        (true, false) => digits.replace(',', "."),
        (false, true) if grouped('.') && german => digits.replace('.', ""),
        _ => digits.to_owned(),
    };
    text.parse().ok()
}

/// The side that "before" and "after" name.
pub fn side(function: &str) -> Option<Side> {
    match function {
        "after" | "since" | "from" | "nach" | "ab" | "seit" | "von" => Some(Side::Up),
        "before" | "until" | "till" | "by" | "vor" | "bis" | "to" | "within" => Some(Side::Down),
        _ => None,
    }
}
