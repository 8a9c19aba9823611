//! Where sentences end.
//!
//! The Unicode rules give the candidates. They know no abbreviations, no dates and no brackets; what is asked of each
//! candidate here puts that right, for English and German.

use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// What may stand between the mark that ends a sentence and the gap after it.
const CLOSERS: [char; 12] = ['"', '\'', ')', ']', '}', '»', '«', '”', '“', '’', '*', '›'];
/// What may stand before the first word of a sentence.
const OPENERS: [char; 12] = ['"', '\'', '(', '[', '{', '»', '«', '„', '“', '‘', '*', '¿'];
/// A bracket that does not close within so many bytes holds no sentence together.
const BRACKET: usize = 200;

/// Never the last word of a sentence: something that belongs to them follows.
const NEVER: &str = " e.g i.e z.b d.h u.u s.o i.d.r v.a o.ä approx ca vs cf dr mr mrs ms messrs prof st mt gen capt col \
    sgt lt rev hon hr fr frl dipl ing mag bzw evtl ggf ggü inkl exkl zzgl abzgl incl excl bspw vgl sog geb tel resp \
    gem lt zz einschl ";
/// A number follows them; else they end a sentence, as "No." does.
const NUMBERED: &str = " no nr nos fig figs abb p pp s vol ch chap sec sect art abs tab bd kap pos ref ext eq ";
/// After a number they are units, and may end a sentence; else they belong to what follows.
const MEASURES: &str = " min max std temp est opt ";
/// A number with a point before one of them is a day.
const MONTHS: &str = " januar jänner februar märz april mai juni juli august september oktober november dezember jan feb \
    mrz apr jun jul aug sept sep okt nov dez jahrhundert ";
/// A number with a point after one of them is an ordinal.
const ORDINAL: &str = " am im der die das den dem des vom zum zur bis ab jeder jede jedes jeden beim ins ";
/// Words that begin a sentence more often than they are a name.
const STARTERS: &str = " the a an it its this that these those we you they he she i if in on at for to do does not no \
    there then when where while use take eat after before with without as by from but and or so please see der die das \
    ein eine es wir sie er ich wenn im am bei für nach vor mit ohne nicht bitte dann ";

/// The sentences of `text` in order, as byte ranges without the white space around them. A line break is a space.
pub fn split(text: &str) -> Vec<Range<usize>> {
    let flat: String = text.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }).collect();
    let mut sentences: Vec<Range<usize>> = Vec::new();
    let (mut from, mut seen, mut depth) = (0, 0, 0_usize);
    for at in candidates(&flat) {
        for c in flat[seen..at].chars() {
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        seen = at;
        if ends(&flat[from..at], &flat[at..]) && !(depth > 0 && closes(&flat[at..])) {
            push(&flat, from..at, &mut sentences);
            (from, depth) = (at, 0);
        }
    }
    push(&flat, from..flat.len(), &mut sentences);
    sentences
}

/// Adds what stands in `range`; marks without a word go with the sentence before.
fn push(text: &str, range: Range<usize>, sentences: &mut Vec<Range<usize>>) {
    let part = &text[range.clone()];
    let start = range.start + part.len() - part.trim_start().len();
    let end = start + part.trim().len();
    if text[start..end].contains(char::is_alphanumeric) {
        sentences.push(start..end);
    } else if let Some(last) = sentences.last_mut().filter(|_| start < end) {
        last.end = end;
    }
}

/// Where a sentence may begin, in order.
fn candidates(text: &str) -> Vec<usize> {
    let mut found: Vec<usize> = text.split_sentence_bound_indices().map(|(at, _)| at).filter(|at| *at > 0).collect();
    // The Unicode rules see no end before a number that a small letter follows: "for 24 hours. 2 of them".
    let (mut ended, mut gap) = (false, false);
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            gap = ended;
        } else {
            if gap && !c.is_lowercase() {
                found.push(at);
            }
            ended = matches!(c, '.' | '!' | '?') || ended && !gap && CLOSERS.contains(&c);
            gap = false;
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether a sentence ends between `left` and `right`.
fn ends(left: &str, right: &str) -> bool {
    let trimmed = left.trim_end();
    let gap = trimmed.len() < left.len();
    let body = trimmed.trim_end_matches(CLOSERS);
    let small = first(right).is_some_and(char::is_lowercase);
    match body.chars().next_back() {
        Some('.') => gap && !small && point_ends(body, right),
        Some('!' | '?' | '…') => gap && !small,
        Some(c) => !c.is_ascii() && !c.is_alphanumeric() && !c.is_whitespace() && is_stop(c),
        None => false,
    }
}

/// The marks of other scripts that end a sentence without a gap.
fn is_stop(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '｡' | '．' | '؟' | '۔' | '।' | '॥' | '።' | '‼' | '⁇' | '⁈' | '⁉')
}

/// The first character of a sentence, past the marks that open it.
fn first(text: &str) -> Option<char> {
    text.trim_start_matches(OPENERS).chars().next()
}

