//! Personal data is found in the ways people write it, and nothing else is.

use super::*;
use crate::config::Personal;
use crate::sample;
use crate::store::log::interactions;
use proptest::prelude::*;

fn plain() -> Scrubber {
    Scrubber::new(Records::default(), &[]).unwrap()
}

/// The sample's records, and all its documents.
pub(in crate::learn) fn shop() -> Scrubber {
    let home = tempfile::tempdir().unwrap();
    sample::SHOP.write(home.path()).unwrap();
    let personal = |file: &str, subject: &str, columns: &[&str]| Personal {
        file: home.path().join(file),
        subject: subject.into(),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
    };
    let records = Records::read(&[
        personal("records/customers.csv", "id", &["name", "email", "telephone", "postcode"]),
        personal("records/orders.csv", "customer", &["order"]),
        personal("records/complaints.jsonl", "customer", &["id"]),
    ]);
    let mut scrubber = Scrubber::new(records.unwrap(), &[]).unwrap();
    let documents = sample::SHOP.files.iter().filter(|(path, _)| path.starts_with("documents/"));
    documents.for_each(|(_, text)| scrubber.publish(text));
    scrubber
}

fn scrub(text: &str) -> String {
    plain().scrub(text, None).text
}

#[test]
fn what_is_personal_goes() {
    for (text, wanted) in [
        ("Write to marian.thwaite@example.com.", "Write to [email]."),
        ("I am m_t+x [at] mail.example [dot] org, thanks", "I am [email], thanks"),
        ("ring 01632 960 501 or +44 (0)1632 960501", "ring [telephone] or [telephone]"),
        ("Tel. (01632) 960-501!", "Tel. [telephone]!"),
        ("call me on 960 634", "call me on [telephone]"),
        ("at 555-123-4567 or (555) 123 4567", "at [telephone] or [telephone]"),
        ("pay to GB29 NWBK 6016 1331 9268 19 today", "pay to [iban] today"),
        ("DE89370400440532013000 THEN ring", "[iban] THEN ring"),
        ("my card 4111 1111 1111 1111 was charged", "my card [card] was charged"),
        ("you paid with 4929-1173-5028-6640", "you paid with [card]"),
        ("account number 12345678, sort code: 12-34-56", "account number [number], sort code: [number]"),
        ("customer no. C-1017-22 here", "customer no. [number] here"),
        ("reference 123456789012", "reference [number]"),
        ("NI AB 12 34 56 C, SSN 078-05-1120", "NI [number], SSN [number]"),
        ("it is at 192.168.1.20, mac 00:1B:44:11:3A:B7", "it is at [ip], mac [mac]"),
        ("fe80::1ff:fe23:4567:890a answers", "[ip] answers"),
        ("I live at 14 Old Mill Lane, Ullsford", "I live at [address], Ullsford"),
        ("Lindenstraße 12a, HB6 8RV", "[address], [postcode]"),
        ("My name is Graham Tolland, hello", "My name is [name], hello"),
        ("get https://bob:hunter2@git.example/x", "get https://[credentials]@git.example/x"),
        ("my password is sunshine.", "my password is [secret]."),
        ("Password for the till: Xy7!pq", "Password for the till: [secret]"),
        ("the passphrase is \"correct horse battery\", keep it", "the passphrase is [secret], keep it"),
        ("The code for the back door is 4711.", "The code for the back door is [secret]."),
        ("the safe's secret code is 47 11 09", "the safe's secret code is [secret]"),
        ("my PIN: 4821 ok", "my PIN: [secret] ok"),
        ("token=abc123", "token=[secret]"),
        ("use ghp_16C7e42F292c6912E7710c838347Ae178B4a", "use [key]"),
        ("key AKIAIOSFODNN7EXAMPLE", "key [key]"),
        ("it says 3f7a9c2e5b8d1046aa7f9e3c", "it says [key]"),
    ] {
        assert_eq!(scrub(text), wanted, "{text}");
    }
}

#[test]
fn an_answer_is_read_with_its_question() {
    let said = |question: &str, answer: &str| plain().scrub_reply(question, answer, None).text;
    assert_eq!(said("What's the code for the safe?", "It is 47-11, then 09."), "It is [secret], then 09.");
    assert_eq!(said("tell me the wifi password", "That would be heron2026!"), "That would be [secret]!");
    assert_eq!(
        said("What is the error code E42?", "E42 means that the battery is cold."),
        "E42 means that the battery is cold."
    );
    assert_eq!(said("What does it cost?", "It costs 4711."), "It costs 4711.");
}

