//! Examples side by side: what one run of the graphs takes.

use super::example::Example;

/// Sequences of one length, padded at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Sequences.
    pub sequences: usize,
    /// Tokens in each, padding included.
    pub length: usize,
    /// `[sequences * length]` tokens.
    pub ids: Vec<i64>,
    /// The rows whose next token is learned.
    pub chosen: Vec<i64>,
    /// That token, for each.
    pub labels: Vec<i64>,
}

impl Batch {
    /// Puts examples side by side. The last token of an example is only ever learned, never read.
    pub fn new(examples: &[&Example]) -> Self {
        let length = examples.iter().map(|e| e.tokens.len().saturating_sub(1)).max().unwrap_or(0);
        let mut batch =
            Self { sequences: examples.len(), length, ids: Vec::new(), chosen: Vec::new(), labels: Vec::new() };
        for (n, example) in examples.iter().enumerate() {
            let read = example.tokens.len().saturating_sub(1);
            batch.ids.extend(example.tokens[..read].iter().map(|&t| i64::from(t)));
            batch.ids.resize((n + 1) * length, 0);
            for i in (1..example.tokens.len()).filter(|&i| example.learn[i]) {
                batch.chosen.push((n * length + i - 1) as i64);
                batch.labels.push(i64::from(example.tokens[i]));
            }
        }
        batch
    }

    /// Rows of the graphs: tokens, padding included.
    pub fn rows(&self) -> usize {
        self.sequences * self.length
    }
}
