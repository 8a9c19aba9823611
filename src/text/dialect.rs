//! How a file of rows parts its cells and quotes them: told from the file.

use csv::{ReaderBuilder, StringRecord};

/// The characters that may part the cells, the likeliest first.
const DELIMITERS: [u8; 4] = *b",;\t|";
/// How much of the file is looked at: bytes, and rows.
const SAMPLE: (usize, usize) = (64 << 10, 50);

/// How a file is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What parts the cells.
    pub delimiter: u8,
    /// What stands around a cell that holds the delimiter.
    pub quote: u8,
    /// Whether a backslash, and not another quote, stands before a quote within a cell.
    pub backslash: bool,
}

/// The rows of `text`, each with its number as a spreadsheet counts. A first line `sep=;` is no row.
pub fn rows(text: &str) -> impl Iterator<Item = (usize, Vec<String>)> {
    let (dialect, begin) = dialect(text);
    let body = text.get(begin..).unwrap_or_default();
    let mut number = text.get(..begin).unwrap_or_default().matches('\n').count();
    let mut at = 0;
    records(body, dialect).map(move |(from, to, record)| {
        // Lines that hold nothing count as rows; breaks within a cell do not.
        let skipped = body.get(at..to).unwrap_or_default();
        let blank = skipped.len() - skipped.trim_start_matches(['\n', '\r']).len();
        number += 1 + skipped.get(..blank).unwrap_or_default().matches('\n').count();
        at = to.max(from);
        (number, record.iter().map(str::to_string).collect())
    })
}

/// How `text` is to be read, and where its rows begin.
pub fn dialect(text: &str) -> (Dialect, usize) {
    let begin = text.len() - text.trim_start_matches('\u{feff}').len();
    let (first, rest) = text.get(begin..).unwrap_or_default().split_once('\n').unwrap_or((text, ""));
    let said = first.trim_end().strip_prefix("sep=").or(first.trim_end().strip_prefix("SEP="));
    let said = said.and_then(|s| <[u8; 1]>::try_from(s.as_bytes()).ok());
    let body = if said.is_some() { rest } else { text.get(begin..).unwrap_or_default() };
    let sample = body.get(..body.floor_char_boundary(SAMPLE.0)).unwrap_or(body);
    let quote = if is_quoted(sample, '\'') && !sample.contains('"') { b'\'' } else { b'"' };
    let backslash = sample.contains("\\\"") && !sample.contains("\"\"");
    let with = |delimiter| Dialect { delimiter, quote, backslash };
    let score = |delimiter: &u8| {
        let mut lengths: Vec<usize> =
            records(sample, with(*delimiter)).take(SAMPLE.1).map(|(_, _, row)| row.len()).collect();
        // A title or a comment at the top has a length of its own: the most common counts.
        lengths.sort_unstable();
        let common = lengths.chunk_by(|a, b| a == b).filter(|run| run.first().is_some_and(|l| *l > 1));
        common.map(|run| (run.len(), run.first().copied().unwrap_or(0))).max().unwrap_or((0, 0))
    };
    // `max_by_key` keeps the last of equals, so the likeliest comes last.
    let told = || DELIMITERS.iter().rev().copied().max_by_key(score).unwrap_or(b',');
    let delimiter = said.map_or_else(told, |[delimiter]| delimiter);
    (with(delimiter), text.len() - body.len())
}

/// Whether two lines at least have a cell that stands whole in `quote`s.
fn is_quoted(sample: &str, quote: char) -> bool {
    let whole = |line: &str| {
        let line = line.trim();
        let opens = line.starts_with(quote);
        let ends = line.match_indices(quote).filter(|(at, _)| {
            let next = line.get(at + 1..).and_then(|rest| rest.chars().next());
            *at > 0 && next.is_none_or(|c| DELIMITERS.contains(&(c as u32 as u8)))
        });
        opens && ends.count() > 0
    };
    sample.lines().take(SAMPLE.1).filter(|line| whole(line)).count() >= 2
}

/// The records of `text`, each with where it begins and ends.
fn records(text: &str, dialect: Dialect) -> impl Iterator<Item = (usize, usize, StringRecord)> {
    let mut reader = ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(dialect.delimiter).quote(dialect.quote);
    if dialect.backslash {
        reader.escape(Some(b'\\')).double_quote(false);
    }
    let mut reader = reader.from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    std::iter::from_fn(move || {
        let from = reader.position().byte() as usize;
        // The text is UTF-8, in memory and may be ragged: no row of it can fail.
        reader.read_record(&mut record).ok().filter(|more| *more)?;
        Some((from, reader.position().byte() as usize, record.clone()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        rows(text).map(|(_, row)| row).collect()
    }

    #[test]
    fn delimiters() {
        let delimiter = |text| dialect(text).0.delimiter;
        assert_eq!(delimiter("a;b\n1,5;2\n3,5;4\n"), b';');
        assert_eq!(delimiter("a\tb\n1, 2\t3\n"), b'\t');
        assert_eq!(delimiter("a|b\nx, y|z\n"), b'|');
        assert_eq!(delimiter("a,b\n1,2\n"), b',');
        assert_eq!(delimiter("only\none\n"), b',');
        assert_eq!(cells("sep=;\na;b\n\"x; y\";49,90\n"), [["a", "b"], ["x; y", "49,90"]]);
    }

    #[test]
    fn quotes() {
        assert_eq!(cells("a,b\n'Kettle, red',49\n'Iron, blue',29\n")[1], ["Kettle, red", "49"]);
        assert_eq!(cells("a,b\nO'Neil,1\nthe '90s,2\n")[1], ["O'Neil", "1"]);
        assert_eq!(cells("\"Kettle\",\"says \\\"hot\\\" loudly\"\n\"Iron\",\"flat\"\n")[0][1], "says \"hot\" loudly");
        assert_eq!(cells("a;b\n\"says \"\"hot\"\"\";2\n")[1][0], "says \"hot\"");
    }

    #[test]
    fn rows_are_counted_as_a_spreadsheet_does() {
        let numbers: Vec<usize> = rows("a,b\n\n1,\"x\ny\"\n2,z\n").map(|(number, _)| number).collect();
        assert_eq!(numbers, [1, 3, 4]);
    }
}
