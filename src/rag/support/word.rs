//! What a word does where it stands.

use super::lex::{What, Word};
use super::lexicon;

/// A word: what it does where it stands.
pub fn spoken(word: &str, german: bool, at_start: bool) -> What {
    let lower = word.to_lowercase();
    let days = days(&lower).or(match word {
        "Sat" => Some(1 << 5),
        "Sun" => Some(1 << 6),
        _ => None,
    });
    if let Some(days) = days {
        return What::Days(days);
    }
    match lower.as_str() {
        "only" | "nur" | "lediglich" | "ausschließlich" => return What::Limit("only"),
        "except" | "unless" | "außer" | "ausgenommen" | "excluding" => return What::Limit("except"),
        _ => {}
    }
    let denies = lexicon::denies(&lower, german);
    if ["n't", "n’t"].iter().any(|end| lower.ends_with(end)) || denies == Some(None) {
        return What::Not;
    }
    if lexicon::is_function(&lower) && !is_acronym(word)
        || lower.chars().count() == 1 && !word.chars().all(char::is_uppercase)
    {
        return What::Function(lower);
    }
    let capital = word.chars().next().is_some_and(char::is_uppercase);
    let name = is_acronym(word) || capital && !at_start && !german;
    let base = denies.flatten();
    let key = lexicon::key(base.unwrap_or(&lower), german);
    What::Word(Word { weight: lexicon::weight(&key), key, lower, name, capital, denied: base.is_some() })
}

/// More than one capital, and no word that is shouted with them.
fn is_acronym(word: &str) -> bool {
    let capitals = word.chars().filter(|c| c.is_uppercase()).count();
    capitals >= 2
        && !matches!(word, "NOT" | "NEVER" | "NO" | "ONLY" | "MUST" | "DO" | "AND" | "OR" | "THE" | "IT" | "IS")
}

/// The days of the week that a word names.
fn days(lower: &str) -> Option<u8> {
    let names = [
        "monday mondays mon montag montags mo",
        "tuesday tuesdays tue tues dienstag dienstags di",
        "wednesday wednesdays wed mittwoch mittwochs mi",
        "thursday thursdays thu thur thurs donnerstag donnerstags",
        "friday fridays fri freitag freitags",
        "saturday saturdays samstag samstags sonnabend",
        "sunday sundays sonntag sonntags",
    ];
    let one = names.iter().position(|names| names.split(' ').any(|name| name == lower)).map(|day| 1 << day);
    one.or(match lower {
        "weekday" | "weekdays" | "werktags" | "wochentags" => Some(0b001_1111),
        "weekend" | "weekends" | "wochenende" | "wochenenden" => Some(0b110_0000),
        _ => None,
    })
}
