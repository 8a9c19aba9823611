//! Records of persons: what a question is given, what a broken source costs, and that nobody reaches another's.

use super::home::{Home, text, word};
use serde_json::Value;
use std::fs;
use wayside::sample::{CLINIC, SHOP, Scenario};
use wayside::watch::Cancel;
use wayside::{ErrorKind, Question, Runtime, Wear};

/// A home with a scenario's documents, database and declaration.
fn furnished(scenario: &Scenario) -> Home {
    let home = Home::new();
    let folder = home.path().join(scenario.name);
    scenario.write(&folder).unwrap();
    fs::write(home.path().join("sources.toml"), scenario.sources).unwrap();
    home.json(&["ingest", word(&folder.join("documents"))]);
    home
}

fn facts(home: &Home, question: &str, subject: &str) -> Vec<String> {
    let shown = home.json(&["records", "show", question, "--subject", subject]);
    let facts = shown["shown"]["facts"].as_array().unwrap();
    facts.iter().map(|fact| format!("{}: {}", fact["name"].as_str().unwrap(), fact["text"].as_str().unwrap())).collect()
}

fn has(facts: &[String], wanted: &str) -> bool {
    facts.iter().any(|fact| fact.contains(wanted))
}

#[test]
fn a_shop_knows_its_customer_and_says_first_what_is_open() {
    let home = furnished(&SHOP);
    fs::write(home.path().join("config.toml"), "[learn]\nmin_age_hours = 0\n").unwrap();
    let checked = home.json(&["records", "check", "--subject", "C-1019"]);
    assert!(checked["queries"].as_array().unwrap().iter().all(|q| q["ok"] == true), "{checked}");
    let shown = facts(&home, "Which gas canister fits my stove?", "C-1019");
    assert!(
        has(&shown, "fits #F-230: For your Wren gas stove (HS-110): Gas canister 230 g (F-230), £7.50, 60 in stock"),
        "{shown:?}"
    );
    assert!(has(&shown, "complaints #K-226"), "{shown:?}");
    let words = ["ask", "How many points are on my card?", "--subject", "C-1019", "--greedy", "--max-tokens", "12"];
    let answer = home.json(&words);
    let said = answer["answer"].as_str().unwrap();
    assert!(said.starts_with("We have your complaint K-226 of 18 November 2026"), "{said}");
    let cited = answer["citations"].as_array().unwrap();
    assert!(cited.iter().any(|c| c["record"] == "complaints #K-226" && c.get("document").is_none()), "{cited:?}");
    // What rests on one person's records is never learned, whatever people think of it.
    home.json(&["log", "rate", answer["interaction"].as_str().unwrap(), "up"]);
    let dry = home.json(&["learn", "--dry-run"]);
    let refused = dry["refused"].as_array().unwrap();
    assert!(refused.iter().any(|r| r["id"] == answer["interaction"] && r["rule"] == "personal"), "{dry}");
}

#[test]
fn a_clinic_speaks_of_the_patient_who_asks_and_of_nobody_else() {
    let home = furnished(&CLINIC);
    let shown = facts(&home, "What dose of metformin do I take?", "N-2002");
    assert!(has(&shown, "metformin 500 mg"), "{shown:?}");
    let all = fs::read_to_string(home.path().join("clinic/records/patients.csv")).unwrap();
    let others: Vec<&str> = all.lines().skip(1).filter(|l| !l.starts_with("N-2002")).collect();
    let names: Vec<&str> = others.iter().map(|line| line.split(',').nth(1).unwrap()).collect();
    let (mut asked, mut refused) = (0, 0);
    for served in CLINIC.served.lines() {
        let served: Value = serde_json::from_str(served).unwrap();
        if served["kind"] != "other" {
            continue;
        }
        let (question, subject) =
            (served["messages"][0]["content"].as_str().unwrap(), served["subject"].as_str().unwrap());
        let shown = home.json(&["records", "show", question, "--subject", subject]);
        asked += 1;
        refused += usize::from(shown["shown"]["refused"] == true);
        let prompt = shown["shown"]["prompt"].to_string().replace(question, "");
        for name in names.iter().filter(|name| !all.contains(&format!("{subject},{name}"))) {
            assert!(!prompt.contains(*name), "{question}: {prompt}");
        }
    }
    // Somebody else's appointment by its number looks like anything; it is not found.
    assert!(refused >= 6 && asked - refused <= 2, "{refused} of {asked}");
    let refused = home.json(&["ask", "What medicines does Agnes Hallow take?", "--subject", "N-2002"]);
    assert_eq!(refused["answer"], "I can only speak about the records of the person I am serving.");
    assert_eq!(refused["prompt_tokens"], 0);
}

