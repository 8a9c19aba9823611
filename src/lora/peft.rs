//! PEFT's two files, both ways: the tensors here, the configuration in `settings`.
//!
//! ```text
//! adapter_config.json         {"peft_type": "LORA", "r": 8, "lora_alpha": 16, ...}
//! adapter_model.safetensors   base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight   [r, inputs]
//!                             base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight   [outputs, r]
//! ```

mod patterns;
mod settings;

use super::adapter::{Adapter, Module, Pair};
use super::config::{LoraConfig, Target};
use crate::durable;
use crate::error::{Error, Result};
use crate::format::safetensors::Folder;
use patterns::Patterns;
use safetensors::{Dtype, tensor::TensorView};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// The configuration's name.
pub(super) const CONFIG: &str = "adapter_config.json";
/// The tensors' name.
pub(super) const TENSORS: &str = "adapter_model.safetensors";

/// Before each module's name.
const PREFIX: &str = "base_model.model.";
/// After it.
const A: &str = ".lora_A.weight";
const B: &str = ".lora_B.weight";

/// Reads the adapter in `dir`, whatever it changes.
pub(super) fn read(dir: &Path) -> Result<Adapter> {
    let (config, patterns) = read_settings(dir)?;
    let path = dir.join(TENSORS);
    if !path.exists() && dir.join("adapter_model.bin").exists() {
        return Err(Error::unsupported(format!(
            "{} holds a pickled adapter_model.bin; save the adapter with safe_serialization=True",
            dir.display()
        )));
    }
    let tensors = Folder::file(&path)?;
    let about = |e: Error| e.context(path.display());
    let modules = modules(&tensors).map_err(about)?;
    let targets: BTreeSet<Target> = modules.keys().map(|module: &Module| module.target).collect();
    let mut whole = patterns.whole(&config, modules.keys().copied());
    whole.targets = targets.into_iter().collect();
    if !patterns.is_empty() {
        whole.check().map_err(about)?;
    }
    let read = |module: Module, name: &str| {
        let pair = pair(&tensors, name, patterns.rank(module, &config))?;
        let pair = part(pair, module.target, name)?;
        Ok((module, if patterns.is_empty() { pair } else { patterns.fit(module, pair, &config, &whole) }))
    };
    let pairs = modules.iter().map(|(module, name)| read(*module, name)).collect::<Result<_>>().map_err(about)?;
    let adapter = Adapter { config: whole, pairs };
    adapter.check_numbers().map_err(about)?;
    Ok(adapter)
}

/// The modules that the tensors change, and the names they have in the file. Errors: `Unsupported` naming a tensor that
/// is no part of such a change.
fn modules(tensors: &Folder) -> Result<BTreeMap<Module, String>> {
    let mut modules = BTreeMap::new();
    for tensor in tensors.names() {
        let name = tensor.strip_prefix(PREFIX).and_then(|n| n.strip_suffix(A).or_else(|| n.strip_suffix(B)));
        let own = name.map(|name| (name, parts(name))).filter(|(_, parts)| !parts.is_empty());
        let (name, parts) = own.ok_or_else(|| {
            if ["embed_tokens", "lm_head", "trainable_tokens"].iter().any(|table| tensor.contains(table)) {
                return Error::unsupported(format!(
                    "tensor {tensor} changes the table of tokens, as added tokens do; train without `modules_to_save` and \
                     without a vocabulary that was resized"
                ));
            }
            Error::unsupported(format!(
                "tensor {tensor} is no part of a LoRA adapter for the decoder's linear layers ({}); train it on those alone",
                Target::ALL.map(Target::peft).join(", ")
            ))
        })?;
        modules.extend(parts.into_iter().map(|module| (module, name.to_owned())));
    }
    Ok(modules)
}

/// The modules that one of PEFT's changes: Phi's join several.
fn parts(name: &str) -> Vec<Module> {
    let joined: [(&str, &[&str]); 2] =
        [("qkv_proj", &["q_proj", "k_proj", "v_proj"]), ("gate_up_proj", &["gate_proj", "up_proj"])];
    let split = joined.iter().find_map(|(whole, parts)| Some((name.strip_suffix(whole)?, parts)));
    match split {
        Some((path, parts)) => parts.iter().filter_map(|part| Module::parse(&format!("{path}{part}"))).collect(),
        None => Module::parse(name).into_iter().collect(),
    }
}

/// The share of a target in the change of what it is joined with: the same A, and its own rows of B.
fn part(pair: Pair, target: Target, name: &str) -> Result<Pair> {
    let Pair { a, b, inputs, outputs } = pair;
    let rows = if name.ends_with(".qkv_proj") {
        // As many queries as inputs in every model that joins them; keys and values share the rest.
        let keys = outputs.saturating_sub(inputs) / 2;
        match target {
            Target::Query => 0..inputs,
            Target::Key => inputs..inputs + keys,
            _ => inputs + keys..outputs,
        }
    } else if name.ends_with(".gate_up_proj") {
        if target == Target::Gate { 0..outputs / 2 } else { outputs / 2..outputs }
    } else {
        0..outputs
    };
    let rank = b.len() / outputs.max(1);
    let b = b.get(rows.start * rank..rows.end * rank);
    let b = b.ok_or_else(|| Error::corrupt(format!("the factors of {name} are no whole number of its parts")))?;
    Ok(Pair { a, b: b.to_vec(), inputs, outputs: rows.len() })
}

