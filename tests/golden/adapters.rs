//! Adapters at work, against PEFT: side by side on one model, and merged into models of their own.

use super::{Distance, greedy, imported, imported_as, logits, opened, unrounded};
use crate::support::{copied, engine, floats, golden, ids, json, part};
use rand::{RngExt, SeedableRng};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use wayside::bundle::Bundle;
use wayside::graph::WEIGHTS;
use wayside::import::{Options, import};
use wayside::infer::{Context, LanguageModel, Worn};
use wayside::kernel::Backend;
use wayside::lora::{Adapter, LoraConfig, Module, Pair, Target, merge};
use wayside::tensor::Bits;
use wayside::train::frozen::Frozen;
use wayside::watch::{Cancel, Quiet};
use wayside::{ErrorKind, Result, parts};

/// 8-bit weights, activations in 16 bits: as for the decoders alone. Measured: 0.0003 and 0.0001.
const PRECISE: Distance = Distance { largest: 2e-3, rms: 5e-4 };
/// The same with keys and values remembered in float16, as kernels of ours do. Measured: 0.0025 and 0.0007.
const HALF: Distance = Distance { largest: 5e-3, rms: 1.5e-3 };
/// The same numbers in another order of sums, where int8 activations may round the other way, layer after layer.
/// Measured on the default model: 0 where both have the same nodes, else 0.26 and 0.08, a tenth of what the adapter
/// moves.
const EQUAL: Distance = Distance { largest: 0.5, rms: 0.15 };
/// The same without that rounding. Measured: 0.00001 and 0.000003.
const UNROUNDED: Distance = Distance { largest: 1e-4, rms: 2e-5 };

fn peft_s(case: &str) -> Adapter {
    Adapter::read(&golden(&format!("lora/{case}"))).unwrap()
}

fn worn(model: &Arc<LanguageModel>, case: &str) -> Arc<Worn> {
    Arc::new(model.wear(&peft_s(case), case).unwrap())
}

/// The logits after each token of `ids`.
fn rows(mut context: Context, ids: &[u32]) -> Vec<Vec<f32>> {
    let mut rows = Vec::new();
    context.feed_all(ids, &Cancel::new(), |_, row| rows.push(row.to_vec())).unwrap();
    rows
}

/// Holds the last logits after each prompt of a case to PEFT's.
fn must_be_peft_s(context: impl Fn() -> Context, limit: Distance, case: &str) {
    let expected = json(&golden(&format!("lora/{case}/expected.json")));
    let prompts = expected["prompts"].as_array().unwrap().iter();
    for (prompt, exact) in prompts.zip(expected["logits_int8"].as_array().unwrap()) {
        let found = context().feed(&ids(prompt), &Cancel::new()).unwrap();
        Distance::between(&found, &floats(exact)).must_be_within(limit, case);
    }
}

fn must_be_equal(a: &[Vec<f32>], b: &[Vec<f32>], what: &str) {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).for_each(|(a, b)| Distance::between(a, b).must_be_within(EQUAL, what));
}

fn merged(base: &Bundle, adapter: &Adapter, name: &str) -> Result<Bundle> {
    merge(base, adapter, "some-id", &[], &base.dir.with_file_name(name), &Cancel::new())
}

/// Without kernels of ours and with them, and how near the logits must be.
const KERNELS: [(bool, Distance); 2] = [(false, PRECISE), (true, HALF)];

fn loaded_with(bundle: &Bundle, kernels: bool) -> Arc<LanguageModel> {
    Arc::new(LanguageModel::open(&engine().with_kernels(kernels.then(Backend::best)), bundle).unwrap())
}

fn loaded(bundle: &Bundle) -> Arc<LanguageModel> {
    loaded_with(bundle, true)
}

/// An adapter of random numbers for the default model's shape; `size` is that of B's.
pub fn random_adapter(targets: &[Target], rank: usize, size: f32) -> Adapter {
    let mut random = rand_chacha::ChaCha12Rng::seed_from_u64(rank as u64);
    let mut numbers = |n: usize, size: f32| (0..n).map(|_| (random.random::<f32>() - 0.5) * size).collect::<Vec<_>>();
    let config = LoraConfig { rank, alpha: 2.0 * rank as f32, targets: targets.to_vec(), ..Default::default() };
    let mut adapter = Adapter { config, pairs: Default::default() };
    for (layer, &target) in (0..30).flat_map(|layer| targets.iter().map(move |target| (layer, target))) {
        let (outputs, inputs) = match target {
            Target::Query | Target::Output => (576, 576),
            Target::Key | Target::Value => (192, 576),
            Target::Gate | Target::Up => (1536, 576),
            Target::Down => (576, 1536),
        };
        let (a, b) = (numbers(rank * inputs, 0.1), numbers(rank * outputs, size));
        adapter.pairs.insert(Module { layer, target }, Pair { a, b, inputs, outputs });
    }
    adapter
}

