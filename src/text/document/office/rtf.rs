//! RTF: paragraphs, tables and letters of any code page; what is only for the program is left out.

use crate::error::Result;
use crate::text::document::outline::Outline;
use crate::text::document::table::{names_columns, render};
use crate::text::document::{Parts, line, script};
use encoding_rs::{Encoding, WINDOWS_1252};
use std::collections::HashMap;

/// Groups within groups deeper than this are damage.
const DEEPEST: usize = 500;
/// Groups that say nothing to a reader.
const ASIDE: [&str; 17] = [
    "fonttbl",
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "header",
    "footer",
    "headerl",
    "headerr",
    "headerf",
    "footerl",
    "footerr",
    "footerf",
    "listtable",
    "listoverridetable",
    "fldinst",
    "nonshppict",
];

/// Reads the text of a document.
pub fn read(bytes: &[u8]) -> Result<Parts> {
    if !bytes.trim_ascii_start().starts_with(b"{\\rtf") {
        return Err(super::package::damaged());
    }
    let mut reader = Reader::new();
    reader.walk(bytes)?;
    reader.end_paragraph();
    reader.end_row();
    reader.end_table();
    let title = Some(line(&reader.title)).filter(|t| !t.is_empty());
    Ok(reader.outline.finish(title))
}

/// What holds within a group.
#[derive(Clone, Copy)]
struct State {
    aside: bool,
    font: i32,
    raise: Option<fn(char) -> char>,
    /// How many characters stand in for one that older programs do not know.
    skip: usize,
    /// Whether this is the table of fonts, or the title.
    fonts: bool,
    title: bool,
}

struct Reader {
    outline: Outline,
    encoding: &'static Encoding,
    fonts: HashMap<i32, &'static Encoding>,
    title: String,
    state: State,
    above: Vec<State>,
    /// Bytes of the code page that wait to be read together.
    bytes: Vec<u8>,
    text: String,
    /// Characters that are still to be passed over.
    passing: usize,
    high: Option<u32>,
    heading: Option<u32>,
    row: Vec<String>,
    rows: Vec<Vec<String>>,
    in_table: bool,
    /// Whether a group has just been opened.
    opens: bool,
}

impl Reader {
    fn new() -> Self {
        let state = State { aside: false, font: -1, raise: None, skip: 1, fonts: false, title: false };
        Self {
            outline: Outline::default(),
            encoding: WINDOWS_1252,
            fonts: HashMap::new(),
            title: String::new(),
            state,
            above: Vec::new(),
            bytes: Vec::new(),
            text: String::new(),
            passing: 0,
            high: None,
            heading: None,
            row: Vec::new(),
            rows: Vec::new(),
            in_table: false,
            opens: false,
        }
    }

