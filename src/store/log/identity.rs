//! What stands for a subject or a question where neither should be readable: in an adapter's lineage, and wherever it
//! is decided which side of a split a question is on.
//!
//! A hash hides nothing from somebody who can guess the text. It keeps it out of files that are passed on.

use crate::hex::hex;
use sha2::{Digest, Sha256};

/// Hexadecimal digits of a hash.
const DIGITS: usize = 16;

/// What stands for a subject: sixteen hexadecimal digits.
pub fn subject_hash(subject: &str) -> String {
    digits(&["subject\0", subject].concat())
}

/// What stands for a question: sixteen hexadecimal digits, the same however it is spaced and capitalised.
pub fn question_hash(question: &str) -> String {
    let words: Vec<String> = question.split_whitespace().map(str::to_lowercase).collect();
    digits(&words.join(" "))
}

/// What stands for a text in a receipt: the SHA-256 of the salt, a zero byte and the text, in hexadecimal. Receipts
/// that concern the same subject do not show that they do.
pub fn salted(salt: &str, text: &str) -> String {
    hex(&Sha256::digest([salt, "\0", text].concat()))
}

fn digits(text: &str) -> String {
    let mut hex = hex(&Sha256::digest(text.as_bytes()));
    hex.truncate(DIGITS);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hashes_stay_as_they_are() {
        // Written into manifests: `printf 'subject\0C-0042' | sha256sum`, `printf 'is it open?' | sha256sum`.
        assert_eq!(subject_hash("C-0042"), "cab74c10cbe6ad80");
        assert_eq!(question_hash(" Is it\n OPEN? "), "1558b5f1f58f3a89");
        assert_ne!(subject_hash("is it open?"), question_hash("is it open?"));
    }

    proptest! {
        #[test]
        fn spaces_and_capitals_do_not_matter(words in prop::collection::vec("[a-z]{1,8}", 1..6), gap in "[ \t\n]{1,3}") {
            let hash = question_hash(&words.join(" "));
            prop_assert_eq!(hash.len(), DIGITS);
            prop_assert_eq!(&hash, &question_hash(&words.join(&gap).to_uppercase()));
            prop_assert_ne!(&hash, &question_hash(&words.concat().repeat(2)));
        }
    }
}