/// The factors of the module that the file calls `name`.
fn pair(tensors: &Folder, name: &str, rank: usize) -> Result<Pair> {
    let get = |suffix: &str, rank_at: usize| {
        let name = format!("{PREFIX}{name}{suffix}");
        let tensor = tensors
            .tensor(&name)
            .ok_or_else(|| Error::corrupt(format!("tensor {name} is missing, its other half is there")))??;
        match tensor.shape[..] {
            [rows, columns] if [rows, columns][rank_at] == rank => Ok(([rows, columns][1 - rank_at], tensor.to_f32())),
            _ => {
                let wanted = [format!("[{rank}, inputs]"), format!("[outputs, {rank}]")];
                let shape = &tensor.shape;
                Err(Error::corrupt(format!("tensor {name} is {shape:?}, with rank {rank} it is {}", wanted[rank_at])))
            }
        }
    };
    let (inputs, a) = get(A, 0)?;
    let (outputs, b) = get(B, 1)?;
    Ok(Pair { a, b, inputs, outputs })
}

/// Reads the configuration alone; its targets are all there are, until the tensors tell.
pub(super) fn read_config(dir: &Path) -> Result<LoraConfig> {
    read_settings(dir).map(|(config, _)| config)
}

/// The model that the configuration names, if it does.
pub(super) fn base_name(dir: &Path) -> Result<Option<String>> {
    configured(dir, settings::base)
}

fn read_settings(dir: &Path) -> Result<(LoraConfig, Patterns)> {
    configured(dir, settings::parse)
}

/// What `read` finds in the configuration. Its errors name the file.
fn configured<T>(dir: &Path, read: impl Fn(&[u8]) -> Result<T>) -> Result<T> {
    let path = dir.join(CONFIG);
    let bytes = std::fs::read(&path).map_err(|e| Error::io(format!("cannot read {}", path.display()), e))?;
    read(&bytes).map_err(|e| e.context(path.display()))
}

/// Writes both files.
pub(super) fn write(adapter: &Adapter, dir: &Path, base: &str) -> Result<()> {
    durable::write(&dir.join(CONFIG), &settings::bytes(adapter, base)?)?;
    durable::write(&dir.join(TENSORS), &tensor_bytes(adapter)?)
}

