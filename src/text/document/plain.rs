//! Plain text and reStructuredText: paragraphs, and headings where a line of punctuation underlines them.
//!
//! Nothing else is taken for a heading: capitals and numbers mislead more often than they help.

use super::outline::Outline;
use super::{Parts, script};

/// The characters that underline a heading, as in reStructuredText.
const UNDERLINES: &str = "=-~^\"'`*+#:._";
/// A line this long, in characters, may have been broken by the column and not by the writer.
const COLUMN: usize = 40;

/// Reads the whole of a text.
pub fn read(text: &str) -> Parts {
    let mut outline = Outline::default();
    // Which underline means which level: in the order in which they appear.
    let mut levels: Vec<(char, bool)> = Vec::new();
    let mut tops = 0;
    let mut paragraph: Vec<&str> = Vec::new();
    let mut lines = text.lines().map(str::trim_end).peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            close(&mut outline, &mut paragraph);
            continue;
        }
        // Over the heading stands nothing, or the same line as under it.
        let overline = match paragraph.as_slice() {
            [] => Some(false),
            [over] => lines.peek().is_some_and(|under| under == over && underline(over).is_some()).then_some(true),
            _ => None,
        };
        if let (Some(overline), Some(mark)) = (overline, lines.peek().and_then(|under| underlines(under, line))) {
            lines.next();
            paragraph.clear();
            let style = (mark, overline);
            let level = levels.iter().position(|l| *l == style).unwrap_or_else(|| {
                levels.push(style);
                levels.len() - 1
            });
            tops += usize::from(level == 0);
            outline.heading(level as u32 + 1, line);
        } else {
            paragraph.push(line);
        }
    }
    close(&mut outline, &mut paragraph);
    let (title, sections) = outline.finish(None);
    // The highest heading is the title if there is only one; else they are chapters.
    (title.filter(|_| tops == 1), sections)
}

/// Ends a paragraph. A line of punctuation that stands alone only parts others.
fn close(outline: &mut Outline, paragraph: &mut Vec<&str>) {
    let lines = std::mem::take(paragraph);
    if !matches!(lines.as_slice(), [line] if underline(line.trim_start()).is_some()) {
        outline.block(&unwrap(&lines));
    }
}

/// The character of a line that is an underline and nothing else.
fn underline(line: &str) -> Option<char> {
    let first = line.chars().next().filter(|c| UNDERLINES.contains(*c))?;
    (line.len() >= 3 && line.chars().all(|c| c == first)).then_some(first)
}

/// The character with which `under` underlines `heading`: at least as long as it, as in reStructuredText.
fn underlines(under: &str, heading: &str) -> Option<char> {
    let mark = underline(under)?;
    let is_heading = heading.chars().any(char::is_alphanumeric) && heading.chars().count() <= under.len();
    is_heading.then_some(mark)
}

/// The lines of one paragraph without the breaks that only the width of the page put there.
///
/// A break stays where the line was short, where a list item or a table row starts, or where the indent changes.
pub fn unwrap(lines: &[&str]) -> String {
    // In characters: some indents are made of no-break spaces.
    let indent = |line: &str| line.chars().take_while(|c| c.is_whitespace()).count();
    let width = lines.iter().map(|l| script::width(l)).max().unwrap_or_default();
    let mut text = String::with_capacity(lines.iter().map(|l| l.len() + 1).sum());
    for (i, line) in lines.iter().enumerate() {
        let Some(before) = i.checked_sub(1).and_then(|before| lines.get(before)) else {
            text.push_str(line.trim_start());
            continue;
        };
        let length = script::width(before);
        let first = line.split_whitespace().next().unwrap_or_default();
        // The column broke the line only if the next word would hardly have fitted.
        let full = length >= COLUMN && (length + script::width(first)) * 4 >= width * 3;
        // The text of a list item hangs under its first word.
        let hangs = starts_item(before) && indent(line) > indent(before);
        if full && (hangs || indent(line) == indent(before)) && !starts_item(line) {
            if !script::joins(text.chars().next_back(), line.trim_start().chars().next()) {
                text.push(' ');
            }
        } else {
            text.push('\n');
        }
        text.push_str(line.trim_start());
    }
    text
}

/// Whether a line starts with a bullet, a number or a table's bar.
fn starts_item(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let number = first.trim_start_matches('(').trim_end_matches(['.', ')']);
    matches!(first, "-" | "*" | "+" | "•" | "–" | "o") && line.trim_start().len() > first.len()
        || first.starts_with(['|', '+'])
        || number.len() < first.len() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn underlined_headings() {
        let text = "=====\nGuide\n=====\n\nIntro.\n\nUse\n---\nOne.\n\nDeep\n~~~~\nTwo.\n\nEnd\n---\n\nThree.\n\na | b\n--+--\n1 | 2\n";
        let (title, sections) = read(text);
        assert_eq!(title.as_deref(), Some("Guide"));
        let found: Vec<_> = sections.iter().map(|s| (s.path.join("/"), s.text.as_str())).collect();
        let wanted = [("", "Intro."), ("Use", "One."), ("Use/Deep", "Two."), ("End", "Three.\n\na | b\n--+--\n1 | 2")];
        assert_eq!(found, wanted.map(|(path, text)| (path.to_string(), text)));
    }

    #[test]
    fn scripts_without_spaces_are_joined_without() {
        let lines = [
            "この製品の保証期間は購入日から二年間です。過熱した場合は、",
            "直ちに電源を切り、サポートに連絡してください。",
        ];
        assert_eq!(unwrap(&lines), lines.concat());
    }

    #[test]
    fn rules_are_not_headings() {
        let (_, sections) = read("One.\nTwo.\n-----\nThree.\n\n-----\n\n...\n---\n");
        assert_eq!(sections.len(), 1);
        assert!(sections[0].path.is_empty());
        assert_eq!(sections[0].text, "One.\nTwo.\n-----\nThree.\n\n...\n---");
    }

    #[test]
    fn the_column_is_undone_and_meant_breaks_stay() {
        let wrapped = "The quick brown fox jumps over the lazy dog, and\nthe dog, being lazy, does not get up until it is\nlate. Then:\n  - it yawns and stretches as long as it can, and\n    goes back to sleep\n  - it eats";
        let lines: Vec<_> = wrapped.lines().collect();
        assert_eq!(
            unwrap(&lines),
            "The quick brown fox jumps over the lazy dog, and the dog, being lazy, does not get up until it is late. \
             Then:\n- it yawns and stretches as long as it can, and goes back to sleep\n- it eats"
        );
        let address = ["1 Long Street", "Smalltown"];
        assert_eq!(unwrap(&address), "1 Long Street\nSmalltown");
    }
}
