//! Lines as they are seen to lines as they are read: what was written from right to left is turned around.

/// Whether a letter is of a script that is written from right to left.
pub fn from_right(c: char) -> bool {
    const SCRIPTS: [(char, char); 5] = [
        ('\u{590}', '\u{8ff}'),
        ('\u{fb1d}', '\u{fdff}'),
        ('\u{fe70}', '\u{fefc}'),
        ('\u{10800}', '\u{10fff}'),
        ('\u{1e800}', '\u{1eeff}'),
    ];
    SCRIPTS.iter().any(|(first, last)| (first..=last).contains(&&c)) && !is_digit(c)
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '\u{660}'..='\u{669}' | '\u{6f0}'..='\u{6f9}')
}

fn from_left(c: char) -> bool {
    is_digit(c) || c.is_alphabetic() && !from_right(c)
}

/// A line, given from the left to the right as it is seen, in the order it is read.
pub fn logical(line: &str) -> String {
    let right = line.chars().filter(|c| from_right(*c)).count();
    if right == 0 {
        return line.to_string();
    }
    let left = line.chars().filter(|c| c.is_alphabetic() && !from_right(*c)).count();
    let chars: Vec<char> = line.chars().collect();
    // A line of the other direction may quote more than it says, but begins and ends as it goes.
    let mut strong = chars.iter().filter(|c| c.is_alphabetic());
    let ends = [strong.next(), strong.next_back()].into_iter().flatten().all(|c| from_right(*c));
    if right >= left || ends {
        // The line goes from right to left; words and numbers of the other direction in it do not.
        let turned: Vec<char> = chars.into_iter().rev().map(mirrored).collect();
        runs(&turned, from_left, from_right)
    } else {
        runs(&chars, from_right, from_left)
    }
}

/// `chars` with its runs of letters of one direction turned around. A run goes from such a letter to the last such
/// before one of the other direction.
fn runs(chars: &[char], of: fn(char) -> bool, other: fn(char) -> bool) -> String {
    let mut text = String::new();
    let mut at = 0;
    while let Some(rest) = chars.get(at..).filter(|rest| !rest.is_empty()) {
        let end = rest.iter().position(|c| other(*c)).unwrap_or(rest.len());
        let run = rest.get(..end).unwrap_or_default();
        match (run.iter().position(|c| of(*c)), run.iter().rposition(|c| of(*c))) {
            (Some(first), Some(last)) => {
                text.extend(run.iter().take(first));
                let within = run.get(first..=last).unwrap_or_default();
                text.extend(within.iter().rev().map(|c| mirrored(*c)));
                text.extend(run.iter().skip(last + 1));
            }
            _ => text.extend(run),
        }
        let strong = rest.get(end..).unwrap_or_default();
        let next = strong.iter().position(|c| !other(*c)).unwrap_or(strong.len());
        text.extend(strong.iter().take(next));
        at += end + next;
    }
    text
}

fn mirrored(c: char) -> char {
    match c {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '<' => '>',
        '>' => '<',
        '«' => '»',
        '»' => '«',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_becomes_what_is_read() {
        assert_eq!(logical("plain words 12"), "plain words 12");
        assert_eq!(logical("םולש"), "שלום");
        assert_eq!(logical(".םולש 12.5 PDF file תא"), "את 12.5 PDF file שלום.");
        assert_eq!(logical("the word םולש means peace"), "the word שלום means peace");
    }
}
