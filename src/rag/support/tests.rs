//! The verdicts on the cases, and what holds for any text.

use super::cases::*;
use super::units::*;
use super::*;
use proptest::prelude::*;

#[test]
fn sentences_are_judged_as_people_would() {
    let mut wrong = Vec::new();
    for (sentence, question, wanted, units) in CASES {
        let grounds: Vec<Ground> = units.iter().map(|(headings, text)| Ground { text, headings, best: true }).collect();
        let verdict = support(sentence, question, &grounds);
        if matches!(verdict, Verdict::Supported(_)) != *wanted {
            wrong.push(format!("{sentence:?} for {question:?}: {verdict:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}

#[test]
fn a_mere_value_is_that_of_what_answers_best() {
    let grounds = |best: usize| -> Vec<Ground> {
        let units = MOTH.iter().enumerate();
        units.map(|(at, (headings, text))| Ground { text, headings, best: at == best }).collect()
    };
    let question = "How long does the Moth take to charge?";
    for sentence in ["The answer is: 6 months.", "6 months.", "It takes 6 months."] {
        assert!(!support(sentence, question, &grounds(0)).is_supported(), "{sentence}");
    }
    for sentence in ["The answer is: 3 hours.", "3 hours.", "It takes 3 hours."] {
        assert!(support(sentence, question, &grounds(0)).is_supported(), "{sentence}");
    }
    assert!(support("Every 6 months.", "How often must I top up the Moth?", &grounds(2)).is_supported());
    // What says by itself what it is the value of may rest on any.
    assert!(support("Top up the Moth every 6 months.", question, &grounds(0)).is_supported());
}

#[test]
fn a_unit_supports_itself() {
    for units in [HOURS, MOTH, WREN, RETURNS, PRICES, WARFARIN, ASTHMA, ILLNESS, TRAINS, HELP, LADEN] {
        let grounds: Vec<Ground> = units.iter().map(|(headings, text)| Ground { text, headings, best: true }).collect();
        for (at, (_, text)) in units.iter().enumerate() {
            assert_eq!(support(text, "", &grounds), Verdict::Supported(vec![at]), "{text}");
        }
    }
}

#[test]
fn reasons_are_told() {
    let why = |sentence: &str, units: &[(&str, &str)]| {
        let grounds: Vec<Ground> = units.iter().map(|(headings, text)| Ground { text, headings, best: true }).collect();
        match support(sentence, "", &grounds) {
            Verdict::Unsupported(why) => why.to_string(),
            Verdict::Supported(_) => String::new(),
        }
    };
    assert_eq!(why("Unused goods may be returned within 40 days.", RETURNS), "no unit has the measure \"40 days\"");
    assert_eq!(why("Never use the Heron in a tent.", WREN), "no unit names \"heron\"");
    assert_eq!(why("", WREN), "it says nothing");
}

proptest! {
    #[test]
    fn no_text_panics(sentence in "\\PC{0,60}", question in "\\PC{0,30}", unit in "\\PC{0,60}") {
        support(&sentence, &question, &[Ground { text: &unit, headings: &question, best: true }]);
    }

    #[test]
    fn no_words_panic(sentence in "(no |not |[0-9]{1,3}|:|[.,;-]| |to |£|May |am |Tuesday |und|open |ein|half |[A-Z]{1,2}|ä){0,20}", unit in "(A: |; |[0-9]{1,2}|:| |to |twenty|-|days |1/2|no ){0,20}") {
        support(&sentence, &unit, &[Ground { text: &unit, headings: &sentence, best: true }]);
    }

    #[test]
    fn a_number_that_no_unit_has_is_never_supported(n in 31u32..9999) {
        let sentence = format!("Unused goods may be returned within {n} days.");
        let ground = |(headings, text): &(&'static str, &'static str)| Ground { text, headings, best: true };
        let grounds: Vec<Ground> = RETURNS.iter().map(ground).collect();
        prop_assert!(matches!(support(&sentence, "", &grounds), Verdict::Unsupported(_)));
    }
}
