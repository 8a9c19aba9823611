//! Secrets have no shape of their own: they are told by the words before them, or by looking like noise.

use regex::Regex;
use std::collections::HashMap;

/// Words that follow "the password is" without being one.
const PLAIN: &str = "\
    a about accepted all already also always an and any as asked at automatically available back bad because being \
    below best better bigger blank by cached case case-sensitive common complex correct default different difficult \
    easily easy either empty enough entirely exactly false fine for forgotten from given gone good hard he her here \
    hers hidden his how i if important impossible in incorrect invalid it its just kept known like long longer lost \
    made me mine missing more my needed never new no none not now null obvious off ok okay okey old on one only \
    optional or our ours out personal possible printed private protected public quite rather ready really required \
    right safe same saved secret secure sent set she short shown similar simple so sometimes still stored strong stuck \
    sufficient supposed temporary than that the their then there they this to too true under unique unknown up usable \
    used useless usually valid very visible we weak what when where with within without written wrong you your yours";

/// What a code may be of without being a secret.
const OPEN: &str = "\
    area article bar batch blink coupon color colour country dial dialing dialling discount error exit fault item \
    order part post postal product promo qr return sort source spare status voucher zip";

/// After "password is": everything but the words that one says about passwords.
pub(super) fn is_watchword(value: &str, _: &str, after: &str) -> Option<usize> {
    let trimmed = trim(value);
    let word = trimmed.to_lowercase();
    let inflected = ["ed", "ing", "able", "ly"].iter().any(|ending| word.ends_with(ending));
    let is_word = trimmed.chars().all(|c| c.is_alphabetic() || c == '-' || c == '\'');
    let said = lists(PLAIN, &word) || is_word && inflected && !after.starts_with(['"', '\'']);
    (!said && trimmed.contains(char::is_alphanumeric)).then_some(trimmed.len())
}

/// After "the code is": what has digits or capitals or stands in quotes, unless it is a code that everybody may know.
pub(super) fn is_secret(value: &str, before: &str, after: &str) -> Option<usize> {
    let trimmed = trim(value);
    let of = before.split_whitespace().next_back().unwrap_or_default().to_lowercase();
    let digits = trimmed.chars().filter(char::is_ascii_digit).count();
    let capitals = trimmed.chars().filter(|c| c.is_uppercase()).count();
    let quoted = trimmed.starts_with(['"', '“', '‘', '`']);
    let long = trimmed.chars().filter(|c| c.is_alphanumeric()).count() >= 3;
    let counts = after.trim_start().starts_with("digit") || after.trim_start().starts_with("character");
    (long && (digits > 0 || capitals > 1 || quoted) && !counts && !lists(OPEN, &of)).then_some(trimmed.len())
}

/// Whether a question asks for a secret: then whatever has digits in the answer may be it.
pub(super) fn asks(question: &str, asking: &Regex) -> bool {
    let mut asked = asking.captures_iter(question).filter_map(|captures| captures.name("v"));
    asked.any(|word| {
        let of = question.get(..word.start()).and_then(|before| before.split_whitespace().next_back());
        !lists(OPEN, &of.unwrap_or_default().to_lowercase())
    })
}

/// A question after a secret.
pub(super) const ASKING: &str = r"(?ix)\b (?: what(?:['’]?s|\ is|\ was) | tell | give | remind | need | know | which ) \b
    [^.?!\n]{1,40}? \b (?P<v> pass(?:word|code|phrase) | pin | code | combination | login ) \b";

/// What an answer to it may give away.
pub(super) const ANSWERING: &str = r"\b[\w-]*\d[\w-]*(?: \d[\w-]*)*\b";

/// Four to eight digits.
pub(super) fn is_pin(value: &str, _: &str, _: &str) -> Option<usize> {
    let digits = value.chars().filter(char::is_ascii_digit).count();
    (4..=8).contains(&digits).then_some(value.len())
}

/// Whether a long token looks like noise: letters and digits in turn, few of them repeated.
pub(super) fn is_key(value: &str, _: &str, _: &str) -> Option<usize> {
    let chars: Vec<char> = value.chars().collect();
    let digits = chars.iter().filter(|c| c.is_ascii_digit()).count();
    let kinds = chars.iter().map(|c| (c.is_ascii_alphabetic(), c.is_ascii_digit()));
    let changes = kinds.clone().zip(kinds.skip(1)).filter(|((a, b), (c, d))| *a && *d || *b && *c).count();
    (digits >= 3 && changes >= 4 && entropy(&chars) >= 3.0).then_some(value.len())
}

fn lists(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|listed| listed == word)
}

/// Bits a character.
fn entropy(chars: &[char]) -> f64 {
    let mut counts: HashMap<char, f64> = HashMap::new();
    chars.iter().for_each(|c| *counts.entry(*c).or_default() += 1.0);
    let mut counts: Vec<f64> = counts.into_values().collect();
    // In one order, so that the sum is the same every time.
    counts.sort_by(f64::total_cmp);
    let all = chars.len() as f64;
    -counts.iter().map(|n| n / all * (n / all).log2()).sum::<f64>()
}

/// Without the punctuation that ends a sentence. A closing quote stays with the opening one.
fn trim(value: &str) -> &str {
    value.trim_end_matches(['.', ',', ';', '!', '?', ')', ':'])
}