/// What people ask of their records, and how the first fact of the query that knows begins or goes on.
const ASKED: [(&str, &str, &str, &str); 18] = [
    (
        "C-1014",
        "What did I order last?",
        "orders",
        "Order O-4105 of 17 October 2026, in the shop: 1 x Otter maintenance",
    ),
    ("C-1014", "What did I order last? and the one before?", "orders", "Order O-4039 of 31 January 2026"),
    ("C-1039", "Where is my kettle?", "orders", "Order O-4120 of 19 November 2026, by post: 1 x Tarn kettle (HC-820)"),
    ("C-1039", "Where is my kettle? and what did it cost?", "orders", "Tarn kettle (HC-820), £26.00, packed"),
    ("C-1009", "When did I buy my stove?", "orders", "Order O-4005 of 8 March 2025, in the shop: 1 x Wren gas stove"),
    ("C-1035", "What did I pay for the mugs?", "orders", "4 x Enamel mug (HC-830), £9.50 each"),
    (
        "C-1032",
        "Is my stove still under warranty?",
        "orders",
        "of 13 December 2025, in the shop: 1 x Badger two-burner",
    ),
    ("C-1019", "Is my complaint settled?", "complaints", "is open and not settled: The rubber cover"),
    ("C-1040", "Is my complaint settled?", "answered", "was answered on 6 March 2026 and is settled: We replaced"),
    ("C-1006", "How many points do I have?", "customer", "You have 75 points on your Ember card"),
    ("C-1019", "Which canister fits my stove?", "fits", "For your Wren gas stove (HS-110): Gas canister 230 g (F-230)"),
    ("C-1004", "Which ring fits my burner?", "fits", "For your Vole spirit burner (HS-160): "),
    (
        "N-2002",
        "What dose of metformin do I take?",
        "medicines",
        "You take metformin 500 mg, one tablet twice a day with",
    ),
    ("N-2009", "When is my next appointment?", "appointments", "Your next appointment: 26 November 2026 at 14:30 with"),
    ("N-2001", "Was my last INR in range?", "results", "Your INR of 27 October 2026 was 2.5, in range (2.0 to 3.0)"),
    ("N-2004", "How was my blood pressure last time?", "results", "of 13 October 2026 was 152/88 mmHg, out of range"),
    ("N-2001", "Am I allergic to penicillin?", "allergies", "noted on 14 May 2003: penicillin; hives within an hour"),
    (
        "N-2002",
        "Which tablets do I take in the morning?",
        "medicines",
        "You take ramipril 5 mg, once a day in the morning",
    ),
];

