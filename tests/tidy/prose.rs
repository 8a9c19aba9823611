//! English for everybody: how long the sentences of the documents are.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The sentences of a Markdown text's paragraphs and list items, as counts of words. Headings, tables and code blocks
/// are no prose; a piece of code within a sentence is one word.
pub fn sentences(text: &str) -> Vec<usize> {
    let mut sentences = Vec::new();
    let mut block = String::new();
    let mut outside = 0;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. } | Tag::CodeBlock(_) | Tag::Table(_)) => outside += 1,
            Event::End(TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::Table) => outside -= 1,
            Event::Text(words) if outside == 0 => block.push_str(&words),
            Event::Code(_) if outside == 0 => block.push_str("Code"),
            Event::SoftBreak | Event::HardBreak => block.push(' '),
            Event::End(TagEnd::Paragraph | TagEnd::Item) => {
                sentences.extend(split(&block));
                block.clear();
            }
            _ => {}
        }
    }
    sentences
}

/// Where a full stop, a question mark, a colon or a semicolon ends the thought: counts of words between them.
fn split(block: &str) -> Vec<usize> {
    let mut counts = vec![0];
    for word in block.split_whitespace() {
        if word.contains(char::is_alphanumeric) {
            *counts.last_mut().unwrap() += 1;
        }
        if word.trim_end_matches(['"', ')', '*']).ends_with(['.', '?', '!', ':', ';']) {
            counts.push(0);
        }
    }
    counts.retain(|count| *count > 0);
    counts
}

#[test]
fn sentences_are_counted() {
    let text = "# A heading of some words\n\nOne two `three`. Four:\n\n- five six\n\n| a | b |\n|---|---|\n| c | d |\n";
    assert_eq!(sentences(text), [3, 1, 2]);
}
