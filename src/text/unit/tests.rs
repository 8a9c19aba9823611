//! Passages as the readers and the chunker make them, and what becomes of them.

use super::*;
use crate::text::{chunk, document};
use proptest::prelude::*;
use std::path::Path;

/// One line a unit: `kind (under / under): reading`.
fn shown(text: &str) -> Vec<String> {
    check(text);
    units(text)
        .iter()
        .map(|unit| match unit.under.as_slice() {
            [] => format!("{:?}: {}", unit.kind, unit.reading),
            under => format!("{:?} ({}): {}", unit.kind, under.join(" / "), unit.reading),
        })
        .collect()
}

/// What holds for the units of any text.
fn check(text: &str) {
    let units = units(text);
    let (mut end, mut block) = (0, 0);
    let mut covered = vec![false; text.len() + 1];
    for unit in &units {
        assert!(
            unit.range.start >= end && unit.range.end <= text.len() && !unit.range.is_empty(),
            "{unit:?} in {text:?}"
        );
        assert!(text.get(unit.range.clone()).is_some(), "{unit:?}");
        assert!(!unit.reading.trim().is_empty() && unit.block >= block, "{unit:?}");
        assert!(!unit.pieces.is_empty(), "{unit:?}");
        let mut at = unit.range.start;
        for piece in &unit.pieces {
            assert!(piece.start >= at && piece.end <= unit.range.end && !piece.is_empty(), "{unit:?}");
            assert!(!text[piece.clone()].trim().is_empty(), "{unit:?}");
            at = piece.end;
        }
        covered[unit.range.clone()].fill(true);
        (end, block) = (unit.range.end, unit.block);
    }
    let missed: Vec<_> = text.char_indices().filter(|(at, c)| c.is_alphabetic() && !covered[*at]).collect();
    let code = text.contains("```") || text.contains("~~~");
    assert!(missed.is_empty() || code, "{missed:?} of {text:?} in {units:?}");
}

fn passages(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sample").join(folder).join("documents");
    let mut found = Vec::new();
    for path in document::files(&root).unwrap().files {
        let read = document::read(&path, &std::fs::read(&path).unwrap()).unwrap();
        let count = |text: &str| text.len() / 4;
        for piece in chunk::split(&read, 256, 32, &count) {
            found.push((format!("{}: {}", read.title, piece.section), piece.text));
        }
    }
    found
}

/// Prints what becomes of the samples: `cargo test text::unit::tests::samples -- --nocapture`.
#[test]
fn samples() {
    for (name, text) in ["shop", "clinic"].into_iter().flat_map(passages) {
        println!("\n== {name}");
        shown(&text).iter().for_each(|line| println!("{line}"));
    }
}

