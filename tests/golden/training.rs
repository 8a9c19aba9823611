//! A training step against PyTorch and PEFT, and the model that is trained against the one that is served.

use super::{imported, unrounded};
use crate::support::{copied, engine, floats, golden, ids, is_emulated, json, part};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;
use wayside::bundle::Bundle;
use wayside::engine::Engine;
use wayside::eval::nats;
use wayside::format::safetensors::Folder;
use wayside::infer::{Context, LanguageModel};
use wayside::lora::{Adapter, LoraConfig, Target};
use wayside::parts::LANGUAGE_MODEL;
use wayside::tensor::Bits;
use wayside::train::frozen::Frozen;
use wayside::train::shape::Shape;
use wayside::train::{Batch, Example, Keep, Plan, State, Step, flatten, fresh, places, unflatten};
use wayside::watch::Cancel;

/// Relative, for losses, norms and gradients. Measured: losses and norms 5e-7, gradients 2.5e-6; PyTorch's float32 is
/// 2e-6 from its float64.
const EXACT: f32 = 1e-5;
/// Of the way each matrix of the adapter goes in ten steps. Adam divides by the gradient, so that a number whose
/// gradient is next to nothing may go another way. Measured: 5e-5.
const MOVED: f32 = 3e-4;
/// Relative, where only the order of sums differs. Measured: 4e-7.
const SAME: f32 = 2e-6;
/// Relative, between the gradient and the slope of a loss that has seven digits: along the gradient (measured: 2e-4)
/// and along noise, where the slope is less by two orders or three (6e-3).
const STEEP: f32 = 1e-3;
const FLAT: f32 = 3e-2;
/// Relative, between the loss in training and the nats of what is served, whose activations are rounded to 8 bits (16
/// where all weights have 8). Measured: 0.01 for the default model, 6e-4 for a tiny one in 4 bits, 5e-6 in 8.
const ROUNDED: f32 = 0.02;
/// The same with that rounding taken out. Measured: 4e-6.
const UNROUNDED: f32 = 2e-5;

/// What PyTorch and PEFT did: model, adapter and reference below `tests/golden`.
const CASES: [[&str; 3]; 7] = [
    ["tiny/llama", "lora/llama", "lora/llama/train"],
    ["tiny/qwen2", "lora/qwen2", "lora/qwen2/train"],
    ["tiny/qwen3", "lora/qwen3", "lora/qwen3/train"],
    ["tiny/gemma3", "lora/gemma3", "lora/gemma3/train"],
    ["tiny/granite", "lora/granite", "lora/granite/train"],
    ["tiny/smollm3", "lora/smollm3", "lora/smollm3/train"],
    ["gguf/llama.gguf", "lora/llama", "lora/gguf-llama"],
];

/// Every tiny model there is: folders in 8 bits, files as they are.
const MODELS: [&str; 13] = [
    "tiny/llama",
    "tiny/llama3",
    "tiny/mistral",
    "tiny/qwen2",
    "tiny/qwen3",
    "tiny/qwen2-windows",
    "tiny/gemma3",
    "tiny/granite",
    "tiny/smollm3",
    "tiny/phi3",
    "gguf/llama.gguf",
    "gguf/qwen2.gguf",
    "gguf/llama3-k.gguf",
];

fn bundle(model: &str) -> (tempfile::TempDir, Bundle) {
    imported(&golden(model), (!model.ends_with(".gguf")).then_some(Bits::Int8))
}

fn shape(bundle: &Bundle) -> Shape {
    Frozen::open(&engine(), bundle).unwrap().shape
}

fn plan(keep: &[Keep], shape: &Shape) -> Plan {
    Plan { keep: keep.iter().copied().cycle().take(shape.layers).collect(), rows: 4096, head_rows: 4096, bytes: 0 }
}

fn step(bundle: &Bundle, lora: &LoraConfig, plan: Plan, weights: Vec<Vec<f32>>) -> Step {
    let frozen = Frozen::open(&engine(), bundle).unwrap();
    Step::new(&engine(), bundle, frozen, lora.clone(), plan, State::new(weights, 1)).unwrap()
}

/// An adapter as a step takes it.
fn vectors(adapter: &Adapter, shape: &Shape) -> Vec<Vec<f32>> {
    flatten(shape, adapter).unwrap()
}

