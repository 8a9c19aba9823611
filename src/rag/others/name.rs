//! Names of persons in a question, in capitals or not, whole or by one part.
//!
//! No list of names is asked, since a refusal must not tell who is on one. A word stands for a person where a sentence
//! has a place for one ("what did ... order", "...'s account", "the orders of ..."), and nothing here knows the word:
//! not the documents, nor the records of the person who is served.

use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Words before a name.
const TITLES: [&str; 12] =
    ["mr", "mrs", "ms", "miss", "mister", "dr", "patient", "customer", "client", "herr", "frau", "kunde"];

/// Those that stand before nothing else.
const SALUTATIONS: [&str; 8] = ["mr", "mrs", "ms", "miss", "mister", "dr", "herr", "frau"];

/// What stands in a person's place and is none.
const NOBODY: &str = "i me my mine we us our you your he him his she her they them their it its this that these those \
    there here what who whom whose which when where why how the a an some any no every each all both many much \
    one two three and or but not do did does is are was were be been have has had can could may might must shall \
    should will would please also still just ever never now then today yesterday tomorrow monday tuesday wednesday \
    thursday friday saturday sunday january february march april june july august september october november december \
    somebody someone anybody anyone nobody everybody everyone people staff shop house clinic doctor nurse surgery \
    practice customer customers patient patients client clients person order orders account card more most other \
    another last next first new old open own same such let go to for of with from by at in on if so than then as \
    ich mich mir mein meine meinen meinem meiner wir uns unser unsere sie ihr ihre er ihm ihn es du dich dir dein \
    der die das den dem des ein eine einen einem einer und oder aber nicht was wer wen wem wann wo warum wie welche \
    welcher welches ist sind war waren hat haben hatte kann darf soll muss wird bitte noch heute gestern morgen";

/// The commonest names, which are words that everybody uses.
const USUAL: &str = "james john robert michael david william richard joseph thomas charles christopher daniel matthew anthony \
    mark steven paul andrew joshua kenneth kevin brian george edward ronald timothy jason jeffrey ryan jacob \
    gary nicholas eric jonathan stephen larry justin scott brandon benjamin samuel gregory frank alexander \
    raymond patrick jack dennis jerry peter henry adam walter mary patricia jennifer linda elizabeth barbara \
    susan jessica sarah karen lisa nancy betty sandra margaret ashley kimberly emily donna michelle carol amanda \
    melissa deborah stephanie rebecca laura helen sharon cynthia kathleen amy angela anna ruth brenda pamela \
    nicole katherine samantha christine emma catherine virginia rachel janet maria heather diane julie joyce \
    victoria kelly christina joan evelyn lauren judith olivia martha cheryl megan andrea ann alice jean jane bob \
    tom jim joe ben sam dan max oliver harry charlie smith jones taylor brown williams wilson johnson davies \
    robinson wright thompson evans walker roberts edwards hughes lewis hall clarke jackson harris martin cooper \
    turner hill ward morris moore clark lee baker harrison davis miller garcia martinez anderson müller schmidt \
    schneider fischer weber meyer wagner becker schulz hoffmann koch bauer klein hans klaus peter wolfgang \
    jürgen stefan ursula monika petra sabine renate helga karin";

/// What people have of a house, as words of one language or the other.
const THINGS: &str = "orders?|purchases?|bills?|invoices?|complaints?|appointments?|results?|records?|medicines?|\
    medications?|prescriptions?|visits?|points|accounts?|address(?:es)?|phone|telephone|number|emails?|e-mails?|\
    birthday|age|data|files?|history|status|parcels?|packages?|deliver(?:y|ies)|payments?|debts?|balance|details|\
    information|conversations?|messages?|allerg(?:y|ies)|diagnos[ei]s|tests?|stove|lantern|card|bestellung(?:en)?|\
    rechnung(?:en)?|beschwerden?|termine?|befunde?|daten|adresse|konto|rezepte?|medikamente?|besuche?|punkte";

/// What people do with a house.
const DEEDS: &str = "orders?|ordered|buys?|bought|purchased?|pays?|paid|owes?|owed?|returns?|returned|gets?|got|\
    receives?|received|complains?|complained|says?|said|wants?|wanted|needs?|needed|books?|booked|takes?|taken|took|\
    sees?|saw|seen|visits?|visited|collects?|collected|cancels?|cancelled|sends?|sent|spends?|spent|owns?|lives?|have|\
    has|had|ask(?:s|ed)?|calls?|called|comes?|came|weighs?|uses?|used|bestellt|gekauft|bezahlt|gesagt|bekommen|gebraucht";