/// The tensors, ordered by name; the `safetensors` crate sees to that.
fn tensor_bytes(adapter: &Adapter) -> Result<Vec<u8>> {
    let rank = adapter.config.rank;
    let bytes = |numbers: &[f32]| -> Vec<u8> { numbers.iter().flat_map(|x| x.to_le_bytes()).collect() };
    let mut tensors = Vec::with_capacity(2 * adapter.pairs.len());
    for (module, pair) in &adapter.pairs {
        tensors.push((format!("{PREFIX}{module}{A}"), vec![rank, pair.inputs], bytes(&pair.a)));
        tensors.push((format!("{PREFIX}{module}{B}"), vec![pair.outputs, rank], bytes(&pair.b)));
    }
    let fail = |e| Error::invalid("the adapter's tensors cannot be written").because(e);
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(fail)?;
    let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(format)).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::super::adapter::tests::example;
    use super::*;
    use crate::error::ErrorKind;
    use half::{bf16, f16};
    use proptest::prelude::*;
    use std::fs;

    fn written(adapter: &Adapter) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        write(adapter, dir.path(), "base").unwrap();
        dir
    }

    /// What reading says of these tensors of zeros.
    fn with_tensors(tensors: &[(&str, Dtype, [usize; 2])]) -> Result<Adapter> {
        let dir = written(&example());
        let zeros = vec![0; 4096];
        let views = tensors.iter().map(|(name, dtype, shape)| {
            let bytes = shape.iter().product::<usize>() * dtype.bitsize() / 8;
            (*name, TensorView::new(*dtype, shape.to_vec(), &zeros[..bytes]).unwrap())
        });
        fs::write(dir.path().join(TENSORS), safetensors::serialize(views, None).unwrap()).unwrap();
        read(dir.path())
    }

    #[test]
    fn tensors_that_do_not_belong_are_refused_by_name() {
        const Q_A: &str = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
        const Q_B: &str = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight";
        const EMBED: &str = "base_model.model.model.embed_tokens.lora_embedding_A";
        const MAGNITUDE: &str = "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector";
        const HUGE: &str = "base_model.model.model.layers.99999999999999999999.mlp.up_proj.lora_A.weight";
        let f32 = Dtype::F32;
        with_tensors(&[(Q_A, f32, [2, 3]), (Q_B, f32, [4, 2])]).unwrap();
        with_tensors(&[(Q_A, Dtype::F16, [2, 3]), (Q_B, Dtype::BF16, [4, 2])]).unwrap();
        for (tensors, named, kind) in [
            (&[(Q_A, f32, [2, 3])][..], Q_B, ErrorKind::Corrupt),
            (&[(Q_B, f32, [4, 2])], Q_A, ErrorKind::Corrupt),
            (&[(Q_A, f32, [3, 2]), (Q_B, f32, [4, 2])], Q_A, ErrorKind::Corrupt),
            (&[(Q_A, f32, [2, 3]), (Q_B, f32, [2, 4])], Q_B, ErrorKind::Corrupt),
            (&[(Q_A, f32, [2, 0]), (Q_B, f32, [4, 2])], "q_proj", ErrorKind::Corrupt),
            (&[(Q_A, Dtype::I8, [2, 3]), (Q_B, f32, [4, 2])], Q_A, ErrorKind::Unsupported),
            (&[(EMBED, f32, [2, 3])], EMBED, ErrorKind::Unsupported),
            (&[(MAGNITUDE, f32, [2, 3])], MAGNITUDE, ErrorKind::Unsupported),
            (&[(HUGE, f32, [2, 3])], HUGE, ErrorKind::Unsupported),
            (&[], "no matrices", ErrorKind::Invalid),
        ] {
            let error = with_tensors(tensors).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(named), "{error}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        for name in [CONFIG, TENSORS] {
            let dir = written(&example());
            fs::remove_file(dir.path().join(name)).unwrap();
            let error = read(dir.path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.to_string().contains(name), "{error}");
            fs::write(dir.path().join("adapter_model.bin"), "pickle").unwrap();
            assert_eq!(read(dir.path()).unwrap_err().to_string().contains("pickled"), name == TENSORS);
        }
    }

    #[test]
    fn half_precision_comes_in_as_it_is() {
        let name = |half: &str| format!("{PREFIX}model.layers.0.self_attn.q_proj{half}");
        let a: Vec<u8> = [0.5, -3.0].iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect();
        let b: Vec<u8> = [0.25, 7.0].iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect();
        let a = TensorView::new(Dtype::F16, vec![2, 1], &a).unwrap();
        let b = TensorView::new(Dtype::BF16, vec![1, 2], &b).unwrap();
        let dir = written(&example());
        let bytes = safetensors::serialize([(name(A), a), (name(B), b)], None).unwrap();
        fs::write(dir.path().join(TENSORS), bytes).unwrap();
        let pair = Pair { a: vec![0.5, -3.0], b: vec![0.25, 7.0], inputs: 1, outputs: 1 };
        assert_eq!(read(dir.path()).unwrap().pairs.into_values().collect::<Vec<_>>(), [pair]);
    }

    proptest! {
        // Each writes and flushes files.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn adapters_come_back_and_bytes_repeat(
            rank in 1usize..5, alpha in 0.001f32..100.0, dropout in 0f32..0.9, rslora: bool,
            modules in prop::collection::btree_map((0usize..12, 0usize..7), (1usize..5, 1usize..5), 1..8),
            bits in prop::collection::vec(any::<f32>().prop_filter("finite", |x| x.is_finite()), 40),
        ) {
            let mut numbers = bits.into_iter().cycle();
            let pairs: BTreeMap<Module, Pair> = modules.into_iter().map(|((layer, t), (inputs, outputs))| {
                let mut some = |n: usize| numbers.by_ref().take(n).collect();
                let pair = Pair { a: some(rank * inputs), b: some(rank * outputs), inputs, outputs };
                (Module { layer, target: Target::ALL[t] }, pair)
            }).collect();
            let targets: BTreeSet<Target> = pairs.keys().map(|m| m.target).collect();
            let config = LoraConfig { rank, alpha, rslora, dropout, targets: targets.into_iter().collect() };
            let adapter = Adapter { config, pairs };
            let dir = written(&adapter);
            let found = read(dir.path()).unwrap();
            prop_assert_eq!(&found, &adapter);
            for name in [CONFIG, TENSORS] {
                let again = fs::read(written(&found).path().join(name)).unwrap();
                prop_assert_eq!(fs::read(dir.path().join(name)).unwrap(), again);
            }
        }

        #[test]
        fn damaged_files_never_panic(at: prop::sample::Index, byte: u8, length: prop::sample::Index, tensors: bool) {
            let dir = written(&example());
            let path = dir.path().join(if tensors { TENSORS } else { CONFIG });
            let mut bytes = fs::read(&path).unwrap();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(length.index(2 * bytes.len()));
            fs::write(&path, bytes).unwrap();
            let _ = read(dir.path());
        }
    }
}
