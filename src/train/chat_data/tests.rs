//! Conversations as people have them, through the tokenizer and the templates of the goldens.

use super::super::language::tests::Fixture;
use super::*;
use crate::store::log::Rating;
use crate::watch::Quiet;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;

/// Served without retrieval: instructions, what was said, the question.
/// As a server that shows questions as they are.
fn served(history: &[Message], _: Option<&str>, question: &str) -> Result<Vec<Message>> {
    plain(history, question)
}

fn plain(history: &[Message], question: &str) -> Result<Vec<Message>> {
    let own = history.first().filter(|m| m.role == "system").cloned();
    let rest = history.iter().skip(usize::from(own.is_some())).cloned();
    let system = own.unwrap_or_else(|| Message::new("system", "Be brief."));
    Ok([system].into_iter().chain(rest).chain([Message::new("user", question)]).collect())
}

fn settings<'a>(fixture: &'a Fixture, prompt: &'a Prompting<'a>) -> Settings<'a> {
    Settings { language: fixture.language(), prompt, length: 4096 }
}

fn chat(turns: &[(&str, &str)]) -> Interaction {
    Interaction::new(turns.iter().map(|(role, text)| Message::new(*role, *text)).collect())
}

/// What is learnt, special tokens by name, with a bar between runs; and all of it.
fn learnt(fixture: &Fixture, example: &Example) -> (String, String) {
    let text = |tokens: &[u32]| -> String {
        let one = |token: &u32| match fixture.tokenizer.decode(&[*token]).unwrap() {
            text if text.is_empty() => fixture.tokenizer.token(*token).unwrap(),
            text => text,
        };
        tokens.iter().map(one).collect()
    };
    let runs = example.learn.chunk_by(|a, b| a == b);
    let mut at = 0;
    let runs = runs.filter_map(|run| {
        at += run.len();
        run.first().copied().unwrap_or_default().then(|| text(&example.tokens[at - run.len()..at]))
    });
    (runs.collect::<Vec<_>>().join("|"), text(&example.tokens))
}

fn file(lines: &[Value]) -> (tempfile::TempDir, std::path::PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("chats.jsonl");
    fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    (home, path)
}

fn open(path: &Path, fixture: &Fixture, length: usize) -> Result<Data> {
    let settings = Settings { length, ..settings(fixture, &served) };
    read(path, &settings, &Quiet, &Cancel::new())
}

#[test]
fn every_answer_of_a_conversation_is_learnt_and_nothing_else() {
    let fixture = Fixture::llama();
    let talk = chat(&[
        ("user", "How do I reset it?"),
        ("assistant", "Hold it."),
        ("user", "And then?"),
        ("assistant", "Wait."),
    ]);
    let taken = take(&talk, &settings(&fixture, &served)).unwrap();
    assert_eq!(taken.questions, ["How do I reset it?", "And then?"].map(question_hash));
    let [example] = taken.examples.as_slice() else { panic!("{taken:?}") };
    let (runs, whole) = learnt(&fixture, example);
    assert_eq!(runs, "Hold it.<|im_end|>|Wait.<|im_end|>");
    assert_eq!(
        whole,
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHow do I reset it?<|im_end|>\n\
         <|im_start|>assistant\nHold it.<|im_end|>\n<|im_start|>user\nAnd then?<|im_end|>\n\
         <|im_start|>assistant\nWait.<|im_end|>"
    );
    // What is served for the second question is the beginning of what was learnt.
    let served = fixture.template.render(&plain(&talk.messages[..2], "And then?").unwrap(), true).unwrap();
    assert!(example.tokens.starts_with(&fixture.tokenizer.encode(&served, false).unwrap()));
}

#[test]
fn a_prompt_that_does_not_go_on_begins_another_example() {
    // The template moves the system's words to the last question.
    let fixture = Fixture::templated("brackets");
    let talk =
        chat(&[("system", "Be kind."), ("user", "A?"), ("assistant", "Aa."), ("user", "B?"), ("assistant", "Bb.")]);
    let taken = take(&talk, &settings(&fixture, &served)).unwrap();
    let found: Vec<_> = taken.examples.iter().map(|e| learnt(&fixture, e)).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0].1, "<|endoftext|>[ASK] Be kind.\n\nA? [/ASK] Aa.<|im_end|>");
    assert_eq!(found[1].1, "<|endoftext|>[ASK] A? [/ASK] Aa.<|im_end|>[ASK] Be kind.\n\nB? [/ASK] Bb.<|im_end|>");
    assert_eq!((found[0].0.as_str(), found[1].0.as_str()), (" Aa.<|im_end|>", " Bb.<|im_end|>"));

    // The server forgets.
    let fixture = Fixture::llama();
    let forgets = |_: &[Message], _: Option<&str>, question: &str| plain(&[], question);
    let taken = take(&talk, &settings(&fixture, &forgets)).unwrap();
    assert_eq!(taken.examples.len(), 2);
}

