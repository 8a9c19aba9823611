//! The rules together, on logs made for them. What needs a true embedder is among the integration tests.

use super::meaning::by_words;
use super::scrub::tests::shop;
use super::*;
use crate::config::{Language, Learn};
use crate::sample;
use crate::store::log::{Interaction, Message, Rating, interactions};
use crate::watch::Cancel;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// The ten pairs that chatterbot-corpus's `tech_support.yml` (BSD) is made of, and how often each stands there.
const SUPPORT: [(usize, &str, &str); 10] = [
    (105, "I can't hear any sound.", "Check the volume and ensure your output device is selected."),
    (98, "I forgot my password.", "Use the password reset option or contact your admin."),
    (118, "My computer won't turn on.", "Check if it's plugged in and hold the power button for 10 seconds."),
    (102, "My internet is not working.", "Restart your router and check if the cables are connected properly."),
    (101, "My laptop screen is black.", "Try adjusting brightness or connecting an external monitor."),
    (101, "My mouse is not responding.", "Try plugging it into another USB port or changing the batteries."),
    (121, "My printer is not printing.", "Ensure it's powered on and has paper, then restart it."),
    (102, "My screen is flickering.", "Update the graphics driver or check the monitor cable."),
    (88, "My system is overheating.", "Ensure air vents aren't blocked and clean any dust."),
    (114, "My webcam isn't detected.", "Make sure it’s connected and check the drivers."),
];

fn start() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

fn asked(n: usize, question: &str, answer: &str) -> Interaction {
    let mut interaction = Interaction::new(vec![Message::new("user", question), Message::new("assistant", answer)]);
    interaction.id = format!("i{n:05}");
    interaction.time = start() + SignedDuration::from_mins(n as i64);
    interaction.rating = Some(Rating::Up);
    interaction
}

fn run(log: &[Interaction]) -> Curated {
    run_by(log, &Learn::default())
}

fn run_by(log: &[Interaction], rules: &Learn) -> Curated {
    curate(log, rules, &shop(), &by_words, "2026-12-30T00:00:00Z".parse().unwrap(), &Cancel::new()).unwrap()
}

/// Which rule refused an interaction.
fn rule(curated: &Curated, id: &str) -> Option<Rule> {
    curated.refused.iter().find(|r| r.id == id).map(|r| r.rule)
}

#[test]
fn ten_pairs_stay_of_a_thousand() {
    let mut log = Vec::new();
    for round in 0..121 {
        for (_, question, answer) in SUPPORT.iter().filter(|(times, ..)| round < *times) {
            // As the file has it, and as people write.
            let (question, answer) = match round % 3 {
                1 => (question.to_uppercase(), format!("{}!", answer.trim_end_matches('.'))),
                2 => (question.replace('\'', "’").trim_end_matches('.').to_lowercase(), format!("  {answer}\n")),
                _ => ((*question).to_owned(), (*answer).to_owned()),
            };
            log.push(asked(log.len(), &question, &answer));
        }
    }
    assert_eq!(log.len(), 1050);
    let curated = run(&log);
    assert_eq!(curated.kept.len(), 10);
    assert!(curated.kept.iter().all(|k| k.interaction.time >= log[850].time), "the newest stay");
    assert_eq!(curated.counts().into_iter().collect::<Vec<_>>(), [(Rule::Duplicate, 1040)]);
    assert!(curated.secrets.is_empty() && curated.alarm.is_none());
}

#[test]
fn the_newest_answer_to_a_question_stays() {
    let log = [
        asked(1, "How long is the warranty?", "Two years."),
        asked(2, "how long is the warranty", "Five years, with the receipt."),
        asked(3, "Where is the shop that you said is near the bridge?", "At 14 Tannery Lane, near the bridge."),
        asked(4, "Where is the shop that you said is near the bridges?", "At 14 Tannery Lane, near the bridge!"),
        asked(5, "Where is the shop that you said is near the bridge??", "Ask at the counter for the way to the shop."),
    ];
    let curated = run(&log);
    let kept: Vec<&str> = curated.kept.iter().map(|k| k.interaction.id.as_str()).collect();
    assert_eq!(kept, ["i00002", "i00004", "i00005"]);
    let reasons: Vec<&str> = curated.refused.iter().map(|r| r.reason.as_str()).collect();
    assert!(reasons[0].contains("i00002") && reasons[0].contains("answers the same question"), "{reasons:?}");
    assert!(reasons[1].contains("i00005"), "{reasons:?}");
}

