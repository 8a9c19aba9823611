//! Whether a question leans on the one before it.

use super::words;

/// Words with which a question goes on from another.
const ON: [&str; 16] = [
    "and",
    "or",
    "but",
    "also",
    "then",
    "so",
    "what about",
    "how about",
    "what if",
    "and if",
    "und",
    "oder",
    "aber",
    "auch",
    "was ist mit",
    "wie ist es mit",
];
/// Words that stand for something said before.
const INSTEAD: [&str; 26] = [
    "it", "its", "they", "them", "their", "that", "those", "these", "this", "one", "ones", "there", "then", "he",
    "she", "him", "her", "again", "else", "instead", "both", "es", "sie", "dort", "damit", "dafür",
];
/// A question of so few words of its own says little by itself.
const FEW: usize = 1;
/// A pronoun in a longer question mostly stands for something in the question itself.
const LONG: usize = 7;

/// Whether a question is understood only with the one before it: "And on Sunday?", "How do I turn it off again?".
pub fn leans(question: &str) -> bool {
    let lower = question.trim().to_lowercase();
    let said: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|w| !w.is_empty()).collect();
    let goes_on =
        ON.iter().any(|on| lower.strip_prefix(on).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric)));
    let own = words::of(question).len();
    let stands_for = said.iter().skip(1).any(|word| INSTEAD.contains(word));
    goes_on || own <= FEW && said.len() <= 5 || stands_for && said.len() <= 2 * LONG && own <= LONG
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_leans() {
        for question in [
            "And on Sunday?",
            "and how do I turn it off again?",
            "What about express?",
            "How do I turn it off again?",
            "Why?",
            "How much does it cost?",
            "Und am Sonntag?",
            "Can I use it in frost?",
            "Does that cost anything?",
        ] {
            assert!(leans(question), "{question}");
        }
    }

    #[test]
    fn what_stands_by_itself_does_not() {
        for question in [
            "Who won the world cup?",
            "When is the shop open on Saturday?",
            "How long does the Moth take to charge?",
            "My Badger goes out as soon as I let go of the knob. What do I do?",
            "Do you sell bicycles?",
        ] {
            assert!(!leans(question), "{question}");
        }
    }
}