/// Vectors of layers by PEFT's names and in PEFT's order.
fn named(vectors: &[&[f32]], shape: &Shape, lora: &LoraConfig) -> BTreeMap<String, Vec<f32>> {
    let pairs = unflatten(shape, lora, vectors).pairs.into_iter().flat_map(|(module, pair)| {
        let name = |half| format!("base_model.model.{module}.lora_{half}.weight");
        [(name("A"), pair.a), (name("B"), pair.b)]
    });
    pairs.collect()
}

fn gradients(step: &Step, lora: &LoraConfig) -> BTreeMap<String, Vec<f32>> {
    named(&step.gradients().iter().map(|g| g.as_f32().unwrap()).collect::<Vec<_>>(), step.shape(), lora)
}

fn weights(step: &Step, lora: &LoraConfig) -> BTreeMap<String, Vec<f32>> {
    let state = step.state().unwrap();
    named(&state.weights.iter().map(Vec::as_slice).collect::<Vec<_>>(), step.shape(), lora)
}

fn norm(x: impl IntoIterator<Item = f32>) -> f32 {
    x.into_iter().map(|x| x * x).sum::<f32>().sqrt()
}

/// The size of the difference, in units of what is right.
fn apart(found: &[f32], exact: &[f32]) -> f32 {
    assert_eq!(found.len(), exact.len());
    norm(found.iter().zip(exact).map(|(a, b)| a - b)) / norm(exact.iter().copied())
}

#[track_caller]
fn close(what: &str, found: f32, exact: f32, relative: f32) {
    assert!((found - exact).abs() <= relative * exact.abs(), "{what}: {found}, not {exact}");
}

/// Both sequences of a reference.
fn examples(reference: &serde_json::Value) -> Vec<Example> {
    let tokens = reference["tokens"].as_array().unwrap();
    let learn: Vec<Vec<bool>> = serde_json::from_value(reference["learn"].clone()).unwrap();
    tokens.iter().zip(learn).map(|(tokens, learn)| Example::new(ids(tokens), learn).unwrap()).collect()
}

/// One over the tokens that are learnt: with it, losses are means.
fn share(examples: &[Example]) -> f32 {
    1.0 / examples.iter().map(Example::learnt).sum::<usize>() as f32
}

#[test]
fn loss_gradients_and_ten_steps_are_those_of_pytorch_and_peft() {
    for [model, adapter, reference] in CASES {
        let (_home, bundle) = bundle(model);
        let (adapter, exact) = (Adapter::read(&golden(adapter)).unwrap(), json(&golden(&format!("{reference}.json"))));
        let (lora, shape) = (&adapter.config, shape(&bundle));
        let tensors = golden(&format!("{reference}.safetensors"));
        let tensors = tensors.exists().then(|| Folder::file(&tensors).unwrap());
        let tensor = |name: &str| Some(tensors.as_ref()?.tensor(name)?.unwrap().to_f32());
        let examples = examples(&exact);
        let batch = Batch::new(&examples.iter().collect::<Vec<_>>());
        let weight = share(&examples);
        let mut step = step(&bundle, lora, plan(&[Keep::Attention], &shape), vectors(&adapter, &shape));
        let began = weights(&step, lora);

        let (losses, norms) = (floats(&exact["losses"]), floats(&exact["norms"]));
        let sizes: BTreeMap<String, f32> = serde_json::from_value(exact["gradient_norms"].clone()).unwrap();
        let final_sizes: BTreeMap<String, f32> = serde_json::from_value(exact["final_norms"].clone()).unwrap();
        for (taken, exact) in losses.iter().enumerate() {
            let loss = step.accumulate(&batch, weight, &Cancel::new()).unwrap();
            close(&format!("{model}: loss {taken}"), loss, *exact, EXACT);
            if taken == 0 {
                let gradients = gradients(&step, lora);
                assert_eq!(gradients.keys().collect::<Vec<_>>(), sizes.keys().collect::<Vec<_>>());
                for (name, found) in &gradients {
                    close(&format!("{model}: {name}"), norm(found.iter().copied()), sizes[name], EXACT);
                    if let Some(exact) = tensor(&format!("gradients.{name}")) {
                        let error = apart(found, &exact);
                        assert!(error < EXACT, "{model}: {name}: {error}");
                    }
                }
            }
            if let Some(exact) = norms.get(taken) {
                let found = step.update(1e-3).unwrap();
                close(&format!("{model}: norm {taken}"), found, *exact, EXACT);
            }
        }
        for (name, found) in weights(&step, lora) {
            close(&format!("{model}: {name}"), norm(found.iter().copied()), final_sizes[&name], EXACT);
            if let Some(exact) = tensor(&format!("final.{name}")) {
                let way = |to: &[f32]| to.iter().zip(&began[&name]).map(|(to, from)| to - from).collect::<Vec<_>>();
                let error = apart(&way(&found), &way(&exact));
                assert!(error < MOVED, "{model}: {name}: {error}");
            }
        }
    }
}

