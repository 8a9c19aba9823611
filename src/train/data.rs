//! Examples, with what is to be said about them: where they come from, and what was left out.

use super::example::Example;
use crate::hex::hex;
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Reasons that are kept; of the others it is only known how many there are.
const NAMED: usize = 20;

/// What training data came to.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// The examples, in the order in which they were found.
    pub examples: Vec<Example>,
    /// The files and folders, for the adapter's lineage.
    pub origins: Vec<Origin>,
    /// Whose words the examples are, where that is known, by [`subject_hash`](crate::store::log::subject_hash), and
    /// when the oldest of each one's were spoken.
    pub subjects: BTreeMap<String, Timestamp>,
    /// The questions whose answers are learnt, by [`question_hash`](crate::store::log::question_hash).
    pub questions: BTreeSet<String>,
    /// What was left out.
    pub skipped: Skipped,
}

/// A file or folder that examples came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Its name, without the folders above it.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal; of a folder, of its documents one after the other.
    pub sha256: String,
    /// Examples that begin in it.
    pub examples: usize,
}

/// What was left out, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// How often something was.
    pub count: usize,
    /// The first reasons, each naming its place: `line 3: the answer is empty`.
    pub reasons: Vec<String>,
}

impl Data {
    /// Adds what another file came to.
    pub fn extend(&mut self, other: Self) {
        self.examples.extend(other.examples);
        self.origins.extend(other.origins);
        other.subjects.into_iter().for_each(|(subject, spoken)| self.hear(subject, spoken));
        self.questions.extend(other.questions);
        self.skipped.count += other.skipped.count - other.skipped.reasons.len();
        other.skipped.reasons.into_iter().for_each(|reason| self.skipped.add(reason));
    }

    /// Notes whose words an example is, and when they were spoken.
    pub(super) fn hear(&mut self, subject: String, spoken: Timestamp) {
        let oldest = self.subjects.entry(subject).or_insert(spoken);
        *oldest = spoken.min(*oldest);
    }

    /// The examples' lengths in tokens.
    pub fn lengths(&self) -> Vec<usize> {
        self.examples.iter().map(Example::len).collect()
    }

    /// SHA-256 over what is learnt, in hexadecimal: equal only when every token and mark is, in this order.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for example in &self.examples {
            hash.update((example.len() as u64).to_le_bytes());
            for (token, learn) in example.tokens.iter().zip(&example.learn) {
                hash.update(token.to_le_bytes());
                hash.update([u8::from(*learn)]);
            }
        }
        hex(&hash.finalize())
    }
}

impl Skipped {
    /// One more.
    pub fn add(&mut self, reason: String) {
        self.count += 1;
        if self.reasons.len() < NAMED {
            self.reasons.push(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_bounded_and_counted() {
        let mut all = Data::default();
        for file in 0..3 {
            let mut one = Data::default();
            (0..15).for_each(|line| one.skipped.add(format!("{file}:{line}")));
            all.extend(one);
        }
        assert_eq!((all.skipped.count, all.skipped.reasons.len()), (45, NAMED));
        assert_eq!(all.skipped.reasons.last().unwrap(), "1:4");
    }

    #[test]
    fn a_fingerprint_sees_tokens_marks_and_borders() {
        let data = |rows: &[&[u32]]| {
            let examples = rows.iter().map(|tokens| Example::whole(tokens.to_vec()).unwrap()).collect();
            Data { examples, ..Data::default() }
        };
        let base = data(&[&[1, 2], &[3, 4]]);
        let mut marked = base.clone();
        marked.examples[0].learn[1] = false;
        for other in [data(&[&[1, 2, 3, 4]]), data(&[&[1, 2], &[3, 5]]), data(&[&[3, 4], &[1, 2]]), marked] {
            assert_ne!(base.fingerprint(), other.fingerprint());
        }
        assert_eq!(base.fingerprint(), base.clone().fingerprint());
    }
}
