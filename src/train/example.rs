//! What a training step eats.

use crate::error::{Error, Result};

/// A run of tokens, and which of them are to be predicted from those before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The tokens.
    pub tokens: Vec<u32>,
    /// Whether token `i` is learnt. The first never is: nothing stands before it.
    pub learn: Vec<bool>,
}

impl Example {
    /// A checked example.
    pub fn new(tokens: Vec<u32>, learn: Vec<bool>) -> Result<Self> {
        let example = Self { tokens, learn };
        let fault = match example.learn.as_slice() {
            learn if learn.len() != example.tokens.len() => "has not one mark for each token",
            [true, ..] => "learns its first token, which nothing stands before",
            learn if !learn.contains(&true) => "has nothing to learn",
            _ => return Ok(example),
        };
        Err(Error::invalid(format!("an example of {} tokens {fault}", example.tokens.len())))
    }

    /// Every token but the first is learnt: language modelling.
    pub fn whole(tokens: Vec<u32>) -> Result<Self> {
        let learn = (0..tokens.len()).map(|i| i > 0).collect();
        Self::new(tokens, learn)
    }

    /// Tokens in all.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are none; a checked example has some.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Tokens that are learnt.
    pub fn learnt(&self) -> usize {
        self.learn.iter().filter(|learn| **learn).count()
    }

    /// Invalid when a token is not among the model's `vocabulary`: it would index past the embedding.
    pub fn check(&self, vocabulary: usize) -> Result<()> {
        match self.tokens.iter().find(|token| **token as usize >= vocabulary) {
            None => Ok(()),
            Some(token) => Err(Error::invalid(format!(
                "an example has token {token}, but the model knows only {vocabulary}; make it with this model's tokenizer"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_learnt_is_refused() {
        for (tokens, learn, word) in [
            (vec![1, 2], vec![false], "one mark"),
            (vec![1, 2], vec![true, true], "first token"),
            (vec![1, 2], vec![false, false], "nothing to learn"),
            (vec![], vec![], "nothing to learn"),
        ] {
            let error = Example::new(tokens, learn).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
        let example = Example::whole(vec![4, 5, 6]).unwrap();
        assert_eq!((example.learn.as_slice(), example.learnt()), (&[false, true, true][..], 2));
        assert!(Example::whole(vec![4]).is_err());
        assert!(example.check(7).is_ok());
        assert!(example.check(6).unwrap_err().to_string().contains("token 6"));
    }
}
