//! What scripts do that others do not: write without spaces, raise digits, break words where nobody sees it.

use std::borrow::Cow;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The digits that stand above a line, and below it.
const ABOVE: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
const BELOW: [char; 10] = ['₀', '₁', '₂', '₃', '₄', '₅', '₆', '₇', '₈', '₉'];

/// Whether a character is of a script that puts no spaces between words.
pub fn is_dense(c: char) -> bool {
    matches!(c,
        '\u{2e80}'..='\u{30ff}' | '\u{31f0}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3fffd}'
        | '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
}

/// Whether lines that end with `before` and begin with `after` are joined without a space.
pub fn joins(before: Option<char>, after: Option<char>) -> bool {
    before.is_some_and(is_dense) && after.is_some_and(is_dense)
}

/// How many columns of a page of text a line takes: signs of East Asia take two.
pub fn width(line: &str) -> usize {
    line.chars().map(|c| if is_dense(c) && !matches!(c, '\u{e00}'..='\u{17ff}') { 2 } else { 1 }).sum()
}

/// A character as it stands above the line; digits only, which would else change a number.
pub fn raised(c: char) -> char {
    c.to_digit(10).and_then(|digit| ABOVE.get(digit as usize)).copied().unwrap_or(c)
}

/// A digit as it stands below the line.
pub fn lowered(c: char) -> char {
    c.to_digit(10).and_then(|digit| BELOW.get(digit as usize)).copied().unwrap_or(c)
}

/// A text as it looks: composed letters, and without the characters that nobody sees.
pub fn seen(text: Cow<'_, str>) -> Cow<'_, str> {
    let unseen = |c: char| matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}');
    let text = if text.contains(unseen) { Cow::Owned(text.replace(unseen, "")) } else { text };
    if is_nfc(&text) { text } else { Cow::Owned(text.nfc().collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_is_alike() {
        assert_eq!(seen("Kaf\u{ad}fee\u{200b}pru\u{308}fung\u{feff}".into()), "Kaffeeprüfung");
        assert!(joins(Some('期'), Some('間')) && !joins(Some('期'), Some('a')) && !joins(Some('가'), Some('나')));
        assert_eq!("10".to_string() + &"6".chars().map(raised).collect::<String>(), "10⁶");
    }
}
