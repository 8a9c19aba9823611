//! Questions for records and questions for documents, of several houses.

use super::*;
use proptest::prelude::*;

/// What records answer: a line each.
const RECORDS: &str = include_str!("records.txt");
/// What documents answer.
const DOCUMENTS: &str = include_str!("documents.txt");

#[test]
fn the_patterns_compile() {
    for language in [&english::ENGLISH, &german::GERMAN] {
        assert!(language.forms().is_ok(), "{:?}", language.forms().err());
    }
    assert_eq!(FORMS.len(), 2);
}

#[test]
fn questions_about_ones_own_records_are_told_from_those_about_the_house() {
    assert!(RECORDS.lines().count() >= 250 && DOCUMENTS.lines().count() >= 250);
    let missed: Vec<&str> = RECORDS.lines().filter(|question| !asks_about_self(question)).collect();
    assert!(missed.is_empty(), "records answer these: {missed:#?}");
    let taken: Vec<&str> = DOCUMENTS.lines().filter(|question| asks_about_self(question)).collect();
    assert!(taken.is_empty(), "documents answer these: {taken:#?}");
}

#[test]
fn a_sentence_before_it_says_what_it_is() {
    assert!(asks_about_self("I ordered a lamp. Where is it?"));
    assert!(!asks_about_self("There is a lamp in the window. Where is it from?"));
    assert!(!asks_about_self(""));
}

#[test]
fn words_are_written_out() {
    assert_eq!(plain("Where’s  my kettle, hasn't it come"), "where is my kettle has not it come");
    assert_eq!(plain("my dog's lead"), "my dog s lead");
}

proptest! {
    #[test]
    fn any_question_is_taken(question: String) {
        asks_about_self(&question);
    }
}