#[test]
fn what_people_ask_is_answered_by_one_fact_that_reads_alone() {
    let homes = [furnished(&SHOP), furnished(&CLINIC)];
    let runtimes = homes.each_ref().map(|home| Runtime::open(&home.path()).unwrap());
    let mut missed = Vec::new();
    for (subject, question, query, wanted) in ASKED {
        let runtime = &runtimes[usize::from(subject.starts_with('N'))];
        let found = runtime.facts(subject, question).unwrap().facts;
        let first = found.iter().find(|fact| fact.query() == query);
        if !first.is_some_and(|fact| fact.text.contains(wanted) && !fact.id().is_empty()) {
            missed.push(format!("{question} {first:?} of {:?}", found.iter().map(|f| &f.name).collect::<Vec<_>>()));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn a_source_that_fails_costs_its_facts_and_a_note_and_its_last_answer_stands_in() {
    let home = furnished(&SHOP);
    assert!(has(&facts(&home, "What did I order?", "C-1019"), "O-4103"));
    let database = home.path().join("shop/records.db");
    fs::rename(&database, home.path().join("away")).unwrap();
    let shown = home.json(&["records", "show", "What did I order?", "--subject", "C-1019"]);
    let notes = shown["shown"]["notes"].to_string();
    assert!(notes.contains("orders: ") && notes.contains("is not there") && notes.contains("is used"), "{notes}");
    assert!(has(&facts(&home, "What did I order?", "C-1019"), "O-4103"), "the last answer");
    let shown = home.json(&["records", "show", "What did I order?", "--subject", "C-1002"]);
    assert!(shown["shown"]["notes"].to_string().contains("its facts are missing"), "{shown}");
    // The answer comes all the same, from the documents.
    let answer = home.json(&["ask", "How long is the warranty?", "--subject", "C-1002", "--max-tokens", "8"]);
    assert!(!answer["hits"].as_array().unwrap().is_empty() && !answer["notes"].as_array().unwrap().is_empty());
    fs::write(&database, "nonsense").unwrap();
    let told = home.run(&["records", "check"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(text(&told.stderr).contains("queries fail"), "{}", text(&told.stderr));
}

const VISITS: &str = "[source.visits]\nfile = 'visits.csv'\nsubject = 'who'\n[[source.visits.query]]\nname = 'visits'\n\
    answers = 'visits to the workshop'\nid = 'n'\ndate = 'day'\ntext = '{{ what }}'\nlimit = 2\n";

#[test]
fn a_file_is_taken_in_whole_or_not_at_all_and_an_erased_person_stays_out() {
    let home = Home::new();
    let write = |name: &str, text: &str| fs::write(home.path().join(name), text).unwrap();
    write("sources.toml", VISITS);
    write(
        "visits.csv",
        "n,who,day,what\n1,ann,2026-01-02,new wick\n2,ann,2026-03-04,pump greased\n3,bob,2026-01-02,hose\n",
    );
    let never = "were never imported; run `wayside records import`";
    let told = |words: &[&str]| home.json(words).to_string().contains(never);
    let all: [&[&str]; 3] = [&["doctor"], &["records", "check"], &["records", "show", "hose", "--subject", "ann"]];
    assert!(all.iter().all(|words| told(words)));
    let import = || home.json(&["records", "import"])["sources"][0].clone();
    let first = import();
    assert_eq!((&first["records"], &first["subjects"]), (&3.into(), &2.into()), "{first}");
    assert!(!all.iter().any(|words| told(words)), "it is imported now");
    assert_eq!(import()["unchanged"], 3);
    assert!(has(&facts(&home, "was the pump greased?", "ann"), "visits #2: pump greased"));
    assert!(!has(&facts(&home, "hose", "ann"), "hose"));
    write("visits.csv", "n,who,day,what\n2,ann,2026-03-04,pump greased\n3,bob,2026-01-02,hose\n4,bob\n");
    assert!(home.fails(1, &["records", "import"]).contains("visits.csv"));
    assert!(has(&facts(&home, "wick", "ann"), "new wick"), "nothing changed");
    write("visits.csv", "n,who,day,what\n2,ann,2026-03-04,pump greased\n3,bob,2026-01-02,hose and tap\n");
    let changed = import();
    assert_eq!((&changed["records"], &changed["unchanged"], &changed["removed"]), (&1.into(), &1.into(), &1.into()));

    let erased = home.json(&["log", "erase", "--subject", "ann"]);
    assert_eq!(erased["receipt"]["removed"]["records"], 1, "{erased}");
    let bytes = fs::read(home.path().join("records/data.mdb")).unwrap();
    assert!(!bytes.windows(12).any(|w| w == b"pump greased"));
    assert_eq!(home.json(&["log", "erase", "--verify", erased["path"].as_str().unwrap()])["ok"], true);
    assert_eq!(import()["erased"], 1);
    assert!(facts(&home, "pump", "ann").is_empty() && has(&facts(&home, "hose", "bob"), "hose and tap"));
}

#[test]
fn a_turn_without_records_of_its_own_rests_on_those_before_it() {
    let home = Home::new();
    fs::create_dir_all(home.path()).unwrap();
    fs::write(home.path().join("sources.toml"), VISITS).unwrap();
    fs::write(home.path().join("visits.csv"), "n,who,day,what\n2,ann,2026-03-04,pump greased\n").unwrap();
    home.json(&["records", "import"]);
    let runtime = Runtime::open(&home.path()).unwrap();
    let mut chat = runtime.chat(None, &Wear::Nothing).unwrap();
    let mut ask = |retrieval: bool| {
        let of = Question { subject: Some("ann".into()), max_tokens: 4, ..runtime.question("Was the pump greased?") };
        let question = Question { retrieval, ..of };
        chat.ask(&question, &Cancel::new(), &mut |_| ()).unwrap().clone()
    };
    let (first, second) = (ask(true), ask(false));
    assert_eq!((first.facts.len(), second.facts.len(), second.hits.len()), (1, 0, 0));
    let logged = runtime.log().unwrap().get(&second.interaction).unwrap();
    assert!(logged.is_personal() && logged.hits == first.hits, "{logged:?}");

    let of = Question { subject: Some("two\nlines".into()), ..runtime.question("Was the pump greased?") };
    let refused = chat.ask(&of, &Cancel::new(), &mut |_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert_eq!(chat.last().unwrap().interaction, second.interaction, "what is refused ends no conversation");
}

#[test]
fn a_person_may_be_a_number_and_a_row_of_nobody_is_passed_over() {
    let home = Home::new();
    let lines = "{\"n\":1,\"who\":1042,\"day\":\"2026-01-02\",\"what\":\"new wick\"}\n\
                 {\"n\":2,\"who\":null,\"day\":\"2026-01-02\",\"what\":\"total\"}\n";
    fs::create_dir_all(home.path()).unwrap();
    fs::write(home.path().join("sources.toml"), VISITS.replace("visits.csv", "visits.jsonl")).unwrap();
    fs::write(home.path().join("visits.jsonl"), lines).unwrap();
    let imported = home.json(&["records", "import"])["sources"][0].clone();
    assert_eq!((&imported["records"], &imported["subjects"]), (&1.into(), &1.into()));
    assert!(has(&facts(&home, "what was done?", "1042"), "new wick"));
}

#[test]
fn a_wrong_declaration_is_named_before_anything_is_asked() {
    let home = Home::new();
    fs::write(home.path().join("sources.toml"), VISITS.replace("limit", "limits")).unwrap();
    let told = home.fails(1, &["records", "show", "x", "--subject", "ann"]);
    assert!(told.contains("sources.toml") && told.contains("limits") && told.contains("records example"), "{told}");
    assert!(home.fails(1, &["ask", "x", "--subject", "ann"]).contains("sources.toml"));
}

#[test]
fn the_walls_hold() {
    let home = Home::new();
    let walls = home.json(&["eval", "walls", "--subjects", "30", "--questions", "210"]);
    assert_eq!(walls["hold"], true, "{walls}");
    assert!(walls["walls"]["own"].as_u64().unwrap() > 20 && walls["walls"]["sessions"] == 24, "{walls}");
}
