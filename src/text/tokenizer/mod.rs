//! Text to tokens and back. The `tokenizers` crate does the work; here are its walls and the stream of bytes.

mod bytes;
mod check;

use crate::contained::contained;
use crate::error::{Error, Result};
use std::path::Path;
use tokenizers::PostProcessor as _;

/// A model's tokenizer.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`. `vocabulary` is the number of rows the model has: a tokenizer with an id past it is
    /// refused, because it would index outside the embedding.
    pub fn open(path: &Path, vocabulary: usize) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(format!("cannot read {}", path.display()), e))?;
        Self::from_bytes(&bytes, vocabulary).map_err(|e| e.context(path.display()))
    }

    /// As [`Tokenizer::open`], from the bytes.
    pub fn from_bytes(bytes: &[u8], vocabulary: usize) -> Result<Self> {
        let unreadable = || Error::corrupt("no tokenizer that can be read");
        // The library believes what the file says of itself, and panics where that is wrong.
        let mut inner = contained(|| tokenizers::Tokenizer::from_bytes(bytes))
            .ok_or_else(unreadable)?
            .map_err(|e| unreadable().because(e))?;
        // Files often carry the trainer's own truncation and padding; lengths are the caller's business here.
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|e| Error::corrupt("truncation").because(e))?;
        let past = inner.get_vocab(true).into_iter().find(|(_, id)| *id as usize >= vocabulary);
        if let Some((token, id)) = past {
            return Err(Error::corrupt(format!(
                "the tokenizer has token {id} ({token:?}), but the model knows only {vocabulary}; they do not belong together"
            )));
        }
        Ok(Self { inner })
    }

    /// Whether a `tokenizer.json` from outside can be run: its steps are bounded, and were tried. To be asked before it
    /// is imported.
    ///
    /// Errors: as [`Tokenizer::from_bytes`], and `Corrupt` for one that cannot.
    pub fn check(bytes: &[u8], vocabulary: usize) -> Result<()> {
        check::check(bytes, vocabulary)
    }

    /// The tokens of `text`. `special` adds what the model's own processor puts around a text (`[CLS]` and `[SEP]`).
    pub fn encode(&self, text: &str, special: bool) -> Result<Vec<u32>> {
        // What the file says of itself was believed, so what it makes the library do is contained.
        let encoding = contained(|| self.inner.encode_fast(text, special)).ok_or_else(check::panicked)?;
        Ok(encoding.map_err(|e| Error::invalid("this text cannot be tokenized").because(e))?.get_ids().to_vec())
    }

    /// The tokens of two texts as the model's own processor joins them, with the number of the text that each belongs
    /// to. What is over `longest` tokens is cut, from the second text first.
    pub fn encode_pair(&self, first: &str, second: &str, longest: usize) -> Result<(Vec<u32>, Vec<u32>)> {
        contained(|| self.pair(first, second, longest)).unwrap_or_else(|| Err(check::panicked()))
    }

    fn pair(&self, first: &str, second: &str, longest: usize) -> Result<(Vec<u32>, Vec<u32>)> {
        let unreadable = |e: tokenizers::Error| Error::invalid("this text cannot be tokenized").because(e);
        let encode = |text: &str| self.inner.encode_fast(text, false).map_err(unreadable);
        let (mut first, mut second) = (encode(first)?, encode(second)?);
        let around = self.inner.get_post_processor().map_or(0, |processor| processor.added_tokens(true));
        let room = longest.saturating_sub(around);
        let left = room.saturating_sub(first.len().min(room / 2));
        second.truncate(left, 0, tokenizers::TruncationDirection::Right);
        first.truncate(room.saturating_sub(second.len()), 0, tokenizers::TruncationDirection::Right);
        let joined = self.inner.post_process(first, Some(second), true).map_err(unreadable)?;
        Ok((joined.get_ids().to_vec(), joined.get_type_ids().to_vec()))
    }

    /// How many tokens `text` has, nothing added.
    pub fn count(&self, text: &str) -> usize {
        self.encode(text, false).map_or(0, |ids| ids.len())
    }

    /// The text of `ids`, special tokens left out.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let decoded = contained(|| self.inner.decode(ids, true)).ok_or_else(check::panicked)?;
        decoded.map_err(|e| Error::invalid("these tokens cannot be decoded").because(e))
    }

    /// The texts that are read as special tokens wherever they stand: ends of turns, and the like.
    pub fn specials(&self) -> Vec<String> {
        let added = self.inner.get_added_tokens_decoder();
        let mut specials: Vec<String> = added.into_values().filter(|t| t.special).map(|t| t.content).collect();
        specials.sort();
        specials
    }

    /// The id of a token by its text.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The text of a token by its id.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// A decoder for tokens that come one at a time.
    pub fn stream(&self) -> Stream<'_> {
        Stream { tokenizer: self, ids: Vec::new(), settled: 0, told: 0 }
    }
}

