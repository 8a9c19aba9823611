//! Guessing ahead changes no answer: the default model says token by token what a loop says that guesses nothing.

use super::{imported, opened};
use crate::support::{engine, golden, ids, json, part};
use std::sync::Arc;
use wayside::infer::{Context, Generated, LanguageModel, Request, Sampler, Sampling, generate};
use wayside::parts::LANGUAGE_MODEL;
use wayside::rag::{Conversation, Hit, Origin, Room, Source, prompt};
use wayside::sample;
use wayside::watch::Cancel;

/// The goldens' prompts, and one as `ask` makes it: pages of the sample before a question.
fn prompts(model: &LanguageModel) -> Vec<Vec<u32>> {
    let goldens = json(&golden("smollm2/greedy.json"));
    let mut prompts: Vec<_> = goldens.as_object().unwrap().values().map(|case| ids(&case["ids"])).collect();
    let page = |name: &str| sample::SHOP.files.iter().find(|(file, _)| file.contains(name)).unwrap().1;
    let source = |n: u32, name: &str| {
        let text: String = page(name).chars().take(900).collect();
        let hit = Hit {
            document: name.into(),
            also: vec![],
            title: name.into(),
            section: String::new(),
            chunk: 0,
            text: text.clone(),
            score: 1.0,
            relevance: 1.0,
        };
        Source { n, origin: Origin::Passage(hit), text, units: vec![] }
    };
    let question = "How long do I have to return something I did not use?";
    let sources = [source(1, "returns"), source(2, "warranty")];
    let room = Room { total: 2048, answer: 256, material: 700 };
    prompts.push(prompt(model, None, &Conversation::default(), question, &sources, room).unwrap().tokens);
    prompts
}

/// A loop that feeds each token in a pass of `rows` rows, of which the first counts.
fn plain(model: &Arc<LanguageModel>, request: &Request, rows: usize) -> Vec<u32> {
    let mut context = Context::new(model.clone()).unwrap();
    let mut sampler = Sampler::new(&request.sampling).unwrap();
    let mut logits = context.feed(&request.prompt, &Cancel::new()).unwrap();
    let mut answer = Vec::new();
    loop {
        let token = sampler.next(&mut logits, &answer).unwrap();
        if model.ends(token) {
            return answer;
        }
        answer.push(token);
        if answer.len() == request.max_tokens {
            return answer;
        }
        let before = context.tokens().len();
        let mut found = Vec::new();
        let mut pass = vec![0; rows];
        pass[0] = token;
        context.feed_all(&pass, &Cancel::new(), |_, row| found.push(row.to_vec())).unwrap();
        context.truncate(before + 1);
        logits = found.swap_remove(0);
    }
}

/// Generates with up to so many guesses at once, and checks that nothing of them is left behind.
fn drafted(model: &Arc<LanguageModel>, request: &Request, most: usize) -> Generated {
    let mut context = Context::new(model.clone()).unwrap();
    context.draft(most);
    let said = generate(&mut context, request, &Cancel::new(), &mut |_| {}).unwrap();
    let told = [&request.prompt[..], &said.tokens].concat();
    assert!(told.starts_with(context.tokens()) && context.tokens().len() + 1 >= told.len());
    said
}

fn penalized() -> Sampling {
    Sampling { repetition_penalty: 1.1, ..Sampling::greedy() }
}

fn drawn(seed: u64) -> Sampling {
    Sampling { temperature: 0.8, top_k: 40, top_p: 0.95, min_p: 0.05, repetition_penalty: 1.1, seed }
}

#[test]
fn an_answer_is_the_same_whatever_is_guessed() {
    let (_home, model) = opened(&part(LANGUAGE_MODEL), None);
    let mut accepted = 0;
    for prompt in prompts(&model) {
        // Over passages much is guessed; the short prompts show that little is no other case.
        let ways = [penalized(), Sampling::greedy(), drawn(1), drawn(2), drawn(3)];
        for sampling in ways.into_iter().take(if prompt.len() > 200 { 5 } else { 1 }) {
            let request = Request { prompt: prompt.clone(), max_tokens: 32, sampling, stop: vec![] };
            let said = drafted(&model, &request, 7);
            assert_eq!(said.tokens, drafted(&model, &request, 0).tokens);
            // Where no pass of several rows agrees with others, nothing is guessed, and all have one.
            let rows = if said.drafted > 0 { 2 } else { 1 };
            assert_eq!(said.tokens, plain(&model, &request, rows), "{} {:?}", prompt.len(), request.sampling);
            accepted += said.accepted;
        }
    }
    assert!(accepted > 40, "only {accepted} guesses came true");
}

#[test]
fn an_answer_ends_where_it_would_without_guesses() {
    let (_home, model) = opened(&part(LANGUAGE_MODEL), None);
    let prompt = prompts(&model).pop().unwrap();
    let ask = |max_tokens: usize, stop: &[&str]| {
        let stop = stop.iter().map(|s| (*s).to_owned()).collect();
        drafted(&model, &Request { prompt: prompt.clone(), max_tokens, sampling: Sampling::greedy(), stop }, 7)
    };
    let whole = ask(40, &[]);
    for most in [1, 2, 3, 11] {
        assert_eq!(ask(most, &[]).tokens, whole.tokens[..most]);
    }
    let words: Vec<&str> = whole.text.split(' ').collect();
    let cut = ask(40, &[&format!(" {}", words[5])]);
    assert!(whole.text.starts_with(&cut.text) && cut.text.split(' ').count() <= 5, "{:?}", cut.text);
}

/// A cache that can only grow cannot take guesses back.
#[test]
fn a_model_that_cannot_forget_guesses_nothing() {
    let folder = golden("ready/optimum");
    let (_home, bundle) = imported(&folder, None);
    let model = Arc::new(LanguageModel::open(&engine(), &bundle).unwrap());
    let request = Request { prompt: (5..25).collect(), max_tokens: 12, sampling: Sampling::greedy(), stop: vec![] };
    let said = drafted(&model, &request, 7);
    assert_eq!((said.drafted, said.tokens), (0, plain(&model, &request, 1)));
}