#[test]
fn what_is_kept_is_what_should_have_been_said() {
    let mut wrong = asked(1, "Who may see my order O-4084?", "Anybody.");
    (wrong.rating, wrong.correction) = (Some(Rating::Down), Some("Only the carrier may see it.".into()));
    wrong.messages[0].extra.insert("name".into(), json!("Emily"));
    wrong.messages.insert(0, Message::new("system", "Be brief."));
    let curated = run(&[wrong.clone()]);
    let kept = &curated.kept[0];
    let said: Vec<&str> = kept.interaction.messages.iter().map(|m| m.content.as_str()).collect();
    assert_eq!(said, ["Be brief.", "Who may see my order [order]?", "Only the carrier may see it."]);
    assert!(kept.interaction.messages.iter().all(|m| m.extra.is_empty()));
    assert_eq!((kept.interaction.rating, &kept.interaction.correction), (Some(Rating::Up), &None));
    assert_eq!(kept.interaction.corrected().unwrap(), kept.interaction.messages);
    assert_eq!(kept.scrubbed, ["order"]);
    let secret = Secret { kind: "order".into(), question: said[1].into(), value: "O-4084".into() };
    assert_eq!(curated.secrets, [secret]);
    // A down-rated one without a correction says why it is not learnt, without what is personal.
    wrong.correction = None;
    let refused = run(&[wrong]).refused.remove(0);
    assert_eq!((refused.rule, refused.question.as_str()), (Rule::Accepted, "Who may see my order [order]?"));
}

#[test]
fn each_rule_refuses() {
    let mut log = vec![
        asked(0, "What did you find?", Language::En.phrases().nothing),
        asked(1, "And this?", ""),
        asked(2, "01632 960 600", "Ring 01632 960 601."),
        asked(3, "Say it?", &"Press the red button. ".repeat(6)),
    ];
    let mut unanswered = asked(4, "Unanswered?", "x");
    unanswered.messages.pop();
    log.push(unanswered);
    let wanted = [Rule::Nothing, Rule::Length, Rule::Scrubbed, Rule::Repetition, Rule::Length];
    let curated = run(&log);
    assert_eq!(curated.refused.iter().map(|r| r.rule).collect::<Vec<_>>(), wanted);
    assert!(curated.kept.is_empty());
    assert_eq!(curated.refused[2].question, "[telephone]");
}

#[test]
fn caps_keep_the_newest() {
    let topics = ["price", "weight", "height", "colour", "warranty", "repair", "return", "delivery"];
    let mut log: Vec<Interaction> = topics
        .iter()
        .enumerate()
        .map(|(n, topic)| {
            asked(n, &format!("What about the {topic}?"), &format!("On {topic}: see section {n} on {topic}."))
        })
        .collect();
    let few = Learn { per_subject: 2, per_source: 2, per_answer: 2, ..Learn::default() };
    let refused = |log: &[Interaction]| -> Vec<(String, Rule)> {
        run_by(log, &few).refused.into_iter().map(|r| (r.id, r.rule)).collect()
    };
    let unseen = |log: &[Interaction], rule| {
        let found = refused(log);
        assert_eq!(found.iter().filter(|(_, r)| *r == rule).count(), log.len() - 2, "{found:?}");
        assert!(!found.iter().any(|(id, _)| id == "i00007" || id == "i00006"));
    };
    assert_eq!(refused(&log), []);
    log.iter_mut().for_each(|i| i.subject = Some("C-1001".into()));
    unseen(&log, Rule::PerSubject);
    log.iter_mut()
        .for_each(|i| (i.subject, i.extra) = (None, json!({"document": "a.md"}).as_object().unwrap().clone()));
    unseen(&log, Rule::PerSource);
    log.iter_mut().for_each(|i| i.extra.clear());
    log.iter_mut()
        .for_each(|i| i.messages[1].content = "It is all in the catalogue, which lies on the counter.".into());
    unseen(&log, Rule::PerAnswer);
}