/// A passage, and its units as [`shown`].
type Case = (&'static str, &'static [&'static str]);

fn run(cases: &[Case]) {
    for (text, wanted) in cases {
        assert_eq!(shown(text), *wanted, "{text}");
    }
}

#[test]
fn tables() {
    run(&[
        (
            "| Day | Shop |\n| --- | --- |\n| Saturday | 9:00 to 17:00 |\n| Sunday |  |\n| a \\| b | c |",
            &[
                "Heading: Day; Shop",
                "Row: Day: Saturday; Shop: 9:00 to 17:00",
                "Row: Day: Sunday",
                "Row: Day: a | b; Shop: c",
            ],
        ),
        ("|  |  |\n| --- | --- |\n| Weight | 4.6 kg |\n", &["Row: Weight: 4.6 kg"]),
        ("| Weight | 4.6 kg |\n| Gas | propane |", &["Row: Weight: 4.6 kg", "Row: Gas: propane"]),
        (
            "Prices in pounds:\n\n| What | Price |\n| --- | --- |\n| Stoves |\n| Wren | 39.00 |",
            &[
                "Heading: Prices in pounds:",
                "Heading: What; Price",
                "Heading: Stoves",
                "Row (Prices in pounds / Stoves): What: Wren; Price: 39.00",
            ],
        ),
        ("a | b\n--+--\n1 | 2", &["Heading: a; b", "Row: a: 1; b: 2"]),
        ("Kettle K2 ..... 29.90\nFilter F1\t4.50", &["Row: Kettle K2: 29.90", "Row: Filter F1: 4.50"]),
    ]);
}

#[test]
fn lists() {
    run(&[
        (
            "You may. Plus members get:\n\n- free delivery;\n- one cleaning a year.",
            &[
                "Sentence: You may.",
                "Heading: Plus members get:",
                "Item: Plus members get: free delivery;",
                "Item: Plus members get: one cleaning a year.",
            ],
        ),
        (
            "1. Boil it once.\n  - Longer does not help.\n2. Rinse it. Twice.",
            &["Step: Boil it once.", "Item: Boil it once. Longer does not help.", "Step: Rinse it. Twice."],
        ),
        (
            "- Fruit:\n  - apple\n  - pear\n- Bread",
            &["Heading: Fruit:", "Item: Fruit: apple", "Item: Fruit: pear", "Item: Bread"],
        ),
        (
            "Earplugs and filters cannot be returned once they are opened:\n- filters\n- earplugs",
            &[
                "Sentence: Earplugs and filters cannot be returned once they are opened:",
                "Item: Earplugs and filters cannot be returned once they are opened: filters",
                "Item: Earplugs and filters cannot be returned once they are opened: earplugs",
            ],
        ),
        (
            "Not allowed:\n- dogs\nAllowed:\n- cats, if they are\n  small",
            &[
                "Heading: Not allowed:",
                "Item: Not allowed: dogs",
                "Heading: Allowed:",
                "Item: Allowed: cats, if they are small",
            ],
        ),
        ("Schritt 1: Stecker ziehen.\nSchritt 2: Warten.", &["Step: Stecker ziehen.", "Step: Warten."]),
    ]);
}

#[test]
fn headings() {
    run(&[
        (
            "The hose is cracked.\nStop at once. Fit a new hose.\n\nThe flame pulses.\nBend the tube back.\n\nNothing else.",
            &[
                "Heading: The hose is cracked.",
                "Sentence (The hose is cracked.): Stop at once.",
                "Sentence (The hose is cracked.): Fit a new hose.",
                "Heading: The flame pulses.",
                "Sentence (The flame pulses.): Bend the tube back.",
                "Sentence: Nothing else.",
            ],
        ),
        (
            "Refunds\nWe pay within 5 days.\n\nNever in cash.\n\nGifts\n- can be exchanged",
            &[
                "Heading: Refunds",
                "Sentence (Refunds): We pay within 5 days.",
                "Sentence (Refunds): Never in cash.",
                "Heading: Gifts",
                "Item (Gifts): can be exchanged",
            ],
        ),
        (
            "Can I return it?\n\nYes, within 30 days.\n\nQ: Is it free?\nA: No.",
            &[
                "Heading: Can I return it?",
                "Sentence (Can I return it?): Yes, within 30 days.",
                "Heading: Q: Is it free?",
                "Field (Is it free?): A: No.",
            ],
        ),
        (
            "Darf ich stornieren? Ja, bis zum 3. Januar. Danach nicht.",
            &[
                "Heading: Darf ich stornieren?",
                "Sentence (Darf ich stornieren?): Ja, bis zum 3. Januar.",
                "Sentence (Darf ich stornieren?): Danach nicht.",
            ],
        ),
        ("30 days", &["Sentence: 30 days"]),
    ]);
}

#[test]
fn fields_and_records() {
    run(&[
        (
            "sku: HS-110\nname: Wren\nprice: 39.00\n\nsku: HS-220\nname: Heron\nprice: 84.00",
            &["Row: sku: HS-110; name: Wren; price: 39.00", "Row: sku: HS-220; name: Heron; price: 84.00"],
        ),
        (
            "id: SB-1\nproduct: Wren\nremedy: We fit a new knob. The stove may be used until then.",
            &[
                "Field (Wren): id: SB-1",
                "Field (SB-1): product: Wren",
                "Field (SB-1 / Wren): remedy: We fit a new knob.",
                "Field (SB-1 / Wren / remedy): The stove may be used until then.",
            ],
        ),
        (
            "Telephone: 01632 960 418\nE-mail: help@harrowbeck.example",
            &["Field: Telephone: 01632 960 418", "Field: E-mail: help@harrowbeck.example"],
        ),
        (
            "AGE\nGas: from 18 years.\nAsk for proof of age.",
            &["Heading: AGE", "Field (AGE): Gas: from 18 years.", "Sentence (AGE): Ask for proof of age."],
        ),
        ("SAFETY: stop using it at once.", &["Field: SAFETY: stop using it at once."]),
        (
            "Bend it gently: no cracks. Then go on.",
            &["Field: Bend it gently: no cracks.", "Field (Bend it gently): Then go on."],
        ),
        (
            "question: Do you deliver?\nanswer: yes",
            &["Heading: question: Do you deliver?", "Field (Do you deliver?): answer: yes"],
        ),
    ]);
}

#[test]
fn lines() {
    run(&[
        ("1 Long Street\nSmalltown", &["Sentence: 1 Long Street, Smalltown"]),
        (
            "The shop is in the old mill,\n12 River Street. It’s open all year.",
            &["Sentence: The shop is in the old mill, 12 River Street.", "Sentence: It’s open all year."],
        ),
        (
            "Customers who want to do it themselves use the\ncanister punch, outdoors.\r\nOld packs go into the box.",
            &[
                "Sentence: Customers who want to do it themselves use the canister punch, outdoors.",
                "Sentence: Old packs go into the box.",
            ],
        ),
        (
            "Run this:\n\n$ wayside ask\n\n$ wayside chat",
            &["Heading: Run this:", "Code (Run this): $ wayside ask\n$ wayside chat"],
        ),
        ("```\nfn main() {\n\n}\n```\nDone.", &["Code: fn main() {\n\n}", "Sentence: Done."]),
        ("-----\n\n...", &[]),
    ]);
}

#[test]
fn german() {
    run(&[(
        "Öffnungszeiten\nMo. bis Fr. von 9.30 bis 18.00 Uhr, z. B. am 2. Mai. Am 24. Dezember bleibt zu.\n\nWir nehmen zurück:\n- \
         Lampen inkl. Netzteil, max. 5 Stück\n- Akkus\n\nWas kostet der Versand?\n\nBis 5 kg ca. 4,90 €, darüber 9,90 €.",
        &[
            "Heading: Öffnungszeiten",
            "Sentence (Öffnungszeiten): Mo. bis Fr. von 9.30 bis 18.00 Uhr, z. B. am 2. Mai.",
            "Sentence (Öffnungszeiten): Am 24. Dezember bleibt zu.",
            "Heading (Öffnungszeiten): Wir nehmen zurück:",
            "Item (Öffnungszeiten): Wir nehmen zurück: Lampen inkl. Netzteil, max. 5 Stück",
            "Item (Öffnungszeiten): Wir nehmen zurück: Akkus",
            "Heading: Was kostet der Versand?",
            "Sentence (Was kostet der Versand?): Bis 5 kg ca. 4,90 €, darüber 9,90 €.",
        ],
    )]);
}

#[test]
fn pieces_stand_in_the_text() {
    let text = "1. Wait.\n\n| Day | Shop |\n| --- | --- |\n| Sunday |  |\n| Monday | 9:00 |";
    let units = units(text);
    let pieces = |unit: &Unit| unit.pieces.iter().map(|piece| &text[piece.clone()]).collect::<Vec<_>>().join(" … ");
    assert_eq!(&text[units[0].range.clone()], "1. Wait.");
    assert_eq!(pieces(&units[0]), "Wait.");
    assert_eq!(pieces(&units[3]), "Monday … 9:00");
    assert_eq!(units.iter().map(|unit| unit.block).collect::<Vec<_>>(), [0, 1, 1, 1]);
}

proptest! {
    #[test]
    fn noise(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn markup(pieces in prop::collection::vec(prop::sample::select(vec![
        "word ", "Word. ", "a: b", "\n", "\n\n", "- ", "1. ", "  ", "| ", " | ", "|---|", "é", "🦀", "? ", ": ", "\t", "...",
        "(", ")", "\"", "Step 1: ", "{", "};", "\r\n", "。", "\u{2028}", "z. B. ", "24. ", "id: ", "\\|", ",", "Q: ", "+-",
        "\u{a0}",
    ]), 0..60)) {
        check(&pieces.concat());
    }
}

#[test]
fn time_is_linear() {
    for piece in
        ["a", "a ", "A. ", ". ", "(A. ", "1. ", "- ", "| ", "a | ", "a: b\n", "- a\n", "  - a\n", "a\n\n", "?\n", "\" "]
    {
        let long = piece.repeat(200_000 / piece.len());
        units(&long);
    }
}

#[test]
fn questions_that_nothing_answers_only_ask() {
    let contents = "14.1. Can I sell CDs? 14.2. May I pack other software? 14.3. Who may help?";
    let answered = "Can I sell CDs? Go ahead, and tell us. Would you like to help?";
    let only = |text: &str| -> Vec<bool> {
        let units = units(text);
        let only: Vec<bool> = (0..units.len()).map(|at| only_asks(units.iter().skip(at))).collect();
        units.into_iter().zip(only).filter(|(unit, _)| unit.reading.ends_with('?')).map(|(_, only)| only).collect()
    };
    assert_eq!(only(contents), [true, true, true], "{:?}", shown(contents));
    assert_eq!(only(answered), [false, true], "{:?}", shown(answered));
    assert!(only_asks(units("可以出售光盘吗？ 谁可以帮忙？").iter()));
}
