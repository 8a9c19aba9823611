//! Lines that end at words, while the text still comes.

use textwrap::core::display_width;

/// Columns from one tab stop to the next.
const TAB: usize = 8;

/// A text on its way to a terminal. The word under way is held back, because nobody knows yet where its line ends.
#[derive(Debug, Default)]
pub struct Wrap {
    /// White space before the word, which a line's end swallows.
    space: String,
    word: String,
    /// Columns that are taken on this line.
    column: usize,
}

impl Wrap {
    /// Takes the next piece of the text; returns what can be shown, on lines of `width` columns.
    pub fn push(&mut self, piece: &str, width: usize) -> String {
        let mut out = String::new();
        for c in piece.chars() {
            if c == '\n' {
                self.place(width, &mut out);
                out.push(c);
                *self = Self::default();
            } else if c.is_whitespace() && c != '\u{a0}' && c != '\u{202f}' {
                self.place(width, &mut out);
                self.space.push(c);
            } else {
                // Chinese, Japanese and Korean part no words: a line may end before any character.
                let is_wide = display_width(c.encode_utf8(&mut [0; 4])) > 1;
                if is_wide {
                    self.place(width, &mut out);
                }
                self.word.push(c);
                // What fills a line by itself has to be parted somewhere.
                if is_wide || display_width(&self.word) >= width {
                    self.place(width, &mut out);
                }
            }
        }
        out
    }

    /// The text is over: returns what was held back. What comes next begins a line.
    pub fn finish(&mut self, width: usize) -> String {
        let mut out = String::new();
        self.place(width, &mut out);
        *self = Self::default();
        out
    }

    /// Puts the word on this line if it has room, else on the next.
    fn place(&mut self, width: usize, out: &mut String) {
        if self.word.is_empty() {
            return;
        }
        let word = display_width(&self.word);
        let begin = self.space.chars().fold(self.column, |column, c| match c {
            '\t' => (column / TAB + 1) * TAB,
            c => column + display_width(c.encode_utf8(&mut [0; 4])),
        });
        // White space at a line's beginning is meant: it sets code and lists in.
        if self.column > 0 && begin + word > width {
            out.push('\n');
            self.column = word;
        } else {
            out.push_str(&self.space);
            self.column = begin + word;
        }
        out.push_str(&self.word);
        self.space.clear();
        self.word.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A text in pieces of so many characters, and what stood there after each.
    fn streamed(text: &str, piece: usize, width: usize) -> (String, Vec<String>) {
        let (mut wrap, mut shown, mut steps) = (Wrap::default(), String::new(), Vec::new());
        for piece in text.chars().collect::<Vec<_>>().chunks(piece) {
            shown += &wrap.push(&piece.iter().collect::<String>(), width);
            steps.push(shown.clone());
        }
        shown += &wrap.finish(width);
        (shown, steps)
    }

    #[test]
    fn lines_end_at_words_however_the_text_comes() {
        for (text, width, wrapped) in [
            ("The shop is open from 9:00.", 12, "The shop is\nopen from\n9:00."),
            ("The shop is\n\nopen.", 12, "The shop is\n\nopen."),
            ("exactly ten\nand more", 11, "exactly ten\nand more"),
            ("- one\n  - two of them", 9, "- one\n  - two\nof them"),
            ("see https://example.org/long now", 10, "see\nhttps://ex\nample.org/\nlong now"),
            ("a\tb c", 9, "a\tb\nc"),
            ("£4.50 naïve déjà-vu", 11, "£4.50 naïve\ndéjà-vu"),
            ("\x1b[1mbold word\x1b[0m next", 9, "\x1b[1mbold word\x1b[0m\nnext"),
            ("営業時間は九時からです", 8, "営業時間\nは九時か\nらです"),
            ("", 5, ""),
        ] {
            for piece in [1, 2, 3, 100] {
                assert_eq!(streamed(text, piece, width).0, wrapped, "{text:?} by {piece}");
            }
        }
    }

    #[test]
    fn only_the_word_under_way_waits() {
        let (_, steps) = streamed("One two", 1, 20);
        assert_eq!(steps, ["", "", "", "One", "One", "One", "One"]);
        assert_eq!(streamed("営業", 1, 20).1, ["営", "営業"]);
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_changes_and_lines_fit(text in "[a-zäß営業 \t\n.-]{0,80}", piece in 1..9usize, width in 2..30usize) {
            let (shown, _) = streamed(&text, piece, width);
            let words = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(words(&shown), words(&text));
            let long = shown.lines().filter(|line| !line.contains('\t') && !line.starts_with(' '));
            prop_assert!(long.clone().all(|line| display_width(line) <= width), "{shown:?}");
        }

        #[test]
        fn no_text_panics(text: String, piece in 1..9usize, width: u8) {
            streamed(&text, piece, width.into());
        }
    }
}
