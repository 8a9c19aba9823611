//! What a terminal that is not UTF-8 is shown: the nearest there is in ASCII.

use crate::cli::style::is_command;
use std::borrow::Cow;

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    Utf8,
    Ascii,
}

impl Charset {
    /// The character set of the locale.
    pub fn of_locale() -> Self {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::of(["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).as_deref())
    }

    fn of(locale: Option<&str>) -> Self {
        let locale = locale.unwrap_or_default().to_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Self::Utf8 } else { Self::Ascii }
    }

    /// A text as it can be shown. What would move the cursor or change the terminal becomes a space.
    pub fn show<'t>(self, text: &'t str) -> Cow<'t, str> {
        let ascii = self == Self::Ascii && !text.is_ascii();
        if !ascii && !text.contains(is_command) {
            return text.into();
        }
        let mut shown = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                c if is_command(c) => shown.push(' '),
                c if !ascii || c.is_ascii() => shown.push(c),
                '\u{a0}' => shown.push(' '),
                '‘' | '’' | '′' => shown.push('\''),
                '“' | '”' | '„' | '″' => shown.push('"'),
                '‐' | '‑' | '–' | '—' | '−' | '•' => shown.push('-'),
                '×' => shown.push('x'),
                '…' => shown.push_str("..."),
                '£' => shown.push_str("GBP "),
                '€' => shown.push_str("EUR "),
                '°' => shown.push_str(" deg "),
                _ => shown.push('?'),
            }
        }
        shown.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_say_what_can_be_shown() {
        for locale in ["en_GB.UTF-8", "C.utf8"] {
            assert_eq!(Charset::of(Some(locale)), Charset::Utf8, "{locale}");
        }
        for locale in [None, Some("C"), Some("POSIX"), Some("en_GB.ISO-8859-1")] {
            assert_eq!(Charset::of(locale), Charset::Ascii, "{locale:?}");
        }
    }

    #[test]
    fn nothing_commands_the_terminal() {
        for (text, utf8, ascii) in [
            ("plain", "plain", "plain"),
            ("a\nb\tc\u{1b}[2J\u{9b}2J", "a\nb c [2J 2J", "a\nb c [2J 2J"),
            ("“5 – 7 °C”…", "“5 – 7 °C”…", "\"5 - 7  deg C\"..."),
            ("naïve 猫", "naïve 猫", "na?ve ?"),
        ] {
            assert_eq!((&*Charset::Utf8.show(text), &*Charset::Ascii.show(text)), (utf8, ascii));
        }
    }
}