fn run(bundle: &Bundle, lora: &LoraConfig, plan: Plan, weights: Vec<Vec<f32>>, batches: &[Vec<&Example>]) -> Ran {
    let mut step = step(bundle, lora, plan, weights);
    let all: Vec<Example> = batches.iter().flatten().map(|e| (*e).clone()).collect();
    let weight = share(&all);
    let loss = batches.iter().map(|b| step.accumulate(&Batch::new(b), weight, &Cancel::new()).unwrap()).sum();
    Ran { loss, gradients: gradients(&step, lora) }
}

/// What came out of a batch.
struct Ran {
    loss: f32,
    gradients: BTreeMap<String, Vec<f32>>,
}

impl Ran {
    fn must_equal(&self, exact: &Self, what: &str) {
        close(what, self.loss, exact.loss, SAME);
        for (name, exact) in &exact.gradients {
            let error = apart(&self.gradients[name], exact);
            assert!(error < SAME, "{what}: {name}: {error}");
        }
    }
}

#[test]
fn what_a_layer_keeps_changes_no_number() {
    for [model, adapter, reference] in CASES {
        let (_home, bundle) = bundle(model);
        let mut adapter = Adapter::read(&golden(adapter)).unwrap();
        // The masks are drawn twice, too.
        adapter.config.dropout = if model == "tiny/qwen3" { 0.3 } else { 0.0 };
        let (shape, examples) = (shape(&bundle), examples(&json(&golden(&format!("{reference}.json")))));
        let batch = [examples.iter().collect()];
        let ran = |keep: &[Keep]| run(&bundle, &adapter.config, plan(keep, &shape), vectors(&adapter, &shape), &batch);
        let all = ran(&[Keep::All]);
        for keep in [[Keep::Input, Keep::Attention], [Keep::Projections, Keep::Input]] {
            ran(&keep).must_equal(&all, &format!("{model} {keep:?}"));
        }
    }
}

#[test]
fn how_a_batch_is_divided_and_padded_changes_no_number() {
    for [model, adapter, reference] in [CASES[2], CASES[3]] {
        let (_home, bundle) = bundle(model);
        let adapter = Adapter::read(&golden(adapter)).unwrap();
        let (shape, mut examples) = (shape(&bundle), examples(&json(&golden(&format!("{reference}.json")))));
        // Beside the other, this one is padded.
        let short = &examples[0];
        examples.push(Example::new(short.tokens[..9].to_vec(), short.learn[..9].to_vec()).unwrap());
        let [a, b, c] = [&examples[0], &examples[1], &examples[2]];
        let ran = |head_rows: usize, batches: &[Vec<&Example>]| {
            let plan = Plan { head_rows, ..plan(&[Keep::Attention], &shape) };
            run(&bundle, &adapter.config, plan, vectors(&adapter, &shape), batches)
        };
        let whole = ran(4096, &[vec![a, b, c]]);
        ran(4096, &[vec![a], vec![b], vec![c]]).must_equal(&whole, &format!("{model}: one by one"));
        ran(4096, &[vec![c, b], vec![a]]).must_equal(&whole, &format!("{model}: in two"));
        ran(4, &[vec![b, c, a]]).must_equal(&whole, &format!("{model}: few rows for the head"));
    }
}

