//! How near an answer comes to a reference, by the words they share.
//!
//! Words are runs of letters and digits in lower case, without stemming: for English text the words of Google's
//! `rouge-score`, so that the figures can be compared. Citation marks and punctuation do not count.

use std::collections::BTreeMap;

/// A text as the words that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// The words of `text`.
    pub fn of(text: &str) -> Self {
        let opened = |at: usize, piece| after_mark(piece).filter(|_| at > 0).unwrap_or(piece);
        let pieces = text.split('[').enumerate().map(|(at, piece)| opened(at, piece));
        let words = pieces.flat_map(|piece| piece.split(|c: char| !c.is_alphanumeric())).filter(|w| !w.is_empty());
        Self(words.map(str::to_lowercase).collect())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// ROUGE-L: the F1 of the longest common subsequence, from 0 to 1. Order counts. Two empty texts are alike.
    pub fn rouge_l(&self, reference: &Self) -> f64 {
        self.f1(reference, common_subsequence(&self.0, &reference.0))
    }

    /// The F1 of the words in common, however they are ordered, from 0 to 1: SQuAD's, but articles count.
    pub fn token_f1(&self, reference: &Self) -> f64 {
        let mut left: BTreeMap<&str, usize> = BTreeMap::new();
        for word in &reference.0 {
            *left.entry(word).or_default() += 1;
        }
        let mut common = 0;
        for word in &self.0 {
            if let Some(count) = left.get_mut(word.as_str()).filter(|count| **count > 0) {
                *count -= 1;
                common += 1;
            }
        }
        self.f1(reference, common)
    }

    /// The harmonic mean of precision and recall.
    fn f1(&self, reference: &Self, common: usize) -> f64 {
        match self.0.len() + reference.0.len() {
            0 => 1.0,
            both => 2.0 * common as f64 / both as f64,
        }
    }
}

/// What follows a citation's number and closing bracket.
fn after_mark(piece: &str) -> Option<&str> {
    let (number, rest) = piece.split_once(']')?;
    ((1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit())).then_some(rest)
}

/// The length of the longest common subsequence, by the usual table, of which one row is kept.
fn common_subsequence(a: &[String], b: &[String]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for word in a {
        // What stood at this and at the column before in the row above.
        let mut diagonal = 0;
        let mut before = 0;
        for (cell, other) in row.iter_mut().skip(1).zip(b) {
            let above = *cell;
            *cell = if word == other { diagonal + 1 } else { above.max(before) };
            (diagonal, before) = (above, *cell);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rouge(answer: &str, reference: &str) -> f64 {
        Words::of(answer).rouge_l(&Words::of(reference))
    }

    fn f1(answer: &str, reference: &str) -> f64 {
        Words::of(answer).token_f1(&Words::of(reference))
    }

    #[test]
    fn the_published_examples_come_out() {
        // Lin 2004, where beta is 1: "police kill the gunman" 0.75, "the gunman kill police" 0.5.
        assert_eq!(rouge("police kill the gunman", "police killed the gunman"), 0.75);
        assert_eq!(rouge("the gunman kill police", "police killed the gunman"), 0.5);
        // The page of rouge-score.
        let reference = "The quick brown fox jumps over the lazy dog";
        let answer = "The quick brown dog jumps on the log.";
        assert!((rouge(answer, reference) - 0.588_235).abs() < 1e-6);
    }

    #[test]
    fn words_in_common_count_once_each() {
        assert_eq!(f1("the the the", "the cat"), 2.0 / 5.0);
        assert_eq!(f1("cat the", "the cat"), 1.0);
        assert_eq!(f1("a dog", "the cat"), 0.0);
    }

    #[test]
    fn only_words_are_compared() {
        assert_eq!(Words::of("Don't — über £2.50! [1]"), Words::of("don t ÜBER 2 50"));
        assert_eq!(Words::of("a[2][13] b [note] c[] [4444] 5] [[6]"), Words::of("a b note c 4444 5"));
        assert_eq!((Words::of("[1] a").count(), Words::of("1] a").count()), (1, 2));
        assert_eq!((rouge("", ""), f1("", "")), (1.0, 1.0));
        assert_eq!((rouge("", "a"), f1("a", "")), (0.0, 0.0));
    }

    /// The definition, without a table.
    fn slow(a: &[String], b: &[String]) -> usize {
        match (a, b) {
            ([x, a @ ..], [y, b @ ..]) if x == y => 1 + slow(a, b),
            ([_, shorter @ ..], [_, other @ ..]) => slow(shorter, b).max(slow(a, other)),
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn the_row_finds_what_the_definition_finds(a in "([ab] |c ){0,8}", b in "([ab] |c ){0,8}") {
            let (a, b) = (Words::of(&a), Words::of(&b));
            prop_assert_eq!(common_subsequence(&a.0, &b.0), slow(&a.0, &b.0));
            prop_assert_eq!(a.rouge_l(&b), b.rouge_l(&a));
            prop_assert!(a.rouge_l(&b) <= a.token_f1(&b) && a.token_f1(&b) <= 1.0);
        }

        #[test]
        fn any_text_is_like_itself(text in ".*") {
            let words = Words::of(&text);
            prop_assert_eq!((words.rouge_l(&words), words.token_f1(&words)), (1.0, 1.0));
        }
    }
}
