//! Colours and columns for people. Colours only on a terminal that has them, and not against NO_COLOR.

use clap::{ColorChoice, ValueEnum};
use std::borrow::Cow;
use std::sync::LazyLock;

/// What a colour of ours begins with, until a terminal gets it: signs without width that no text can hold, since they
/// are drawn anew by each process. A text that has a terminal's own commands in it has none of ours.
static OURS: LazyLock<String> = LazyLock::new(|| {
    let random = uuid::Uuid::new_v4();
    random.as_bytes().iter().filter_map(|byte| char::from_u32(0xE0100 + u32::from(byte % 0xF0))).collect()
});

/// When there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal that has them, unless NO_COLOR is set
    #[default]
    Auto,
    /// Everywhere, also in a file or a pipe
    Always,
    /// Nowhere
    Never,
}

impl Colour {
    /// As the library's log has it.
    pub fn of_log(self) -> env_logger::WriteStyle {
        match self {
            Self::Auto => env_logger::WriteStyle::Auto,
            Self::Always => env_logger::WriteStyle::Always,
            Self::Never => env_logger::WriteStyle::Never,
        }
    }

    /// As help has it.
    pub fn of_help(self) -> ColorChoice {
        match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        }
    }
}

/// How text is set off.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colours: bool,
}

impl Style {
    /// The style of an output that is a terminal, or is not.
    pub fn of(terminal: bool, wanted: Colour) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        let colours = match wanted {
            Colour::Auto => terminal && !dumb && !set("NO_COLOR"),
            Colour::Always => true,
            Colour::Never => false,
        };
        Self { colours }
    }

    /// Whether there are colours.
    pub fn is_coloured(self) -> bool {
        self.colours
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
        let ours = OURS.as_str();
        if self.colours { format!("{ours}{code};{text}{ours}0;") } else { text.to_owned() }
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

/// Rows as lines, as [`columns`] has them, below what each column is called. Nothing has no heading.
pub fn table<const N: usize>(heads: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> Vec<String> {
    let lines: Vec<_> = std::iter::once(heads.map(str::to_owned)).chain(rows).collect();
    if lines.len() == 1 { vec![] } else { columns(&lines) }
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

/// A text as a terminal may have it: what it could take for a command becomes a space, and our colours become colours.
/// Documents, logs and the names of files are other people's.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_command) && !text.contains(OURS.as_str()) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((code, next)) = rest.strip_prefix(OURS.as_str()).and_then(|rest| rest.split_once(';')) {
            shown.push_str("\x1b[");
            shown.push_str(code);
            shown.push('m');
            rest = next;
            continue;
        }
        shown.push(if is_command(c) && c != '\t' { ' ' } else { c });
        rest = &rest[c.len_utf8()..];
    }
    shown.into()
}

/// Whether a terminal may take a character for a command, or show what comes behind it in another place. Lines may end.
pub fn is_command(c: char) -> bool {
    let turns = matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    turns || c.is_control() && c != '\n'
}

/// One of a thing, or several.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_of_ours_reach_a_terminal() {
        assert_eq!(shown("plain\n\ttext, naïve"), "plain\n\ttext, naïve");
        let style = Style { colours: true };
        let text = format!("{} \x1b[0;32mgreen", style.bold("bold \x1b[31mred"));
        assert_eq!(shown(&text), "\x1b[1mbold  [31mred\x1b[0m  [0;32mgreen");
        assert_eq!(shown("a\x1b]0;title\x07b\x1b[2Jc\rd\u{9b}2Je\x1b[1"), "a ]0;title b [2Jc d 2Je [1");
        assert_eq!(shown("pay \u{202e}001\u{202c} \u{2067}x\u{2069}"), "pay  001   x ");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "é long".to_owned()], ["bcd".to_owned(), String::new()]];
        assert_eq!(columns(&rows), ["a    é long", "bcd"]);
    }

    #[test]
    fn tables_say_what_their_columns_are() {
        let row = |name: &str| [name.to_owned(), "1".to_owned()];
        assert_eq!(table(["NAME", "N"], [row("a"), row("longer")]), ["NAME    N", "a       1", "longer  1"]);
        assert!(table(["NAME", "N"], []).is_empty());
    }

    #[test]
    fn colours_are_where_they_are_wanted() {
        for (terminal, wanted, is_coloured) in [
            (false, Colour::Auto, false),
            (false, Colour::Always, true),
            (true, Colour::Always, true),
            (true, Colour::Never, false),
        ] {
            assert_eq!(Style::of(terminal, wanted).is_coloured(), is_coloured, "{wanted:?}");
        }
    }

    #[test]
    fn brief_texts_are_one_line_of_the_width() {
        assert_eq!(brief("a\n  b", 5), "a b");
        assert_eq!(brief("abcdef", 4), "abc…");
    }
}