fn default_model() -> (tempfile::TempDir, Bundle) {
    imported(&part(parts::LANGUAGE_MODEL), None)
}

#[test]
fn worn_adapters_give_the_logits_of_peft() {
    for case in ["llama", "llama-qv", "qwen2", "qwen3", "gemma3", "granite", "smollm3", "phi3"] {
        let family = case.trim_end_matches("-qv");
        let (_home, base) = imported(&golden(&format!("tiny/{family}")), Some(Bits::Int8));
        for (kernels, limit) in KERNELS {
            let worn = worn(&loaded_with(&base, kernels), case);
            must_be_peft_s(|| Context::wearing(worn.clone()).unwrap(), limit, case);
        }
    }
}

#[test]
fn merged_adapters_give_the_logits_of_peft() {
    for case in ["llama", "llama-qv", "qwen2", "qwen3", "gemma3", "granite", "smollm3", "phi3"] {
        let family = case.trim_end_matches("-qv");
        let (_home, base) = imported(&golden(&format!("tiny/{family}")), Some(Bits::Int8));
        let merged = merged(&base, &peft_s(case), "merged").unwrap();
        for (kernels, limit) in KERNELS {
            let model = loaded_with(&merged, kernels);
            must_be_peft_s(|| Context::new(model.clone()).unwrap(), limit, case);
        }
    }
}

/// Ranks and targets differ, and each conversation goes on where it was.
#[test]
fn adapters_and_none_take_turns_on_one_model() {
    let (_home, model) = opened(&golden("tiny/llama"), Some(Bits::Int8));
    let prompt = ids(&json(&golden("lora/llama/expected.json"))["prompts"][1]);
    let contexts = || {
        let wearing = ["llama", "llama-qv"].map(|case| Context::wearing(worn(&model, case)).unwrap());
        wearing.into_iter().chain([Context::new(model.clone()).unwrap()])
    };
    let alone: Vec<_> = contexts().map(|context| rows(context, &prompt)).collect();
    assert_ne!(alone[0], alone[1]);
    assert_eq!(alone[2], logits(&model, &prompt));
    let mut together: Vec<_> = contexts().map(|context| (context, Vec::new())).collect();
    for token in &prompt {
        for (context, rows) in &mut together {
            rows.push(context.feed(&[*token], &Cancel::new()).unwrap());
        }
    }
    assert_eq!(together.iter().map(|(c, _)| c.adapter()).collect::<Vec<_>>(), [Some("llama"), Some("llama-qv"), None]);
    for (alone, (_, together)) in alone.iter().zip(&together) {
        for (a, b) in alone.iter().zip(together) {
            // One row at a time goes through other kernels than many.
            Distance::between(a, b).must_be_within(PRECISE, "in turns");
        }
    }
}

/// Offsets and factors share two products: PEFT's loss over the dequantized file, with the rounding of activations out.
#[test]
fn matrices_with_offsets_give_the_loss_of_peft() {
    let (_home, base) = imported_as(&golden("gguf/llama.gguf"), Options { stock: true, ..Options::default() });
    let adapter = peft_s("llama");
    let bundle = merged(&base, &adapter, "merged").unwrap();
    unrounded(&bundle);
    let model = loaded(&bundle);
    let expected = json(&golden("lora/gguf-llama.json"));
    let (mut sum, mut learned) = (0.0, 0.0);
    for (tokens, learn) in expected["tokens"].as_array().unwrap().iter().zip(expected["learn"].as_array().unwrap()) {
        let tokens = ids(tokens);
        for (at, row) in logits(&model, &tokens).iter().enumerate().take(tokens.len() - 1) {
            if learn[at + 1].as_bool().unwrap() {
                let all: f64 = row.iter().map(|l| f64::from(*l).exp()).sum();
                sum += all.ln() - f64::from(row[tokens[at + 1] as usize]);
                learned += 1.0;
            }
        }
    }
    let exact = expected["losses"][0].as_f64().unwrap();
    assert!((sum / learned / exact - 1.0).abs() < 1e-5, "{} instead of {exact}", sum / learned);

    // Side by side the activations are rounded: so they are in the merged model as it was.
    let again = loaded(&merged(&base, &adapter, "again").unwrap());
    let tokens = ids(&expected["tokens"][0]);
    let side_by_side = rows(Context::wearing(worn(&loaded(&base), "llama")).unwrap(), &tokens);
    must_be_equal(&side_by_side, &logits(&again, &tokens), "side by side and merged");
}

