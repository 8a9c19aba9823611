//! Whether a question is about somebody else than the person served.
//!
//! Nobody else's records can be in the prompt, so there is nothing to protect here; but a model that is asked about
//! another person makes something up, and a clear refusal serves better. Whether that other person is known plays no
//! part: a refusal for patients alone would tell who is one.

use regex::Regex;
use std::sync::LazyLock;

/// What stands as the answer to a question about somebody else.
pub const REFUSAL: &str = "I can only speak about the records of the person I am serving.";

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
/// me".
pub fn asks_about_another(question: &str, subject: &str, is_known: &mut dyn FnMut(&str) -> bool) -> bool {
    OTHERS.as_ref().is_some_and(|others| others.is_match(question))
        || names_another_id(question, subject)
        || names_another_person(question, is_known)
}

/// An id of the same shape: the same letters, other digits. `C-1002` where `C-1014` is served.
fn names_another_id(question: &str, subject: &str) -> bool {
    let shape = |id: &str| id.to_lowercase().replace(|c: char| c.is_ascii_digit(), "0");
    let own = shape(subject);
    let tells = own.contains('0') && own.contains(|c: char| c.is_alphabetic());
    let ids = question.split(|c: char| !(c.is_alphanumeric() || "-_./".contains(c)));
    let ids = ids.map(|id| id.trim_matches(['-', '.', '/', '_']));
    tells && ids.into_iter().any(|id| shape(id) == own && !id.eq_ignore_ascii_case(subject))
}

/// Two capitalised words in a row that nobody here knows, or one after a title.
fn names_another_person(question: &str, is_known: &mut dyn FnMut(&str) -> bool) -> bool {
    const TITLES: [&str; 8] = ["mr", "mrs", "ms", "miss", "mister", "patient", "customer", "client"];
    let mut before = 0;
    let mut titled = false;
    for word in question.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let bare = bare.strip_suffix("'s").or_else(|| bare.strip_suffix("’s")).unwrap_or(bare);
        let is_name = bare.chars().count() >= 2
            && bare.starts_with(char::is_uppercase)
            && bare.chars().skip(1).any(char::is_lowercase)
            && bare.chars().all(|c| c.is_alphabetic() || "'’-".contains(c))
            && !TITLES.contains(&bare.to_lowercase().as_str())
            && !is_known(bare);
        before = if is_name { before + 1 } else { 0 };
        if before >= 2 || is_name && titled {
            return true;
        }
        titled = TITLES.contains(&bare.to_lowercase().as_str());
        // A comma or a full stop ends a name.
        if word.ends_with([',', '.', ';', '?', '!']) && !titled {
            before = 0;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asks(question: &str) -> bool {
        let known = "what did do does is my when where the wren heron otter stove marian thwaite harrowbeck i";
        asks_about_another(question, "C-1014", &mut |word| known.split(' ').any(|k| k.eq_ignore_ascii_case(word)))
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
        ] {
            let about_others = question.starts_with("Do other");
            assert_eq!(asks(question), about_others, "{question}");
        }
    }

    proptest! {
        #[test]
        fn any_question_is_taken(question: String, subject: String) {
            asks_about_another(&question, &subject, &mut |_| false);
        }
    }
}
