//! What a person stood by, long enough ago.

use super::curated::Rule;
use crate::config::Learn;
use crate::store::log::{Interaction, Message, Rating};
use jiff::{SignedDuration, Timestamp};

/// The conversation as it should have been, or why it teaches nothing.
pub(super) fn accept(from: &Interaction, rules: &Learn, now: Timestamp) -> Result<Vec<Message>, (Rule, String)> {
    let refuse = |rule, reason: &str| Err((rule, reason.to_owned()));
    let messages = from.corrected();
    let is_good = from.correction().is_some() || from.rating == Some(Rating::Up);
    match messages {
        None => refuse(Rule::Accepted, "rated down, and not corrected"),
        Some(_) if !is_good => refuse(Rule::Accepted, "nobody rated it up or corrected it"),
        // People change their minds about what they were just told. What was imported is settled.
        Some(_) if from.timings.is_some() && age(from, now) < hours(rules.min_age_hours) => {
            Err((Rule::Age, format!("younger than {} hours: it may still be rated down", rules.min_age_hours)))
        }
        Some(_) if from.is_personal() => refuse(Rule::Personal, "it was answered from the records of one person"),
        Some(messages) => Ok(messages),
    }
}

fn age(from: &Interaction, now: Timestamp) -> SignedDuration {
    now.duration_since(from.time)
}

fn hours(hours: u32) -> SignedDuration {
    SignedDuration::from_hours(i64::from(hours))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::log::Timings;

    #[test]
    fn only_what_someone_stood_by_and_slept_over() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let asked = |rating, correction: Option<&str>, hours_ago| {
            let mut i = Interaction::new(vec![Message::new("user", "q"), Message::new("assistant", "a")]);
            (i.rating, i.correction) = (rating, correction.map(str::to_owned));
            i.time = now - SignedDuration::from_hours(hours_ago);
            i
        };
        let verdict = |i: &Interaction| accept(i, &Learn::default(), now).map(|m| m[1].content.clone());
        let rule = |i: &Interaction| verdict(i).unwrap_err().0;
        assert_eq!(rule(&asked(None, None, 99)), Rule::Accepted);
        assert_eq!(rule(&asked(Some(Rating::Down), Some(" "), 99)), Rule::Accepted);
        assert_eq!(verdict(&asked(Some(Rating::Up), None, 99)).unwrap(), "a");
        assert_eq!(verdict(&asked(Some(Rating::Down), Some("b"), 99)).unwrap(), "b");
        assert_eq!(verdict(&asked(None, Some("b"), 99)).unwrap(), "b");
        let mut young = asked(Some(Rating::Up), None, 11);
        assert_eq!(verdict(&young).unwrap(), "a", "imported");
        young.timings = Some(Timings::default());
        assert_eq!(rule(&young), Rule::Age);
        young.time = now - SignedDuration::from_hours(12);
        assert!(verdict(&young).is_ok());
        young.time = now + SignedDuration::from_hours(1);
        assert_eq!(rule(&young), Rule::Age, "from a clock that was wrong");
    }
}