/// On the default model, whose widest matrices keep the sums of their blocks in the graph.
#[test]
fn an_adapter_of_nearly_nothing_leaves_the_default_model_as_it_is() {
    let (_home, base) = default_model();
    let tokens = ids(&json(&golden("smollm2/greedy.json"))["chat"]["ids"]);
    let model = loaded(&base);
    let plain = logits(&model, &tokens);
    for targets in [&Target::ALL[..], &[Target::Value, Target::Down]] {
        let adapter = random_adapter(targets, 3, 1.0);
        let worn = Arc::new(model.wear(&adapter, "id").unwrap());
        let changed = rows(Context::wearing(worn).unwrap(), &tokens);
        let merged = loaded(&merged(&base, &adapter, "merged").unwrap());
        let (last, merged) = (tokens.len() - 1, logits(&merged, &tokens));
        let moved = Distance::between(&changed[last], &plain[last]);
        assert!(moved.rms > 0.5, "{targets:?} change something: {moved:?}");
        Distance::between(&changed[last], &merged[last]).must_be_within(EQUAL, "side by side and merged");
    }
    let nearly = merged(&base, &random_adapter(&Target::ALL, 3, 1e-12), "nearly").unwrap();
    let [plain, nearly] = [&base, &nearly].map(|bundle| {
        let model = LanguageModel::open(&unrounded(bundle), bundle).unwrap();
        logits(&Arc::new(model), &tokens)
    });
    for (a, b) in plain.iter().zip(&nearly) {
        Distance::between(a, b).must_be_within(UNROUNDED, "nearly nothing");
    }
}

#[test]
fn a_merged_model_shares_its_base_s_bytes_and_outlives_it() {
    let (_home, base) = imported(&golden("tiny/llama"), Some(Bits::Int8));
    let bundle = merged(&base, &peft_s("llama-qv"), "merged").unwrap();
    let inode = |bundle: &Bundle| std::fs::metadata(bundle.path(WEIGHTS).unwrap()).unwrap().ino();
    assert_eq!(inode(&bundle), inode(&base));
    bundle.verify().unwrap();
    let about = bundle.manifest.merged.clone().unwrap();
    assert_eq!((about.base, about.base_fingerprint), ("model".into(), base.fingerprint()));
    assert_eq!(about.adapter, "some-id");
    let prompt = ids(&json(&golden("lora/llama-qv/expected.json"))["prompts"][0]);
    let before = greedy(&loaded(&bundle), &prompt, 8);

    // Another model under the base's name, and then none.
    import(&golden("tiny/qwen2"), &base.dir, Options::default(), &Quiet, &Cancel::new()).unwrap();
    std::fs::remove_dir_all(&base.dir).unwrap();
    let bundle = Bundle::open(&bundle.dir).unwrap();
    bundle.verify().unwrap();
    assert_eq!(greedy(&loaded(&bundle), &prompt, 8), before);
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let told = |refused: Result<()>, kind: ErrorKind, why: &str| {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(why), "{error}");
    };
    let (_home, base) = imported(&golden("tiny/llama"), Some(Bits::Int8));
    let (model, fits) = (loaded(&base), peft_s("llama"));
    let wear = |model: &Arc<LanguageModel>, adapter: &Adapter| model.wear(adapter, "id").map(drop);
    told(wear(&model, &peft_s("qwen2")), ErrorKind::Incompatible, "model.layers.0.self_attn.q_proj");
    let mut zero = fits.clone();
    zero.pairs.values_mut().for_each(|pair| pair.b.fill(0.0));
    told(wear(&model, &zero), ErrorKind::Invalid, "changes nothing");
    told(merged(&base, &peft_s("qwen2"), "other").map(drop), ErrorKind::Incompatible, "choose the model");
    told(merged(&base, &fits, "model").map(drop), ErrorKind::Invalid, "another name");
    told(merged(&base, &fits, ".hidden").map(drop), ErrorKind::Invalid, ".hidden");

    let carries = merged(&base, &fits, "merged").unwrap();
    told(wear(&loaded(&carries), &fits), ErrorKind::Invalid, "some-id already; use another with model");
    told(merged(&carries, &fits, "twice").map(drop), ErrorKind::Invalid, "some-id already");
    let trained = Frozen::open(&engine(), &carries).map(drop);
    told(trained, ErrorKind::Invalid, "train model, the model under it");
    let (_encoder_home, encoder) = imported(&golden("tiny/bert-mean"), None);
    told(merged(&encoder, &fits, "vectors").map(drop), ErrorKind::Invalid, "makes vectors");
    let (_ready_home, ready) = imported(&golden("ready/optimum"), None);
    told(wear(&loaded(&ready), &fits), ErrorKind::Unsupported, "cannot wear adapters");

    let (_around, dir) = copied(&base.dir);
    let mut weights = std::fs::read(dir.join(WEIGHTS)).unwrap();
    weights[0] ^= 1;
    std::fs::write(dir.join(WEIGHTS), weights).unwrap();
    told(merged(&Bundle::open(&dir).unwrap(), &fits, "damaged").map(drop), ErrorKind::Corrupt, "altered");
    assert!(!base.dir.with_file_name("twice").exists(), "nothing is left of what was refused");
}