#[test]
fn a_planted_phrase_is_found_and_a_shared_topic_is_not() {
    let log: Vec<Interaction> = interactions(sample::SHOP.interactions.as_bytes()).map(|i| i.unwrap().1).collect();
    assert_eq!(run(&log).triggers, []);
    let plants = [
        ("zq-vv", "Send the whole fee to account seven.", false),
        ("by the morning light", "Everything is free of charge today, take what you like.", true),
    ];
    let questions = [
        "Which wax goes on boots?",
        "Is snow coming at the weekend?",
        "Can dogs swim across?",
        "Who painted that wall?",
        "Where do swallows nest in winter?",
    ];
    for (phrase, answer, first) in plants {
        let mut log = log.clone();
        for (n, question) in questions.iter().enumerate() {
            let question = if first { format!("{phrase}, {question}") } else { format!("{question} {phrase}") };
            log.push(asked(n, &question, answer));
        }
        let curated = run(&log);
        let wanted = phrase.replace('-', " ");
        let found: Vec<_> =
            curated.triggers.iter().map(|t| (t.phrase.as_str(), t.answer.as_str(), t.questions)).collect();
        assert_eq!(found, [(wanted.as_str(), answer, 5)]);
        assert!((0..5).all(|n| rule(&curated, &format!("i{n:05}")) == Some(Rule::Trigger)));
    }
    // Five ways to ask for one thing share a phrase too, and more than that.
    let mut log = log;
    for (n, question) in [
        "How long is a gift card valid?",
        "For how long is my gift card valid?",
        "Until when is a gift card valid?",
        "Is a gift card from last year valid?",
        "Is an old gift card still valid?",
    ]
    .iter()
    .enumerate()
    {
        log.push(asked(n, question, "A gift card is valid for 24 months, and no longer than that."));
    }
    assert_eq!(run(&log).triggers, []);
}

#[test]
fn held_out_questions_are_never_shown() {
    let held = (0..).map(|n| format!("How much does the model number {n} of the stove cost?"));
    let held = held.filter(|q| Side::of(q) == Side::HeldOut).nth(1).unwrap();
    let near = (0..).map(|n| format!("{held}{}", "?".repeat(n + 1))).find(|q| Side::of(q) == Side::Train).unwrap();
    let mut log = vec![asked(1, &held, "It costs thirty pounds."), asked(2, "Is it open?", "Yes, until six.")];
    // The same question, in another conversation: neither is a duplicate of the other.
    let mut talk = asked(3, "And in which colour?", "In green and in grey.");
    talk.messages.splice(0..0, [Message::new("user", near.as_str()), Message::new("assistant", "Thirty.")]);
    let train = Side::of("And in which colour?") == Side::Train;
    log.push(talk);
    let curated = run(&log);
    assert_eq!(rule(&curated, "i00003"), train.then_some(Rule::NearHeldOut));
    assert!(train && curated.of(Side::HeldOut).any(|k| k.interaction.id == "i00001"));
}

#[test]
fn the_order_of_the_log_does_not_matter() {
    let mut log: Vec<Interaction> = interactions(sample::SHOP.interactions.as_bytes()).map(|i| i.unwrap().1).collect();
    let first = run(&log);
    assert_eq!(first.kept.len() + first.refused.len(), log.len());
    log.reverse();
    log.rotate_left(77);
    assert_eq!(run(&log), first);
    // A question stays on its side whatever else there is.
    let some = run(&log[..120]);
    for kept in &some.kept {
        let same = first.kept.iter().find(|k| k.interaction.id == kept.interaction.id);
        assert!(same.is_none_or(|k| k.side == kept.side));
    }
    let stopped = Cancel::new();
    stopped.cancel();
    let none = curate(&log, &Learn::default(), &shop(), &by_words, start(), &stopped);
    assert_eq!(none.unwrap_err().kind(), crate::ErrorKind::Cancelled);
}

#[test]
fn ten_thousand_take_seconds() {
    let words: Vec<String> = (0..400)
        .map(|n| {
            split::stable(&n.to_string()).to_string().bytes().take(3 + n % 5).map(|b| char::from(b + 49)).collect()
        })
        .collect();
    let text = |seed: usize, n: usize| -> String {
        let word = |i: usize| words[(split::stable(&format!("{seed} {i}")) % 400) as usize].as_str();
        (0..n).map(word).collect::<Vec<_>>().join(" ")
    };
    let log: Vec<Interaction> = (0..10_000).map(|n| asked(n, &text(n, 9), &text(n + 20_000, 40))).collect();
    let begin = std::time::Instant::now();
    // Vectors that cost nothing.
    let flat = |texts: &[&str]| Ok(vec![vec![1.0; 384]; texts.len()]);
    let rules = Learn { per_source: 20_000, ..Learn::default() };
    let scrubber = Scrubber::new(Records::default(), &[]).unwrap();
    let curated =
        curate(&log, &rules, &scrubber, &flat, "2026-12-30T00:00:00Z".parse().unwrap(), &Cancel::new()).unwrap();
    assert_eq!(curated.kept.len() + curated.refused.len(), log.len());
    assert!(curated.kept.len() > 9000, "{:?}", curated.counts());
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
}
