//! The screen without a terminal.

use super::charset::Charset;
use super::state::{Act, State};
use super::view;
use super::work::{Job, Told};
use crate::cli::chat::session::Session;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use std::time::{Duration, Instant};
use wayside::store::log::Rating;

const SECOND: Duration = Duration::from_secs(1);

struct Seat {
    state: State,
    now: Instant,
}

impl Seat {
    fn new(subject: Option<&str>) -> Self {
        let now = Instant::now();
        let session = Session::new(subject.map(str::to_owned), 60 * SECOND, now);
        Self { state: State::new("smollm2-135m-instruct", session, Charset::Utf8), now }
    }

    fn press(&mut self, code: KeyCode) -> Option<Act> {
        self.state.hear(Told::Event(Event::Key(KeyEvent::new(code, KeyModifiers::NONE))), self.now)
    }

    fn enter(&mut self, text: &str) -> Option<Act> {
        for c in text.chars() {
            assert!(self.press(KeyCode::Char(c)).is_none());
        }
        self.press(KeyCode::Enter)
    }

    /// A question and its answer.
    fn talk(&mut self) {
        assert!(matches!(self.enter("How long does the Moth take to charge?"), Some(Act::Job(Job::Ask(..)))));
        for piece in ["The Moth takes ", "3 hours ", "to charge. [1]"] {
            assert!(self.state.hear(Told::Piece(piece.into()), self.now).is_none());
        }
        let sources = vec!["[1] moth.md, Moth (HL-720): rechargeable lantern manual > Charging".into()];
        assert!(self.state.hear(Told::Answered(sources), self.now).is_none());
    }

    fn rows(&mut self, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view::draw(frame, &mut self.state, self.now)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(row).collect()
    }
}

#[test]
fn a_large_screen_shows_everything() {
    let mut seat = Seat::new(Some("C-1014"));
    seat.talk();
    seat.press(KeyCode::Char('S'));
    let rows = seat.rows(80, 24);
    assert_eq!(rows[0], format!("Wayside  smollm2-135m-instruct{}serving C-1014", " ".repeat(36)));
    assert_eq!(rows[1], "  Ask away; F1 or /help lists what else there is.");
    assert_eq!(rows[3], "> How long does the Moth take to charge?");
    assert_eq!(rows[4], "The Moth takes 3 hours to charge. [1]");
    assert_eq!(rows[5], "  [1] moth.md, Moth (HL-720): rechargeable lantern manual > Charging");
    assert_eq!(rows[22], "> S");
    assert_eq!(rows[23], "+ good  - bad  Tab sources  F1 help  PgUp/PgDn scroll  Ctrl-D leave");
}

#[test]
fn a_small_screen_shows_what_matters() {
    let mut seat = Seat::new(Some("C-1014"));
    seat.talk();
    let rows = seat.rows(40, 12);
    assert_eq!(rows[0], format!("Wayside{}serving C-1014", " ".repeat(19)));
    assert_eq!(rows[1], "  Ask away; F1 or /help lists what else");
    assert_eq!(rows[4..6], ["> How long does the Moth take to charge?", "The Moth takes 3 hours to charge. [1]"]);
    assert_eq!(rows[6], "  [1] moth.md, Moth (HL-720):");
    assert_eq!(rows[11], "+ good  - bad  Tab sources  F1 help");
    seat.state.session.turn_to(Some("a very long name of a person".into()), seat.now);
    assert_eq!(seat.rows(40, 12)[0], "    serving a very long name of a person");
    for (width, height) in [(1, 1), (2, 2), (3, 4), (10, 3)] {
        assert_eq!(seat.rows(width, height).len(), usize::from(height), "it is drawn on {width} x {height}");
    }
}

