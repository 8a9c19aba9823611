//! Words by what they do: which bring nothing, which deny, which mean the same. English and German.

use rust_stemmers::{Algorithm, Stemmer};
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// Words that bring no matter of their own, those of questions and of permission among them.
const FUNCTION: &str = "a an the this that these those it its itself i me my mine you your yours yourself we us our ours \
    he him his she her hers they them their theirs one ones who whom whose which what when where why how is are am was \
    were be been being do does did done doing has have had having will would shall should can could may might must \
    ought need needs of in on at to from by for with as into onto upon out off about around through during within per \
    over under above below between among against via until till before after since and or but if then than so because \
    while whereas though although either also too very just even still yet already again ever there here some any all \
    each every both much many more most few such other another same own up down yes yeah no ok okay sure certainly \
    please allowed allow allows permitted permit able possible according passage passages document documents \
    information answer answers question mentioned stated states provided based like about roughly approximately around \
    however therefore thus etc let lets s t re ve ll d m that's it's you're \
    der die das den dem des ein eine einen einem einer eines und oder aber sondern wenn als wie wo wann warum was wer \
    wen wem welche welcher welches welchen ist sind war waren sei sein bin bist wird werden wurde worden hat haben \
    hatte habe kann kannst können könnt könnte darf dürfen dürft muss müssen müsst soll sollen sollte will wollen mag \
    ich du er sie es wir ihr mich dich sich uns euch ihm ihnen ihn mein meine meinen dein deine ihre ihren ihrem ihrer \
    unser unsere unseren unserem in im an am auf aus bei beim mit nach von vom zu zum zur für über unter vor zwischen \
    durch gegen um bis ab seit dass da dort hier auch noch schon nur sehr so etwa rund ca circa dann denn doch man \
    diese dieser dieses diesen diesem jede jeder jedes jeden alle allen mehr viel viele ja nein bitte erlaubt \
    gestattet möglich je pro laut gibt sowie damit danach dabei dazu";

/// Words so common in answers that sharing them says little.
const GENERIC: &str = "use take get make go come give keep want find put thing way include call offer say tell know see \
    look help people customer person always usually sometimes often time cost work last have start need new \
    open close own day item about stay become \
    nehmen geben machen gehen kommen finden brauchen bekommen erhalten nutzen verwenden kosten dauern tag uhr öffnen schließen";

/// What a house calls itself: "the shop is closed" says "we are closed".
const HOUSE: &str = "store practice clinic surgery office company team laden geschäft praxis";

/// Words that mean the same for this purpose; the first of a line stands for all.
const SAME: &[&str] = &[
    "buy bought buys buying purchase purchased purchases",
    "cost costs price prices priced fee fees costing",
    "weight weigh weighs weighed weighing heavy heaviness",
    "long length last lasts lasting duration",
    "take takes took taken taking require requires required",
    "open opens opened opening",
    "close closes closing",
    "store shop shops stores",
    "repair repairs repaired repairing mend mends mended fix fixes fixed fixing",
    "return returns returned returning",
    "deliver delivers delivered delivery deliveries delivering ship ships shipped shipping",
    "telephone phone phones telephones",
    "send sends sent sending post posted",
    "pay pays paid paying payment payments",
    "keep keeps kept keeping",
    "sell sells sold selling sale",
    "use uses used using usage",
    "give gives gave given",
    "get gets got gotten receive receives received",
    "hold holds held holding",
    "broken faulty defective defect fault",
    "child children kid kids",
    "doctor doctors gp physician",
    "medicine medicines medication medications drug drugs",
    "begin begins began begun start starts started starting",
    "end ends ended ending finish finishes finished",
    "turn turns turned switch switches switched",
    "charge charges charging charged recharge recharging recharged",
    "throw dispose discard discarded thrown",
    "guarantee guaranteed guarantees warranty warranties",
    "leave leaves left leaving depart departs departure departures",
    "arrive arrives arrived arrival arrivals",
    "measure measures measured measuring",
    "make makes made making",
    "collect collects collected pick picked",
    "ready done",
    "day days daily",
    "week weeks weekly",
    "month months monthly",
    "year years yearly annual annually",
    "hour hours hourly",
    "tag tage tagen täglich",
    "woche wochen wöchentlich",
    "monat monate monaten monatlich",
    "jahr jahre jahren jährlich",
    "quick fast rapid",
    "big large",
    "kaufen kauf gekauft kaufst kauft",
    "kosten kostet preis preise gebühr gebühren koste",
    "wiegen wiegt gewicht schwer",
    "dauern dauert dauer lang lange",
    "öffnen öffnet geöffnet offen öffnungszeiten",
    "schließen schließt",
    "zurückgeben rückgabe zurückgegeben zurückgebracht zurückbringen zurück umgetauscht",
    "liefern liefert geliefert lieferung lieferzeit versand versenden",
    "zahlen zahlt bezahlen bezahlt gezahlt zahlung",
    "nehmen nimmt genommen einnehmen eingenommen einnahme",
    "benutzen benutzt verwenden verwendet nutzen genutzt benutzung verwendung",
    "aufladen lädt geladen aufgeladen ladezeit ladedauer",
    "beginnen beginnt begonnen beginn anfang",
    "abfahren fährt abfahrt fahren ab",
    "ware waren artikel",
];

