//! Ids of persons in a question, however they are spelt: `C-1014`, `c1014`, `C 10 14`, "customer 1014".

use regex::Regex;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use unicode_normalization::UnicodeNormalization;

/// A number behind the word for a person.
static NUMBERED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)\b(?:customer|client|patient|member|guest|visitor|person|subject|kunde|kundin|kunden|patientin|mitglied)
          (?:['’]?s)? [\s\-_.:\#/]* (?:id|number|no|num|nr|nummer|account|card)? [\s\-_.:\#/]* (?P<number>\d(?:[\ \-_.]?\d)*)\b",
    )
    .ok()
});

/// Somebody's address of mail.
static MAIL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)[\w.+-]+@[\w-]+(?:\.[\w-]+)+").ok());

/// Whether a question names an id like the subject's own that is not the subject's.
pub(super) fn names_another(question: &str, subject: &str) -> bool {
    let (question, subject) = (plain(question), plain(subject));
    let own = digits(&subject);
    let mail = || MAIL.as_ref().into_iter().flat_map(|mail| mail.find_iter(&question)).map(|found| found.as_str());
    if subject.contains('@') && mail().any(|address| address != subject) {
        return true;
    }
    let mut numbered = NUMBERED.as_ref().into_iter().flat_map(|n| n.captures_iter(&question));
    if !own.is_empty() && numbered.any(|found| digits(&found["number"]) != own) {
        return true;
    }
    let Some(shape) = shape(&subject) else { return false };
    shape.find_iter(&question).any(|found| !begins_with(found.as_str(), &bare(&subject)))
}

/// Whether the first words of a text are an id, whatever number comes behind it.
fn begins_with(text: &str, id: &str) -> bool {
    let ends = text.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at);
    ends.chain([text.len()]).any(|end| bare(&text[..end]) == id)
}

/// What ids like a subject's look like: the same letters in the same places, any digits between them, and between all
/// of them what people put there. None where an id is only letters or only digits: those stand in any question.
fn shape(subject: &str) -> Option<Regex> {
    static SHAPES: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    const MOST: usize = 1_000;
    let (mut pattern, mut last) = (String::from(r"\b"), None);
    let letters = subject.chars().filter(|c| c.is_alphabetic()).count();
    if letters == 0 || letters > 40 || digits(subject).is_empty() {
        return None;
    }
    for c in subject.chars().filter(|c| c.is_alphanumeric()) {
        let kind = c.is_numeric();
        if last.is_some_and(|before| before != kind) {
            pattern.push_str(r"[\s\-_./:#]*");
        }
        if !kind {
            pattern.push_str(&regex::escape(&c.to_string()));
        } else if last != Some(true) {
            pattern.push_str(r"\d(?:[\s\-_./]?\d)*");
        }
        last = Some(kind);
    }
    pattern.push_str(r"\b");
    let mut shapes = SHAPES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shape) = shapes.get(&pattern) {
        return Some(shape.clone());
    }
    let shape = Regex::new(&pattern).ok()?;
    if shapes.len() < MOST {
        shapes.insert(pattern, shape.clone());
    }
    Some(shape)
}

/// The letters and digits of a text.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn digits(text: &str) -> String {
    text.chars().filter(|c| c.is_numeric()).collect()
}

/// A text in small letters, each character as people mean it, digits that are written as words as digits.
fn plain(text: &str) -> String {
    const WORDS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let text: String = text.nfkc().flat_map(char::to_lowercase).map(dash).collect();
    let mut plain = Vec::new();
    let words: Vec<&str> = text.split(' ').collect();
    for (at, word) in words.iter().enumerate() {
        let digit = |word: &str| {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric());
            WORDS.iter().position(|name| *name == word).map(|digit| digit.to_string())
        };
        // One such word alone counts things; several in a row spell a number.
        let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten();
        let spells = beside.filter_map(|at| words.get(at)).any(|word| digit(word).is_some());
        plain.push(digit(word).filter(|_| spells).unwrap_or_else(|| (*word).to_owned()));
    }
    plain.join(" ")
}

/// The dashes that people take for one.
fn dash(c: char) -> char {
    if matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{00AD}') { '-' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_s_id_is_noticed_however_it_is_spelt() {
        for question in [
            "what did c-1002 buy",
            "And c1002?",
            "C 1002",
            "orders of C_1002 please",
            "C-10 02?",
            "c-1 4",
            "C1",
            "c/1002",
            "C\u{2013}1002",
            "Ｃ－１００２",
            "c one zero zero two",
            "customer 1002",
            "customer no. 1002's orders",
            "customer number: 10 02",
            "Kunde Nr. 1002",
            "C-10140",
            "C-101",
        ] {
            assert!(names_another(question, "C-1014"), "{question}");
        }
        assert!(names_another("what did bob@example.org order", "ann@example.org"));
        assert!(names_another("and customer 12?", "11"));
    }

    #[test]
    fn one_s_own_id_is_one_s_own_however_it_is_spelt() {
        for question in [
            "What did I, C-1014, buy?",
            "c1014 here, where is my order O-4032?",
            "I am C 10 14",
            "C-1014 2 days ago",
            "customer no. 1014",
            "c one zero one four",
            "Do you have two of the HS-110? I need 3.",
            "Is the price 12.50 or 14?",
            "ac-1002 adapters",
        ] {
            assert!(!names_another(question, "C-1014"), "{question}");
        }
        assert!(!names_another("what did I order, ann@example.org?", "ann@example.org"));
        assert!(!names_another("where is order 12", "11"));
    }
}