    fn walk(&mut self, bytes: &[u8]) -> Result<()> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at += 1;
            let opens = std::mem::replace(&mut self.opens, *byte == b'{');
            match byte {
                b'{' => {
                    self.flush();
                    if self.above.len() >= DEEPEST {
                        return Err(super::package::damaged());
                    }
                    self.above.push(self.state);
                }
                b'}' => {
                    self.flush();
                    self.state = self.above.pop().unwrap_or(self.state);
                    self.passing = 0;
                }
                b'\\' => at = self.control(bytes, at, opens),
                b'\r' | b'\n' => {}
                _ if self.passing > 0 => self.passing -= 1,
                byte => self.bytes.push(*byte),
            }
        }
        self.flush();
        Ok(())
    }

    /// A control word or sign at `at`; gives where it ends. `opens`: it opens a group.
    fn control(&mut self, bytes: &[u8], at: usize, opens: bool) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        let letters = rest.iter().take(32).take_while(|b| b.is_ascii_alphabetic()).count();
        if letters == 0 {
            return match rest.first() {
                Some(b'\'') => {
                    let code = rest.get(1..3).and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
                    match self.passing {
                        0 => self.bytes.extend(code),
                        _ => self.passing -= 1,
                    }
                    at + 3
                }
                Some(b'~') => self.said(at, '\u{a0}'),
                Some(b'_') => self.said(at, '-'),
                Some(b'*') => {
                    self.flush();
                    self.state.aside |= opens;
                    at + 1
                }
                Some(c @ (b'\\' | b'{' | b'}')) => self.said(at, char::from(*c)),
                Some(b'\r' | b'\n') => {
                    self.end_paragraph();
                    at + 1
                }
                _ => at + 1,
            };
        }
        let word = str::from_utf8(rest.get(..letters).unwrap_or_default()).unwrap_or_default();
        let mut end = letters;
        let sign = usize::from(rest.get(end) == Some(&b'-'));
        let digits =
            rest.get(end + sign..).unwrap_or_default().iter().take(10).take_while(|b| b.is_ascii_digit()).count();
        let number: Option<i32> =
            (digits > 0).then(|| str::from_utf8(rest.get(end..end + sign + digits)?).ok()?.parse().ok()).flatten();
        end += if digits > 0 { sign + digits } else { 0 };
        end += usize::from(rest.get(end) == Some(&b' '));
        self.flush();
        let skipped = self.word(word, number);
        (at + end).saturating_add(skipped.min(bytes.len()))
    }

    fn said(&mut self, at: usize, c: char) -> usize {
        self.flush();
        self.push(c);
        at + 1
    }

    /// What a control word does; gives how many bytes after it are no text.
    fn word(&mut self, word: &str, number: Option<i32>) -> usize {
        match (word, number) {
            ("bin", Some(n)) => return usize::try_from(n).unwrap_or(0),
            ("ansicpg", Some(n)) => self.encoding = page(n).unwrap_or(self.encoding),
            ("fonttbl", _) => (self.state.aside, self.state.fonts) = (true, true),
            ("f", Some(n)) => self.state.font = n,
            ("fcharset", Some(n)) if self.state.fonts => {
                self.fonts.extend(charset(n).map(|encoding| (self.state.font, encoding)));
            }
            ("title", _) if self.state.aside => (self.state.aside, self.state.title) = (false, true),
            (word, _) if ASIDE.contains(&word) => self.state.aside = true,
            // The text of a drawing stands in a group that older programs pass over.
            ("shptxt", _) => self.state.aside = false,
            ("uc", Some(n)) => self.state.skip = usize::try_from(n).unwrap_or(1),
            ("u", Some(n)) => {
                self.unicode(n.rem_euclid(0x10000) as u32);
                self.passing = self.state.skip;
            }
            ("super", None | Some(1..)) => self.state.raise = Some(script::raised),
            ("sub", None | Some(1..)) => self.state.raise = Some(script::lowered),
            ("nosupersub" | "plain" | "super" | "sub", _) => self.state.raise = None,
            ("outlinelevel", Some(n @ 0..=8)) => self.heading = Some(n as u32 + 1),
            ("par" | "sect" | "page", _) => self.end_paragraph(),
            ("pard", _) => (self.heading, self.in_table) = (None, false),
            ("intbl", _) => self.in_table = true,
            ("cell" | "nestcell", _) => {
                let cell = line(&std::mem::take(&mut self.text));
                self.row.push(cell);
            }
            ("row" | "nestrow", _) => self.end_row(),
            ("line", _) => self.push('\n'),
            ("tab", _) => self.push('\t'),
            ("emdash", _) => self.push('—'),
            ("endash", _) => self.push('–'),
            ("bullet", _) => self.push('•'),
            ("lquote", _) => self.push('‘'),
            ("rquote", _) => self.push('’'),
            ("ldblquote", _) => self.push('“'),
            ("rdblquote", _) => self.push('”'),
            _ => {}
        }
        0
    }

    fn unicode(&mut self, unit: u32) {
        match (self.high.take(), unit) {
            (_, 0xd800..=0xdbff) => self.high = Some(unit),
            (Some(high), 0xdc00..=0xdfff) => {
                let code = 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
                char::from_u32(code).into_iter().for_each(|c| self.push(c));
            }
            // Symbols of a font: their places are Latin's, moved.
            (_, 0xf020..=0xf0ff) => self.push('•'),
            _ => char::from_u32(unit).into_iter().for_each(|c| self.push(c)),
        }
    }

    /// The bytes that wait are text of the font's code page.
    fn flush(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes.is_empty() || self.state.aside {
            return;
        }
        let encoding = self.fonts.get(&self.state.font).copied().unwrap_or(self.encoding);
        let text = encoding.decode_without_bom_handling(&bytes).0.into_owned();
        text.chars().for_each(|c| self.push(c));
    }

    fn push(&mut self, c: char) {
        if self.state.aside {
            return;
        }
        if self.state.title {
            self.title.push(c);
            return;
        }
        self.text.push(self.state.raise.map_or(c, |raise| raise(c)));
    }

    fn end_paragraph(&mut self) {
        self.flush();
        if self.state.aside {
            return;
        }
        if self.in_table {
            self.text.push(' ');
            return;
        }
        self.end_table();
        let text = std::mem::take(&mut self.text);
        match self.heading {
            Some(level) => self.outline.heading(level, &text),
            None => self.outline.block(text.trim()),
        }
    }

    fn end_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        if row.iter().any(|cell| !cell.is_empty()) {
            self.rows.push(row);
        }
    }

    fn end_table(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        if !rows.is_empty() {
            let names = rows.len() > 1 && rows.first().is_some_and(|row| names_columns(row));
            self.outline.block(&render(names, &rows));
        }
    }
}

/// The encoding of a code page of Windows.
fn page(number: i32) -> Option<&'static Encoding> {
    let label = match number {
        932 => "shift_jis".to_string(),
        936 => "gbk".to_string(),
        949 => "euc-kr".to_string(),
        950 => "big5".to_string(),
        65001 => "utf-8".to_string(),
        10000 => "macintosh".to_string(),
        n => format!("windows-{n}"),
    };
    Encoding::for_label(label.as_bytes())
}

/// The encoding of a font's character set.
fn charset(number: i32) -> Option<&'static Encoding> {
    page(match number {
        0 => 1252,
        77 => 10000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    })
}
