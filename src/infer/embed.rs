//! Texts to unit vectors.

use super::alike::alike;
use crate::bundle::{self, Bundle, Encoder, Pooling};
use crate::engine::{Engine, Input, Session, Tensor};
use crate::error::{Error, Result};
use crate::text::tokenizer::Tokenizer;
use crate::watch::{Cancel, Progress};

/// Tokens in a batch, padding included. More is no faster on a CPU and takes memory.
const BATCH_TOKENS: usize = 2048;

/// An encoder with its tokenizer.
pub struct Embedder {
    session: Session,
    tokenizer: Tokenizer,
    encoder: Encoder,
    id: String,
    takes_types: bool,
}

impl Embedder {
    /// Loads a bundle. Errors: `Invalid` when it holds a decoder.
    pub fn open(engine: &Engine, bundle: &Bundle) -> Result<Self> {
        let encoder = bundle.encoder()?.clone();
        let path = bundle.path(bundle::MODEL)?;
        let graph = std::fs::read(&path).map_err(|e| Error::io(format!("cannot read {}", path.display()), e))?;
        let session = engine.session(&graph, &bundle.dir)?;
        // The import held the tokenizer against the vocabulary.
        let tokenizer = Tokenizer::open(&bundle.path(bundle::TOKENIZER)?, usize::MAX)?;
        let takes_types = session.takes("token_type_ids");
        Ok(Self { session, tokenizer, encoder, id: bundle.id(), takes_types })
    }

    /// The bundle's name.
    pub fn name(&self) -> &str {
        bundle::name_of_id(&self.id)
    }

    /// Names the embedder and its weights: vectors of different ids cannot be compared.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Numbers in a vector.
    pub fn dimensions(&self) -> usize {
        self.encoder.dimensions
    }

    /// Tokens of `text`, as they count against the model's limit.
    pub fn count(&self, text: &str) -> usize {
        self.tokenizer.count(text)
    }

    /// Whether the model reads a text as one word that it has met whole: one of the language's, most likely.
    pub fn is_word(&self, text: &str) -> bool {
        self.tokenizer.count(&text.to_lowercase()) == 1
    }

    /// The vector of a question.
    pub fn query(&self, text: &str) -> Result<Vec<f32>> {
        let tokens = self.tokens(&self.encoder.query_prefix, text)?;
        let vector = self.batch(&[&tokens])?.pop();
        vector.ok_or_else(|| Error::engine("the embedder gave no vector"))
    }

    /// The vectors of passages, in their order. What is longer than the model's limit is cut.
    pub fn passages(&self, texts: &[&str], progress: &dyn Progress, cancel: &Cancel) -> Result<Vec<Vec<f32>>> {
        let tokens = texts.iter().map(|t| self.tokens(&self.encoder.passage_prefix, t)).collect::<Result<Vec<_>>>()?;
        let lengths: Vec<usize> = tokens.iter().map(Vec::len).collect();
        let (mut vectors, mut done) = (vec![Vec::new(); tokens.len()], 0);
        progress.start("embed", tokens.len() as u64);
        for places in alike(&lengths, BATCH_TOKENS) {
            cancel.check()?;
            let batch: Vec<&[u32]> = places.iter().map(|&i| tokens[i].as_slice()).collect();
            done += places.len() as u64;
            for (i, vector) in places.into_iter().zip(self.batch(&batch)?) {
                vectors[i] = vector;
            }
            progress.at(done);
        }
        progress.finish();
        Ok(vectors)
    }

    fn tokens(&self, prefix: &str, text: &str) -> Result<Vec<u32>> {
        // What is far longer than the limit's tokens can be need not be looked at.
        let end = text.char_indices().nth(self.encoder.context * 16).map_or(text.len(), |(at, _)| at);
        let mut tokens = self.tokenizer.encode(&format!("{prefix}{}", &text[..end]), true)?;
        if tokens.is_empty() {
            // Nothing at all would be no input; a model whose texts have no marks around them gets padding.
            tokens.push(0);
        }
        if tokens.len() > self.encoder.context
            && let Some(&last) = tokens.last()
        {
            // The closing token stays.
            tokens.truncate(self.encoder.context - 1);
            tokens.push(last);
        }
        Ok(tokens)
    }

    fn batch(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>> {
        let width = texts.iter().map(|t| t.len()).max().unwrap_or(0).max(1);
        let shape = [texts.len(), width];
        let (mut ids, mut mask) = (Vec::new(), Vec::new());
        for (row, text) in texts.iter().enumerate() {
            ids.extend(text.iter().map(|&t| i64::from(t)));
            mask.resize(ids.len(), 1);
            ids.resize((row + 1) * width, 0);
            mask.resize(ids.len(), 0);
        }
        let types = Tensor::i64(&shape, vec![0; ids.len()])?;
        let (ids, mask) = (Tensor::i64(&shape, ids)?, Tensor::i64(&shape, mask)?);
        let mut inputs = vec![("input_ids", Input::from(&ids)), ("attention_mask", Input::from(&mask))];
        if self.takes_types {
            inputs.push(("token_type_ids", Input::from(&types)));
        }
        let outputs = self.session.run(&inputs)?;
        let (name, tokens) = match self.encoder.pooling {
            Pooling::Own => (bundle::WHOLE, 1),
            _ => ("last_hidden_state", width),
        };
        let given = outputs.iter().find(|(output, _)| output == name);
        let given = given.ok_or_else(|| Error::engine(format!("the embedder gave no {name}")))?.1.as_f32()?;
        let each = tokens * self.encoder.dimensions;
        if given.len() != texts.len() * each {
            return Err(Error::engine(format!("the embedder gave {name} of another size than its manifest says")));
        }
        texts.iter().zip(given.chunks_exact(each)).map(|(text, rows)| self.pool(rows, text.len())).collect()
    }

    /// One unit vector from the vectors of `length` tokens, or from the model's own.
    fn pool(&self, rows: &[f32], length: usize) -> Result<Vec<f32>> {
        let mut rows = rows.chunks_exact(self.encoder.dimensions).take(length.max(1));
        let first = rows.next().unwrap_or_default().to_vec();
        let pooled = match self.encoder.pooling {
            Pooling::Cls | Pooling::Own => first,
            Pooling::Last => rows.next_back().map_or(first, <[f32]>::to_vec),
            Pooling::Max => rows.fold(first, |most, row| most.iter().zip(row).map(|(a, b)| a.max(*b)).collect()),
            // The sum has the same direction.
            Pooling::Mean => rows.fold(first, |sum, row| sum.iter().zip(row).map(|(a, b)| a + b).collect()),
        };
        unit(pooled)
    }
}

/// A vector at length 1. Errors: `Engine` when it has none.
fn unit(mut vector: Vec<f32>) -> Result<Vec<f32>> {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !norm.is_finite() || norm == 0.0 {
        return Err(Error::engine("the embedder gave no numbers; its weights may be damaged"));
    }
    vector.iter_mut().for_each(|x| *x /= norm);
    Ok(vector)
}
