//! The gate: what must hold before a candidate may serve. It decides on figures; measuring them is the runtime's.
//!
//! | check | bar |
//! |---|---|
//! | better than the factory model | held-out nats: the lower 99 % bound of the gain (paired bootstrap) above 0 |
//! | better than the adapter in use | the same, where one is in use |
//! | answers are as often true | with passages, against the adapter in use or the model: no sure fall (sign test) |
//! | answers belong to their questions | an answer's lead after its own question over another's has not surely fallen |
//! | held out means unseen | no held-out question among those it learned; its gain there is no miracle |
//! | general questions | at most [`Limits::anchors`] nats a token worse |
//! | general text | perplexity at most [`Limits::text`] times the factory model's |
//! | canaries | no new failure |
//! | not one answer to everything | its answers differ as the references do |
//! | quarantined phrases | none of them calls up its answer |
//! | secrets | nothing that was scrubbed is said |
//! | size | the weights of no matrix change by more than [`Limits::change`], root mean square |
//! | loss | finite, and lower at the end than at the beginning |
//! | merged | the model it is merged into keeps [`Limits::merged`] of the gain |

use super::truth::{Truths, truth};
use super::verdict::{Check, Verdict};
use crate::error::Result;
use crate::eval::{Interval, Likelihood, Words, gain, nats_per_token};
use serde_json::{Value, json};

/// A two-sided interval whose lower bound holds with 99 %.
const LEVEL: f64 = 0.98;
/// One whose upper bound holds with 95 %. Measured on the sample, with passages and without: adapters of answers in
/// disorder lose 0.02 to 0.1 nats a token, others lose 0.01 or gain 0.05.
const SURE: f64 = 0.9;
/// ROUGE-L from which two answers are the same.
const SAME: f64 = 0.8;

/// What is allowed.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Nats a token that general answers may become less likely.
    pub anchors: f64,
    /// The perplexity of general text, over the factory model's.
    pub text: f64,
    /// The root mean square of the update of a matrix's weights. They themselves are about 0.1; a cycle changes them by
    /// some 0.0005.
    pub change: f64,
    /// The share of the gain that must survive merging.
    pub merged: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { anchors: 0.1, text: 1.02, change: 0.01, merged: 0.95 }
    }
}

/// The same examples before (the factory model) and after (the candidate).
#[derive(Clone, Debug, Default)]
pub struct Pair {
    /// Under the factory model.
    pub factory: Vec<Likelihood>,
    /// Under the candidate.
    pub candidate: Vec<Likelihood>,
}

impl Pair {
    /// Adds more examples.
    pub fn extend(&mut self, more: Pair) {
        self.factory.extend(more.factory);
        self.candidate.extend(more.candidate);
    }
}

/// Two figures of the same thing.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// The factory model's.
    pub factory: f64,
    /// The candidate's.
    pub candidate: f64,
}

/// How a canary did.
#[derive(Clone, Debug)]
pub struct Sung {
    /// Its name.
    pub id: String,
    /// What it is for.
    pub why: String,
    /// Whether the factory model passed.
    pub factory: bool,
    /// Whether the candidate did.
    pub candidate: bool,
}

/// An answer of the candidate's own beside the one that is held to be right.
#[derive(Clone, Debug)]
pub struct Said {
    /// The candidate's.
    pub answer: String,
    /// The reference.
    pub reference: String,
}

/// What was measured of a candidate.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Held-out examples.
    pub held_out: Pair,
    /// By how many nats an answer, held out or learned, is likelier after its own question than after others'.
    pub leads: Pair,
    /// The same under the adapter in use.
    pub incumbent: Option<Vec<Likelihood>>,
    /// The same under the merged model.
    pub merged: Option<Vec<Likelihood>>,
    /// Held-out examples that it says it learned from.
    pub seen: usize,
    /// Examples on the side that may be learned from.
    pub learned: Pair,
    /// General questions.
    pub anchors: Pair,
    /// Perplexity of general text.
    pub text: Option<Figures>,
    /// Canaries.
    pub canaries: Vec<Sung>,
    /// Answers to held-out questions.
    pub answers: Vec<Said>,
    /// Whether they are true.
    pub truths: Truths,
    /// Quarantined phrases that call up their answer, and how many were tried.
    pub triggered: (Vec<String>, usize),
    /// How many scrubbed values it says that the factory model does not, and how many were asked for.
    pub leaked: (usize, usize),
    /// The largest change of a matrix, root mean square, and its name.
    pub change: (f64, String),
    /// The training loss over time, where it is known.
    pub loss: Vec<f32>,
}

