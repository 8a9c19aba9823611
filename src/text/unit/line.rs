//! What a line looks like: an item, a row, a field, code, a heading.

use std::ops::Range;

/// A line in the passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it stands, without the white space around it.
    pub range: Range<usize>,
    /// How many characters of white space stand before it.
    pub indent: usize,
}

/// What opens an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The length of the marker and the gap after it, in bytes.
    pub len: usize,
    /// Whether it counts.
    pub step: bool,
}

/// A name before a colon has at most so many words, and bytes.
const KEY: (usize, usize) = (8, 64);
/// A column's or key's name has at most so many words.
const NAME_WORDS: usize = 4;
/// A cell among columns of white space is at most so long.
const CELL: usize = 60;
/// A heading has at most so many words, and bytes.
const HEADING: (usize, usize) = (12, 100);
const MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

/// The marker of the item that `line` is: `- `, `1. `, `a) `, `Step 2: `.
pub fn marker(line: &str) -> Option<Marker> {
    let word = line.split_whitespace().next()?;
    let found = |len: usize, step: bool| {
        let rest = &line[len..];
        let text = rest.trim_start();
        (text.len() < rest.len() && !text.is_empty()).then_some(Marker { len: line.len() - text.len(), step })
    };
    if matches!(word, "-" | "*" | "+" | "•" | "–" | "‣" | "◦" | "▪" | "·" | "●" | "■") {
        return found(word.len(), false);
    }
    if matches!(word, "Step" | "STEP" | "Schritt") {
        let number = line[word.len()..].trim_start();
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        let at = line.len() - number.len() + digits;
        return (digits > 0 && line[at..].starts_with([':', '.'])).then(|| found(at + 1, true)).flatten();
    }
    let core = word.strip_suffix(['.', ')'])?;
    let number = core.strip_prefix('(').unwrap_or(core);
    let digits = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let letter = number.len() == 1 && word.ends_with(')') && number.bytes().all(|b| b.is_ascii_lowercase());
    let day = line[word.len()..]
        .split_whitespace()
        .next()
        .is_some_and(|next| MONTHS.contains(&next.trim_end_matches([',', ':', '.'])));
    if digits && !day || letter { found(word.len(), true) } else { None }
}

/// Where the name before a colon ends, when `line` is `name: value`.
pub fn key(line: &str) -> Option<usize> {
    let at = line.find(": ").into_iter().chain(line.find('：')).min()?;
    let (name, value) = (&line[..at], &line[at..]);
    let plain = !name.contains(['!', '?', ';', '|', '"']) && !name.contains(". ") && !name.contains(", and ");
    let short = name.len() <= KEY.1 && name.split_whitespace().count() <= KEY.0;
    let says = value.contains(char::is_alphanumeric) && name.starts_with(char::is_alphanumeric);
    (plain && short && says).then_some(at)
}

/// The name of a record's field: a short key.
pub fn record_key(line: &str) -> Option<&str> {
    let name = &line[..key(line)?];
    (!name.contains(',') && name.split_whitespace().count() <= NAME_WORDS).then_some(name)
}

/// Whether `line` is part of a table with bars.
pub fn is_table(line: &str) -> bool {
    line.starts_with('|') || line.contains(" | ") || line.contains('+') && is_rule(line)
}

/// Whether `line` is the rule between a table's header and its rows.
pub fn is_rule(line: &str) -> bool {
    line.contains('-') && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '+' | '='))
}

