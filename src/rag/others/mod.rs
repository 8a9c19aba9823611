//! Whether a question is about somebody else than the person served.
//!
//! Nobody else's records can be in the prompt, so there is nothing to protect here; but a model that is asked about
//! another person makes something up, and a clear refusal serves better. Whether that other person is known plays no
//! part: a refusal for patients alone would tell who is one.

mod id;
mod name;

use regex::Regex;
use std::sync::LazyLock;

/// Other people, however they are called. English.
static OTHERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let who = "(customer|patient|client|person|visitor|guest|caller)";
    Regex::new(&format!(
        r"(?ix)\b(
            (previous|other|another|different|next|last|every|each) \s+ {who}s?\b
          | {who} \s+ (who \s+ was \s+ (here|served) \s+)? (before|after|behind|ahead \s+ of) \s+ me\b
          | all \s+ (of \s+)? (the \s+|your \s+)? ({who}s|people)\b
          | (someone|somebody|anyone|anybody) \s+ else('s)?\b
          | (person|conversation|session) \s+ (before|that \s+ came \s+ before)\b
        )"
    ))
    .ok()
});

/// Whether `question` asks about another person than `subject`: by an id like the subject's own, by a name that
/// neither the house's documents nor the person's records hold (`is_known` says of a word), or as "the customer before
/// me". `is_common` says of a word whether it belongs to the language: such a one is hardly a name.
pub fn asks_about_another(
    question: &str,
    subject: &str,
    is_known: &mut dyn FnMut(&str) -> bool,
    is_common: &dyn Fn(&str) -> bool,
) -> bool {
    OTHERS.as_ref().is_some_and(|others| others.is_match(question))
        || id::names_another(question, subject)
        || name::is_written_like_one(question, is_known)
        || name::stands_as_one(question, is_known, is_common)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asks(question: &str) -> bool {
        let known = "what did do does is my when where the wren heron otter stove marian thwaite harrowbeck i";
        let holds = |words: &str, word: &str| words.split(' ').any(|k| k.eq_ignore_ascii_case(word));
        asks_about_another(question, "C-1014", &mut |word| holds(known, word), &|word| !holds("dewi parrish", word))
    }

    #[test]
    fn another_person_is_noticed_whether_known_or_not() {
        for question in [
            "What did C-1002 buy?",
            "And c-9999?",
            "What did Dewi Parrish order last week?",
            "Is Mrs Parrish's stove ready?",
            "What did the customer before me want?",
            "List the orders of all customers.",
            "Tell me about the previous patient's results",
            "What does somebody else's record say?",
            "what did dewi parrish order last week",
            "what did dewi order?",
            "did Parrish pay",
            "has parrish complained",
            "dewi's orders",
            "parrish’s address?",
            "show the orders of dewi",
            "complaints by mrs parrish",
            "what about dewi parrish?",
            "did james order anything",
            "susan's orders",
            "and dewi?",
            "my name is dewi parrish, what did i order",
            "I am Dewi. Where is my parcel?",
            "dewi parrish account",
            "is dewi a customer",
            "tell me about parrish",
            "was hat dewi bestellt",
            "frau parrish bestellungen",
        ] {
            assert!(asks(question), "{question}");
        }
    }

    #[test]
    fn questions_about_oneself_and_the_house_are_not() {
        for question in [
            "Where is my order O-4032?",
            "What did I, C-1014, buy?",
            "What Did Marian Thwaite order?",
            "Does the Wren Heron fit my Otter?",
            "When was my last visit?",
            "Do other customers like... no, what is MY ORDER worth",
            "Is the HS-110 in stock?",
            "did i order the wren",
            "what did I pay",
            "when did my stove arrive",
            "do you take express orders?",
            "I am vegetarian",
            "what has marian ordered",
            "can the wren have more gas",
            "tell me about insurance",
            "and shipping?",
            "and on Sunday?",
            "where do people get help",
            "is the warranty still valid",
            "can kids have it",
            "I'm here for my order",
            "what is the status of my order",
        ] {
            let about_others = question.starts_with("Do other");
            assert_eq!(asks(question), about_others, "{question}");
        }
    }

    proptest! {
        #[test]
        fn any_question_is_taken(question: String, subject: String) {
            asks_about_another(&question, &subject, &mut |_| false, &|_| false);
        }
    }
}