#[test]
fn what_is_not_personal_stays() {
    for text in [
        "My Wren has number W6-0612; numbers W6-0400 to W6-0975 are free.",
        "The regulator (R-37) costs £24.00, the Badger (HS-440) £119.00, order 2 x P-118.",
        "Open from 09:30 to 17:00, closed 24.12.2026 to 02.01.2027, since 2026-09-22 10:30:15.",
        "Bought on 05/11/2026 10:30, batch M26A, EN 417, 37 mbar, -30 °C, 1,500 g, 0.32 mm.",
        "Version 1.2.3, netmask 255.255.255.0, localhost is 127.0.0.1, std::io::Result, ratio 10:30:15.",
        "I forgot my password. Use the password reset option or contact your admin.",
        "Your password is required. The password is wrong, or the password is case-sensitive.",
        "If your password is easy to guess, change it. Tips for a good password:\n\n- Use symbols",
        "The error code is E42. The part code: HS-110. The secret is to warm the canister. The code is 3 digits long.",
        "The hinge pin is 5 mm thick; the key is under the mat; the Allen key is 2.5 mm.",
        "The 4 Wheel Drive has a 2 Hard Drive and an M1 8GB board.",
        "See org-gnome-settings-daemon-media-keys or /usr/lib/x86_64-linux-gnu/libonnxruntime.so",
        "Between 500 and 1000 of 20000, that is 5 in 100; page 123 456.",
        "",
    ] {
        assert_eq!(scrub(text), text);
    }
}

#[test]
fn the_house_keeps_its_own() {
    let mut scrubber = Scrubber::new(Records::default(), &["house.example".into(), "01632 960 418".into()]).unwrap();
    let text = "Write to help@house.example or ring 01632-960-418.";
    assert_eq!(scrubber.scrub(text, None).text, text);
    let told = "Ring 01632 960 500 or write to info@other.example, 14 Tannery Lane.";
    assert_ne!(scrubber.scrub(told, None).text, told);
    scrubber.publish("We are at 14 Tannery Lane, info@other.example, 01632 960500. The code is XK7-22.");
    assert_eq!(scrubber.scrub(told, None).text, told);
    assert_eq!(scrubber.scrub("the code is XK7-22", None).text, "the code is XK7-22");
}

#[test]
fn records_are_found_however_they_are_written() {
    let scrubber = shop();
    for (subject, text, wanted) in [
        (Some("C-1033"), "EMILY THORNE, order o 4084", "[name], order [order]"),
        (Some("C-1033"), "Emily's stove, Mrs Thorne here", "[name]'s stove, Mrs [name] here"),
        (Some("C-1033"), "a thorne in my side", "a thorne in my side"),
        (Some("C-1033"), "I am customer C-1033 of HB7 3CR", "I am customer [subject] of [postcode]"),
        (Some("C-1001"), "Emily Thorne told me, Emily did", "[name] told me, Emily did"),
        (None, "it is O-4084, K-223", "it is [order], K-223"),
        (Some("user-7"), "I am user-7", "I am [subject]"),
        (None, "I am user-7", "I am user-7"),
    ] {
        assert_eq!(scrubber.scrub(text, subject).text, wanted, "{text}");
    }
}

#[test]
fn records_that_cannot_be_read_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let read = |name: &str, text: Option<&str>| {
        let file = dir.path().join(name);
        text.into_iter().for_each(|text| std::fs::write(&file, text).unwrap());
        Records::read(&[Personal { file, subject: "id".into(), columns: vec!["name".into()] }])
    };
    assert!(read("good.csv", Some("id,name\n1,Ann Lee\n")).is_ok());
    assert!(read("good.jsonl", Some("{\"id\": 1001, \"name\": \"Ann Lee\"}\n\n")).is_ok());
    assert_eq!(read("gone.csv", None).unwrap_err().kind(), crate::ErrorKind::NotFound);
    for (name, text, wanted) in [
        ("short.csv", "id,town\n1,x\n", "`name`"),
        ("ragged.csv", "id,name\n1\n", "table"),
        ("bad.jsonl", "{\"id\": 1, \"name\": \"a\"}\n[1]\n", "line 2"),
        ("what.txt", "id", ".csv"),
    ] {
        let error = read(name, Some(text)).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains(name), "{error}");
    }
}

/// Of the whole sample, questions and answers, only what is truly somebody's is taken out.
#[test]
fn the_sample_loses_nothing_but_personal_data() {
    let scrubber = shop();
    let mut found = Vec::new();
    for entry in interactions(sample::SHOP.interactions.as_bytes()) {
        let interaction = entry.unwrap().1;
        let texts = interaction.messages.iter().map(|m| &m.content).chain(&interaction.correction);
        found.extend(texts.flat_map(|text| scrubber.scrub(text, interaction.subject.as_deref()).found));
    }
    let values: Vec<&str> = found.iter().map(|(_, value)| value.as_str()).collect();
    let telling = ["Graham Tolland", "HB6 8RV", "Emily Thorne", "O-4084", "01632 960 634", "O-4108"];
    assert_eq!(values, [&telling[..], &["yusra.penhale@example.com", "K-223"]].concat());
}

proptest! {
    #[test]
    fn any_text_is_scrubbed(text in "(\\PC|[0-9 .:+@-]){0,120}", subject in proptest::option::of("\\PC{0,8}")) {
        let scrubbed = plain().scrub(&text, subject.as_deref());
        prop_assert!(scrubbed.found.iter().all(|(_, value)| text.contains(value)));
        prop_assert!(!scrubbed.found.is_empty() || scrubbed.text == text);
    }
}
