//! Texts that are nearly the same: MinHash proposes, the exact overlap decides.
//!
//! A text is the set of its runs of four characters, after case and punctuation are gone, so that "How full?" and
//! "how full" are one text. Two texts are near when they share [`NEAR`] of the runs that either has. Without an index
//! every pair would have to be compared; banded MinHash finds a pair at that overlap with a probability of 0.998, and
//! offers one in thirty of the pairs that share 0.3.

use minhash_rs::prelude::{LshIndex, MinHash, QueryState};

/// The share of runs from which two texts are near. The nearest pair of different questions in 250 help pages shares
/// 0.76 ("connect to a wireless network", "connect to a hidden wireless network"), of answers 0.70.
pub(super) const NEAR: f32 = 0.8;

/// Candidates that are compared exactly: the likeliest. Only texts made from one mould have more.
const COMPARED: usize = 256;

const HASHES: usize = 126;
const BANDS: usize = 21;
type Sketch = MinHash<u64, HASHES>;

/// A text to compare.
pub(super) struct Text {
    /// Words in lower case, one space between them.
    pub words: String,
    /// Its runs of four characters, sorted.
    runs: Vec<u64>,
    sketch: Sketch,
}

impl Text {
    pub fn new(text: &str) -> Self {
        let words = words(text).join(" ");
        let padded: Vec<u64> = format!(" {words} ").chars().map(|c| u64::from(u32::from(c))).collect();
        // Sixteen bits a character: of the rarer scripts two may meet, which only makes texts nearer.
        let pack = |run: &[u64]| run.iter().fold(0, |packed, c| packed << 16 | (c ^ c >> 16) & 0xffff);
        let mut runs: Vec<u64> = padded.windows(4.min(padded.len())).map(pack).collect();
        runs.sort_unstable();
        runs.dedup();
        let sketch = runs.iter().copied().collect();
        Self { words, runs, sketch }
    }

    /// The share of runs in common, from 0 to 1.
    pub fn overlap(&self, other: &Self) -> f32 {
        let (mut a, mut b) = (self.runs.iter().peekable(), other.runs.iter().peekable());
        let mut common = 0;
        while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
            match x.cmp(y) {
                std::cmp::Ordering::Less => _ = a.next(),
                std::cmp::Ordering::Greater => _ = b.next(),
                std::cmp::Ordering::Equal => {
                    common += 1;
                    (_, _) = (a.next(), b.next());
                }
            }
        }
        common as f32 / (self.runs.len() + other.runs.len() - common).max(1) as f32
    }

    pub fn is_near(&self, other: &Self) -> bool {
        self.words == other.words || self.overlap(other) >= NEAR
    }
}

/// Words in lower case. An apostrophe joins, everything else that is no letter or digit parts.
pub(super) fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace(['\'', '’'], "");
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Finds near texts.
pub(super) struct Near<'a> {
    texts: &'a [&'a Text],
    index: LshIndex<Sketch, HASHES, BANDS>,
    state: QueryState,
}

impl<'a> Near<'a> {
    /// An index of `texts`. Better without equal ones: each would propose each.
    pub fn new(texts: &'a [&'a Text]) -> Self {
        let index = LshIndex::from_signatures(texts.iter().map(|text| text.sketch));
        Self { texts, index, state: QueryState::new() }
    }

    /// The indices of the texts near `text`, the nearest first.
    pub fn of(&mut self, text: &Text) -> impl Iterator<Item = usize> {
        let texts = self.texts;
        let proposed =
            self.index.candidates(&text.sketch, &mut self.state).iter().map(|c| c.id as usize).take(COMPARED);
        proposed.filter(move |&i| texts.get(i).is_some_and(|other| other.is_near(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_punctuation_and_small_slips_do_not_part_texts() {
        let text = Text::new("My computer won't turn on.");
        assert_eq!(text.words, "my computer wont turn on");
        assert!(text.is_near(&Text::new("my COMPUTER won’t turn on!!")));
        let long = "Ensure the air vents are not blocked, and clean any dust off the fan with a brush";
        assert!(Text::new(long).is_near(&Text::new(&long.replace("brush", "brsh"))));
        assert!(!text.is_near(&Text::new("My printer won't turn on.")));
        assert!(!Text::new("").is_near(&text));
        assert_eq!(Text::new("?!").words, "");
    }

    #[test]
    fn the_index_finds_what_is_near() {
        let texts: Vec<Text> = (0..200).map(|i| Text::new(&format!("question {} about {}", i * 7919, i * i))).collect();
        let all: Vec<&Text> = texts.iter().collect();
        let mut near = Near::new(&all);
        for (i, text) in texts.iter().enumerate() {
            let found: Vec<usize> = near.of(text).collect();
            assert_eq!(found.first(), Some(&i));
            assert!(found.iter().all(|&j| texts[j].is_near(text)));
        }
        assert_eq!(near.of(&Text::new("nothing of the kind")).count(), 0);
    }

    proptest! {
        #[test]
        fn overlap_is_symmetric_and_bounded(a in "\\PC{0,40}", b in "\\PC{0,40}") {
            let (a, b) = (Text::new(&a), Text::new(&b));
            prop_assert_eq!(a.overlap(&b), b.overlap(&a));
            prop_assert!((0.0..=1.0).contains(&a.overlap(&b)));
            prop_assert!(a.overlap(&a) == 1.0);
        }
    }
}
