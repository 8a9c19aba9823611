//! `chat` at a terminal: who is served, answers as they come, one-key rating, and nothing left when nobody is there.

use super::home::{Home, word};
use super::pty::Terminal;
use regex::Regex;
use wayside::store::log::Rating;
use wayside::watch::Cancel;
use wayside::{ErrorKind, Runtime};

const QUESTION: &str = "How long does the Moth take to charge?";
/// Of every terminal but those that say otherwise.
const USUAL: [(&str, &str); 2] = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")];
/// A terminal's way to clear what it keeps of what it has shown.
const PURGE: &str = "\x1b[3J";

/// What must not be left of a conversation about the Moth.
fn nothing_of_it(text: &str) {
    for word in ["Moth", "moth", "charge", "C-1014"] {
        assert!(!text.contains(word), "{word} is left: {text:?}");
    }
}

#[test]
fn one_person_after_another() {
    let home = Home::new();
    home.json(&["ingest", word(&home.shop())]);
    let words = ["chat", "--subject", "C-1014", "--idle", "5", "--greedy", "--max-tokens", "24"];
    let mut terminal = Terminal::start(&home, &words, &USUAL, true);
    terminal.until("Ctrl-D leave");
    let (top, bottom) = (terminal.row(0), terminal.row(23));
    assert!(top.ends_with("serving C-1014") && bottom.contains("Ctrl-D leave"), "{top:?} {bottom:?}");
    terminal.press(&format!("{QUESTION}\r"));
    terminal.until("Answering; Esc stops it");
    terminal.until("[1] moth.md");
    assert!(terminal.screen().contains("3 hours"), "{}", terminal.screen());
    terminal.press("+");
    terminal.until("rated up");
    assert!(!terminal.screen().contains("moth.md, Moth (HL-720): rechargeable lantern manual > Charging (0."));
    terminal.press("\t");
    terminal.wait("passages with their scores", |screen| screen.contains("(0."));

    terminal.until("This ends in 2 s");
    terminal.until("nobody is being served");
    nothing_of_it(&terminal.screen());
    let raw = terminal.raw();
    nothing_of_it(raw.rsplit_once(PURGE).expect("what the terminal keeps is cleared").1);
    let log = home.json(&["log", "list"]);
    assert_eq!((&log[0]["subject"], &log[0]["rating"]), (&"C-1014".into(), &"up".into()));
    assert_eq!(log[0]["messages"][0]["content"], QUESTION);

    terminal.press("What did I ask?\r");
    terminal.until("/serve ID says who asks");
    terminal.press("/serve C-2\r");
    terminal.until("serving C-2");
    terminal.press("\x1b[A");
    terminal.press("Say a word.\r");
    terminal.until("I found nothing");
    terminal.press("\x04");
    assert_eq!(terminal.end(), 0);
    let log = home.json(&["log", "list"]);
    assert_eq!((log.as_array().unwrap().len(), &log[0]["subject"]), (2, &"C-2".into()));
    assert_eq!(log[0]["messages"][0]["content"], "Say a word.", "no line of the one before came back");
    assert!(!home.path().join("chat_history").exists());
}

#[test]
fn a_serial_line_gets_no_colours_and_tells_no_size() {
    let home = Home::new();
    let words = ["chat", "--no-retrieval", "--max-tokens", "8", "--subject", "C-1014"];
    let variables = [("TERM", "vt100"), ("NO_COLOR", "1"), ("LANG", "C")];
    let mut terminal = Terminal::start(&home, &words, &variables, false);
    terminal.until("serving C-1014");
    // As serial terminals do: Ctrl-H takes a character back, and a line feed is Enter.
    terminal.press("Say a worm\u{8}d\n");
    terminal.until("> Say a word");
    terminal.until("+ good");
    terminal.press("\x04");
    assert_eq!(terminal.end(), 0);
    let raw = terminal.raw();
    assert!(raw.is_ascii(), "{raw:?}");
    for set in Regex::new("\x1b\\[([0-9;:]*)m").unwrap().captures_iter(&raw) {
        assert!(["", "0", "1", "7", "22", "27"].contains(&&set[1]), "{set:?}");
    }
}

/// Waits until an answer, the first on the screen, is under way.
fn the_story_begins(terminal: &Terminal) {
    terminal.wait("the story begins", |screen| screen.lines().nth(4).is_some_and(|line| line.len() > 20));
}

