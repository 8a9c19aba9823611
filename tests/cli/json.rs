//! With `--json`, every command prints exactly one document, with the keys that programs rely on.

use super::home::{Home, document, text, word};
use crate::support;
use ndarray::Array2;
use serde_json::Value;
use std::io::Write;
use std::process::Stdio;
use wayside::parts;

fn has(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "{key} is missing: {value}");
    }
}

const INTERACTION: [&str; 9] =
    ["id", "time", "subject", "messages", "rating", "correction", "citations", "model", "adapter"];

#[test]
fn parts_and_settings() {
    let home = Home::new();
    for words in [&["models", "list"][..], &["models", "pull"], &["models", "verify", parts::EMBEDDER]] {
        let rows = home.json(words);
        assert!(!rows.as_array().unwrap().is_empty());
        for row in rows.as_array().unwrap() {
            has(row, &["name", "version", "license", "sha256", "present"]);
            assert_eq!(row["present"], true);
        }
    }
    for row in home.json(&["doctor"]).as_array().unwrap() {
        has(row, &["check", "ok", "detail"]);
        assert_eq!(row["ok"], true, "{row}");
    }
    assert_eq!(home.json(&["config"])["settings"]["model"], parts::LANGUAGE_MODEL);
    let printed = home.run(&["config"]);
    assert_eq!(text(&printed.stdout), wayside::config::DEFAULT_TEXT);
}

#[test]
fn documents_come_are_found_and_go() {
    let home = Home::new();
    let shop = home.shop();
    let first = home.json(&["ingest", word(&shop)]);
    has(&first, &["documents", "chunks", "unchanged", "removed", "skipped", "seconds"]);
    assert_eq!(first["documents"], 18);
    // A home named after the command, and flags at the end.
    let again = home.run(&["ingest", word(&shop), "--json", "--home", word(&home.path())]);
    assert_eq!(document(&["ingest"], &again)["unchanged"], 18);

    let hits = home.json(&["search", "yellow flame", "-k", "3"])["hits"].take();
    assert_eq!(hits.as_array().unwrap().len(), 3);
    has(&hits[0], &["document", "title", "section", "chunk", "text", "score"]);

    let told = home.fails(1, &["search", "x", "--collection", "unheard-of"]);
    assert!(told.contains("unheard-of"), "{told}");

    let listed = home.json(&["documents", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 18);
    has(&listed[0], &["collection", "document", "title", "chunks"]);
    let wren = shop.join("wren.md");
    assert_eq!(home.json(&["documents", "remove", word(&wren)])["removed"], 1);
    assert!(home.fails(1, &["documents", "remove", word(&wren)]).contains("wren.md"));
    let left = home.json(&["search", "yellow flame", "-k", "100"]);
    assert!(!left.to_string().contains("wren.md"));
    std::fs::remove_file(shop.join("otter.md")).unwrap();
    let gone = home.json(&["ingest", word(&shop)]);
    assert_eq!((&gone["removed"], &gone["documents"], &gone["unchanged"]), (&1.into(), &1.into(), &16.into()));
    assert_eq!(home.json(&["documents", "drop", "default"])["documents"], 17);
    assert!(home.fails(1, &["documents", "drop", "default"]).contains("default"));
}

#[test]
fn questions_and_their_log() {
    let home = Home::new();
    home.json(&["ingest", word(&home.shop()), "--collection", "shop"]);
    let answer = home.json(&[
        "ask",
        "How long does the Moth take to charge?",
        "--collection",
        "shop",
        "--subject",
        "C-1",
        "--adapter",
        "none",
        "--greedy",
        "--max-tokens",
        "24",
    ]);
    has(
        &answer,
        &[
            "interaction",
            "found",
            "chance",
            "answer",
            "sentences",
            "citations",
            "prompt_tokens",
            "answer_tokens",
            "first_token_s",
            "tokens_per_s",
            "model",
            "adapter",
        ],
    );
    let id = answer["interaction"].as_str().unwrap();

    let list = home.json(&["log", "list", "-n", "5", "--subject", "C-1"]);
    assert_eq!(list[0]["id"], id);
    INTERACTION.iter().for_each(|key| has(&list[0], &[key]));
    assert_eq!(home.json(&["log", "rate", id, "up"])["rating"], "up");
    assert_eq!(home.json(&["log", "correct", id, "Three hours."])["correction"], "Three hours.");
    let shown = home.json(&["log", "show", id]);
    INTERACTION.iter().for_each(|key| has(&shown, &[key]));
    assert_eq!(shown["messages"][1]["content"], answer["answer"]);
    assert_eq!(home.json(&["log", "list", "--rating", "down"]), Value::Array(vec![]));

    let lines = home.file("in.jsonl", "{\"id\":\"a\",\"messages\":[],\"mood\":\"fine\"}\n");
    assert_eq!(home.json(&["log", "import", word(&lines)])["added"], 1);
    let out = lines.with_file_name("out.jsonl");
    assert_eq!(home.json(&["log", "export", word(&out)])["written"], 2);
    let exported = std::fs::read_to_string(&out).unwrap();
    assert!(exported.lines().any(|l| l.contains("\"mood\":\"fine\"")), "{exported}");
    let streamed = home.run(&["log", "export", "-", "--json"]);
    assert_eq!(text(&streamed.stdout), exported);
    assert_eq!(home.json(&["log", "import", word(&out)])["replaced"], 2);
}

#[test]
fn a_conversation_over_a_pipe() {
    let home = Home::new();
    let mut chat = home.command(&["chat", "--json", "--no-retrieval", "--max-tokens", "8"]);
    let mut chat = chat.stdin(Stdio::piped()).spawn().unwrap();
    let lines = "Say a word.\n/good\n\nAnother one.\n/fix No.\n/new\n/quit\nNever asked.\n";
    chat.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = chat.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let events: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).cloned().collect::<Vec<_>>();
    let answers = of("answer");
    assert_eq!(answers.len(), 2);
    let joined = |kind: &str| of(kind).iter().map(|event| event["text"].as_str().unwrap()).collect::<String>();
    let said = answers.iter().map(|answer| answer["answer"].as_str().unwrap()).collect::<String>();
    assert_eq!(joined("words"), said, "{events:?}");
    assert!(!of("sentence").is_empty() && of("words").len() > of("sentence").len(), "words come before they are sure");
    let log = home.json(&["log", "list"]);
    assert_eq!(log[1]["id"], answers[0]["interaction"]);
    assert_eq!((&log[1]["rating"], &log[0]["correction"]), (&"up".into(), &"No.".into()));
}

