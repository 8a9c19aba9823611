//! Which key means what.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::InputRequest as Edit;
use wayside::store::log::Rating;

/// The keys, as people read them.
pub const HELP: &str = "\
+ and -      the answer was good, or bad; while nothing is typed
Tab          its sources, and away again
Esc, Ctrl-C  stop an answer; or give up what is typed
PgUp, PgDn   scroll
Up, Down     what was typed before
Ctrl-L       draw the screen anew
Ctrl-D       leave";

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Edit(Edit),
    Submit,
    /// The line typed before, and the one after.
    Earlier,
    Later,
    Rate(Rating),
    Sources,
    Stop,
    ScrollBack,
    ScrollForth,
    Redraw,
    Help,
    Leave,
}

/// What a key means; `empty`: nothing is typed, and single keys are commands.
pub fn action(key: KeyEvent, empty: bool) -> Option<Action> {
    let held = |modifier| key.modifiers.contains(modifier);
    let word = held(KeyModifiers::CONTROL) || held(KeyModifiers::ALT);
    Some(match key.code {
        KeyCode::Char(c) if held(KeyModifiers::CONTROL) => return control(c.to_ascii_lowercase()),
        KeyCode::Char(c) if held(KeyModifiers::ALT) => match c.to_ascii_lowercase() {
            'b' => Action::Edit(Edit::GoToPrevWord),
            'f' => Action::Edit(Edit::GoToNextWord),
            'd' => Action::Edit(Edit::DeleteNextWord),
            _ => return None,
        },
        KeyCode::Char('+') if empty => Action::Rate(Rating::Up),
        KeyCode::Char('-') if empty => Action::Rate(Rating::Down),
        KeyCode::Char(c) => Action::Edit(Edit::InsertChar(c)),
        KeyCode::Enter => Action::Submit,
        KeyCode::Tab => Action::Sources,
        KeyCode::Esc => Action::Stop,
        KeyCode::F(1) => Action::Help,
        KeyCode::PageUp => Action::ScrollBack,
        KeyCode::PageDown => Action::ScrollForth,
        KeyCode::Up => Action::Earlier,
        KeyCode::Down => Action::Later,
        KeyCode::Left if word => Action::Edit(Edit::GoToPrevWord),
        KeyCode::Right if word => Action::Edit(Edit::GoToNextWord),
        KeyCode::Left => Action::Edit(Edit::GoToPrevChar),
        KeyCode::Right => Action::Edit(Edit::GoToNextChar),
        KeyCode::Home => Action::Edit(Edit::GoToStart),
        KeyCode::End => Action::Edit(Edit::GoToEnd),
        KeyCode::Backspace if word => Action::Edit(Edit::DeletePrevWord),
        KeyCode::Backspace => Action::Edit(Edit::DeletePrevChar),
        KeyCode::Delete => Action::Edit(Edit::DeleteNextChar),
        _ => return None,
    })
}

fn control(c: char) -> Option<Action> {
    Some(match c {
        'a' => Action::Edit(Edit::GoToStart),
        'b' => Action::Edit(Edit::GoToPrevChar),
        'c' => Action::Stop,
        'd' => Action::Leave,
        'e' => Action::Edit(Edit::GoToEnd),
        'f' => Action::Edit(Edit::GoToNextChar),
        // What many serial terminals send for backspace.
        'h' => Action::Edit(Edit::DeletePrevChar),
        // And for Enter.
        'j' | 'm' => Action::Submit,
        'k' => Action::Edit(Edit::DeleteTillEnd),
        'l' => Action::Redraw,
        'n' => Action::Later,
        'p' => Action::Earlier,
        'u' => Action::Edit(Edit::DeleteFromStart),
        'w' => Action::Edit(Edit::DeletePrevWord),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_keys_are_commands_while_nothing_is_typed() {
        let key = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        assert_eq!(action(key('+'), true), Some(Action::Rate(Rating::Up)));
        assert_eq!(action(key('-'), true), Some(Action::Rate(Rating::Down)));
        assert_eq!(action(key('-'), false), Some(Action::Edit(Edit::InsertChar('-'))));
        assert_eq!(action(key('a'), true), Some(Action::Edit(Edit::InsertChar('a'))));
    }

    #[test]
    fn a_held_key_types_nothing() {
        for modifier in [KeyModifiers::CONTROL, KeyModifiers::ALT] {
            for c in ('a'..='z').chain(['+', '-', '[']) {
                let meant = action(KeyEvent::new(KeyCode::Char(c), modifier), true);
                assert!(!matches!(meant, Some(Action::Edit(Edit::InsertChar(_)) | Action::Rate(_))), "{c}");
            }
        }
    }
}
