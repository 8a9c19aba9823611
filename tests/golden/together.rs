//! Several conversations at once say what each says alone.

use super::{Distance, greedy, logits, opened};
use crate::support::{engine, golden, ids, json, part};
use std::sync::Arc;
use std::thread;
use wayside::infer::{Context, LanguageModel, Request, Sampling, generate};
use wayside::parts::LANGUAGE_MODEL;
use wayside::watch::Cancel;

/// As [`greedy`], many at once, each guessing up to `drafts` tokens ahead.
fn together(model: &Arc<LanguageModel>, prompts: &[Vec<u32>], drafts: usize) -> Vec<Vec<u32>> {
    thread::scope(|scope| {
        let answer = |prompt: &Vec<u32>| {
            let (model, prompt) = (model.clone(), prompt.clone());
            scope.spawn(move || {
                let mut context = Context::new(model).unwrap();
                context.draft(drafts);
                let request = Request { prompt, max_tokens: 24, sampling: Sampling::greedy(), stop: vec![] };
                generate(&mut context, &request, &Cancel::new(), &mut |_| {}).unwrap().tokens
            })
        };
        let threads: Vec<_> = prompts.iter().map(answer).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

/// Seven, so that more wait than a pass takes.
#[test]
fn conversations_share_passes_and_change_no_answer() {
    let (_home, model) = opened(&part(LANGUAGE_MODEL), None);
    let cases = json(&golden("smollm2/greedy.json"));
    let prompts: Vec<_> = cases.as_object().unwrap().values().map(|case| ids(&case["ids"])).take(7).collect();
    let alone: Vec<_> = prompts.iter().map(|p| greedy(&model, p, 24)).collect();
    for drafts in [0, 5] {
        assert_eq!(together(&model, &prompts, drafts), alone, "with {drafts} guesses");
    }
}

/// Both round activations to 8 bits, and a last bit that differs moves logits by so much.
const ROUNDING: Distance = Distance { largest: 1.5, rms: 0.25 };

/// What machines without kernels of ours get, and whoever asks for it.
#[test]
fn onnx_runtime_s_own_kernels_differ_by_rounding_alone() {
    let (_home, model) = opened(&part(LANGUAGE_MODEL), None);
    let stock = Arc::new(LanguageModel::open(&engine().with_kernels(None), model.bundle()).unwrap());
    for (name, case) in json(&golden("smollm2/greedy.json")).as_object().unwrap() {
        let tokens = ids(&case["ids"]);
        let (own, stock) = (logits(&model, &tokens), logits(&stock, &tokens));
        Distance::between(own.last().unwrap(), stock.last().unwrap()).must_be_within(ROUNDING, name);
    }
}

/// Large cores beside small ones are not to be had here; that threads stay where they are put can be seen anywhere.
#[test]
#[cfg(target_os = "linux")]
fn threads_keep_to_their_cores() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return;
    }
    let (_home, model) = opened(&part(LANGUAGE_MODEL), None);
    let kept = Arc::new(LanguageModel::open(&engine().on_cores(vec![1, 1]), model.bundle()).unwrap());
    let prompt = model.encode("A lamp burns for nine hours, then").unwrap();
    assert_eq!(greedy(&kept, &prompt, 4), greedy(&model, &prompt, 4));
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let mut about = tasks.map(|task| std::fs::read_to_string(task.path().join("status")).unwrap_or_default());
    assert!(about.any(|status| status.contains("Cpus_allowed_list:\t1\n")), "no thread is kept to the second core");
}