/// Numbers that look random and are the same everywhere, between -1 and 1.
fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// Where no PyTorch looked: a window, scaled positions, K-quants, an output layer of its own; an adapter on some
/// matrices alone; dropout, which draws the same for the same seed. The gradient is the slope of the loss, along itself
/// and along noise.
#[test]
fn the_gradient_is_the_slope_of_the_loss() {
    let some = LoraConfig { rslora: true, targets: vec![Target::Query, Target::Value, Target::Down], ..few() };
    let dropping = LoraConfig { dropout: 0.3, ..few() };
    for (model, lora) in [
        ("tiny/mistral", few()),
        ("tiny/llama3", few()),
        ("gguf/llama3-k.gguf", few()),
        ("tiny/llama", some),
        ("gguf/llama.gguf", dropping),
    ] {
        let (_home, bundle) = bundle(model);
        let shape = shape(&bundle);
        let (count, _) = places(&shape, &lora);
        let example = Example::whole(tokens(model)).unwrap();
        let (batch, weight) = (Batch::new(&[&example]), 1.0 / example.learnt() as f32);
        let start: Vec<f32> = noise(shape.layers * count, 1).into_iter().map(|x| x / 10.0).collect();
        let at = |way: &[f32], share: f32| {
            let weights: Vec<f32> = start.iter().zip(way).map(|(x, d)| x + share * d).collect();
            let weights = weights.chunks_exact(count).map(<[f32]>::to_vec).collect();
            let mut step = step(&bundle, &lora, plan(&[Keep::Attention], &shape), weights);
            let loss = step.accumulate(&batch, weight, &Cancel::new()).unwrap();
            let gradient: Vec<f32> = step.gradients().iter().flat_map(|g| g.as_f32().unwrap().to_vec()).collect();
            (loss, gradient)
        };
        let (_, gradient) = at(&start, 0.0);
        for (what, way, stride, tolerance) in
            [("itself", gradient.clone(), 0.01, STEEP), ("noise", noise(gradient.len(), 2), 0.1, FLAT)]
        {
            let length = norm(way.iter().copied());
            let way: Vec<f32> = way.into_iter().map(|x| x / length).collect();
            let told: f32 = gradient.iter().zip(&way).map(|(g, d)| g * d).sum();
            let slope = (at(&way, stride).0 - at(&way, -stride).0) / (2.0 * stride);
            close(&format!("{model}, along {what}"), told, slope, tolerance);
        }
    }
}

/// A small adapter over everything.
fn few() -> LoraConfig {
    LoraConfig { rank: 4, alpha: 8.0, ..LoraConfig::default() }
}

/// The reference's prompt for a model, three times over: more than serving takes at once.
fn tokens(model: &str) -> Vec<u32> {
    let path = golden(model);
    let path = if path.is_dir() { path.join("expected.json") } else { path.with_extension("json") };
    ids(&json(&path)["input_ids"]).repeat(3)
}

/// The loss of the base under an adapter that has learnt nothing.
fn trained(bundle: &Bundle, examples: &[Example]) -> f32 {
    let (shape, lora) = (shape(bundle), few());
    let plan = plan(&[Keep::Input], &shape);
    run(bundle, &lora, plan, fresh(&shape, &lora, 1), &[examples.iter().collect()]).loss
}

/// The mean of the nats that the model which answers gives the same tokens.
fn served(engine: &Engine, bundle: &Bundle, examples: &[Example]) -> f32 {
    let model = Arc::new(LanguageModel::open(engine, bundle).unwrap());
    let each = examples.iter().map(|example| {
        let mut context = Context::new(model.clone()).unwrap();
        nats(&mut context, &example.tokens[..1], &example.tokens[1..], &Cancel::new()).unwrap()
    });
    each.sum::<f64>() as f32 * share(examples)
}

#[test]
fn what_is_trained_is_what_is_served() {
    for model in MODELS {
        let (_home, bundle) = bundle(model);
        let examples = [Example::whole(tokens(model)).unwrap()];
        agree(&bundle, &examples, model);
    }
    let (_home, bundle) = imported(&part(LANGUAGE_MODEL), None);
    let case = &json(&golden("smollm2/greedy.json"))["chat"];
    let mut said = [ids(&case["ids"]), ids(&case["greedy"])].concat();
    // An emulator takes seconds for a token.
    said.truncate(if is_emulated() { 24 } else { usize::MAX });
    agree(&bundle, &[Example::whole(said).unwrap()], "the default model");
}

fn agree(bundle: &Bundle, examples: &[Example], what: &str) {
    let (trained, rounded) = (trained(bundle, examples), served(&engine(), bundle, examples));
    let exact = served(&unrounded(bundle), bundle, examples);
    close(&format!("{what}, rounded"), trained, rounded, ROUNDED);
    close(&format!("{what}, unrounded"), trained, exact, UNROUNDED);
}

/// The comparison would not be worth much if a trainer that ignores the window passed.
#[test]
fn the_comparison_notices_a_window_that_is_ignored() {
    let (_around, folder) = copied(&golden("tiny/mistral"));
    let mut config = json(&folder.join("config.json"));
    config["sliding_window"] = serde_json::Value::Null;
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let (_wide_home, wide) = imported(&folder, Some(Bits::Int8));
    let (_home, narrow) = bundle("tiny/mistral");
    let examples = [Example::whole(tokens("tiny/mistral")).unwrap()];
    let (trained, served) = (trained(&narrow, &examples), served(&engine(), &wide, &examples));
    assert!((trained / served - 1.0).abs() > ROUNDED, "{trained} {served}");
}