/// The places of a person in a sentence, one or two words each.
static PLACES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let name = r"(?P<a>\p{L}[\p{L}'’-]+)(?:\ (?P<b>\p{L}[\p{L}'’-]+))?";
    let patterns = [
        format!(
            r"\b(?:did|does|do|has|had|hat|haben|will|would|can|could|should|may|must|kann|darf)\ {name}\ (?:also\ |ever\ |still\ |to\ )?(?:{DEEDS})\b"
        ),
        format!(r"\b{name}\ (?:has\ |had\ |have\ |hat\ )?(?:{DEEDS})\b"),
        format!(
            r"\b(?:{THINGS})\ (?:of|for|from|by|belonging\ to|under|von|für)\ (?:the\ )?(?:{titles}\ )?{name}\b",
            titles = TITLES.join("|")
        ),
        format!(
            r"\b(?P<a>\p{{L}}[\p{{L}}-]+)(?:\ (?P<b>\p{{L}}[\p{{L}}-]+))?(?:['’]s|s['’])\ (?:\p{{L}}+\ )?(?:{THINGS})\b"
        ),
        format!(r"\b{name}\ (?:{THINGS})\s*(?:$|[?.!,])"),
        format!(
            r"\b(?:my\ name\ is|i\ am|i['’]m|this\ is|ich\ bin|ich\ heiße|mein\ name\ ist|on\ behalf\ of|asking\ for|speak(?:ing)?\ for)\ {name}\b"
        ),
        format!(r"\b(?:about|regarding|concerning|look\ up|lookup|find|show\ me|serve|über|zu)\ {name}\s*(?:$|[?.!,])"),
        format!(r"(?:^|[,.]\ )(?:and|und|what\ about|how\ about|was\ ist\ mit)\ {name}\s*[?.!]*$"),
        format!(
            r"\b(?:is|was|are|were|ist|war)\ {name}\ (?:a\ |an\ |your\ |still\ |also\ |ein\ |eine\ )?(?:customer|patient|client|member|taking|allergic|registered|kunde|kundin|patientin)\b"
        ),
    ];
    patterns.iter().filter_map(|pattern| Regex::new(&format!("(?i){pattern}")).ok()).collect()
});

/// Two capitalised words in a row that nobody here knows, or one after a title.
pub(super) fn is_written_like_one(question: &str, is_known: &mut dyn FnMut(&str) -> bool) -> bool {
    let mut before = 0;
    let (mut titled, mut saluted) = (false, false);
    for word in question.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let bare = bare.strip_suffix("'s").or_else(|| bare.strip_suffix("’s")).unwrap_or(bare);
        let letters = bare.chars().count() >= 2 && bare.chars().all(|c| c.is_alphabetic() || "'’-".contains(c));
        let capital = bare.starts_with(char::is_uppercase) && bare.chars().skip(1).any(char::is_lowercase);
        // Behind a salutation a name is one in small letters too.
        let is_name = letters && (capital || saluted) && !is_title(bare) && !is_nobody(bare) && !is_known(bare);
        before = if is_name { before + 1 } else { 0 };
        if before >= 2 || is_name && titled {
            return true;
        }
        titled = is_title(bare);
        saluted = titled && SALUTATIONS.contains(&&*bare.to_lowercase());
        // A comma or a full stop ends a name.
        if word.ends_with([',', '.', ';', '?', '!']) && !titled {
            before = 0;
        }
    }
    false
}

/// Whether somebody whom nothing here knows stands where a sentence has a person. `is_common` says of a word whether
/// everybody uses it: such a word is a name only where nothing else can stand.
pub(super) fn stands_as_one(
    question: &str,
    is_known: &mut dyn FnMut(&str) -> bool,
    is_common: &dyn Fn(&str) -> bool,
) -> bool {
    let question = question.split_whitespace().collect::<Vec<_>>().join(" ");
    for (n, place) in PLACES.iter().enumerate() {
        let mut from = 0;
        while let Some(found) = question.get(from..).and_then(|rest| place.captures(rest)) {
            let is_one = words(&found).into_iter().any(|word| {
                // In the first place a capital tells a name; so do the commonest names themselves.
                let is_name = is_usual(word) || n == 0 && word.starts_with(char::is_uppercase) || !is_common(word);
                is_name && !is_nobody(word) && !is_title(word) && !is_known(word)
            });
            if is_one {
                return true;
            }
            // The next may begin within this one: "and did dewi order".
            let begin = found.get(0).map_or(0, |all| all.start());
            let first = question[from + begin..].find(' ').map_or(question.len(), |space| from + begin + space + 1);
            from = first.max(from + 1);
            while !question.is_char_boundary(from) {
                from += 1;
            }
        }
    }
    false
}

fn words<'q>(found: &Captures<'q>) -> Vec<&'q str> {
    ["a", "b"].into_iter().filter_map(|name| found.name(name)).map(|word| word.as_str()).collect()
}

fn is_usual(word: &str) -> bool {
    let word = word.to_lowercase();
    USUAL.split_whitespace().any(|usual| usual == word)
}

fn is_title(word: &str) -> bool {
    let word = word.trim_end_matches('.').to_lowercase();
    TITLES.contains(&&*word)
}

fn is_nobody(word: &str) -> bool {
    let word = word.to_lowercase().replace('’', "'");
    let stem = word.split('\'').next().unwrap_or_default();
    word.chars().count() < 2 || NOBODY.split_whitespace().any(|nobody| nobody == word || nobody == stem)
}