/// What denies a clause.
const NOT: &str = "not never no none nobody nothing nowhere neither nor without cannot cant dont doesnt didnt wont isnt \
    arent wasnt shouldnt mustnt couldnt wouldnt hasnt havent avoid avoids refrain forbidden prohibited banned \
    disallowed impossible unable free unsafe \
    nicht kein keine keinen keinem keiner keines nie niemals ohne weder nichts niemand verboten untersagt unmöglich \
    kostenlos kostenfrei gratis umsonst vermeiden vermeide";

/// Words that deny another: "closed" is not open.
const DENIED: &[(&str, &str)] = &[
    ("closed", "open"),
    ("shut", "open"),
    ("free", "cost"),
    ("unsafe", "safe"),
    ("dangerous", "safe"),
    ("excluded", "include"),
    ("excludes", "include"),
    ("outdoors", "indoors"),
    ("outdoor", "indoors"),
    ("outside", "inside"),
    ("disable", "enable"),
    ("disabled", "enable"),
    ("unlock", "lock"),
    ("unlocked", "lock"),
    ("refuse", "accept"),
    ("refused", "accept"),
    ("rejected", "accept"),
    ("less", "more"),
    ("fewer", "more"),
    ("maximum", "minimum"),
    ("latest", "earliest"),
    ("empty", "full"),
    ("unlimited", "limit"),
    ("optional", "mandatory"),
    ("geschlossen", "öffnen"),
    ("geschlossene", "öffnen"),
    ("kostenlos", "kosten"),
    ("kostenfrei", "kosten"),
    ("gratis", "kosten"),
    ("umsonst", "kosten"),
    ("weniger", "mehr"),
    ("draußen", "drinnen"),
    ("gefährlich", "sicher"),
    ("leer", "voll"),
];

/// Closed sets whose members exclude each other: one that is said must stand there.
const STRICT: &str = "morning afternoon evening night noon midday midnight tonight tomorrow yesterday weekly daily \
    monthly yearly hourly annual annually week month year hour minute second century quarter \
    red green blue yellow white black brown pink orange purple grey gray \
    top bottom north south east west clockwise \
    january february march april june july august september october november december \
    spring summer autumn winter \
    morgens abends nachts vormittags nachmittags mittags morgen abend nacht woche monat jahr stunde minute \
    täglich wöchentlich monatlich jährlich rot grün blau gelb weiß schwarz braun \
    januar februar märz mai juni juli oktober dezember frühling sommer herbst winter";