/// Text from tokens as they come. A character whose bytes are spread over tokens appears once, when it is whole.
pub struct Stream<'a> {
    tokenizer: &'a Tokenizer,
    ids: Vec<u32>,
    /// Tokens before this one are told and serve only as context: joining rules look at neighbours.
    settled: usize,
    /// Tokens whose text has been told.
    told: usize,
}

impl Stream<'_> {
    /// The text that `id` completes; empty while a character is unfinished.
    pub fn push(&mut self, id: u32) -> Result<String> {
        self.ids.push(id);
        let before = self.tokenizer.decode(&self.ids[self.settled..self.told])?;
        let now = self.tokenizer.decode(&self.ids[self.settled..])?;
        if now.ends_with('\u{fffd}') || now.len() <= before.len() {
            return Ok(String::new());
        }
        let text = now.get(before.len()..).unwrap_or_default().to_owned();
        self.settled = self.told;
        self.told = self.ids.len();
        Ok(text)
    }

    /// What is left when no more tokens come: an unfinished character as the replacement character.
    pub fn finish(&mut self) -> Result<String> {
        let before = self.tokenizer.decode(&self.ids[self.settled..self.told])?;
        let now = self.tokenizer.decode(&self.ids[self.settled..])?;
        self.told = self.ids.len();
        Ok(now.get(before.len()..).unwrap_or_default().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tokenizer_whose_merges_do_not_fit_is_refused() {
        let tokenizer = |prefix: &str| {
            let model = format!(
                r#""type":"BPE","continuing_subword_prefix":{prefix},"vocab":{{"a":0,"b":1,"ab":2}},"merges":["a b"]"#
            );
            Tokenizer::from_bytes(format!(r#"{{"version":"1.0","model":{{{model}}}}}"#).as_bytes(), 3)
        };
        assert_eq!(tokenizer("null").unwrap().encode("ab", false).unwrap(), [2]);
        let refused = tokenizer(r###""##""###).err().unwrap();
        assert_eq!(refused.kind(), crate::ErrorKind::Corrupt, "{refused}");
    }

    /// A tokenizer of one word, with more beside its model.
    fn with(more: &str) -> String {
        let model = r#""model":{"type":"WordLevel","vocab":{"a":0,"[UNK]":1},"unk_token":"[UNK]"}"#;
        format!(r#"{{"version":"1.0",{more},{model}}}"#)
    }

    /// What a file's steps would do to the process, or to its memory: each is one error before it is imported.
    #[test]
    fn a_tokenizer_that_cannot_be_run_is_refused() {
        let replace = r#"{"type":"Replace","pattern":{"String":"a"},"content":"aa"}"#;
        let template = |around: &str, ids: &str| {
            format!(
                r#""post_processor":{{"type":"TemplateProcessing","single":[{around}{{"Sequence":{{"id":"A","type_id":0}}}}],
                "pair":[{{"Sequence":{{"id":"A","type_id":0}}}},{{"Sequence":{{"id":"B","type_id":1}}}}],
                "special_tokens":{{"[X]":{{"id":"[X]","ids":[{ids}],"tokens":[{tokens}]}}}}}}"#,
                tokens = vec!["\"[UNK]\""; ids.split(',').count()].join(","),
            )
        };
        let around = |id: &str| format!(r#"{{"SpecialToken":{{"id":"{id}","type_id":0}}}},"#);
        let long = "b".repeat(100_000);
        for (bad, word) in [
            (template(&around("nobody"), "1"), "nobody"),
            (template(&around("[X]").repeat(40), &vec!["1"; 40].join(",")), "too long"),
            (format!(r#""normalizer":{{"type":"Sequence","normalizers":[{}]}}"#, [replace; 40].join(",")), "too long"),
            (format!(r#""normalizer":{{"type":"Replace","pattern":{{"String":""}},"content":"{long}"}}"#), "too long"),
            (format!(r#""normalizer":{{"type":"Prepend","prepend":"{long}"}}"#), "too long"),
            (
                format!(
                    r#""normalizer":{{"type":"Sequence","normalizers":[{}]}}"#,
                    [r#"{"type":"NFC"}"#; 99].join(",")
                ),
                "steps",
            ),
            (
                format!(
                    r#""pre_tokenizer":{{"type":"Split","pattern":{{"Regex":"{long}"}},"behavior":"Isolated","invert":false}}"#
                ),
                "expression",
            ),
        ] {
            let error = Tokenizer::check(with(&bad).as_bytes(), 2).expect_err(&bad[..80]);
            assert!(error.kind() == crate::ErrorKind::Corrupt && error.to_string().contains(word), "{word}: {error}");
            assert!(error.to_string().len() < 300, "{error}");
        }
        for good in [r#""normalizer":null"#.to_owned(), template(&around("[X]"), "1")] {
            Tokenizer::check(with(&good).as_bytes(), 2).unwrap();
        }
        // One that nobody checked is an error when it is used, and no panic.
        let unchecked = Tokenizer::from_bytes(with(&template(&around("nobody"), "1")).as_bytes(), 2).unwrap();
        assert_eq!(unchecked.encode("a", true).unwrap_err().kind(), crate::ErrorKind::Corrupt);
    }
}
