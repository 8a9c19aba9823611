//! Documents in other languages than English: an embedder of many languages takes over, and questions cross languages.

use super::home::{Home, text, word};

const ENGLISH: [(&str, &str); 2] = [
    (
        "lamp.md",
        "# The Moth lantern\n\nA full charge takes three hours. The lamp beside the socket is green when it is full.\n",
    ),
    (
        "shop.md",
        "# Opening hours\n\nThe shop is open from nine to five on weekdays, and closed on Sundays and holidays.\n",
    ),
];
const OTHERS: [(&str, &str); 3] = [
    (
        "de.md",
        "# Rückgabe\n\nSie können ungebrauchte Ware innerhalb von dreißig Tagen zurückgeben. Bringen Sie bitte den Kassenbon mit.\n",
    ),
    ("zh.md", "# 保修\n\n炉子的保修期为五年。保修不包括正常磨损。\n"),
    ("es.md", "# Reparaciones\n\nReparamos bombas y quemadores en el taller los martes y los jueves por la mañana.\n"),
];

/// The file that a search finds first.
fn first(home: &Home, query: &str) -> String {
    let hits = home.json(&["search", query, "-k", "1"]);
    let document = hits["hits"][0]["document"].as_str().unwrap();
    document.rsplit('/').next().unwrap().to_owned()
}

#[test]
fn an_embedder_of_many_languages_takes_over_where_documents_want_it() {
    let home = Home::with_models_of_its_own();
    for (name, content) in ENGLISH {
        home.file(&format!("en/{name}"), content);
    }
    let english = home.file("en/more.md", "# Paying\n\nWe take cash and cards. We do not take cheques or vouchers.\n");
    let english = word(english.parent().unwrap()).to_owned();
    assert_eq!(home.json(&["ingest", &english])["embedder"], "all-minilm-l6-v2");
    for (name, content) in OTHERS {
        home.file(&format!("others/{name}"), content);
    }
    let others = english.replace("/en", "/others");
    let ingested = home.run(&["--json", "ingest", &others]);
    let told = text(&ingested.stderr);
    assert!(told.contains("3 of 6 passages are in other languages than English"), "{told}");
    assert!(text(&ingested.stdout).contains(r#""embedder":"multilingual-e5-small""#), "{}", text(&ingested.stdout));
    for (query, document) in [
        // In the language of the document, and in others.
        ("Wie lange kann ich Ware zurückgeben?", "de.md"),
        ("How long can I return goods?", "de.md"),
        ("炉子的保修期是多久？", "zh.md"),
        ("How long is the warranty of the stove?", "zh.md"),
        ("¿Qué días se reparan bombas?", "es.md"),
        ("Wie lange dauert es, die Laterne zu laden?", "lamp.md"),
        ("هل تقبلون الشيكات؟", "more.md"),
        ("متى يفتح المتجر؟", "shop.md"),
        ("Quand le magasin est-il ouvert ?", "shop.md"),
        ("Do you take cheques?", "more.md"),
    ] {
        assert_eq!(first(&home, query), document, "{query}");
    }
    // It stays, and what is there is not embedded again.
    let again = home.json(&["ingest", &english]);
    assert_eq!((&again["embedder"], &again["unchanged"]), (&"multilingual-e5-small".into(), &3.into()));
    assert_eq!(home.json(&["models", "show", "multilingual-e5-small"])["in_use"], true);
}

#[test]
fn another_embedder_makes_all_vectors_anew() {
    let home = Home::with_models_of_its_own();
    let english = home.file("en/more.md", "# Paying\n\nWe take cash and cards. We do not take cheques or vouchers.\n");
    home.json(&["ingest", word(&english)]);
    home.run(&["import", word(&crate::support::golden("nano_e5/tiny.bin")), "--name", "tiny"]);
    home.json(&["models", "use", "tiny"]);
    let told = home.fails(1, &["search", "cheques"]);
    assert!(told.contains("ingest again"), "{told}");
    let again = home.json(&["ingest", word(&english)]);
    assert_eq!((&again["embedder"], &again["unchanged"]), (&"tiny".into(), &1.into()));
    assert_eq!(first(&home, "cheques"), "more.md");
}

#[test]
fn the_house_speaks_its_language() {
    let home = Home::new();
    let english = home.file("en/more.md", "# Paying\n\nWe take cash and cards. We do not take cheques or vouchers.\n");
    home.json(&["ingest", word(&english)]);
    home.json(&["config", "set", "language", "de"]);
    let answer = home.json(&["ask", "Who won the world cup?"]);
    assert_eq!(answer["found"], false);
    assert_eq!(answer["answer"], "Dazu habe ich in meinen Dokumenten nichts gefunden.");
    let told = home.fails(1, &["config", "set", "language", "klingon"]);
    assert!(told.contains("`de`"), "{told}");
}
