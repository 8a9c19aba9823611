//! Dates and times of day as they are written.

use super::lex::What;
use super::quantity::{Kind, Quantity};
use regex::Captures;

fn part<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}

/// "2026-11-24".
pub fn iso(date: &str) -> Option<What> {
    let mut parts = date.split('-');
    let kind = Kind::Date(part(parts.next()?), part(parts.next()?), part(parts.next()?));
    Some(What::Quantity(Quantity::new(0.0, kind)))
}

/// "24.12." or "24/12/2026"; a number at a sentence's end looks like it.
pub fn dotted(text: &str, found: &Captures, date: &str, german: bool) -> (Option<What>, Option<usize>) {
    let parts: Vec<&str> = date.split(['.', '/']).map(str::trim).collect();
    let [mut day, mut month, year] = [0, 1, 2].map(|i| parts.get(i).and_then(|p| part::<u16>(p)));
    if month > Some(12) && day <= Some(12) && date.contains('/') {
        std::mem::swap(&mut day, &mut month);
    }
    let end = found.get(0).map_or(0, |m| m.end());
    let after = text.get(end..).unwrap_or_default();
    let goes_on = after.trim_start().chars().next().is_some_and(|c| c.is_lowercase() || c.is_ascii_digit());
    let valid = (1..=31).contains(&day.unwrap_or(0)) && (1..=12).contains(&month.unwrap_or(0));
    if valid && (year.is_some() || german || goes_on) {
        let kind = Kind::Date(year, month.map(|m| m as u8), day.map(|d| d as u8));
        return (Some(What::Quantity(Quantity::new(0.0, kind))), None);
    }
    // "4.50.": a number and a full stop.
    let shorter = date.trim_end_matches('.');
    let start = found.get(0).map_or(0, |m| m.start());
    let value = shorter.replace(' ', "").parse().unwrap_or(f64::NAN);
    (Some(What::Quantity(Quantity::new(value, Kind::Bare))), Some(start + shorter.len()))
}

/// "24 December 2026", "December 24".
pub fn named_date(date: &str) -> What {
    let lower = date.to_lowercase();
    let (mut day, mut month, mut year) = (None, None, None);
    for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
        match digits.len() {
            4 => year = part(&digits),
            1 | 2 => day = part(&digits),
            _ => month = month.or_else(|| month_of(word)),
        }
    }
    What::Quantity(Quantity::new(0.0, Kind::Date(year, month, day)))
}

fn month_of(word: &str) -> Option<u8> {
    let names = ["jan", "feb", "mar mär", "apr", "may mai", "jun", "jul", "aug", "sep", "oct okt", "nov", "dec dez"];
    let beginning: String = word.chars().take(3).collect();
    (1..).zip(names).find(|(_, name)| name.split(' ').any(|n| n == beginning)).map(|(month, _)| month)
}

/// "9:00", "5 pm", "9 o'clock".
pub fn clock_time(time: &str) -> What {
    let lower = time.to_lowercase();
    let end = lower.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(lower.len());
    let (digits, rest) = lower.split_at(end);
    let mut parts = digits.split([':', '.']).filter_map(part::<f64>);
    let (hours, minutes) = (parts.next().unwrap_or(0.0), parts.next().unwrap_or(0.0));
    let rest = rest.trim();
    let hours = match rest.chars().next() {
        Some('p') if hours < 12.0 => hours + 12.0,
        Some('a') if hours == 12.0 => 0.0,
        _ => hours,
    };
    What::Quantity(Quantity::new(hours * 60.0 + minutes, Kind::Time(rest.starts_with('o') && hours <= 12.0)))
}
