//! An adapter in a GGUF file, as llama.cpp's converter writes it.
//!
//! ```text
//! general.type = "adapter"    adapter.type = "lora"    adapter.lora.alpha
//! blk.N.attn_q.weight.lora_a    [r, inputs]
//! blk.N.attn_q.weight.lora_b    [outputs, r], with rows in the order of the model's file
//! ```

use super::family;
use super::gguf::canonical;
use super::source::uninterleaved;
use crate::bundle::Bundle;
use crate::error::{Error, Result};
use crate::format::gguf::Gguf;
use crate::lora::{Adapter, LoraConfig, Module, Pair, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Reads the adapter in the file `path`, which is to be worn by `base`.
///
/// Errors: `Unsupported` for a file that holds no LoRA adapter, or one of tensors that no adapter here changes;
/// `Corrupt` for one whose factors do not belong together; `Incompatible` for one of another family.
pub fn adapter(path: &Path, base: &Bundle) -> Result<Adapter> {
    let about = |e: Error| e.context(path.display());
    let gguf = Gguf::open(path)?;
    let kind = [gguf.text("general.type"), gguf.text("adapter.type")].map(Option::unwrap_or_default);
    if kind != ["adapter", "lora"] {
        return Err(about(Error::unsupported(
            "this GGUF file holds no LoRA adapter; a model comes in with `wayside import`",
        )));
    }
    let family = family::of_file(gguf.text("general.architecture").unwrap_or_default()).map_err(about)?;
    let manifest = &base.manifest;
    if family.name != manifest.architecture {
        return Err(about(Error::incompatible(format!(
            "the adapter is for {} models, and {} is a {}",
            family.name, manifest.name, manifest.architecture
        ))));
    }
    let decoder = base.decoder()?;
    let hyperparameters = decoder.hyperparameters.as_ref();
    let older = || Error::incompatible(format!("{} was imported by an older Wayside; import it again", manifest.name));
    let queries = hyperparameters.ok_or_else(older).map_err(about)?.heads;
    let heads = |target: Target| match target {
        Target::Query => Some(queries),
        Target::Key => Some(decoder.kv_heads),
        _ => None,
    };
    let (mut pairs, mut ranks) = (BTreeMap::new(), BTreeSet::new());
    for name in gguf.names().filter(|name| !name.ends_with(".lora_b")) {
        let own = name.strip_suffix(".lora_a").map(|own| (own, canonical(own, family)));
        let module = own.as_ref().and_then(|(_, name)| Module::parse(name.strip_suffix(".weight")?));
        let (Some((own, _)), Some(module)) = (own, module) else {
            return Err(about(Error::unsupported(format!(
                "tensor {name} is no part of a LoRA adapter for the decoder's linear layers; train it on those alone"
            ))));
        };
        let other = format!("{own}.lora_b");
        let tensor = |name: &str| {
            let missing = || Error::corrupt(format!("tensor {name} is missing, its other half is there"));
            gguf.tensor(name).ok_or_else(missing)?
        };
        let (a, b) = (tensor(name).map_err(about)?, tensor(&other).map_err(about)?);
        let ([rank, inputs], [outputs, same]) = (a.shape.as_slice(), b.shape.as_slice()) else {
            return Err(about(Error::corrupt(format!("the factors of {own} are no matrices"))));
        };
        if rank != same {
            return Err(about(Error::corrupt(format!("the factors of {own} have ranks {rank} and {same}"))));
        }
        ranks.insert(*rank);
        let numbers = b.to_f32();
        let b = match heads(module.target).filter(|_| family.interleaved) {
            None => numbers,
            Some(heads) => {
                let row = |r: usize| uninterleaved(r, outputs / heads.max(1));
                let rows = (0..*outputs).map(|r| numbers.get(row(r) * rank..(row(r) + 1) * rank));
                let whole: Option<Vec<&[f32]>> = rows.collect();
                let damaged =
                    || Error::corrupt(format!("{other} has {outputs} rows, which {heads} heads do not share"));
                whole.ok_or_else(damaged).map_err(about)?.concat()
            }
        };
        pairs.insert(module, Pair { a: a.to_f32(), b, inputs: *inputs, outputs: *outputs });
    }
    let rank = match ranks.into_iter().collect::<Vec<_>>()[..] {
        [rank] => rank,
        [] => return Err(about(Error::invalid("the adapter changes nothing: it holds no factors"))),
        _ => return Err(about(Error::unsupported("the adapter's ranks differ; save it in PEFT's files, which may"))),
    };
    let alpha = gguf.float("adapter.lora.alpha").unwrap_or(rank as f64) as f32;
    let targets: BTreeSet<Target> = pairs.keys().map(|module: &Module| module.target).collect();
    let config = LoraConfig { rank, alpha, rslora: false, dropout: 0.0, targets: targets.into_iter().collect() };
    Ok(Adapter { config, pairs })
}
