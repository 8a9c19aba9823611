//! Tokens put together: number words, units, bounds and ranges, runs of days, clauses.

use super::lex::{Token, What, side, tokens};
use super::lexicon;
use super::quantity::{Bound, Kind, Quantity, Side, spelled_unit};

/// A text as it is compared.
#[derive(Clone, Debug, Default)]
pub struct Text {
    pub tokens: Vec<Token>,
    /// Every word as it is compared, those that bring no matter too.
    pub keys: Vec<String>,
}

/// Reads a text.
pub fn parse(text: &str, german: bool) -> Text {
    let mut tokens = tokens(text, german);
    numbers(&mut tokens);
    units(&mut tokens);
    days(&mut tokens);
    ranges(&mut tokens);
    bounds(&mut tokens);
    let mut tokens = denials(tokens);
    super::clause::number(&mut tokens);
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’'));
    let keys = words.filter(|w| !w.is_empty()).map(|w| lexicon::key(&w.to_lowercase(), german)).collect();
    Text { tokens, keys }
}

impl Text {
    /// Its quantities.
    pub fn quantities(&self) -> impl Iterator<Item = (&Token, &Quantity)> {
        self.tokens.iter().filter_map(|token| match &token.what {
            What::Quantity(quantity) => Some((token, quantity)),
            _ => None,
        })
    }

    /// Its words that bring matter.
    pub fn words(&self) -> impl Iterator<Item = (&Token, &super::lex::Word)> {
        self.tokens.iter().filter_map(|token| match &token.what {
            What::Word(word) => Some((token, word)),
            _ => None,
        })
    }

    /// Whether it holds a word or a longer form of it.
    pub fn has(&self, key: &str, german: bool) -> bool {
        self.keys.iter().any(|held| lexicon::same(held, key, german))
            || self.words().any(|(_, word)| lexicon::same(&word.key, key, german))
    }

    /// Whether one of these words that bring no matter stands in it.
    pub fn says(&self, functions: &[&str]) -> bool {
        self.tokens.iter().any(|token| matches!(&token.what, What::Function(f) if functions.contains(&f.as_str())))
    }
}

fn is_function(token: Option<&Token>, words: &[&str]) -> bool {
    matches!(token.map(|t| &t.what), Some(What::Function(f)) if words.contains(&f.as_str()))
}

/// The value of a number word.
fn value(word: &str) -> Option<f64> {
    let names = [
        "zero null",
        "",
        "two zwei",
        "three drei",
        "four vier",
        "five fünf",
        "six sechs",
        "seven sieben",
        "eight acht",
        "nine neun",
        "ten zehn",
        "eleven elf",
        "twelve zwölf dozen",
        "thirteen dreizehn",
        "fourteen vierzehn",
        "fifteen fünfzehn",
        "sixteen sechzehn",
        "seventeen siebzehn",
        "eighteen achtzehn",
        "nineteen neunzehn",
    ];
    let tens = [
        "twenty zwanzig",
        "thirty dreißig dreissig",
        "forty vierzig",
        "fifty fünfzig",
        "sixty sechzig",
        "seventy siebzig",
        "eighty achtzig",
        "ninety neunzig",
    ];
    let at =
        |list: &[&str]| list.iter().position(|names| names.split(' ').any(|name| !name.is_empty() && name == word));
    if let Some((small, large)) = word.split_once("und") {
        let small = if small == "ein" { Some(1.0) } else { value(small) };
        return Some(small? + value(large).filter(|v| *v >= 20.0)?);
    }
    match word {
        "half" | "halb" | "halbe" | "halben" | "halber" | "halbes" => Some(0.5),
        "hundred" | "hundert" => Some(100.0),
        "thousand" | "tausend" => Some(1000.0),
        _ => at(&names).map(|n| n as f64).or(at(&tens).map(|n| (n + 2) as f64 * 10.0)),
    }
}