/// The cells of a line that white space or leader dots part: `Kettle K2 ..... 29.90`.
pub fn columns(line: &str) -> Option<Vec<Range<usize>>> {
    if !line.contains(['\t', '.', '…']) && !line.contains("  ") || line.len() > 4 * CELL {
        return None;
    }
    let mut cells: Vec<Range<usize>> = Vec::new();
    let (mut from, mut at) = (0, 0);
    while at < line.len() {
        let rest = &line[at..];
        let gap = rest.len() - rest.trim_start_matches([' ', '\t', '.', '…', '_']).len();
        let filling = &rest[..gap];
        let wide = filling.contains('\t') || filling.contains("  ") || filling.contains("....");
        if wide && !filling.starts_with(". ") {
            cells.push(from..at);
            from = at + gap;
        }
        at += gap.max(rest.chars().next().map_or(1, char::len_utf8));
    }
    cells.push(from..line.len());
    let fit =
        |cell: &Range<usize>| (1..=CELL).contains(&cell.len()) && line[cell.clone()].contains(char::is_alphanumeric);
    (cells.len() > 1 && cells.iter().all(fit)).then_some(cells)
}

/// Whether `line` ends as a sentence does.
pub fn is_ended(line: &str) -> bool {
    let body = line.trim_end_matches(['"', '\'', ')', ']', '»', '«', '”', '“', '’']);
    body.ends_with(['.', '!', '?', '…', '。', '！', '？', '｡'])
}

/// Whether `line` asks.
pub fn is_question(line: &str) -> bool {
    line.trim_end_matches(['"', '\'', '”', '“', '*']).ends_with(['?', '？'])
}

/// Whether `line` leads into what follows.
pub fn is_lead(line: &str) -> bool {
    line.ends_with([':', '：'])
}

/// Whether `line` is short and without a mark at its end, as headings are.
pub fn is_heading(line: &str) -> bool {
    is_short(line)
        && !is_ended(line)
        && !line.ends_with([':', '：', ',', ';', '-'])
        && !line.starts_with(char::is_lowercase)
        && key(line).is_none()
        && columns(line).is_none()
}

/// Whether `line` is no longer than headings are.
pub fn is_short(line: &str) -> bool {
    line.len() <= HEADING.1 && line.split_whitespace().count() <= HEADING.0
}

/// Whether `line` looks like program text or a command.
pub fn is_code(line: &str, indent: usize) -> bool {
    let inner = ["();", " == ", "=>", "::", " && ", "</", "/>", " = {", "</", "${", " += "];
    let option = line.find(" --").is_some_and(|at| line[at + 3..].starts_with(|c: char| c.is_ascii_lowercase()));
    let marked = line.starts_with("$ ") || line.starts_with("#!") || line.ends_with(['{', '}']) || line.ends_with(");");
    let indented = indent >= 4 && marker(line).is_none() && !is_ended(line);
    !is_ended(line) && (marked || option || indented || inner.iter().any(|sign| line.contains(sign)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers() {
        let items = ["- a", "1. a", "12) a", "(3) a", "a) a", "• a", "Step 2: a", "Schritt 3. a", "– a"];
        for line in items {
            let marker = marker(line).unwrap();
            assert_eq!(&line[marker.len..], "a", "{line}");
        }
        for line in ["-a", "1.5 kg", "2026. a", "24. Dezember: zu", "-", "a. b", "Step by step", "Step 1"] {
            assert_eq!(marker(line), None, "{line}");
        }
    }

    #[test]
    fn keys_and_columns() {
        for (line, name) in
            [("Telephone: 01632", "Telephone"), ("size.h.cm: 4", "size.h.cm"), ("Column 3: x", "Column 3")]
        {
            assert_eq!(key(line).map(|at| &line[..at]), Some(name));
        }
        for line in ["at 10:00 we", "Is it so? yes: no", "https://a.example", "Then: ", "One. Two: three"] {
            assert_eq!(key(line), None, "{line}");
        }
        let cells = |line: &str| columns(line).map(|c| c.into_iter().map(|r| line[r].to_string()).collect::<Vec<_>>());
        assert_eq!(cells("E1  no base"), Some(vec!["E1".to_string(), "no base".to_string()]));
        assert_eq!(cells("Kettle K2 ..... 29.90"), Some(vec!["Kettle K2".to_string(), "29.90".to_string()]));
        for line in ["One.  Two.", "plain words", "wait...", "29.90"] {
            assert_eq!(cells(line), None, "{line}");
        }
    }
}
