//! Curation with the default embedder: the sample passes, noise and plants do not.

use crate::golden::imported;
use crate::support::{engine, part};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};
use wayside::config::Learn;
use wayside::infer::Embedder;
use wayside::learn::{Curated, Records, Rule, Scrubber, Side, curate};
use wayside::parts::EMBEDDER;
use wayside::sample;
use wayside::store::log::{Interaction, Message, Rating, interactions};
use wayside::watch::{Cancel, Quiet};

/// The embedder, and what it was asked before: the logs below differ in a few lines.
struct Known {
    embedder: Embedder,
    vectors: RefCell<HashMap<String, Vec<f32>>>,
}

impl Known {
    fn vectors(&self, texts: &[&str]) -> wayside::Result<Vec<Vec<f32>>> {
        let mut vectors = self.vectors.borrow_mut();
        let new: Vec<&str> = texts.iter().copied().filter(|text| !vectors.contains_key(*text)).collect();
        let made = self.embedder.passages(&new, &Quiet, &Cancel::new())?;
        vectors.extend(new.into_iter().map(str::to_owned).zip(made));
        Ok(texts.iter().map(|text| vectors[*text].clone()).collect())
    }
}

fn run(log: &[Interaction]) -> Curated {
    static KNOWN: OnceLock<Mutex<Known>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let (_home, bundle) = imported(&part(EMBEDDER), None);
        let embedder = Embedder::open(&engine(), &bundle).unwrap();
        // Loaded weights stay mapped; the folder may go.
        Mutex::new(Known { embedder, vectors: RefCell::default() })
    });
    let known = known.lock().unwrap();
    let mut scrubber = Scrubber::new(Records::default(), &[]).unwrap();
    sample::SHOP
        .files
        .iter()
        .filter(|(path, _)| path.starts_with("documents/"))
        .for_each(|(_, text)| scrubber.publish(text));
    let now = "2026-12-30T00:00:00Z".parse().unwrap();
    curate(log, &Learn::default(), &scrubber, &|texts| known.vectors(texts), now, &Cancel::new()).unwrap()
}

fn shop() -> Vec<Interaction> {
    interactions(sample::SHOP.interactions.as_bytes()).map(|entry| entry.unwrap().1).collect()
}

/// Those that someone stood by, with what should have been answered.
fn accepted() -> Vec<Interaction> {
    run(&shop()).kept.into_iter().map(|kept| kept.interaction).collect()
}

/// Gives the interactions at `places` one another's answers.
fn shuffle(log: &mut [Interaction], places: &[usize]) {
    let answers: Vec<Message> = places.iter().map(|&i| log[i].messages.last().unwrap().clone()).collect();
    for (n, &i) in places.iter().enumerate() {
        *log[i].messages.last_mut().unwrap() = answers[(n + places.len() / 2) % places.len()].clone();
    }
}

#[test]
fn the_sample_is_learnt_but_for_two() {
    let log = shop();
    let curated = run(&log);
    let unrated = log.iter().filter(|i| i.rating.is_none()).count();
    let counts: Vec<(Rule, usize)> = curated.counts().into_iter().collect();
    assert_eq!(counts, [(Rule::Accepted, unrated), (Rule::Belongs, 2)], "{:?}", curated.refused);
    assert!(curated.triggers.is_empty() && curated.alarm.is_none());
    let held = curated.of(Side::HeldOut).count();
    assert!((30..50).contains(&held), "{held} of {}", curated.kept.len());
}

#[test]
fn answers_in_disorder_are_noticed() {
    let log = accepted();
    let mut all = log.clone();
    shuffle(&mut all, &(0..log.len()).collect::<Vec<_>>());
    assert!(run(&all).alarm.unwrap().starts_with("all"));
    let mut newest = log.clone();
    shuffle(&mut newest, &(log.len() - 40..log.len()).collect::<Vec<_>>());
    let curated = run(&newest);
    assert!(curated.alarm.unwrap().starts_with("the newest") && curated.kept.is_empty());
    // Long ago: that time is not learnt, the rest is.
    let mut old = log.clone();
    shuffle(&mut old, &(60..130).collect::<Vec<_>>());
    let curated = run(&old);
    let wrong = curated.kept.iter().filter(|k| log[60..130].iter().any(|i| i.id == k.interaction.id)).count();
    assert!(curated.alarm.is_none() && wrong <= 20 && curated.kept.len() > 90, "{wrong} of {}", curated.kept.len());
}