/// Number words become quantities.
fn numbers(tokens: &mut Vec<Token>) {
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens.drain(..) {
        let lower = match &token.what {
            What::Word(word) => Some(word.lower.clone()),
            _ => None,
        };
        let times = match lower.as_deref() {
            Some("once" | "einmal") => Some(1.0),
            Some("twice" | "zweimal") => Some(2.0),
            Some("dreimal") => Some(3.0),
            _ => None,
        };
        if let Some(times) = times {
            out.push(Token { what: What::Quantity(Quantity::new(times, Kind::Unit("times", 1.0))), ..token });
            continue;
        }
        let Some(value) = lower.as_deref().and_then(value) else {
            out.push(token);
            continue;
        };
        // "twenty-five", "three hundred", "a hundred".
        let dash = is_function(out.last(), &["-"]);
        let before = out.len().checked_sub(1 + usize::from(dash)).and_then(|at| out.get_mut(at));
        if let Some(Token { what: What::Quantity(last), at, .. }) = before
            && last.kind == Kind::Bare
            && (value >= 100.0 && last.value < value || value < 10.0 && last.value >= 20.0 && last.value % 10.0 == 0.0)
            && token.at.start - at.end <= 1
        {
            last.value = if value >= 100.0 { last.value * value } else { last.value + value };
            at.end = token.at.end;
            if dash {
                out.pop();
            }
            continue;
        }
        out.push(Token { what: What::Quantity(Quantity::new(value, Kind::Bare)), ..token });
    }
    *tokens = out;
}

/// Units that stand behind their number: "five days", "2 working days", "half an hour"; and "an hour".
fn units(tokens: &mut Vec<Token>) {
    let mut at = 0;
    while at < tokens.len() {
        let named = |i: usize| match tokens.get(i).map(|t| &t.what) {
            Some(What::Word(word)) => Some((spelled_unit(&word.lower), word.lower.as_str())),
            _ => None,
        };
        let is_one =
            is_function(tokens.get(at), &["a", "an", "one", "ein", "eine", "einer", "einem", "einen", "per", "pro"]);
        let soft = !is_function(tokens.get(at), &["one"]);
        let bare = matches!(&tokens[at].what, What::Quantity(q) if q.kind == Kind::Bare);
        let mut next = at + 1;
        if bare && is_function(tokens.get(next), &["-", "a", "an"]) {
            next += 1;
        }
        let (kind, last) = match named(next) {
            Some((_, "working" | "business")) if matches!(named(next + 1), Some((_, "days" | "day"))) => {
                (Some(Kind::Unit("workday", 1.0)), next + 1)
            }
            Some((kind, _)) => (kind, next),
            None => (None, next),
        };
        if let Some(kind) = kind
            && (bare || is_one)
        {
            let end = tokens[last].at.end;
            if let What::Quantity(quantity) = &mut tokens[at].what {
                quantity.kind = kind;
            } else {
                tokens[at].what = What::Quantity(Quantity { soft, ..Quantity::new(1.0, kind) });
            }
            tokens[at].at.end = end;
            // "a week" stays a word as well: it need not be held against a number.
            let keep = usize::from(soft && is_one);
            tokens.drain(at + 1..last + 1 - keep);
        }
        at += 1;
    }
}

/// "Tuesday to Friday" is four days.
fn days(tokens: &mut Vec<Token>) {
    let mut at = 0;
    while at + 2 < tokens.len() {
        let joins = is_function(tokens.get(at + 1), &["to", "-", "bis", "through", "till", "until"])
            || matches!(tokens[at + 1].what, What::Break('–' | '-' | '—'));
        if let (What::Days(from), What::Days(to), true) = (&tokens[at].what, &tokens[at + 2].what, joins) {
            let (mut day, last) = (from.trailing_zeros(), to.trailing_zeros());
            let mut all = 1u8 << (day % 7);
            while day % 7 != last % 7 {
                day += 1;
                all |= 1 << (day % 7);
            }
            tokens[at].what = What::Days(all);
            tokens.drain(at + 1..at + 3);
        }
        at += 1;
    }
}

