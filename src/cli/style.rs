//! Colours and columns for people. Colours only on a terminal that has them, and not against NO_COLOR.

use std::borrow::Cow;

/// How text is set off.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colours: bool,
}

impl Style {
    /// The style of an output that is a terminal, or is not.
    pub fn of(terminal: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        Self { colours: terminal && !dumb && !set("NO_COLOR") }
    }

    /// What matters.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What stands beside.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// What is well.
    pub fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// What is not.
    pub fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Rows as lines, each column as wide as its widest cell. The last column is not padded.
pub fn columns(rows: &[impl AsRef<[String]>]) -> Vec<String> {
    let columns = rows.iter().map(|r| r.as_ref().len()).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| Some(r.as_ref().get(c)?.chars().count())).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &[String]| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, w)| format!("{cell:w$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(|row| line(row.as_ref())).collect()
}

/// Bytes as people read them.
pub fn bytes(count: u64) -> String {
    indicatif::HumanBytes(count).to_string()
}

/// The beginning of a text in one line of at most `width` characters.
pub fn brief(text: &str, width: usize) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > width {
        line = line.chars().take(width.saturating_sub(1)).collect();
        line.push('…');
    }
    line
}

/// A text as a terminal may have it: what it could take for a command becomes a space, but for our colours. Documents,
/// logs and the names of files are other people's.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_command) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (kept, next) = match colour(rest) {
            Some(length) => rest.split_at(length),
            None if is_command(c) && c != '\t' => (" ", &rest[c.len_utf8()..]),
            None => rest.split_at(c.len_utf8()),
        };
        shown.push_str(kept);
        rest = next;
    }
    shown.into()
}

/// How long the colour is that `text` begins with, if it begins with one.
fn colour(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\x1b[")?;
    let end = numbers.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    numbers[end..].starts_with('m').then_some("\x1b[".len() + end + 1)
}

/// Whether a terminal may take a character for a command. Lines may end.
pub fn is_command(c: char) -> bool {
    c.is_control() && c != '\n'
}

/// One of a thing, or several.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_reach_a_terminal() {
        assert_eq!(shown("plain\n\ttext, naïve"), "plain\n\ttext, naïve");
        assert_eq!(shown("\x1b[1mbold\x1b[0m \x1b[0;32mgreen"), "\x1b[1mbold\x1b[0m \x1b[0;32mgreen");
        assert_eq!(shown("a\x1b]0;title\x07b\x1b[2Jc\rd\u{9b}2Je\x1b[1"), "a ]0;title b [2Jc d 2Je [1");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "é long".to_owned()], ["bcd".to_owned(), String::new()]];
        assert_eq!(columns(&rows), ["a    é long", "bcd"]);
    }

    #[test]
    fn brief_texts_are_one_line_of_the_width() {
        assert_eq!(brief("a\n  b", 5), "a b");
        assert_eq!(brief("abcdef", 4), "abc…");
    }
}
