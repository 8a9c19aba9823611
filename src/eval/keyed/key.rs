//! Whether a text says a key: the same letters and digits, whoever set them.

use unicode_normalization::UnicodeNormalization;

/// Whether `text` holds `key`. Case, white space, the shape of quotation marks and dashes, and what Unicode takes for
/// the same (NFKC) make no difference. A key is no part of a longer word or number: "5 years" does not stand in "15
/// years", "95" not in "3.95", "can" not in "can't". An empty key stands nowhere.
pub fn holds(text: &str, key: &str) -> bool {
    let (text, key) = (plain(text), plain(key));
    // One character on, not one match on: an occurrence that counts may begin within one that does not.
    let places = text.char_indices().map(|(at, _)| text.split_at(at));
    !key.is_empty() && places.into_iter().any(|(before, rest)| stands(before, &key, rest))
}

/// Whether `rest` begins with the key as a whole.
fn stands(before: &str, key: &str, rest: &str) -> bool {
    let Some(after) = rest.strip_prefix(key) else { return false };
    let begins_inside = key.starts_with(char::is_alphanumeric) && before.ends_with(char::is_alphanumeric);
    let ends_inside = key.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric);
    let negated = key.ends_with(char::is_alphabetic) && after.starts_with("'t");
    let parted = before.strip_suffix(POINTS).is_some_and(|number| goes_on(number, &before[number.len()..], rest));
    let followed = after.strip_prefix(POINTS).is_some_and(|rest| goes_on(key, after, rest));
    !(begins_inside || ends_inside || negated || parted || followed)
}

/// What parts the digits of one number.
const POINTS: [char; 2] = ['.', ','];

/// Whether the digits before a point and those behind it are one number: "3.95", "1,250". The full stop of a sentence
/// has no digit behind it, and a comma within a number has three, unlike that between two columns.
fn goes_on(before: &str, point: &str, behind: &str) -> bool {
    let digits = behind.chars().take_while(char::is_ascii_digit).count();
    before.ends_with(|c: char| c.is_ascii_digit()) && if point.starts_with(',') { digits == 3 } else { digits > 0 }
}

/// A text as it is compared.
fn plain(text: &str) -> String {
    let seen = text.chars().filter_map(unified);
    let folded: String = seen.nfkc().flat_map(char::to_lowercase).collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a typist would have set; none where nothing is seen. Before NFKC, which takes some of these apart.
fn unified(c: char) -> Option<char> {
    match c {
        '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => None,
        '\u{b4}' | '\u{2bc}' | '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{2039}' | '\u{203a}' => Some('\''),
        '\u{ab}' | '\u{bb}' | '\u{201c}'..='\u{201f}' | '\u{2033}' => Some('"'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        _ => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_stands_in_the_words_around_it() {
        for (text, key) in [
            ("On Saturday: 9:00 to 17:00.", "9:00 to 17:00"),
            ("It is covered for 5 years.", "5 years"),
            ("**£3.95**, and £13.95 with a cap", "£3.95"),
            ("It costs £3.95.", "3.95"),
            ("NEVER\n  in a\u{a0}tent", "never in a tent"),
            ("between 10–12 days", "10-12 days"),
            ("the ‘Wren’’s burner", "'wren'"),
            ("the Wren's burner", "Wren"),
            ("a pot of at most 200\u{202f}mm, ½ full", "200 mm"),
            ("ﬁll it up to \u{ff13} cm", "fill it up to 3 cm"),
            ("cafe\u{301}", "CAFÉ"),
            ("15 years, or 5 years", "5 years"),
            ("a1 1 1", "1 1"),
            ("HS-110,2026-11-14,32.00,1", "2026-11-14"),
            ("HS-110,2026-11-14,32.00,1", "32.00"),
            ("non\u{ad}drip", "nondrip"),
            ("new seal ring (P-161)", "P-161"),
        ] {
            assert!(holds(text, key), "{key} in {text}");
        }
    }

    #[test]
    fn a_key_is_no_part_of_a_longer_word_or_number() {
        for (text, key) in [
            ("15 years", "5 years"),
            ("£13.95", "3.95"),
            ("£3.95", "95"),
            ("£3.95", "3"),
            ("£32.50", "£32"),
            ("1,250 ml", "250 ml"),
            ("£1,250", "£1"),
            ("P-1612", "P-161"),
            ("5 yearslong", "5 years"),
            ("You can't return it.", "you can"),
            ("You can’t return it.", "you can"),
            ("It works outdoors.", "door"),
            ("9:00 to 17:00", "9:00 to 18:00"),
            ("anything", ""),
            ("anything", " \u{200b}"),
            ("", "a"),
        ] {
            assert!(!holds(text, key), "{key} in {text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "\\PC{0,30}", key in "\\PC{0,6}") {
            holds(&text, &key);
            prop_assert_eq!(holds(&key, &key), !plain(&key).is_empty());
            if !plain(&key).is_empty() {
                let around = format!("{text} {key} {text}");
                prop_assert!(holds(&around, &key), "{}", around);
            }
        }
    }
}