#[test]
fn what_a_conversation_found_keeps_its_number() {
    let home = Home::new();
    home.json(&["ingest", word(&home.shop())]);
    let mut chat = home.command(&["chat", "--json", "--mode", "write", "--max-tokens", "8", "--greedy"]);
    let mut chat = chat.stdin(Stdio::piped()).spawn().unwrap();
    let lines = "How long does the Moth take to charge?\nAnd the Moth, how long does it shine?\n/new\nAnd the Moth, how long does it shine?\n";
    chat.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = chat.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let events = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let answers: Vec<&Value> = events.iter().filter(|event| event["event"] == "answer").collect();
    let [first, second, alone] = *answers.as_slice() else { panic!("{events:?}") };
    let chunks = |answer: &Value| -> Vec<(u64, u64)> {
        let hits = answer["hits"].as_array().unwrap().iter();
        hits.map(|hit| (hit["chunk"].as_u64().unwrap(), hit["n"].as_u64().unwrap())).collect()
    };
    let (before, after) = (chunks(first), chunks(second));
    let (known, new): (Vec<_>, Vec<_>) = after.iter().partition(|hit| before.iter().any(|known| known.0 == hit.0));
    assert!(!known.is_empty() && known.iter().all(|hit| before.contains(hit)), "{before:?} {after:?}");
    let next = before.len() as u64 + 1;
    assert_eq!(new.iter().map(|hit| hit.1).collect::<Vec<_>>(), (next..next + new.len() as u64).collect::<Vec<_>>());
    assert_eq!(chunks(alone)[0].1, 1);
}

