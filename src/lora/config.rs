//! What an adapter is before it has numbers: its rank, its scale, and which matrices it changes.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The highest rank that is read or made. Adapters for small logs have 4 to 64.
const MAX_RANK: usize = 1024;

/// A matrix of a layer that an adapter can change. The names are those of the llama shape in transformers and PEFT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Queries of the attention.
    Query,
    /// Its keys.
    Key,
    /// Its values.
    Value,
    /// What the heads' outputs go through.
    Output,
    /// The gate of the feed-forward part.
    Gate,
    /// What the gate is multiplied with.
    Up,
    /// What their product goes through.
    Down,
}

impl Target {
    /// All of them, in the order of a layer.
    pub const ALL: [Self; 7] = [Self::Query, Self::Key, Self::Value, Self::Output, Self::Gate, Self::Up, Self::Down];

    /// What PEFT's `target_modules` calls it: `q_proj`.
    pub fn peft(self) -> &'static str {
        match self {
            Self::Query => "q_proj",
            Self::Key => "k_proj",
            Self::Value => "v_proj",
            Self::Output => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    /// Its place in a layer: `self_attn.q_proj`.
    pub fn path(self) -> &'static str {
        match self {
            Self::Query => "self_attn.q_proj",
            Self::Key => "self_attn.k_proj",
            Self::Value => "self_attn.v_proj",
            Self::Output => "self_attn.o_proj",
            Self::Gate => "mlp.gate_proj",
            Self::Up => "mlp.up_proj",
            Self::Down => "mlp.down_proj",
        }
    }

    /// The target at a [`Target::path`].
    pub fn at_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.path() == path)
    }

    /// The target that a person or PEFT names: `q_proj`. Errors: `Invalid` for any other word.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|t| t.peft() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::peft).join(", ");
            Error::invalid(format!("{name:?} is no matrix that an adapter can change; those are {known}"))
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.peft())
    }
}

/// The shape and scale of an adapter: `y = W x + scaling B A x`.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraConfig {
    /// Rows of A and columns of B.
    pub rank: usize,
    /// The scale, before it is divided; see [`LoraConfig::scaling`].
    pub alpha: f32,
    /// Whether the scale is divided by the square root of the rank (rank-stabilized LoRA) instead of the rank.
    pub rslora: bool,
    /// The share of A's inputs that training leaves out at random, from 0 to below 1.
    pub dropout: f32,
    /// The matrices it changes, in each layer. An adapter from elsewhere may change them in some layers only.
    pub targets: Vec<Target>,
}

impl Default for LoraConfig {
    fn default() -> Self {
        Self { rank: 8, alpha: 16.0, rslora: false, dropout: 0.0, targets: Target::ALL.to_vec() }
    }
}

impl LoraConfig {
    /// What B A x is multiplied by: alpha / r, or alpha / sqrt(r) with `rslora`.
    pub fn scaling(&self) -> f32 {
        // In float64 and then rounded, as PEFT does.
        let rank = self.rank as f64;
        (f64::from(self.alpha) / if self.rslora { rank.sqrt() } else { rank }) as f32
    }

    /// Refuses numbers that mean nothing. Errors: `Invalid`.
    pub fn check(&self) -> Result<()> {
        if !(1..=MAX_RANK).contains(&self.rank) {
            return Err(Error::invalid(format!(
                "an adapter's rank must be from 1 to {MAX_RANK}; {} is not",
                self.rank
            )));
        }
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            return Err(Error::invalid(format!("an adapter's alpha must be a number above 0; {} is not", self.alpha)));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            let dropout = self.dropout;
            return Err(Error::invalid(format!(
                "an adapter's dropout must be at least 0 and below 1; {dropout} is not"
            )));
        }
        if self.targets.is_empty() {
            return Err(Error::invalid(format!(
                "an adapter must change something; name some of {}",
                Target::ALL.map(Target::peft).join(", ")
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_one_name_each_way() {
        for target in Target::ALL {
            assert_eq!(Target::parse(target.peft()).unwrap(), target);
            assert_eq!(Target::at_path(target.path()), Some(target));
            assert!(target.path().ends_with(target.peft()));
        }
        assert!(Target::parse("embed_tokens").unwrap_err().to_string().contains("gate_proj"));
        assert!(Target::ALL.is_sorted());
    }

    #[test]
    fn the_scale_is_peft_s() {
        let plain = LoraConfig { rank: 4, alpha: 8.0, ..LoraConfig::default() };
        assert_eq!(plain.scaling(), 2.0);
        assert_eq!(LoraConfig { rslora: true, ..plain }.scaling(), 4.0);
    }

    #[test]
    fn nonsense_is_refused() {
        let good = LoraConfig::default();
        good.check().unwrap();
        for (bad, word) in [
            (LoraConfig { rank: 0, ..good.clone() }, "rank"),
            (LoraConfig { rank: MAX_RANK + 1, ..good.clone() }, "rank"),
            (LoraConfig { alpha: f32::NAN, ..good.clone() }, "alpha"),
            (LoraConfig { alpha: 0.0, ..good.clone() }, "alpha"),
            (LoraConfig { dropout: 1.0, ..good.clone() }, "dropout"),
            (LoraConfig { dropout: f32::NAN, ..good.clone() }, "dropout"),
            (LoraConfig { targets: vec![], ..good.clone() }, "something"),
        ] {
            assert!(bad.check().unwrap_err().to_string().contains(word), "{bad:?}");
        }
    }
}
