//! Questions of the demo and of the README, held to what the documents say.

use super::home::{Home, text, word};
use crate::support;
use serde_json::Value;

/// Questions with the document that answers each and the keys of a right answer; none where the documents do not say.
const ASKED: &str = include_str!("../fixtures/asked.json");

/// What the answers rest on: all of it takes a quarter of an hour to embed in an emulator.
const FEW: [&str; 3] = ["about.html", "moth.md", "wren.md"];

/// What the README shows of a terminal.
const README: &str = include_str!("../../README.md");

#[test]
fn what_the_documents_say_is_quoted_and_what_they_do_not_say_is_refused() {
    let home = Home::new();
    std::fs::write(home.path().join("config.toml"), format!("threads = {}\n", support::threads())).unwrap();
    let shop = home.shop();
    let documents = std::fs::read_dir(&shop).unwrap().map(|document| document.unwrap().path());
    let (kept, left_out): (Vec<_>, Vec<_>) =
        documents.partition(|path| !support::is_emulated() || FEW.iter().any(|few| path.ends_with(few)));
    left_out.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    assert_eq!(home.json(&["ingest", word(&shop)])["documents"], kept.len());
    for case in serde_json::from_str::<Vec<Value>>(ASKED).unwrap() {
        let question = case["question"].as_str().unwrap();
        let answer = home.json(&["ask", question, "--mode", "quote"]);
        let keys = case["answers"].as_array().unwrap();
        let text = answer["answer"].as_str().unwrap();
        assert_eq!(answer["found"], !keys.is_empty(), "{question}: {text}");
        if keys.is_empty() {
            assert!(answer["citations"].as_array().unwrap().is_empty() && answer["sentences"][0].is_null(), "{answer}");
            continue;
        }
        assert!(keys.iter().any(|key| text.contains(key.as_str().unwrap())), "{question}: {text}");
        assert_eq!(answer["sentences"][0]["kind"], "quote");
        assert!(!text.contains('['), "marks are for screens: {text}");
        let cited = &answer["citations"][0];
        let file = cited["document"].as_str().unwrap();
        assert!(file.ends_with(case["document"].as_str().unwrap()), "{question}: {file}");
        // Word for word, but for white space and marked cuts.
        let said = wayside::text::document::read(file.as_ref(), &std::fs::read(file).unwrap()).unwrap();
        let said: String = said.sections.iter().map(|section| section.text.clone() + "\n").collect();
        let mut rest = said.as_str();
        for piece in cited["quote"].as_str().unwrap().split(" … ") {
            let at = rest.find(piece).unwrap_or_else(|| panic!("{piece:?} stands in no document, or out of order"));
            rest = &rest[at + piece.len()..];
        }
    }
    if !support::is_emulated() {
        the_readme_shows_what_is_said(&home);
    }
}

/// Every question of the README's session, and what it says comes of it: word for word, wherever lines are broken.
fn the_readme_shows_what_is_said(home: &Home) {
    let (_, session) = README.split_once("```console\n").unwrap();
    let (session, _) = session.split_once("```").unwrap();
    let asked = session.split("$ wayside ask ").skip(1);
    let mut questions = 0;
    for told in asked.map(|part| part.split("$ wayside ").next().unwrap()) {
        let (question, shown) = told.split_once('\n').unwrap();
        let said = text(&home.run(&["ask", question.trim_matches('"')]).stdout);
        // The last line names the interaction and its time: another each time.
        let (said, _) = said.trim_end().rsplit_once('\n').unwrap();
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(said), words(shown), "{question} in the README");
        questions += 1;
    }
    assert!(questions >= 3, "the README asks {questions} questions");
}
