//! `rank_pattern` and `alpha_pattern`: modules whose rank or alpha is another than the adapter's.
//!
//! An adapter here has one rank and one scale. So the matrices of a smaller rank get rows and columns of zeros, and B
//! takes up what its scale has over the adapter's: the product `scale B A` stays what PEFT computes.

use crate::error::{Error, Result};
use crate::lora::{LoraConfig, Module, Pair};
use regex::Regex;
use serde_json::{Map, Value};

/// The longest pattern. They are names of modules; a longer one is nobody's.
const LONGEST: usize = 1000;

/// What stands under the two keys, in their order.
#[derive(Default)]
pub struct Patterns {
    ranks: Vec<(Regex, f64)>,
    alphas: Vec<(Regex, f64)>,
}

impl Patterns {
    /// Reads both. Errors: `Corrupt` for what is no pattern, or no number from 0 to a million.
    pub fn read(config: &Map<String, Value>) -> Result<Self> {
        Ok(Self { ranks: list(config, "rank_pattern")?, alphas: list(config, "alpha_pattern")? })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ranks.is_empty() && self.alphas.is_empty()
    }

    /// The rank of a module's matrices.
    pub fn rank(&self, module: Module, config: &LoraConfig) -> usize {
        first(&self.ranks, module).map_or(config.rank, |rank| rank as usize)
    }

    /// The rank and alpha of the whole, with the scale that the configuration had.
    pub fn whole(&self, config: &LoraConfig, modules: impl Iterator<Item = Module>) -> LoraConfig {
        let rank = modules.map(|module| self.rank(module, config)).max().unwrap_or(config.rank);
        let grown = rank as f32 / config.rank as f32;
        let alpha = config.alpha * if config.rslora { grown.sqrt() } else { grown };
        LoraConfig { rank, alpha, ..config.clone() }
    }

    /// A module's matrices as they are in `whole`.
    pub fn fit(&self, module: Module, pair: Pair, config: &LoraConfig, whole: &LoraConfig) -> Pair {
        let rank = self.rank(module, config);
        let alpha = first(&self.alphas, module).map_or(config.alpha, |alpha| alpha as f32);
        let scale = LoraConfig { rank, alpha, ..config.clone() }.scaling() / config.scaling();
        let mut a = pair.a;
        a.resize(whole.rank * pair.inputs, 0.0);
        let padded = |row: &[f32]| {
            let zeros = std::iter::repeat_n(0.0, whole.rank - rank);
            row.iter().map(|x| x * scale).chain(zeros).collect::<Vec<_>>()
        };
        Pair { a, b: pair.b.chunks_exact(rank).flat_map(padded).collect(), ..pair }
    }
}

fn first(list: &[(Regex, f64)], module: Module) -> Option<f64> {
    let name = module.to_string();
    list.iter().find(|(pattern, _)| pattern.is_match(&name)).map(|(_, number)| *number)
}

fn list(config: &Map<String, Value>, key: &str) -> Result<Vec<(Regex, f64)>> {
    let none = Map::new();
    let entries =
        config.get(key).map_or(Some(&none), |value| if value.is_null() { Some(&none) } else { value.as_object() });
    let entries = entries.ok_or_else(|| Error::corrupt(format!("{key} is no object")))?;
    let read = |(name, value): (&String, &Value)| {
        let wrong = || Error::corrupt(format!("{key} says {value} of {name:?}, which makes no sense"));
        let whole = |n: &f64| key != "rank_pattern" || n.fract() == 0.0 && *n >= 1.0;
        let number = value.as_f64().filter(|n| (0.0..=1e6).contains(n) && whole(n)).ok_or_else(wrong)?;
        // As PEFT matches: a whole name, or its end after a dot.
        let pattern = if name.len() > LONGEST { None } else { Regex::new(&format!(r"^(?:.*\.)?(?:{name})$")).ok() };
        Ok((pattern.ok_or_else(wrong)?, number))
    };
    entries.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lora::Target;
    use serde_json::json;

    fn patterns(config: &Value) -> Result<Patterns> {
        Patterns::read(config.as_object().unwrap())
    }

    /// `scale B A` of a module.
    fn product(pair: &Pair, config: &LoraConfig) -> Vec<f32> {
        let (rank, scale) = (config.rank, config.scaling());
        let at =
            |o: usize, i: usize| (0..rank).map(|r| pair.b[o * rank + r] * pair.a[r * pair.inputs + i]).sum::<f32>();
        (0..pair.outputs).flat_map(|o| (0..pair.inputs).map(move |i| (o, i))).map(|(o, i)| scale * at(o, i)).collect()
    }

    #[test]
    fn a_module_of_another_rank_and_alpha_keeps_its_product() {
        let found =
            patterns(&json!({"rank_pattern": {"q_proj": 1}, "alpha_pattern": {"layers.0.self_attn.q_proj": 12}}));
        let found = found.unwrap();
        for rslora in [false, true] {
            let config = LoraConfig { rank: 4, alpha: 8.0, rslora, dropout: 0.0, targets: Target::ALL.to_vec() };
            let [query, key] = [Target::Query, Target::Key].map(|target| Module { layer: 0, target });
            let other = Module { layer: 1, target: Target::Query };
            assert_eq!([query, key, other].map(|m| found.rank(m, &config)), [1, 4, 1]);
            let whole = found.whole(&config, [query, key].into_iter());
            assert_eq!(whole, config);
            for (module, alpha) in [(query, 12.0), (other, 8.0)] {
                let pair = Pair { a: vec![1.0, 2.0, 3.0], b: vec![0.5, -1.0], inputs: 3, outputs: 2 };
                let alone = LoraConfig { rank: 1, alpha, ..config.clone() };
                let fitted = found.fit(module, pair.clone(), &config, &whole);
                let close = product(&fitted, &whole).into_iter().zip(product(&pair, &alone));
                assert!(close.into_iter().all(|(a, b)| (a - b).abs() <= 1e-6 * b.abs()));
            }
        }
    }

    #[test]
    fn a_larger_rank_makes_the_whole_larger_at_the_same_scale() {
        let found = patterns(&json!({"rank_pattern": {"self_attn.v_proj": 16}})).unwrap();
        let config = LoraConfig { rank: 4, alpha: 8.0, rslora: false, dropout: 0.0, targets: Target::ALL.to_vec() };
        let whole = found.whole(&config, [Module { layer: 3, target: Target::Value }].into_iter());
        assert_eq!((whole.rank, whole.scaling()), (16, config.scaling()));
    }

    #[test]
    fn patterns_that_make_no_sense_are_refused() {
        for config in [
            json!({"rank_pattern": {"q_proj": 2.5}}),
            json!({"rank_pattern": {"q_proj": 0}}),
            json!({"rank_pattern": {"(": 2}}),
            json!({"rank_pattern": [1]}),
            json!({"alpha_pattern": {"q_proj": "8"}}),
            json!({"alpha_pattern": {"q_proj": -1}}),
        ] {
            assert_eq!(patterns(&config).err().unwrap().kind(), crate::ErrorKind::Corrupt, "{config}");
        }
        assert!(patterns(&json!({"rank_pattern": {}, "alpha_pattern": null})).unwrap().is_empty());
    }
}