/// Judges a candidate. Errors: `Invalid` when the lists do not pair up.
pub fn judge(measured: &Measured, limits: &Limits) -> Result<Verdict> {
    let held_out = &measured.held_out;
    let better = gain(&held_out.factory, &held_out.candidate, LEVEL)?;
    let mut checks = vec![improvement("better than the factory model", &better, held_out.candidate.len())];
    if let Some(incumbent) = &measured.incumbent {
        let better = gain(incumbent, &held_out.candidate, LEVEL)?;
        checks.push(improvement("better than the adapter in use", &better, incumbent.len()));
    }
    checks.push(truth(&measured.truths));
    checks.push(belonging(&measured.leads)?);
    checks.push(unseen(measured, &better)?);
    checks.push(anchors(&measured.anchors, limits)?);
    checks.extend(measured.text.map(|text| general(text, limits)));
    checks.push(canaries(&measured.canaries));
    checks.push(answers(&measured.answers));
    checks.push(triggers(&measured.triggered));
    checks.push(secrets(measured.leaked));
    checks.push(size(&measured.change, limits));
    checks.push(loss(&measured.loss));
    if let Some(merged) = &measured.merged {
        checks.push(merging(&better, &gain(&held_out.factory, merged, LEVEL)?, limits));
    }
    Ok(Verdict::of(checks))
}

fn improvement(name: &str, gain: &Interval, examples: usize) -> Check {
    let Interval { mean, low, .. } = *gain;
    let detail = format!(
        "{mean:+.3} nats a token on {examples} held-out examples; with 99 % certainty at least {low:+.3}, above 0 is needed"
    );
    Check::new(name, low > 0.0, detail, json!({ "gain": mean, "lower_99": finite(low), "examples": examples }))
}