fn set(words: &'static str) -> HashSet<&'static str> {
    words.split_whitespace().collect()
}

static FUNCTIONS: LazyLock<HashSet<&str>> = LazyLock::new(|| set(FUNCTION));
static NOTS: LazyLock<HashSet<&str>> = LazyLock::new(|| set(NOT));
static STRICTS: LazyLock<HashSet<String>> =
    LazyLock::new(|| STRICT.split_whitespace().flat_map(|w| [stem(w, false), stem(w, true)]).collect());
static GENERICS: LazyLock<HashSet<String>> =
    LazyLock::new(|| GENERIC.split_whitespace().flat_map(|w| [key(w, false), key(w, true)]).collect());
static HOUSES: LazyLock<HashSet<String>> =
    LazyLock::new(|| HOUSE.split_whitespace().flat_map(|w| [key(w, false), key(w, true)]).collect());
static SAMES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let lines = SAME.iter().map(|line| line.split_whitespace());
    // The first line that has a word keeps it.
    let pairs = lines.rev().flat_map(|mut line| {
        let first = line.next().unwrap_or_default();
        std::iter::once((first, first)).chain(line.map(move |word| (word, first)))
    });
    pairs.collect()
});
static ENGLISH: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));
static DEUTSCH: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::German));
/// Function words that only German has.
static GERMAN: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    set(
        "der das den dem des ein eine einen einem einer und oder aber ist sind wird werden wurde nicht kein keine keinen \
        mit für auf bei beim nach von vom zu zum zur im am um bis uhr sie wir ich kann können darf dürfen muss müssen \
        hat haben dauert kostet wann wie wo montag dienstag mittwoch donnerstag freitag samstag sonntag täglich nie \
        ohne",
    )
});

fn stem(word: &str, german: bool) -> String {
    let stemmer = if german { &DEUTSCH } else { &ENGLISH };
    stemmer.stem(word).into_owned()
}

/// Whether a text is German: more of its words are German function words than English ones.
pub fn is_german(text: &str) -> bool {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    let (mut german, mut english) = (0, 0);
    for word in words {
        german += usize::from(GERMAN.contains(word));
        english +=
            usize::from(matches!(word, "the" | "is" | "are" | "you" | "of" | "and" | "to" | "for" | "it" | "can"));
    }
    german > english
}

/// What stands for a word: its synonym's or its own stem. `word` is in lower case.
pub fn key(word: &str, german: bool) -> String {
    let word = word.trim_end_matches("'s").trim_end_matches("’s");
    stem(SAMES.get(word).copied().unwrap_or(word), german)
}

/// Whether a word brings no matter of its own.
pub fn is_function(word: &str) -> bool {
    FUNCTIONS.contains(word)
}

/// Whether a word denies its clause, and the word that it denies, if it holds one.
pub fn denies(word: &str, german: bool) -> Option<Option<&'static str>> {
    let denied = DENIED.iter().find(|(denier, _)| *denier == word);
    let plain = word.replace(['\'', '’'], "");
    match denied {
        Some((_, base)) => Some(Some(*base)),
        None if NOTS.contains(plain.as_str()) && !(german && word == "no") => Some(None),
        None => None,
    }
}

/// Whether a word belongs to a closed set whose members exclude each other.
pub fn is_strict(key: &str) -> bool {
    STRICTS.contains(key)
}

/// How much a word weighs in what must be covered.
pub fn weight(key: &str) -> f32 {
    if HOUSES.contains(key) {
        0.1
    } else if GENERICS.contains(key) {
        0.3
    } else {
        1.0
    }
}

/// Whether two keys are the same word, or one a longer form of the other.
pub fn same(a: &str, b: &str, german: bool) -> bool {
    if a == b {
        return true;
    }
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let (less, more) = (short.chars().count(), long.chars().count());
    // German compounds: "Reparatur" in "Reparaturkosten", "Kosten" at its end.
    less >= 4 && long.starts_with(short) && more - less <= 3
        || german && less >= 5 && (long.starts_with(short) || long.ends_with(short))
}
