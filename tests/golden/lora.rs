//! Adapters as PEFT saves them.

use super::imported;
use crate::support::{copied, floats, golden, json};
use std::collections::BTreeMap;
use wayside::format::safetensors::Folder;
use wayside::lora::{Adapter, Library, Module, Target};
use wayside::tensor::Bits;

/// Hidden, query, key-value and feed-forward widths of a model.
type Widths = [usize; 4];

/// What is in `tests/golden/lora/`: rank, scaling, targets, and the model's widths.
const CASES: [(&str, usize, f32, &[Target], Widths); 4] = [
    ("llama", 4, 2.0, &Target::ALL, [128, 128, 64, 160]),
    ("llama-qv", 2, 4.242_640_5, &[Target::Query, Target::Value], [128, 128, 64, 160]),
    ("qwen2", 2, 4.0, &Target::ALL, [64, 64, 32, 96]),
    ("qwen3", 2, 4.0, &Target::ALL, [64, 128, 64, 96]),
];
const LAYERS: usize = 2;

fn shape(target: Target, [hidden, q, kv, inner]: Widths) -> (usize, usize) {
    match target {
        Target::Query => (q, hidden),
        Target::Key | Target::Value => (kv, hidden),
        Target::Output => (hidden, q),
        Target::Gate | Target::Up => (inner, hidden),
        Target::Down => (hidden, inner),
    }
}

#[test]
fn adapters_of_llama_cpp_are_those_of_peft() {
    for case in ["llama", "qwen2"] {
        let (_home, base) = imported(&golden(&format!("tiny/{case}")), Some(Bits::Int8));
        let found = wayside::import::adapter(&golden(&format!("lora/{case}.gguf")), &base).unwrap();
        assert_eq!(found, Adapter::read(&golden(&format!("lora/{case}"))).unwrap(), "{case}");
    }
    let (_home, base) = imported(&golden("tiny/qwen3"), Some(Bits::Int8));
    let refused = |path: &str| wayside::import::adapter(&golden(path), &base).unwrap_err().to_string();
    assert!(refused("lora/qwen2.gguf").contains("for qwen2 models"), "{}", refused("lora/qwen2.gguf"));
    assert!(refused("gguf/llama.gguf").contains("no LoRA adapter"), "{}", refused("gguf/llama.gguf"));
}

#[test]
fn what_peft_saves_is_read_and_written_byte_for_byte() {
    for (case, rank, scaling, targets, widths) in CASES {
        let dir = golden(&format!("lora/{case}"));
        let adapter = Adapter::read(&dir).unwrap();
        assert_eq!((adapter.config.rank, adapter.config.scaling()), (rank, scaling), "{case}");
        assert_eq!(adapter.config.targets, targets, "{case}");
        assert_eq!(adapter.pairs.len(), LAYERS * targets.len(), "{case}");
        adapter.check(&|module| Some(shape(module.target, widths)), LAYERS).unwrap();

        let again = tempfile::tempdir().unwrap();
        adapter.write(again.path(), "a model").unwrap();
        assert_eq!(Adapter::read(again.path()).unwrap(), adapter, "{case}");
        let tensors = |dir: &std::path::Path| std::fs::read(dir.join("adapter_model.safetensors")).unwrap();
        assert_eq!(tensors(again.path()), tensors(&dir), "{case}");
        // Whatever is left out means to PEFT what it says in its own file.
        let (ours, theirs) = (json(&again.path().join("adapter_config.json")), json(&dir.join("adapter_config.json")));
        for (key, value) in ours.as_object().unwrap() {
            let same = match key.as_str() {
                "base_model_name_or_path" => value == "a model",
                "lora_dropout" => value.as_f64() == theirs[key].as_f64(),
                "target_modules" => sorted(value) == sorted(&theirs[key]),
                _ => *value == theirs[key],
            };
            assert!(same, "{case}: {key} = {value}");
        }
    }
}

fn sorted(names: &serde_json::Value) -> Vec<String> {
    let mut names: Vec<String> = serde_json::from_value(names.clone()).unwrap();
    names.sort();
    names
}

/// The training references speak of the same matrices, in the same order of numbers.
#[test]
fn the_training_references_fit_their_adapters() {
    for case in ["llama", "qwen3"] {
        let dir = golden(&format!("lora/{case}"));
        let adapter = Adapter::read(&dir).unwrap();
        let (train, tensors) = (json(&dir.join("train.json")), Folder::file(&dir.join("train.safetensors")).unwrap());
        let norms: BTreeMap<String, f32> = serde_json::from_value(train["gradient_norms"].clone()).unwrap();
        assert_eq!(norms.len(), 2 * adapter.pairs.len());
        for (module, pair) in &adapter.pairs {
            for (half, shape) in [("A", [adapter.config.rank, pair.inputs]), ("B", [pair.outputs, adapter.config.rank])]
            {
                let name = format!("base_model.model.{module}.lora_{half}.weight");
                let gradient = tensors.tensor(&format!("gradients.{name}")).unwrap().unwrap();
                assert_eq!(gradient.shape, shape, "{name}");
                let norm = gradient.to_f32().iter().map(|x| x * x).sum::<f32>().sqrt();
                assert!((norm / norms[&name] - 1.0).abs() < 1e-5, "{name}: {norm}");
                assert_eq!(tensors.tensor(&format!("final.{name}")).is_some(), case == "llama");
            }
        }
        let losses = floats(&train["losses"]);
        assert!(losses.len() == 11 && losses.is_sorted_by(|a, b| a > b), "{losses:?}");
    }
}

#[test]
fn an_adapter_of_peft_s_comes_in_for_its_model_and_no_other() {
    let (_llama_home, llama) = super::imported(&golden("tiny/llama"), None);
    let (_qwen_home, qwen) = super::imported(&golden("tiny/qwen2"), None);
    let home = tempfile::tempdir().unwrap();
    let library = Library::open(&home.path().join("adapters")).unwrap();
    let entry = library.add(&golden("lora/llama"), &llama).unwrap();
    assert_eq!(entry.manifest.base_fingerprint, llama.fingerprint());
    assert_eq!((entry.manifest.rank, entry.manifest.lineage.data.len()), (4, 0));
    assert_eq!(entry.adapter().unwrap(), Adapter::read(&golden("lora/llama")).unwrap());
    assert!(entry.manifest.belongs_to(&qwen).is_err());
    let wrong = entry.adapter().unwrap().check(&|module: Module| Some(shape(module.target, CASES[2].4)), LAYERS);
    assert!(wrong.unwrap_err().to_string().contains("model.layers.0.self_attn.q_proj"));

    let (_around, zero) = copied(&golden("lora/llama-qv"));
    let path = zero.join("adapter_model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[header..].fill(0);
    std::fs::write(&path, bytes).unwrap();
    assert!(library.add(&zero, &llama).unwrap_err().to_string().contains("changes nothing"));
}