#[test]
fn prompts_carry_what_is_retrieved_and_histories_what_was_shown() {
    let fixture = Fixture::llama();
    let seen = std::cell::RefCell::new(vec![]);
    let prompt = |history: &[Message], _: Option<&str>, question: &str| {
        seen.borrow_mut().push(history.iter().map(|m| m.content.clone()).collect::<Vec<_>>());
        plain(history, &format!("Passage 1: x\n\nQuestion: {question}"))
    };
    let talk =
        chat(&[("system", "Be kind."), ("user", "A?"), ("assistant", "Aa."), ("user", "B?"), ("assistant", "Bb.")]);
    let taken = take(&talk, &settings(&fixture, &prompt)).unwrap();
    assert_eq!(taken.examples.len(), 1);
    assert_eq!(learnt(&fixture, &taken.examples[0]).0, "Aa.<|im_end|>|Bb.<|im_end|>");
    let wanted = [vec!["Be kind."], vec!["Be kind.", "Passage 1: x\n\nQuestion: A?", "Aa."]];
    assert_eq!(seen.into_inner(), wanted);
}

#[test]
fn ratings_and_corrections_decide() {
    let fixture = Fixture::llama();
    let runs = |talk: &Interaction| {
        let taken = take(talk, &settings(&fixture, &served)).unwrap();
        let runs: Vec<_> = taken.examples.iter().map(|e| learnt(&fixture, e).0).collect();
        (runs.join("/"), taken.skipped.join("/"))
    };
    let mut talk = chat(&[("user", "A?"), ("assistant", "Bad.")]);
    assert_eq!(runs(&talk).0, "Bad.<|im_end|>");
    talk.rating = Some(Rating::Down);
    assert_eq!(runs(&talk), (String::new(), "rated down, without a correction".into()));
    talk.correction = Some("Good.".into());
    assert_eq!(runs(&talk), ("Good.<|im_end|>".into(), String::new()));
    talk.messages.pop();
    assert_eq!(runs(&talk).0, "Good.<|im_end|>", "nobody had answered");
    assert_eq!(runs(&chat(&[])).1, "no messages");
    assert_eq!(runs(&chat(&[("user", "A?")])).1, "no answer to learn");
    assert_eq!(runs(&chat(&[("assistant", "Hello.")])).1, "an answer that follows no question");
    assert_eq!(runs(&chat(&[("user", " "), ("assistant", "So.")])).1, "the question is empty");
    let odd = chat(&[("user", "A?"), ("assistant", "\n"), ("user", "B?"), ("user", "C?"), ("assistant", "So.")]);
    assert_eq!(runs(&odd), ("So.<|im_end|>".into(), "the answer is empty".into()));
}

#[test]
fn what_rests_on_records_of_a_person_is_left_out_as_a_log_exports_it() {
    let fixture = Fixture::llama();
    let turn = |question: &str, hit: Value| {
        let said = [json!({"role": "user", "content": question}), json!({"role": "assistant", "content": "So."})];
        json!({"hits": [hit], "rating": "up", "messages": said})
    };
    let record = json!({"n": 1, "document": "orders #1042", "section": "2026-01-03", "score": 1.0});
    let passage = json!({"n": 1, "document": "returns.md", "section": "Returns", "chunk": 3, "score": 0.5});
    let (_home, path) = file(&[turn("A?", record), turn("B?", passage)]);
    let data = open(&path, &fixture, 100).unwrap();
    assert_eq!(data.questions, ["B?"].map(question_hash).into());
    assert_eq!(data.skipped.reasons, ["line 1: it was answered from the records of one person"]);
}

