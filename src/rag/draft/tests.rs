//! Streams as models write them.

use super::*;
use proptest::prelude::*;

fn run(sources: &str, pieces: &[&str]) -> (Vec<Drafted>, bool) {
    let mut draft = Draft::new(sources);
    let mut out: Vec<Drafted> = pieces.iter().flat_map(|piece| draft.push(piece)).collect();
    out.extend(draft.finish());
    assert!(draft.is_over());
    (out, draft.is_cut())
}

fn texts(sources: &str, stream: &str) -> Vec<String> {
    run(sources, &[stream]).0.into_iter().map(|drafted| drafted.text).collect()
}

#[test]
fn sentences_end_where_they_end() {
    let cases: &[(&str, &[&str])] = &[
        ("It costs £4.50. It takes 2 days.", &["It costs £4.50.", "It takes 2 days."]),
        ("Use a pan, e.g. the Tarn. Ask Dr. Smith.", &["Use a pan, e.g. the Tarn.", "Ask Dr. Smith."]),
        ("1. Turn it off.\n2. Wait.", &["1. Turn it off.", "2. Wait."]),
        ("- one\n- two\n\nThree!", &["- one", "- two", "Three!"]),
        ("Geschlossen am 24. Dezember. Danach offen.", &["Geschlossen am 24. Dezember.", "Danach offen."]),
        ("He said \"Stop.\" Then he left.", &["He said \"Stop.\"", "Then he left."]),
        (
            "See the form (R-1. It is in the box.) first. Then pack.",
            &["See the form (R-1. It is in the box.) first.", "Then pack."],
        ),
        ("明日は休みです。明後日は開きます。", &["明日は休みです。", "明後日は開きます。"]),
        ("Really? Yes! Version 2.4.1 is out", &["Really?", "Yes!", "Version 2.4.1 is out"]),
    ];
    for (stream, wanted) in cases {
        assert_eq!(&texts("", stream), wanted, "{stream}");
    }
}

#[test]
fn what_a_model_thinks_is_not_said() {
    let stream =
        "<think>\nThe person asks. Question: what? I think, I think, I think.\n</think>\n\nIt costs £4.50. Yes.";
    assert_eq!(texts("", stream), ["It costs £4.50.", "Yes."]);
    assert_eq!(texts("", "<think>\n\n</think>\n\nYes."), ["Yes."]);
    assert_eq!(texts("", "<think> It never comes to an end."), [""; 0]);
    // Later it is a text like any other.
    assert_eq!(texts("", "The tag <think> opens it. Done."), ["The tag <think> opens it.", "Done."]);
}

#[test]
fn code_and_brackets_stay_to_the_byte() {
    for stream in [
        "Use `print(xs[3])` for it.",
        "Send {\"a\": [1]} to it.",
        "press the keys [2] and [5]",
        "The value is xs[3].",
        "```\nlet a = b[1];\n\n// Passage 2: [1]\nlet a = b[1];\n```",
        "Run it [sic] now.",
    ] {
        assert_eq!(texts("", stream), [stream]);
    }
    let keys = "Press the keys [2] and [5]. Then wait.";
    assert_eq!(texts("Press the keys [2] and [5].", keys), ["Press the keys [2] and [5].", "Then wait."]);
}

#[test]
fn marks_of_the_models_own_go_from_the_end() {
    let cases: &[(&str, &[&str])] = &[
        ("It costs £4.50. [1] It takes 2 days. [2]", &["It costs £4.50.", "It takes 2 days."]),
        ("It costs £4.50 [1]. It takes 2 days[3].", &["It costs £4.50.", "It takes 2 days[3]."]),
        ("It was collected. [orders #1042] Good.", &["It was collected.", "Good."]),
        ("It was collected.[1][2] Good.", &["It was collected.", "Good."]),
        ("It was collected. [Note this] Good.", &["It was collected.", "[Note this] Good."]),
    ];
    for (stream, wanted) in cases {
        assert_eq!(&texts("", stream), wanted, "{stream}");
    }
}

#[test]
fn the_prompts_own_words_cut() {
    for (stream, kept) in [
        ("It takes 2 days. Passage 13 (Moth > Charging):\nCharging", "It takes 2 days."),
        ("It takes 2 days.\n\nQuestion: And now?", "It takes 2 days."),
        ("It takes 2 days. Use only the passages that", "It takes 2 days."),
        ("It takes 2 days Passage 2: more", "It takes 2 days"),
    ] {
        let (out, over) = run("", &[stream]);
        assert_eq!(out.len(), 1, "{stream}");
        assert_eq!(out[0].text, kept);
        assert!(over);
    }
    assert_eq!(texts("Question: How?", "Look under Question: How?").len(), 1);
    assert_eq!(texts("", "The main question: how long? Two days."), ["The main question: how long?", "Two days."]);
}

#[test]
fn a_circle_is_cut() {
    let (out, over) = run("", &["The shop is open today. Come in. The shop is open today. More."]);
    assert_eq!(out.last().map(|d| d.text.as_str()), Some("Come in."));
    assert!(over);
    let (out, over) = run("", &["It is very very very very very very good"]);
    assert_eq!(out[0].text, "It is very");
    assert!(over);
    let (out, over) = run("", &["Take it on Monday and on Monday and on Monday and on Monday and on Monday"]);
    assert_eq!(out[0].text, "Take it on Monday and on Monday and");
    assert!(over);
    let long = "a b c d e f g 1, a b c d e f g 2, a b c d e f g 3";
    assert_eq!(texts("", long), ["a b c d e f g 1, a b c d e f g 2,"]);
    assert!(run("", &["=".repeat(500).as_str()]).1);
}

#[test]
fn gaps_are_kept() {
    let stream = "One two.  Three four.\n\n  Five six.\n";
    let (out, _) = run("", &[stream]);
    let whole: String = out.iter().map(|d| format!("{}{}", d.gap, d.text)).collect();
    assert_eq!(whole, stream.trim_end());
}

fn cut(text: &str, sizes: &[usize]) -> Vec<String> {
    let mut chars = text.chars().peekable();
    let mut pieces = Vec::new();
    let mut sizes = sizes.iter().cycle();
    while chars.peek().is_some() {
        let size = sizes.next().copied().unwrap_or(1);
        pieces.push(chars.by_ref().take(size).collect());
    }
    pieces
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        text in r"([a-cA-C1-3.!?\n \[\]()`#ä]|\. |Passage |Question:|the |```\n){0,60}",
        sizes in prop::collection::vec(1usize..7, 1..5),
    ) {
        let pieces = cut(&text, &sizes);
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        prop_assert_eq!(run("", &pieces), run("", &[&text]));
    }

    #[test]
    fn nothing_is_lost(text in r"([a-zA-Z.!?\n \[\](){}`,;äß]|\. |e\.g\. |```\n){0,60}") {
        // No digits, no "#": no marks.
        let (out, over) = run("", &[&text]);
        let whole: String = out.iter().map(|d| format!("{}{}", d.gap, d.text)).collect();
        prop_assert!(text.starts_with(&whole));
        prop_assert!(over || whole == text.trim_end());
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,80}", sources in "\\PC{0,40}") {
        run(&sources, &[&text]);
    }
}