#[test]
fn it_is_resized_stopped_and_restored() {
    let home = Home::new();
    let words = ["chat", "--no-retrieval", "--max-tokens", "1500", "--subject", "C-1014"];
    let mut terminal = Terminal::start(&home, &words, &USUAL, true);
    terminal.until("serving C-1014");
    let modes = terminal.modes();
    assert!(modes.contains("-icanon") && modes.contains("-echo "), "{modes}");
    terminal.press("Tell a long story about the sea.\r");
    the_story_begins(&terminal);
    terminal.resize(12, 40);
    terminal.wait("it fits", |screen| {
        let mut rows = screen.lines();
        rows.next() == Some("Wayside                   serving C-1014")
            && rows.last().map(str::trim_end) == Some("Answering; Esc stops it")
    });
    terminal.press("\x03");
    terminal.until("(stopped)");
    assert_eq!(home.json(&["log", "list"])[0]["settings"]["finish"], "cancelled");
    // Half a key must not hold up the clock, the screen or the end.
    terminal.press("\x1b[");
    terminal.resize(24, 80);
    terminal.wait("it fits again", |screen| {
        screen.starts_with(&format!("{:66}serving C-1014", "Wayside  smollm2-135m-instruct"))
    });
    terminal.terminate();
    assert_eq!(terminal.end(), 0);
    let modes = terminal.modes();
    assert!(modes.contains(" icanon") && modes.contains(" echo "), "{modes}");
    assert_eq!(terminal.screen(), "", "it was another screen");
}

#[test]
fn a_terminal_that_goes_away_ends_it() {
    let home = Home::new();
    let words = ["chat", "--no-retrieval", "--max-tokens", "1500"];
    let mut terminal = Terminal::start(&home, &words, &USUAL, true);
    terminal.until("nobody is being served");
    terminal.press("Tell a long story about the sea.\r");
    // A question given up before its first word has no answer to log.
    the_story_begins(&terminal);
    terminal.hang_up();
    assert_eq!(home.json(&["log", "list"])[0]["settings"]["finish"], "cancelled");
}

#[test]
fn plain_lines_are_wiped_too() {
    let home = Home::new();
    let words = ["chat", "--plain", "--no-retrieval", "--max-tokens", "8", "--subject", "C-1014", "--idle", "4"];
    let mut terminal = Terminal::start(&home, &words, &USUAL, true);
    terminal.until("serving C-1014");
    for _ in 0..30 {
        terminal.press("/sources\n");
    }
    terminal.wait("it scrolls", |_| terminal.kept() > 20);
    terminal.press("Who has my Moth?\n");
    terminal.press("and its charge");
    terminal.until("the session has ended");
    assert_eq!(terminal.kept(), 0);
    nothing_of_it(&terminal.screen());
    terminal.press("\nWho am I?\n");
    terminal.until("nobody is being served");
    terminal.press("/serve C-2\n");
    terminal.until("serving C-2");
    terminal.press("/quit\n");
    assert_eq!(terminal.end(), 0);
    let log = home.json(&["log", "list"]);
    assert_eq!((log.as_array().unwrap().len(), &log[0]["subject"]), (1, &"C-1014".into()));
}

#[test]
fn a_dumb_terminal_gets_lines() {
    let home = Home::new();
    let words = ["chat", "--no-retrieval", "--max-tokens", "8", "--idle", "0"];
    let mut terminal = Terminal::start(&home, &words, &[("TERM", "dumb"), ("LANG", "C")], true);
    terminal.until("> ");
    terminal.press("Say a word.\n");
    terminal.wait("an answer and a prompt", |screen| screen.matches("> ").count() == 2);
    terminal.press("/good\n");
    terminal.until("rated up");
    terminal.press("\x04");
    assert_eq!(terminal.end(), 0);
    assert!(!terminal.raw().contains('\x1b'), "{:?}", terminal.raw());
    assert_eq!(home.json(&["log", "list"])[0]["rating"], "up");
}

#[test]
fn a_conversation_is_about_one_subject() {
    let home = Home::new();
    let runtime = Runtime::open(&home.path()).unwrap();
    let mut question = runtime.question("Say a word.");
    (question.retrieval, question.max_tokens) = (false, 4);
    let mut chat = runtime.chat(None, &question.adapter).unwrap();
    let mut prompt = |chat: &mut wayside::Chat, subject: &str| {
        question.subject = Some(subject.into());
        chat.ask(&question, &Cancel::new(), &mut |_| {}).unwrap().prompt_tokens
    };
    let alone = prompt(&mut chat, "C-1");
    assert!(prompt(&mut chat, "C-1") > alone, "what was said before is in the prompt");
    assert_eq!(prompt(&mut chat, "C-2"), alone);
    chat.rate(Rating::Up).unwrap();
    chat.end();
    assert!(chat.last().is_none());
    assert_eq!(chat.rate(Rating::Down).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(prompt(&mut chat, "C-2"), alone);
}
