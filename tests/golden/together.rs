//! Several conversations at once say what each says alone.

use super::{greedy, opened};
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

/// What machines without kernels of ours get, and whoever asks for it.
#[test]
fn the_runtime_s_own_kernels_give_the_same_texts_up_to_near_ties() {
    let (_home, model) = opened(&part(LANGUAGE_MODEL), None);
    let stock = LanguageModel::open(&engine().with_kernels(false), model.bundle()).unwrap();
    let case = &json(&golden("smollm2/greedy.json"))["chat"];
    let (own, stock) = (greedy(&model, &ids(&case["ids"]), 8), greedy(&Arc::new(stock), &ids(&case["ids"]), 8));
    assert_eq!(own, stock);
}