/// Both ends of a range share their unit: "2 to 3 weeks", "£5 to 10", "24 to 26 December".
fn ranges(tokens: &mut [Token]) {
    for at in 0..tokens.len().saturating_sub(2) {
        let (left, right) = tokens.split_at_mut(at + 1);
        let between = at > 0 && is_function(left.get(at - 1), &["between", "zwischen"]);
        let [joint, second, ..] = right else { continue };
        let spans = is_function(Some(joint), &["to", "-", "bis", "until", "till"])
            || matches!(joint.what, What::Break('–' | '-' | '—'))
            || between && is_function(Some(joint), &["and", "und"]);
        if !spans && !is_function(Some(joint), &["or", "oder", "and", "und"]) {
            continue;
        }
        let (Some(Token { what: What::Quantity(a), .. }), What::Quantity(b)) = (left.last_mut(), &mut second.what)
        else {
            continue;
        };
        match (&a.kind, &b.kind) {
            (Kind::Bare, Kind::Unit(..)) => a.kind = b.kind.clone(),
            (Kind::Bare, Kind::Date(year, month, Some(_))) if a.value.fract() == 0.0 => {
                a.kind = Kind::Date(*year, *month, Some(a.value as u8));
                a.value = 0.0;
            }
            (Kind::Bare, Kind::Time(_)) if spans && a.value <= 24.0 => {
                a.kind = Kind::Time(true);
                a.value *= 60.0;
            }
            (Kind::Money(_), Kind::Bare) => b.kind = a.kind.clone(),
            _ => {}
        }
        if spans {
            (a.range, b.range) = (true, true);
            a.bound.get_or_insert(Bound { side: Side::Up, strict: false });
            b.bound.get_or_insert(Bound { side: Side::Down, strict: false });
        }
    }
}

/// What stands before a number and limits it, and what follows it.
fn bounds(tokens: &mut [Token]) {
    const BETWEEN: &[&str] =
        &["about", "the", "a", "an", "roughly", "approximately", "around", "ca", "etwa", "rund", "dem", "den", "der"];
    for at in 0..tokens.len() {
        let mut back = at;
        while back > 0 && is_function(tokens.get(back - 1), BETWEEN) {
            back -= 1;
        }
        let soft = |side| Some(Bound { side, strict: false });
        let before = match back.checked_sub(1).map(|i| &tokens[i].what) {
            Some(What::Bound(bound)) => Some(*bound),
            Some(What::Function(f)) if f == "at" || f == "um" => match back.checked_sub(2).map(|i| &tokens[i].what) {
                Some(What::Word(w)) if w.denied => None,
                Some(What::Word(w)) if w.lower.starts_with("open") || w.lower.contains("öffnet") => soft(Side::Up),
                Some(What::Word(w)) if w.lower.starts_with("close") || w.lower == "schließt" => soft(Side::Down),
                _ => None,
            },
            Some(What::Function(f)) if f != "to" => side(f).and_then(soft),
            _ => None,
        };
        let tail = match tokens.get(at + 1).map(|t| &t.what) {
            Some(What::Function(f)) if ["before", "after", "vor", "nach"].contains(&f.as_str()) => side(f),
            _ => None,
        };
        if let What::Quantity(quantity) = &mut tokens[at].what {
            quantity.bound = before.or(quantity.bound);
            quantity.tail = tail;
        }
    }
}

/// A denial before each word that stands for a denied one; bounds without a number are mere words.
fn denials(tokens: Vec<Token>) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens {
        // "Switch it off", "the light is off"; but not "off the price".
        let is_switched = |near: &Token| match &near.what {
            What::Word(word) => word.key == "turn",
            What::Function(f) => matches!(f.as_str(), "is" | "are" | "be" | "was"),
            _ => false,
        };
        let is_off = is_function(Some(&token), &["off"]) && out.iter().rev().take(5).any(is_switched);
        if is_off || matches!(&token.what, What::Word(word) if word.denied) {
            out.push(Token { what: What::Not, at: token.at.clone(), clause: 0 });
        }
        out.push(token);
    }
    out
}
