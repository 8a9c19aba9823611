//! The words a text is about, and how many of them another text holds.

use std::collections::BTreeSet;

/// Numbers, and words of four letters or more, cut to their beginnings so that "deliver" and "delivery" meet.
pub fn of(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.chars().count() >= 4 || w.chars().any(char::is_numeric))
        .map(|w| w.to_lowercase().chars().take(6).collect())
        .collect()
}

/// The share of `words` that are in `held`; 0 for no words.
pub fn share(words: &BTreeSet<String>, held: &BTreeSet<String>) -> f32 {
    words.intersection(held).count() as f32 / words.len().max(1) as f32
}
