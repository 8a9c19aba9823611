//! What holds for every document, and how the common shapes are cut.

use super::*;
use crate::text::document::read;
use proptest::prelude::*;
use std::cell::Cell;
use std::path::Path;

/// Stands for a tokenizer: a start and an end mark, and a token for every four letters of a word and for each sign.
fn count(text: &str) -> usize {
    let word =
        |w: &str| if w.chars().all(char::is_alphanumeric) { w.chars().count().div_ceil(4) } else { w.chars().count() };
    2 + text.split_whitespace().map(word).sum::<usize>()
}

fn pieces(name: &str, text: &str, budget: usize) -> Vec<Piece> {
    split(&read(Path::new(name), text.as_bytes()).unwrap(), budget, budget / 5, &count)
}

fn shown(pieces: &[Piece]) -> Vec<String> {
    pieces.iter().map(|p| format!("{}: {}", p.section, p.text.replace('\n', "⏎"))).collect()
}

#[test]
fn a_piece_is_a_section() {
    let text = format!("# T\n## A\n{0}\n### B\n{0}\n## C\n{0}", "one two three four five six.");
    let wanted =
        ["A: one two three four five six.", "A > B: one two three four five six.", "C: one two three four five six."];
    assert_eq!(shown(&pieces("a.md", &text, 20)), wanted);
}

#[test]
fn tiny_siblings_are_together_and_keep_their_headings() {
    let text = "# T\n## A\n### B\none\n### C\ntwo\n### D\nthree four five six seven eight nine ten\n## E\nfive";
    let wanted = ["A > B … C: B⏎one⏎⏎C⏎two", "A > D: three four five six seven eight nine ten", "E: five"];
    assert_eq!(shown(&pieces("a.md", text, 20)), wanted);
}

#[test]
fn rows_are_packed_and_stay_whole() {
    let rows: String = (1..=5).map(|i| format!("n{i},{}\n", "w ".repeat(4))).collect();
    let wanted = [
        "row 2 … row 3: Name: n1⏎What: w w w w⏎⏎Name: n2⏎What: w w w w",
        "row 4 … row 5: Name: n3⏎What: w w w w⏎⏎Name: n4⏎What: w w w w",
        "row 6: Name: n5⏎What: w w w w",
    ];
    let cut = pieces("a.csv", &format!("Name,What\n{rows}"), 40);
    assert_eq!(shown(&cut), wanted);
}

#[test]
fn long_sections_are_cut_at_paragraphs_then_at_sentences() {
    let text = "One two three four. Five six.\n\nSeven eight nine. Ten eleven twelve. Thirteen fourteen.";
    let wanted = [
        ": One two three four. Five six.",
        ": Five six.⏎⏎Seven eight nine.",
        ": Ten eleven twelve. Thirteen fourteen.",
    ];
    let document = read(Path::new("a.txt"), text.as_bytes()).unwrap();
    let cut = split(&document, 42, 12, &|text| text.len());
    assert_eq!(shown(&cut), wanted);
}

#[test]
fn a_table_that_is_cut_keeps_its_header() {
    let rows: String = (1..=12).map(|i| format!("| {i} | word |\n")).collect();
    let cut = pieces("a.md", &format!("Before it.\n\n| a | b |\n|---|---|\n{rows}"), 40);
    assert!(cut.len() > 2);
    for piece in &cut {
        let table = piece.text.split("\n\n").last().unwrap();
        assert!(table.starts_with("| a | b |\n| --- | --- |\n| "), "{}", piece.text);
    }
    assert_eq!(cut.iter().map(|p| p.text.matches("word").count()).sum::<usize>(), 12);
}

#[test]
fn a_single_line_takes_linear_time_and_small_counts() {
    let text = "x".repeat(1 << 20) + &" lorem ipsum".repeat(1 << 17) + &" ".repeat(1 << 20) + &"語".repeat(1 << 17);
    let counted = Cell::new(0);
    let spy = |text: &str| {
        assert!(text.len() <= 16 * 200 + 16 * 40);
        counted.set(counted.get() + text.len());
        count(text)
    };
    let document = read(Path::new("a.txt"), text.as_bytes()).unwrap();
    let cut = split(&document, 200, 30, &spy);
    assert!(cut.iter().all(|p| p.tokens <= 200));
    assert!(counted.get() < 6 * text.len(), "counted {} bytes of {}", counted.get(), text.len());
}

#[test]
fn nothing_comes_of_nothing() {
    assert!(split(&Document::default(), 200, 30, &count).is_empty());
}

/// Text with all that a cut could stumble over.
fn prose() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        6 => "[a-z]{1,9}", 2 => "[A-Z][a-z]{1,5}[.?!]", 1 => "[a-z]{30,60}", 1 => "[äß語🦀é]{1,12}", 1 => "[a-z]?[.][a-z]",
    ];
    let gap = prop::sample::select(vec![" ", " ", " ", "\n", "\n\n", "\n\n## H\n\n", "\n# K\n"]);
    prop::collection::vec((word, gap), 1..120).prop_map(|words| words.into_iter().map(|(w, g)| w + g).collect())
}

proptest! {
    #[test]
    fn no_piece_is_over_the_budget_and_none_is_empty(text in prose(), budget in 8usize..60, overlap in 0usize..40) {
        for name in ["a.txt", "a.md", "a.html", "a.csv"] {
            let document = read(Path::new(name), text.as_bytes()).unwrap();
            let cut = split(&document, budget, overlap, &count);
            for piece in &cut {
                prop_assert!(piece.tokens <= budget && !piece.text.trim().is_empty(), "{:?}", piece);
                prop_assert_eq!(piece.tokens, count(&piece.text));
            }
            prop_assert_eq!(cut, split(&document, budget, overlap, &count));
        }
    }

    #[test]
    fn every_word_is_in_a_piece(text in prose(), budget in 20usize..60) {
        for name in ["a.txt", "a.md"] {
            let document = read(Path::new(name), text.as_bytes()).unwrap();
            let cut = split(&document, budget, budget / 5, &count);
            for word in document.sections.iter().flat_map(|s| s.text.split_whitespace()) {
                prop_assert!(cut.iter().any(|p| p.text.contains(word)) || count(word) * 3 > budget, "{}", word);
            }
        }
    }

    #[test]
    fn without_overlap_the_pieces_are_the_text(text in prose(), budget in 8usize..60) {
        let document = read(Path::new("a.txt"), text.replace('#', "").as_bytes()).unwrap();
        let letters = |text: String| text.split_whitespace().collect::<String>();
        let cut = split(&document, budget, 0, &count);
        prop_assert_eq!(
            letters(cut.into_iter().map(|p| p.text).collect()),
            letters(document.sections.into_iter().map(|s| s.text).collect())
        );
    }
}