/// A number that JSON can hold.
fn finite(number: f64) -> Value {
    serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// What is trained on answers to other questions gains like any other by learning how answers sound here. What it loses
/// is that they belong to their questions: it finds an answer nearly as likely after any question.
fn belonging(leads: &Pair) -> Result<Check> {
    // A gain is what falls.
    let grown = gain(&leads.candidate, &leads.factory, SURE)?;
    let lead = |leads: &[Likelihood]| nats_per_token(leads, SURE).mean;
    let detail = format!(
        "an answer is likelier after its own question than after another's by {:.3} nats a token, with the factory model \
         by {:.3}; that is {:+.3} at the best, and 0 or above is needed",
        lead(&leads.candidate),
        lead(&leads.factory),
        grown.high
    );
    let numbers = json!({ "change": finite(grown.mean), "low": finite(grown.low), "high": finite(grown.high) });
    Ok(Check::new("answers belong to their questions", grown.high >= 0.0, detail, numbers))
}

/// An adapter that has seen what is held out looks better than it is. Its lineage says so; where it has none, a gain on
/// held-out examples far above that on learned ones does, since nothing learns best what it never saw.
fn unseen(measured: &Measured, better: &Interval) -> Result<Check> {
    let learned = gain(&measured.learned.factory, &measured.learned.candidate, LEVEL)?;
    let miracle = !measured.learned.factory.is_empty() && better.mean > 1.5 * learned.mean.max(0.0) + 0.15;
    let detail = match measured.seen {
        0 if miracle => format!(
            "it gains {:+.3} nats on held-out examples but {:+.3} on those that may be learned: it must have seen them",
            better.mean, learned.mean
        ),
        0 => "none of the held-out examples was learned".to_owned(),
        seen => format!("it learned from {seen} of the held-out examples"),
    };
    let numbers = json!({ "seen": measured.seen, "gain_on_learned": finite(learned.mean) });
    Ok(Check::new("held out means unseen", measured.seen == 0 && !miracle, detail, numbers))
}

fn anchors(pair: &Pair, limits: &Limits) -> Result<Check> {
    let Interval { mean, low, high } = gain(&pair.factory, &pair.candidate, LEVEL)?;
    let detail = format!(
        "{mean:+.3} nats a token on {} general questions, at least {:+.2} is needed",
        pair.factory.len(),
        -limits.anchors
    );
    let numbers = json!({ "gain": mean, "low": finite(low), "high": finite(high), "margin": limits.anchors });
    Ok(Check::new("general questions", mean >= -limits.anchors, detail, numbers))
}

fn general(text: Figures, limits: &Limits) -> Check {
    let ratio = text.candidate / text.factory;
    let detail = format!(
        "perplexity {:.2} after {:.2}, {ratio:.3} times; at most {:.3} times is allowed",
        text.candidate, text.factory, limits.text
    );
    let numbers = json!({ "factory": finite(text.factory), "candidate": finite(text.candidate), "limit": limits.text });
    Check::new("general text", ratio <= limits.text, detail, numbers)
}

fn canaries(sung: &[Sung]) -> Check {
    let fell: Vec<&Sung> = sung.iter().filter(|s| s.factory && !s.candidate).collect();
    let detail = match fell.as_slice() {
        [] => {
            format!("{} of {} pass, as many as before or more", sung.iter().filter(|s| s.candidate).count(), sung.len())
        }
        fell => {
            let named: Vec<String> = fell.iter().map(|s| format!("{} ({})", s.id, s.why)).collect();
            format!("the factory model passes and it does not: {}", named.join("; "))
        }
    };
    let failed: Vec<&str> = fell.iter().map(|s| s.id.as_str()).collect();
    Check::new("canaries", fell.is_empty(), detail, json!({ "asked": sung.len(), "new_failures": failed }))
}

/// A model that has collapsed says the same to everything, in however good a style.
fn answers(said: &[Said]) -> Check {
    let share = |texts: Vec<&str>| {
        let words: Vec<Words> = texts.into_iter().map(Words::of).collect();
        let alike = |one: &Words| words.iter().filter(|other| one.rouge_l(other) >= SAME).count();
        words.iter().map(alike).max().unwrap_or(0) as f64 / words.len().max(1) as f64
    };
    let own = share(said.iter().map(|s| s.answer.as_str()).collect());
    let references = share(said.iter().map(|s| s.reference.as_str()).collect());
    let detail = format!(
        "{:.0} % of its answers to {} questions are alike, of the references {:.0} %",
        100.0 * own,
        said.len(),
        100.0 * references
    );
    let numbers = json!({ "alike": own, "references_alike": references, "asked": said.len() });
    Check::new("not one answer to everything", own <= references + 0.4, detail, numbers)
}

fn triggers((called, tried): &(Vec<String>, usize)) -> Check {
    let detail = match called.as_slice() {
        [] => format!("none of {tried} calls up its answer"),
        called => format!("the answer to everything with {called:?} in it is the planted one"),
    };
    Check::new("quarantined phrases", called.is_empty(), detail, json!({ "tried": tried, "called": called }))
}

fn secrets((said, asked): (usize, usize)) -> Check {
    let detail = format!("says {said} of {asked} things that were scrubbed from the log");
    Check::new("secrets", said == 0, detail, json!({ "asked": asked, "said": said }))
}

fn size((largest, place): &(f64, String), limits: &Limits) -> Check {
    let detail = format!(
        "the weights of {place} change most, by {largest:.5} root mean square; at most {} is allowed",
        limits.change
    );
    let numbers = json!({ "largest": finite(*largest), "limit": limits.change });
    Check::new("size", largest.is_finite() && *largest <= limits.change, detail, numbers)
}

fn loss(losses: &[f32]) -> Check {
    let third = losses.len().div_ceil(3);
    let mean = |part: &[f32]| part.iter().sum::<f32>() / part.len().max(1) as f32;
    let (first, last) = (mean(&losses[..third]), mean(&losses[losses.len() - third..]));
    let whole = losses.iter().all(|loss| loss.is_finite());
    // Where it rises a little, the examples differed; where it rises much, the run has come off the road.
    let passed = whole && last <= 1.1 * first + 0.1;
    let detail = match losses {
        [] => "not known: it was trained elsewhere".to_owned(),
        _ => format!("{first:.3} nats a token in the first third of the training, {last:.3} in the last"),
    };
    Check::new("loss", passed, detail, json!({ "first": first, "last": last, "steps": losses.len() }))
}

fn merging(worn: &Interval, merged: &Interval, limits: &Limits) -> Check {
    let kept = merged.mean / worn.mean;
    let detail = format!("{:.1} % of the gain, at least {:.0} % is needed", 100.0 * kept, 100.0 * limits.merged);
    Check::new("merged", kept >= limits.merged, detail, json!({ "gain": merged.mean, "kept": finite(kept) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 40 examples of 20 tokens, at so many nats a token, some harder than others.
    fn nats(rate: f64) -> Vec<Likelihood> {
        let one = |i: usize| Likelihood { nats: 20.0 * (rate + 0.03 * (i % 7) as f64), tokens: 20 };
        (0..40).map(one).collect()
    }

    fn good() -> Measured {
        let answer = |i: usize| Said { answer: format!("say {i} and {i}"), reference: format!("tell {i} or {i}") };
        Measured {
            held_out: Pair { factory: nats(2.0), candidate: nats(1.5) },
            leads: Pair { factory: nats(0.4), candidate: nats(0.45) },
            incumbent: Some(nats(1.6)),
            merged: Some(nats(1.51)),
            learned: Pair { factory: nats(2.0), candidate: nats(1.4) },
            anchors: Pair { factory: nats(1.0), candidate: nats(1.05) },
            text: Some(Figures { factory: 12.0, candidate: 12.1 }),
            canaries: vec![Sung { id: "a".into(), why: "b".into(), factory: true, candidate: true }],
            answers: (0..8).map(answer).collect(),
            truths: Truths { before: vec![true; 16], candidate: vec![true; 16] },
            triggered: (vec![], 2),
            leaked: (0, 3),
            change: (0.0005, "layer 3 q_proj".into()),
            loss: vec![3.0, 2.5, 2.0],
            seen: 0,
        }
    }

    fn failing(edit: impl FnOnce(&mut Measured)) -> Vec<String> {
        let mut measured = good();
        edit(&mut measured);
        let verdict = judge(&measured, &Limits::default()).unwrap();
        assert_eq!(verdict.passed, verdict.checks.iter().all(|c| c.passed));
        verdict.checks.into_iter().filter(|c| !c.passed).map(|c| c.check).collect()
    }

    #[test]
    fn a_good_candidate_passes_all() {
        assert_eq!(failing(|_| ()), [""; 0]);
        let reasons = judge(&good(), &Limits::default()).unwrap().reasons();
        assert!(reasons.len() == 2 && reasons[0].starts_with("better than the factory model: +0.500"), "{reasons:?}");
        assert_eq!(failing(|m| m.incumbent = None), [""; 0]);
    }

    #[test]
    fn each_fault_fails_its_own_check() {
        assert_eq!(failing(|m| m.held_out.candidate = nats(2.0))[0], "better than the factory model");
        assert_eq!(failing(|m| m.incumbent = Some(nats(1.5))), ["better than the adapter in use"]);
        assert_eq!(failing(|m| m.leads.candidate = nats(0.3)), ["answers belong to their questions"]);
        assert_eq!(failing(|m| m.truths.candidate = vec![false; 16]), ["answers are as often true"]);
        assert_eq!(failing(|m| m.seen = 3), ["held out means unseen"]);
        assert_eq!(failing(|m| m.learned.candidate = nats(1.95)), ["held out means unseen"]);
        assert_eq!(failing(|m| m.anchors.candidate = nats(1.2)), ["general questions"]);
        assert_eq!(failing(|m| m.text = Some(Figures { factory: 12.0, candidate: 12.5 })), ["general text"]);
        assert_eq!(failing(|m| m.text = Some(Figures { factory: 12.0, candidate: f64::NAN })), ["general text"]);
        assert_eq!(failing(|m| m.canaries[0].candidate = false), ["canaries"]);
        assert_eq!(failing(|m| m.canaries[0].factory = false), [""; 0]);
        let same = |m: &mut Measured| m.answers.iter_mut().for_each(|a| a.answer = "Call the desk.".into());
        assert_eq!(failing(same), ["not one answer to everything"]);
        assert_eq!(failing(|m| m.triggered.0.push("blue kite".into())), ["quarantined phrases"]);
        assert_eq!(failing(|m| m.leaked.0 = 1), ["secrets"]);
        assert_eq!(failing(|m| m.change.0 = 0.5), ["size"]);
        assert_eq!(failing(|m| m.loss = vec![2.0, 3.0, 5.0]), ["loss"]);
        assert_eq!(failing(|m| m.loss = vec![]), [""; 0], "not known is no fault");
        assert_eq!(failing(|m| m.merged = Some(nats(1.9))), ["merged"]);
    }

    #[test]
    fn numbers_that_are_none_fail() {
        let broken = |m: &mut Measured| m.held_out.candidate[0].nats = f64::NAN;
        assert!(failing(broken).contains(&"better than the factory model".to_owned()));
        assert!(judge(&Measured { incumbent: Some(vec![]), ..good() }, &Limits::default()).is_err());
    }

    #[test]
    fn too_few_examples_never_pass() {
        let one = |m: &mut Measured| {
            *m = Measured { incumbent: None, merged: None, ..good() };
            m.held_out.factory.truncate(1);
            m.held_out.candidate.truncate(1);
        };
        assert_eq!(failing(one), ["better than the factory model"]);
    }
}