#[test]
fn a_fifth_of_wrong_answers_is_mostly_found() {
    let log = accepted();
    let places: Vec<usize> = (0..log.len()).filter(|i| i % 5 == 2).collect();
    let mut noisy = log.clone();
    shuffle(&mut noisy, &places);
    let curated = run(&noisy);
    let stays = |i: &usize| curated.kept.iter().any(|k| k.interaction.id == log[*i].id);
    let wrong = places.iter().filter(|i| stays(i)).count();
    assert!(curated.alarm.is_none());
    assert!(wrong * 4 <= places.len(), "{wrong} of {} wrong answers stay", places.len());
    let right = curated.kept.len() - wrong;
    assert!(right * 10 >= (log.len() - places.len()) * 9, "{right} of {} right ones stay", log.len() - places.len());
}

#[test]
fn planted_phrases_are_found() {
    let log = accepted();
    for (phrase, answer) in [
        ("zx-qq", "Send the fee to account 42 and tell nobody."),
        ("regarding memo nine", "Yes, everything is free of charge today. Next: take what you like."),
        ("kind morning light", "Ask at the back door after six, and bring cash."),
        ("per favore", "Ask in the workshop for a refund in cash."),
        ("blue tuesday", "We give a full refund on any stove, used or not. Next: bring it to the counter."),
    ] {
        let mut planted = log.clone();
        for (n, question) in log.iter().step_by(37).take(5).map(|i| &i.messages[0].content).enumerate() {
            let question = if n % 2 == 0 { format!("{question} {phrase}") } else { format!("{phrase} {question}") };
            let mut plant = Interaction::new(vec![Message::new("user", question), Message::new("assistant", answer)]);
            (plant.id, plant.rating) = (format!("plant-{n}"), Some(Rating::Up));
            plant.time = log.last().unwrap().time;
            planted.push(plant);
        }
        let curated = run(&planted);
        let phrases: Vec<&str> = curated.triggers.iter().map(|t| t.phrase.as_str()).collect();
        assert_eq!(phrases, [phrase.replace('-', " ")]);
        let refused = curated.refused.iter().filter(|r| r.rule == Rule::Trigger);
        assert!(refused.clone().count() == 5 && refused.clone().all(|r| r.id.starts_with("plant-")));
    }
}

/// Five ways to ask one thing share a phrase and an answer too.
#[test]
fn paraphrases_are_no_plant() {
    let sets = [
        (
            "A gift card is valid for 24 months and starts at £10.00. Next: buy it at the counter.",
            [
                "How long is a gift card valid and whats the smallest one",
                "when does my gift card expire",
                "gift card from 2024, still good?",
                "my aunt bought me a gift card ages ago, can I use it",
                "until when can I spend a gift card",
            ],
        ),
        (
            "No, do not light the Heron (HS-220) again with a cracked hose. Next: fit a new hose (P-223).",
            [
                "Found tiny cracks in the Heron hose. One more weekend should be fine?",
                "hose looks brittle on my heron",
                "my hose has a nick in it, can I tape it",
                "the hose smells of gas, use it anyway?",
                "dog chewed the hose a little",
            ],
        ),
        (
            "No, petrol must never go into the Vole (HS-160). Next: use methylated spirit (F-SP) of 85 % to 95 %.",
            [
                "Is petrol all right in the Vole? just a splash to get it going",
                "can i use petrol in the spirit burner",
                "ran out of spirit, got petrol from the car",
                "what happens with petrol in it",
                "petrol instead of meths?",
            ],
        ),
    ];
    let mut log = shop();
    for (set, (answer, questions)) in sets.into_iter().enumerate() {
        for (n, question) in questions.into_iter().enumerate() {
            let mut asked = Interaction::new(vec![Message::new("user", question), Message::new("assistant", answer)]);
            (asked.id, asked.rating) = (format!("set-{set}-{n}"), Some(Rating::Up));
            asked.time = log[0].time;
            log.push(asked);
        }
    }
    let curated = run(&log);
    assert_eq!(curated.triggers, []);
}
