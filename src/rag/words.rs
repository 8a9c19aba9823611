//! The words a text is about, and how many of them another text holds.

use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

/// Words that say nothing of what a text is about: articles, pronouns, prepositions, auxiliaries, question words and
/// what is left of "don't" and "it's". English and German. A word that means something in the other language ("hat",
/// "bin", "not") stands here only where it is far more often the empty one.
const STOP: &str = "\
a about after again all also although am an and any are aren as at be because been before being between both but \
by can cannot could couldn d did didn do does doesn doing don done down during each either else ever every few for \
from further had hadn has hasn have haven having he hello her here hers herself hey hi him himself his how i if in \
into is isn it its itself just kindly let ll m many may maybe me might mine more most much must my myself neither \
no nor not now of off on once only or other others our ours ourselves out over own perhaps please quite rather re \
s same shall she should shouldn since so some such t tell than thank thanks that the their theirs them themselves \
then there these they this those though through till to too under until up upon us ve very was wasn we well were \
weren what whatever when whenever where wherever whether which while who whom whose why will with within without \
won would wouldn yes yet you your yours yourself yourselves aber alle allem allen aller alles als am ander andere \
anderen auch auf aus bei beim bis bist bitte da dabei dadurch dafür damit dann danke daran darauf daraus darf \
darin darüber das dass daß davon dazu dein deine deinem deinen deiner dem den denn der deren des dessen dich die \
dies diese diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines einige er es etwas \
euch euer eure für gibt habe haben habt hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer \
im indem ins ist ja jede jedem jeden jeder jedes jetzt kann kannst kein keine keinem keinen keiner können könnt \
könnte man manche mein meine meinem meinen meiner mich mir mit muss musst muß müssen nach nein nicht nichts noch \
nun nur ob oder ohne sehr sein seine seinem seinen seiner seit sich sie sind so solche soll sollen sollte sondern \
sonst über um und uns unser unsere unserem unseren unter viel viele vom von vor wann war waren warum was weil \
welche welchem welchen welcher welches wem wen wenn wer werde werden weshalb wessen wie wieder wieso wieviel will \
wir wird wirst wo wohin womit woran worden worin würde würden während zu zum zur zwischen";

/// Words that say which of somebody's records is meant, or ask for it, and not what it is about.
const ASKING: &str = "\
another bin come first get gets getting give given got hat immer know last latest letzte letzten letzter letztes \
like made make newest next nächste nächsten nächster one per put recent recently schon see show split still take \
taken thing things two used want way went whitespace wurde wurden zuletzt zwei";

static STOPS: LazyLock<HashSet<&str>> = LazyLock::new(|| STOP.split_ascii_whitespace().collect());
static ASKS: LazyLock<HashSet<&str>> = LazyLock::new(|| ASKING.split_ascii_whitespace().collect());

/// The words of a text and its numbers, without function words, question words and single letters; cut to their
/// beginnings so that "deliver" and "delivery" meet.
pub fn of(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.chars().nth(1).is_some() || w.chars().any(char::is_numeric))
        .map(str::to_lowercase)
        .filter(|word| !STOPS.contains(word.as_str()))
        .map(|word| word.chars().take(6).collect())
        .collect()
}

/// The words that tell what a text is about: of three letters or more, without those that any question has, the plural
/// cut off, so that "mugs" and "INR" find a mug and an INR.
pub fn telling(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|w| w.chars().count() >= 3 || w.chars().any(char::is_numeric))
        .filter(|w| !STOPS.contains(w.as_str()) && !ASKS.contains(w.as_str()))
        .map(|w| {
            w.strip_suffix('s').filter(|w| w.len() >= 3 && !w.ends_with('s')).unwrap_or(&w).chars().take(6).collect()
        })
        .collect()
}

/// The share of `words` that are in `held`; 0 for no words.
pub fn share(words: &BTreeSet<String>, held: &BTreeSet<String>) -> f32 {
    words.intersection(held).count() as f32 / words.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_question_is_about_is_left() {
        for (text, about) in [
            ("When is the shop open now?", "open shop"),
            ("Can I use the Wren's pot in my tent?", "pot tent use wren"),
            ("What is it, and how does one turn the gas off?", "gas one turn"),
            ("I don't know where you're from. Isn't it O-4032?", "4032 know"),
            ("Wann hat der Laden jetzt für mich geöffnet?", "geöffn hat laden"),
            ("Wieviel Gas und welchen Topf brauche ich dafür?", "brauch gas topf"),
            ("delivery, DELIVER: Delivered", "delive"),
            ("WHAT? Who, now... e.g. this", ""),
        ] {
            assert_eq!(of(text).into_iter().collect::<Vec<_>>().join(" "), about, "{text}");
        }
    }

    #[test]
    fn a_shared_function_word_brings_nothing() {
        let asked = of("Who is the president now?");
        assert_eq!(share(&asked, &of("The shop is open now.")), 0.0);
        assert_eq!(share(&of("Which pot fits?"), &of("The pot fits the stove.")), 1.0);
        assert_eq!(share(&of("And now what?"), &of("And now what?")), 0.0, "it asks for nothing");
    }

    proptest! {
        #[test]
        fn any_text_has_words(text: String) {
            let words = of(&text);
            prop_assert!(words.iter().all(|word| !word.is_empty()));
            prop_assert!(share(&words, &words) <= 1.0);
        }
    }

    #[test]
    fn words_that_tell_are_few_and_without_their_plural() {
        let telling = |text: &str| telling(text).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(telling("What did I pay for the mugs?"), "mug pay");
        assert_eq!(telling("Was my last INR in range, or 2?"), "2 inr range");
        assert_eq!(telling("Wie viele Gläser und welche Dosis?"), "dosi gläser");
        assert_eq!(telling("where is it"), "");
    }
}