#[test]
fn a_file_says_what_it_held() {
    let fixture = Fixture::llama();
    let turn = |question: &str, answer: &str| json!({"id": 7, "time": "2026-01-01T00:00:00Z", "note": "kept", "subject": question, "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]});
    let (_home, path) =
        file(&[turn("A?", "Aa."), turn("B?", ""), turn("C?", &"So on. ".repeat(40)), turn("D?", "Dd.")]);
    let data = open(&path, &fixture, 100).unwrap();
    assert_eq!((data.examples.len(), data.skipped.count), (2, 2));
    let spoken = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(data.subjects, ["A?", "D?"].map(|subject| (subject_hash(subject), spoken)).into());
    assert_eq!(data.questions, ["A?", "D?"].map(question_hash).into());
    assert_eq!(data.skipped.reasons[0], "line 2: the answer is empty");
    let long = &data.skipped.reasons[1];
    assert!(long.starts_with("line 3: ") && long.ends_with(" tokens, more than 100"), "{long}");
    let origin = &data.origins[0];
    assert_eq!((origin.name.as_str(), origin.examples), ("chats.jsonl", 2));
    let mut hash = Sha256::new();
    hash.update(fs::read(&path).unwrap());
    assert_eq!(origin.sha256, hex(&hash.finalize()));
}

#[test]
fn a_file_that_teaches_nothing_says_why() {
    let fixture = Fixture::llama();
    let (_home, path) = file(&[json!({"messages": []}), json!({"messages": [{"role": "user", "content": "A?"}]})]);
    let error = open(&path, &fixture, 100).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().ends_with("line 1: no messages; line 2: no answer to learn"), "{error}");
    let (_home, path) = file(&[]);
    assert!(open(&path, &fixture, 100).unwrap_err().to_string().contains("it is empty"));
    let (_home, path) = file(&[json!({"messages": []}), json!({"messages": 3})]);
    let error = open(&path, &fixture, 100).unwrap_err();
    assert!(error.to_string().contains("chats.jsonl: line 2: "), "{error}");
    assert_eq!(open(Path::new("/nowhere.jsonl"), &fixture, 100).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn only_what_concerns_the_turn_is_left_out() {
    let fixture = Fixture::llama();
    let fails = |kind| move |_: &[Message], _: Option<&str>, _: &str| Err(Error::new(kind, "the index says no"));
    let talk = chat(&[("user", "A?"), ("assistant", "Aa.")]);
    let invalid = fails(ErrorKind::Invalid);
    assert_eq!(take(&talk, &settings(&fixture, &invalid)).unwrap().skipped, ["the index says no"]);
    let corrupt = fails(ErrorKind::Corrupt);
    assert_eq!(take(&talk, &settings(&fixture, &corrupt)).unwrap_err().kind(), ErrorKind::Corrupt);
    // A template that refuses: roles must alternate.
    let fixture = Fixture::templated("brackets");
    let odd = chat(&[("user", "A?"), ("user", "B?"), ("assistant", "Bb.")]);
    let taken = take(&odd, &settings(&fixture, &served)).unwrap();
    assert!(taken.examples.is_empty() && taken.skipped[0].contains("alternate"), "{taken:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_said_each_answer_is_learnt_once_and_the_rest_is_not(
        turns in prop::collection::vec(("[ -~]{0,3}[a-z][ -~\n]{0,20}", "[ -~]{0,3}[a-z][é日 -~\n]{0,20}"), 1..4),
        template in prop::sample::select(vec!["smollm2", "calls", "thinking", "brackets", "headers"]),
    ) {
        let fixture = Fixture::templated(template);
        let mut talk = chat(&[]);
        for (question, answer) in &turns {
            talk.messages.extend([Message::new("user", question), Message::new("assistant", answer)]);
        }
        let taken = take(&talk, &settings(&fixture, &served)).unwrap();
        prop_assert!(taken.skipped.is_empty(), "{taken:?}");
        let mut answers = turns.iter().map(|(_, answer)| answer.trim());
        for example in &taken.examples {
            let learnt: Vec<(&u32, &bool)> = example.tokens.iter().zip(&example.learn).collect();
            for run in learnt.chunk_by(|a, b| a.1 == b.1).filter(|run| *run[0].1) {
                let tokens: Vec<u32> = run.iter().map(|(token, _)| **token).collect();
                let said = fixture.tokenizer.decode(&tokens).unwrap();
                prop_assert!(said.contains(answers.next().unwrap()), "{said:?} of {turns:?}");
                prop_assert_eq!(tokens.iter().filter(|t| **t == 2).count(), 1);
                prop_assert_eq!(tokens.last(), Some(&2));
            }
        }
        prop_assert_eq!(answers.next(), None);
    }

    #[test]
    fn random_lines_never_panic(text in "[{}\\[\\]\",:a-z0-9\\\\ \n]{0,80}") {
        let fixture = Fixture::llama();
        let (_home, path) = file(&[]);
        fs::write(&path, text).unwrap();
        let _ = open(&path, &fixture, 100);
    }
}