#[test]
fn idle_ends_the_session_and_nothing_of_it_is_left() {
    let mut seat = Seat::new(Some("C-1014"));
    seat.talk();
    seat.enter("/help");
    seat.press(KeyCode::Char('x'));
    seat.now += 46 * SECOND;
    assert!(seat.state.tick(seat.now).is_none());
    assert_eq!(seat.rows(80, 24)[23], "This ends in 14 s; any key goes on");
    seat.now += SECOND / 2;
    assert_eq!(seat.state.session.warning(seat.now), Some(14));
    seat.press(KeyCode::Char('y'));
    assert!(seat.rows(80, 24)[23].contains("F1 help"));
    seat.now += 61 * SECOND;
    assert!(matches!(seat.state.tick(seat.now), Some(Act::Wipe(None))));
    let rows = seat.rows(80, 24);
    assert!(rows[0].ends_with("nobody is being served"));
    assert_eq!(rows[1], "  This session has ended. /serve ID begins the next.");
    assert!(rows[2..22].iter().all(String::is_empty) && rows[22] == ">", "{rows:#?}");
    seat.press(KeyCode::Up);
    assert!(seat.state.line.is_empty());

    assert!(seat.enter("Whose Moth was it?").is_none(), "nobody asks in nobody's name");
    assert!(seat.rows(80, 24)[2].contains("nobody is being served"));
    assert!(matches!(seat.enter("/serve C-2"), Some(Act::Wipe(Some(id))) if id == "C-2"));
    assert!(seat.rows(80, 24)[0].ends_with("serving C-2"));
    assert!(matches!(seat.enter("Do you deliver?"), Some(Act::Job(Job::Ask(..)))));
}

#[test]
fn the_clock_stands_while_an_answer_is_under_way() {
    let mut seat = Seat::new(Some("C-1014"));
    assert!(seat.enter("Do you deliver?").is_some());
    seat.now += 300 * SECOND;
    assert!(seat.state.tick(seat.now).is_none());
    assert_eq!(seat.rows(80, 24)[23], "Answering; Esc stops it");
    assert!(seat.enter("/end").is_none(), "what is under way could still speak");
    seat.state.hear(Told::Answered(vec![]), seat.now);
    seat.now += 59 * SECOND;
    assert!(seat.state.tick(seat.now).is_none());
    seat.now += SECOND;
    assert!(seat.state.tick(seat.now).is_some());
}

#[test]
fn one_key_rates_and_one_shows_sources() {
    let mut seat = Seat::new(None);
    seat.talk();
    assert!(matches!(seat.press(KeyCode::Char('+')), Some(Act::Job(Job::Rate(Rating::Up)))));
    seat.state.hear(Told::Note("rated up".into()), seat.now);
    assert_eq!(seat.rows(80, 24)[6], "  rated up");
    assert!(matches!(seat.press(KeyCode::Tab), Some(Act::Job(Job::Sources))));
    seat.state.hear(Told::Sources(vec![("[1] moth.md (0.81)".into(), "Three hours.".into())]), seat.now);
    assert_eq!(seat.rows(80, 24)[7..9], ["    [1] moth.md (0.81)", "    Three hours."]);
    assert!(seat.press(KeyCode::Tab).is_none());
    assert_eq!(seat.rows(80, 24)[7..9], ["", ""]);
    seat.press(KeyCode::Char('a'));
    assert!(seat.press(KeyCode::Char('+')).is_none(), "a plus sign can be typed");
    assert_eq!(seat.state.line.text(), "a+");
}

#[test]
fn an_answer_is_stopped_and_a_typed_line_given_up() {
    let mut seat = Seat::new(None);
    let Some(Act::Job(Job::Ask(_, cancel))) = seat.enter("Tell me a story.") else { panic!("nothing is asked") };
    seat.press(KeyCode::Char('x'));
    seat.press(KeyCode::Esc);
    assert!(cancel.is_cancelled() && seat.state.line.text() == "x");
    seat.state.hear(Told::Answered(vec!["(stopped)".into()]), seat.now);
    seat.press(KeyCode::Esc);
    assert!(seat.state.line.is_empty() && !seat.state.is_over());
    let leave = KeyEvent::new(KeyCode::Char('d'), KeyModifiers::CONTROL);
    seat.state.hear(Told::Event(Event::Key(leave)), seat.now);
    assert!(seat.state.is_over());
}

#[test]
fn a_farewell_ends_the_conversation_of_whoever_is_served_and_else_leaves() {
    let mut served = Seat::new(Some("C-1014"));
    served.talk();
    assert!(matches!(served.enter("Bye!"), Some(Act::Wipe(None))));
    assert!(!served.state.is_over() && served.rows(80, 24)[0].ends_with("nobody is being served"));
    let mut own = Seat::new(None);
    assert!(own.enter("quit").is_none() && own.state.is_over());
}
