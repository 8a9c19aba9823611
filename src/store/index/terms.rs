//! Text to terms: what a word search compares.
//!
//! English stop words go, words are stemmed and written in ASCII, as the `bm25` crate does it. Other languages keep
//! their words, stemmed by English rules: alike in documents and questions, so they still meet.

use bm25::{DefaultTokenizer, Language, Tokenizer};
use std::collections::BTreeMap;

/// Bytes of a term; what is longer is cut. Part of a key.
const LONGEST: usize = 64;

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

    proptest! {
        #[test]
        fn any_text_gives_terms_that_fit_a_key(text: String, long in "[a-zäß]{60,200}") {
            let counts = Terms::new().count(&[&text, &long]);
            prop_assert!(counts.each.keys().all(|t| !t.is_empty() && t.len() <= LONGEST && !t.contains('\0')));
        }
    }
}