#[test]
fn answers_are_held_against_references() {
    let home = Home::new();
    home.json(&["ingest", word(&home.shop()), "--collection", "shop"]);
    let lines = [
        r#"{"messages":[{"role":"user","content":"How long does the Moth take to charge?"}],"correction":"A full charge takes 3 hours."}"#,
        r#"{"messages":[{"role":"user","content":"Is it so?"},{"role":"assistant","content":"No."}],"rating":"down"}"#,
        r#"{"document":"about.html","messages":[{"role":"system","content":"Rhyme."},{"role":"user","content":"When is the shop open on Saturday?"},
            {"role":"assistant","content":"On Saturday the shop is open from 9:00 to 17:00."}]}"#,
        r#"{"messages":[{"role":"user","content":"Who won the regatta?"},{"role":"assistant","content":"Our papers do not say."}]}"#,
    ];
    let data = home.file("test.jsonl", lines.map(|l| l.replace('\n', "")).join("\n"));
    let words = ["eval", "arms", "--data", word(&data), "--collection", "shop"];
    let compared = home.json(&[&words[..], &["--max-tokens", "24"]].concat());
    assert_eq!((&compared["examples"], &compared["left_out"], &compared["found"]), (&3.into(), &1.into(), &2.into()));
    let (base, retrieval) = (&compared["arms"]["base"], &compared["arms"]["retrieval"]);
    has(base, &["nll", "rouge_l", "token_f1", "exact_match", "citation_precision", "right", "wrong", "silent", "n"]);
    let came = |arm: &Value| ["right", "wrong", "silent"].map(|key| arm[key].as_u64().unwrap()).iter().sum::<u64>();
    assert_eq!((came(base), came(retrieval), &retrieval["silent"]), (3, 3, &1.into()), "{compared}");
    let number = |arm: &Value, key: &str| arm[key].as_f64().unwrap();
    // The answers are in the documents. What so small a model writes of three in 24 tokens is chance.
    assert!(number(retrieval, "nll") < number(base, "nll"), "{compared}");
    assert!(compared["arms"].get("adapter").is_none() && compared["arms"].get("both").is_none());
    assert_eq!((&base["short"], &base["citation_precision"]), (&2.into(), &Value::Null));
    let holds = |arm: &Value, key: &str, interval: &str| {
        (arm[interval][0].as_f64().unwrap()..=arm[interval][1].as_f64().unwrap()).contains(&number(arm, key))
    };
    assert!(holds(base, "nll", "nll_interval") && holds(retrieval, "rouge_l", "rouge_l_interval"), "{compared}");
    let gain = &compared["gains"][0];
    assert_eq!((&gain["arm"], &gain["over"]), (&"retrieval".into(), &"base".into()));
    assert!((number(gain, "mean") - (number(base, "nll") - number(retrieval, "nll"))).abs() < 1e-9, "{compared}");
    let recommended = &compared["recommendation"];
    assert_eq!((&recommended["choice"], &recommended["more"]), (&Value::Null, &17.into()));
    assert_eq!(recommended["text"], "not enough questions to tell: 17 more");
    assert_eq!(home.json(&["log", "list"]), Value::Array(vec![]));

    let quick = home.json(&[&words[..], &["--no-answers", "--limit", "2"]].concat());
    assert_eq!((&quick["examples"], &quick["arms"]["base"]["rouge_l"]), (&2.into(), &Value::Null));

    let told = home.run(&[&words[..], &["--no-answers", "--limit", "1"]].concat());
    let told = text(&told.stdout);
    assert!(told.contains("nats a token") && told.contains("not enough questions to tell: 19 more"), "{told}");
    assert!(!told.contains("inf") && !told.contains("NaN"), "{told}");
}

#[test]
fn models_and_measurements() {
    let home = Home::new();
    let imported =
        home.json(&["import", word(&support::part(parts::EMBEDDER)), "--name", "again", "--weights", "int8"]);
    has(&imported, &["name", "architecture", "parameters", "bytes", "seconds"]);
    assert!(home.json(&["models", "list"]).as_array().unwrap().iter().any(|m| m["name"] == "again"));

    let prose = home.file("prose.txt", "The stove stands on three legs, and the lamp hangs from a hook. ".repeat(60));
    let measured = home.json(&["eval", "perplexity", word(&prose), "--tokens", "600"]);
    assert_eq!(measured["tokens"], 511);
    assert!(measured["perplexity"].as_f64().unwrap() > 1.0);

    let speed = home.json(&["bench", "generate", "--prompt", "16", "--gen", "4"]);
    has(&speed, &["prefill_tok_s", "decode_tok_s", "peak_rss_mb"]);
    let lines = home.file("lines.txt", "How wide is it?\n\nWhat does it cost?\n");
    has(&home.json(&["bench", "embed", word(&lines)]), &["passages_s", "tok_s"]);
    has(&home.json(&["bench", "ask", word(&lines)]), &["p50_s", "first_token_p50_s"]);
    let array = Array2::from_shape_fn((50, 8), |(row, column)| ((row * 7 + column * 3) % 11) as f32 - 4.5);
    let vectors = lines.with_file_name("vectors.npy");
    ndarray_npy::write_npy(&vectors, &array).unwrap();
    let speed = home.json(&["bench", "search", "--vectors", word(&vectors), "--queries", word(&vectors)]);
    assert_eq!(speed["recall_at_10"], 1.0);
    has(&speed, &["p50_us"]);
}
