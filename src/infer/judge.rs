//! Whether a text answers a question: both through one encoder, side by side.

use super::alike::alike;
use crate::bundle::{self, Bundle};
use crate::engine::{Engine, Input, Session, Tensor};
use crate::error::{Error, Result};
use crate::import::RELEVANCE;
use crate::text::tokenizer::Tokenizer;

/// The longest pair, in tokens: it was taught on no longer ones.
const LONGEST: usize = 96;
/// Tokens in a batch, padding included.
const BATCH_TOKENS: usize = 1024;

/// An encoder that was taught to compare a question with a text.
pub struct Judge {
    session: Session,
    tokenizer: Tokenizer,
}

impl Judge {
    /// Loads a bundle that [`crate::import::judge`] made.
    pub fn open(engine: &Engine, bundle: &Bundle) -> Result<Self> {
        let path = bundle.path(bundle::MODEL)?;
        let graph = std::fs::read(&path).map_err(|e| Error::io(format!("cannot read {}", path.display()), e))?;
        let session = engine.session(&graph, &bundle.dir)?;
        let tokenizer = Tokenizer::open(&bundle.path(bundle::TOKENIZER)?, usize::MAX)?;
        Ok(Self { session, tokenizer })
    }

    /// How surely each text answers the question, as logits, in the order of the texts. Above 0 is more likely than
    /// not, by what it was taught on.
    pub fn logits(&self, question: &str, texts: &[&str]) -> Result<Vec<f32>> {
        let pair = |text: &&str| self.tokenizer.encode_pair(question, text, LONGEST);
        let pairs = texts.iter().map(pair).collect::<Result<Vec<_>>>()?;
        let lengths: Vec<usize> = pairs.iter().map(|(tokens, _)| tokens.len()).collect();
        let mut logits = vec![0.0; pairs.len()];
        for places in alike(&lengths, BATCH_TOKENS) {
            let batch: Vec<_> = places.iter().map(|&i| &pairs[i]).collect();
            for (i, logit) in places.into_iter().zip(self.batch(&batch)?) {
                logits[i] = logit;
            }
        }
        Ok(logits)
    }

    fn batch(&self, pairs: &[&(Vec<u32>, Vec<u32>)]) -> Result<Vec<f32>> {
        let width = pairs.iter().map(|(tokens, _)| tokens.len()).max().unwrap_or(0).max(1);
        let shape = [pairs.len(), width];
        let (mut ids, mut mask, mut types) = (Vec::new(), Vec::new(), Vec::new());
        for (row, (tokens, kinds)) in pairs.iter().enumerate() {
            ids.extend(tokens.iter().map(|&t| i64::from(t)));
            types.extend(kinds.iter().map(|&t| i64::from(t)));
            mask.resize(ids.len(), 1);
            for padded in [&mut ids, &mut types, &mut mask] {
                padded.resize((row + 1) * width, 0);
            }
        }
        let (ids, mask, types) = (Tensor::i64(&shape, ids)?, Tensor::i64(&shape, mask)?, Tensor::i64(&shape, types)?);
        let inputs = [
            ("input_ids", Input::from(&ids)),
            ("attention_mask", Input::from(&mask)),
            ("token_type_ids", Input::from(&types)),
        ];
        let outputs = self.session.run(&inputs)?;
        let logits = outputs.iter().find(|(name, _)| name == RELEVANCE);
        let logits = logits.ok_or_else(|| Error::engine("the judge gave no relevance"))?.1.as_f32()?;
        if logits.len() != pairs.len() || logits.iter().any(|logit| !logit.is_finite()) {
            return Err(Error::engine("the judge gave no numbers; its weights may be damaged"));
        }
        Ok(logits.to_vec())
    }
}