fn closes(right: &str) -> bool {
    let near = &right[..right.floor_char_boundary(BRACKET)];
    near.find([')', ']']).is_some_and(|close| near.find(['(', '[']).is_none_or(|open| close < open))
}

fn listed(list: &str, word: &str) -> bool {
    !word.is_empty() && !word.contains(' ') && list.split_whitespace().any(|w| w == word)
}

/// Whether the point at the end of `body` ends a sentence. `right` does not begin with a small letter.
fn point_ends(body: &str, right: &str) -> bool {
    let mut words = body.split_whitespace().rev();
    let word = words.next().unwrap_or_default().trim_start_matches(OPENERS);
    let before = words.next().unwrap_or_default().trim_start_matches(OPENERS);
    let next = right.split_whitespace().next().unwrap_or_default().trim_start_matches(OPENERS);
    if word.ends_with("..") {
        return true;
    }
    let stem = word.trim_end_matches('.');
    let lower = stem.to_lowercase();
    let next_lower = next.trim_end_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let digit = next.starts_with(|c: char| c.is_numeric());
    let starts = listed(STARTERS, &next_lower);
    if stem.chars().count() == 1 && stem.chars().all(char::is_alphabetic) {
        return letter_ends(stem, before, next, digit, starts);
    }
    if !stem.is_empty() && stem.len() <= 3 && stem.bytes().all(|b| b.is_ascii_digit()) {
        let ordinal = listed(ORDINAL, &before.to_lowercase()) && !digit;
        return !(before.is_empty() || ordinal || listed(MONTHS, &next_lower));
    }
    if listed(NEVER, &lower) {
        return false;
    }
    if listed(NUMBERED, &lower) {
        return !digit;
    }
    if listed(MEASURES, &lower) {
        return before.starts_with(|c: char| c.is_numeric());
    }
    let mut parts = stem.split('.');
    let dotted = stem.contains('.') && parts.all(|p| p.chars().all(char::is_alphabetic) && (1..=2).contains(&p.len()));
    // "at 5 p.m. The shop" ends, "the U.S. Army" does not.
    !dotted || starts || matches!(lower.as_str(), "a.m" | "p.m") && !digit
}

/// Whether a single letter with a point ends a sentence: initials and "z. B." do not, "5 g." and "vitamin K." do.
fn letter_ends(letter: &str, before: &str, next: &str, digit: bool, starts: bool) -> bool {
    let is_letter = |word: &str| {
        let mut chars = word.chars();
        chars.next().is_some_and(char::is_alphabetic) && chars.next() == Some('.') && chars.next().is_none()
    };
    if before.starts_with(|c: char| c.is_numeric()) {
        return !is_letter(next);
    }
    if is_letter(before) || is_letter(next) || before.is_empty() {
        return false;
    }
    if letter.chars().all(char::is_uppercase) {
        let name = before.ends_with('.') || before.starts_with(char::is_uppercase) && !starts;
        return !name;
    }
    !(digit && listed(NUMBERED, letter) || letter == "v")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &[&str], gap: &str) {
        let text = expected.join(gap);
        let found: Vec<&str> = split(&text).into_iter().map(|r| &text[r]).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn sentences() {
        let cases: &[&[&str]] = &[
            &["Stop at once.", "Fit a new hose (P-223)."],
            &["Pay by card, e.g. Visa.", "Dr. Hill sees approx. 5 people, i.e. Few."],
            &["See No. 5 and Fig. 3 on p. 12.", "Is it open?", "No.", "Come back."],
            &["Wir liefern z. B. Lampen, d. h. Licht.", "Am 24. Dezember ist zu.", "Im 2. Stock links."],
            &["Bis 31. Januar, max. 5 Stück, inkl. Versand.", "Das kostet ca. 12,50 €."],
            &["It costs £2.50.", "2 of them cost 4.75.", "Open from 9.30 to 18.00."],
            &["Write to help@harrowbeck.example.", "Or see https://a.example/x?y=Z.html!", "Then wait."],
            &["Written by J. R. Smith and John F. Kennedy.", "Eat vitamin K.", "It helps."],
            &["He said \"Stop!\" and left.", "She asked: \"Why?\"", "(Nobody knew. Nobody cared.)", "End."],
            &["SAFETY: stop using the Heron at once.", "We replace it."],
            &["Open at 5 p.m. today.", "Closed at 6 p.m.", "The U.S. Army came."],
            &["It weighs 5 g.", "The other 3 kg.", "Wait 5 min.", "Then go..."],
            &["Wait ... then go.", "Version 1.2.3 is out!", "„Halt!“", "Ja."],
        ];
        for case in cases {
            check(case, " ");
            check(case, "\n");
        }
        check(&["東京です。", "いいえ！", "はい。"], "");
        assert!(split(" .. \n ").is_empty());
        assert_eq!(split("One. -- !"), std::slice::from_ref(&(0..9)));
    }
}
