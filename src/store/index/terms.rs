//! Text to terms: what a word search compares.
//!
//! English stop words go, words are stemmed and written in ASCII, as the `bm25` crate does it. Other languages keep
//! their words, stemmed by English rules: alike in documents and questions, so they still meet. What says nothing in
//! the language of a question is left out of the question: see [`Terms::asked`].

use bm25::{DefaultTokenizer, Language, Tokenizer};
use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;
use stop_words::LANGUAGE;
use unicode_segmentation::UnicodeSegmentation;

/// Bytes of a term; what is longer is cut. Part of a key.
const LONGEST: usize = 64;

/// The words of other languages than English that say nothing. What a document holds of them does no harm.
static EMPTY: LazyLock<Vec<HashSet<&str>>> = LazyLock::new(|| {
    let languages = [
        LANGUAGE::Arabic,
        LANGUAGE::Danish,
        LANGUAGE::Dutch,
        LANGUAGE::Finnish,
        LANGUAGE::French,
        LANGUAGE::German,
        LANGUAGE::Greek,
        LANGUAGE::Hungarian,
        LANGUAGE::Italian,
        LANGUAGE::Norwegian,
        LANGUAGE::Portuguese,
        LANGUAGE::Romanian,
        LANGUAGE::Russian,
        LANGUAGE::Spanish,
        LANGUAGE::Swedish,
        LANGUAGE::Turkish,
    ];
    languages.into_iter().map(words_of).collect()
});
static ENGLISH: LazyLock<HashSet<&str>> = LazyLock::new(|| words_of(LANGUAGE::English));

fn words_of(language: LANGUAGE) -> HashSet<&'static str> {
    stop_words::get(language).iter().copied().collect()
}

/// A question without the words that say nothing in its language: the one that knows most of its words as such. None
/// where that is English, whose empty words make no terms, or where nothing would be left.
fn telling(question: &str) -> Option<String> {
    let lower = question.to_lowercase();
    let words: Vec<&str> = lower.unicode_words().collect();
    let known = |language: &HashSet<&str>| words.iter().filter(|word| language.contains(**word)).count();
    let most = EMPTY.iter().max_by_key(|language| known(language)).filter(|most| known(most) > known(&ENGLISH))?;
    let telling: Vec<&str> = words.iter().copied().filter(|word| !most.contains(word)).collect();
    (!telling.is_empty()).then(|| telling.join(" "))
}

/// Splits texts into terms.
#[derive(Debug)]
pub(super) struct Terms(DefaultTokenizer);

/// The terms of a chunk.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Counts {
    /// How often each occurs, up to 255.
    pub each: BTreeMap<String, u8>,
    /// How many there are in all, up to 65535.
    pub total: u16,
}

impl Terms {
    pub fn new() -> Self {
        Self(DefaultTokenizer::new(Language::English))
    }

    /// The terms that a question asks for.
    pub fn asked(&self, question: &str) -> Counts {
        match telling(question) {
            Some(telling) => self.count(&[&telling]),
            None => self.count(&[question]),
        }
    }

    /// Counts the terms of all `texts` together.
    pub fn count(&self, texts: &[&str]) -> Counts {
        let mut counts = Counts::default();
        for term in texts.iter().flat_map(|text| self.0.tokenize(text)) {
            let term = term.replace('\0', "");
            let term = &term[..term.floor_char_boundary(LONGEST)];
            if !term.is_empty() {
                let count = counts.each.entry(term.to_owned()).or_insert(0);
                *count = count.saturating_add(1);
                counts.total = counts.total.saturating_add(1);
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_meet_their_inflections() {
        let terms = Terms::new();
        let counts = terms.count(&["The printers are printing", "Print the café's menu"]);
        assert_eq!(counts.each.get("print"), Some(&2), "{counts:?}");
        assert_eq!(counts.each.get("printer"), Some(&1), "{counts:?}");
        assert!(!counts.each.contains_key("the"), "{counts:?}");
    }

    #[test]
    fn a_question_asks_for_what_tells_something_in_its_language() {
        for (question, kept, left_out) in [
            (
                "Wie ändere ich das Papierformat auf A4?",
                &["ander", "papierformat", "a4"][..],
                &["wie", "ich", "das", "auf"][..],
            ),
            ("Where is the paper format changed?", &["paper", "format", "chang"], &["where", "is", "the"]),
            ("Comment est-ce que je change le papier ?", &["chang", "papier"], &["est", "ce", "que", "je", "le"]),
            ("¿Cómo se cambia el papel de la impresora?", &["cambia", "papel", "impresora"], &["se", "el", "de", "la"]),
            ("die", &["die"], &[]),
        ] {
            let terms = Terms::new().asked(question).each;
            assert!(kept.iter().all(|term| terms.contains_key(*term)), "{question}: {terms:?}");
            assert!(!left_out.iter().any(|term| terms.contains_key(*term)), "{question}: {terms:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_terms_that_fit_a_key(text: String, long in "[a-zäß]{60,200}") {
            let counts = Terms::new().count(&[&text, &long]);
            prop_assert!(counts.each.keys().all(|t| !t.is_empty() && t.len() <= LONGEST && !t.contains('\0')));
        }
    }
}
