//! Where sentences end, and the marks that a model puts there.

use unicode_segmentation::UnicodeSegmentation;

/// What ends a sentence.
const TERMINALS: [char; 7] = ['.', '!', '?', '…', '。', '！', '？'];
/// Those that no white space follows.
const WIDE: [char; 3] = ['。', '！', '？'];
/// What may stand between the end of a sentence and white space.
const CLOSERS: [char; 9] = ['"', '\'', ')', '”', '’', '»', '“', '*', '」'];
/// Bytes of a mark; a longer bracket is text.
const LONGEST_MARK: usize = 60;

/// Abbreviations that seldom end a sentence.
const SHORT: &str = "e.g. i.e. mr. mrs. ms. dr. prof. st. no. nr. approx. ca. vs. fig. p. pp. vol. cf. incl. ext. max. \
    min. tel. z.b. z. d.h. d. u.a. u. bzw. inkl. zzgl. evtl. ggf. str. abs. art. s. vgl. mio. resp. jr. sr. dept. \
    jan. feb. mar. apr. aug. sept. oct. nov. dec. hr. fr.";
/// Words before a German ordinal: "am 24. Dezember".
const BEFORE_ORDINAL: &str = "am der den dem des zum vom bis ab seit im das jeden und";

/// Where the sentence that `open` begins with ends, if its last character shows that it does.
pub fn end(open: &str) -> Option<usize> {
    let last = open.chars().next_back()?;
    let before = &open[..open.len() - last.len_utf8()];
    let body = before.trim_end();
    if last == '\n' {
        return (!body.trim_start().is_empty()).then_some(body.len());
    }
    if last == ']' {
        return not_a_mark(open);
    }
    if last.is_whitespace() || last == '[' {
        return None;
    }
    let is_wide = before.ends_with(WIDE) && !CLOSERS.contains(&last) && !TERMINALS.contains(&last);
    if body.len() == before.len() && !is_wide {
        return None;
    }
    let core = strip_marks(body);
    is_end(core, last, core.len() < body.len()).then_some(body.len())
}

/// A bracket after a full stop is closed: unless it is a mark, a sentence begins with it.
fn not_a_mark(open: &str) -> Option<usize> {
    let start = open.rfind('[')?;
    let before = &open[..start];
    let body = before.trim_end();
    let is_text = mark(&open[start..]).is_none() && body.len() < before.len();
    (is_text && is_end(strip_marks(body), '[', false)).then_some(body.len())
}

/// Whether a sentence ends with `core` when `next` follows white space; `marked` where a mark stands between.
fn is_end(core: &str, next: char, marked: bool) -> bool {
    let sentence = core.trim_start();
    let bare = sentence.trim_end_matches(CLOSERS);
    if !bare.ends_with(TERMINALS) || is_open(sentence) {
        return false;
    }
    if !bare.ends_with('.') {
        return true;
    }
    let mut words = bare.rsplit(char::is_whitespace);
    let last = words.next().unwrap_or_default().trim_start_matches(['(', '"', '“']);
    let previous = words.next().unwrap_or_default().to_lowercase();
    let stem = last.trim_end_matches('.');
    let has = |list: &str, word: &str| list.split_whitespace().any(|one| one == word);
    let digits = !stem.is_empty() && stem.chars().all(|c| c.is_ascii_digit());
    let is_list_number = last == bare && (digits && stem.len() <= 3 || stem.chars().count() == 1);
    let is_ordinal = digits && stem.len() <= 2 && next.is_uppercase() && has(BEFORE_ORDINAL, &previous);
    let is_initial = stem.chars().count() == 1 && stem.chars().all(char::is_uppercase);
    if is_list_number || is_ordinal || is_initial || has(SHORT, &last.to_lowercase()) {
        return false;
    }
    let probe = format!("{} {next}", last_words(sentence));
    let begins = probe.split_sentence_bound_indices().last().map(|(at, _)| at);
    marked || begins == Some(probe.len() - next.len_utf8())
}

/// The end of a sentence is enough to know one.
fn last_words(sentence: &str) -> &str {
    let start = sentence.rmatch_indices(char::is_whitespace).nth(3).map_or(0, |(at, _)| at);
    &sentence[start..]
}

/// Whether a bracket or a piece of code is open.
fn is_open(sentence: &str) -> bool {
    let count = |c: char| sentence.matches(c).count();
    count('(') > count(')') || count('{') > count('}') || count('`') % 2 == 1
}

/// A mark at the beginning of a text: its length.
fn mark(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(']').filter(|end| *end <= LONGEST_MARK)?;
    let inner = &inner[..end];
    let digits = |text: &str| !text.is_empty() && text.len() <= 3 && text.chars().all(|c| c.is_ascii_digit());
    let numbers = inner.split([',', ';', '-', '–']).all(|one| digits(one.trim()));
    let named = ["Passage ", "passage ", "Source ", "source "].iter().find_map(|name| inner.strip_prefix(name));
    let is_mark = numbers || named.is_some_and(digits) || inner.contains(" #");
    (is_mark && !inner.contains('\n')).then_some(end + 2)
}

/// A text without the mark it ends with, and that mark.
fn last_mark(text: &str) -> Option<(&str, &str)> {
    let start = text.ends_with(']').then(|| text.rfind('[')).flatten()?;
    let (head, bracket) = text.split_at(start);
    (mark(bracket) == Some(bracket.len())).then_some((head, bracket))
}

/// A text without the marks it ends with.
fn strip_marks(text: &str) -> &str {
    let mut text = text;
    while let Some((head, _)) = last_mark(text) {
        let head = head.trim_end();
        if !head.ends_with(']') && !head.trim_end_matches(CLOSERS).ends_with(TERMINALS) {
            break;
        }
        text = head;
    }
    text
}

/// A sentence without marks after its full stop or, after white space, right before it, but for those in the sources.
pub fn unmarked(sentence: &str, sources: &str) -> String {
    let mut text = sentence.to_owned();
    // After the full stop.
    while let Some((head, bracket)) = last_mark(&text) {
        let head = head.trim_end();
        let follows = head.trim_end_matches(CLOSERS).ends_with(TERMINALS) || last_mark(head).is_some();
        if sources.contains(bracket) || !follows || strip_marks(head).len() == head.len() && head.ends_with(']') {
            break;
        }
        text = head.to_owned();
    }
    if sentence.matches('`').count() % 2 == 1 {
        return text;
    }
    // Before it.
    let stop = text.len() - text.trim_end_matches(TERMINALS).len();
    let (mut body, stop) = (text[..text.len() - stop].to_owned(), text[text.len() - stop..].to_owned());
    while let Some((head, bracket)) = last_mark(&body).filter(|_| !stop.is_empty()) {
        let spaced = head.len() > head.trim_end().len() || last_mark(head).is_some();
        if sources.contains(bracket) || !spaced || head.trim().is_empty() {
            break;
        }
        body = head.trim_end().to_owned();
    }
    body + &stop
}
