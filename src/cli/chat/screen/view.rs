//! Drawing, nothing else: who is served, the conversation, the line that is typed, the keys.
//!
//! No colours and no borders: bold and reversed are all there is, and nothing is said by them alone.

use super::page::Kind;
use super::state::State;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use std::time::Instant;
use textwrap::core::display_width;

/// What stands before the line that is typed.
const PROMPT: &str = "> ";
/// What stands between two things on a line.
const GAP: &str = "  ";

/// Draws the state.
pub fn draw(frame: &mut Frame, state: &mut State, now: Instant) {
    let rows = [Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1), Constraint::Length(1)];
    let [top, page, line, bottom] = Layout::vertical(rows).areas(frame.area());
    bar(frame, top, &header(state, top.width.into()));
    conversation(frame, page, state);
    // The last column stays free: where it is written, some terminals go on to the next line.
    typed(frame, line, state);
    bar(frame, bottom, &hint(state, now, bottom.width.into()));
}

/// A line that stands out.
fn bar(frame: &mut Frame, area: Rect, text: &str) {
    let text = format!("{text:width$}", width = usize::from(area.width));
    frame.render_widget(Line::styled(text, Modifier::REVERSED), area);
}

/// The model at the left, and who is served at the right: that comes first where space is short.
fn header(state: &State, width: usize) -> String {
    let served = state.charset.show(&state.session.served()).replace('\n', " ");
    let title = format!("Wayside{GAP}{}", state.model);
    let room = width.saturating_sub(display_width(&served) + GAP.len());
    let title = if display_width(&title) <= room { title } else { "Wayside".to_owned() };
    let title = if display_width(&title) <= room { title } else { String::new() };
    let gap = width.saturating_sub(display_width(&title) + display_width(&served));
    format!("{title}{}{served}", " ".repeat(gap))
}

fn conversation(frame: &mut Frame, area: Rect, state: &mut State) {
    let lines = state.page.view(area.width, area.height).iter().map(|row| {
        let style = match row.kind {
            Kind::Question => Style::from(Modifier::BOLD),
            _ => Style::new(),
        };
        Line::styled(row.text.as_str(), style)
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
}

fn typed(frame: &mut Frame, area: Rect, state: &State) {
    let prompt = PROMPT.len() as u16;
    let [left, line] = Layout::horizontal([Constraint::Length(prompt), Constraint::Fill(1)]).areas(area);
    let (scroll, column) = state.line.window(line.width);
    frame.render_widget(PROMPT, left);
    let text = state.charset.show(state.line.text()).into_owned();
    frame.render_widget(Paragraph::new(text).scroll((0, scroll)), line);
    frame.set_cursor_position(Position::new(line.x + column, line.y));
}

/// What can be done now: the most important first, as many as there is space for.
fn hint(state: &State, now: Instant, width: usize) -> String {
    let phrases = state.session.phrases();
    let shown = |text: &str| state.charset.show(text).into_owned();
    if let Some(seconds) = state.session.warning(now) {
        return shown(&phrases.ending.replace("{n}", &seconds.to_string()));
    }
    if state.is_busy() {
        return shown(phrases.answering);
    }
    let keys = phrases.keys.map(shown);
    let [below, good, bad, sources, help, scroll, leave] = &keys;
    let rate: &[&String] = if state.is_answered() { &[good, bad, sources] } else { &[] };
    let more: &[&String] = if state.page.is_behind() { &[below] } else { &[] };
    let mut hint = String::new();
    for key in more.iter().chain(rate).chain(&[help, scroll, leave]) {
        let gap = if hint.is_empty() { "" } else { GAP };
        if display_width(&hint) + gap.len() + display_width(key) <= width {
            hint = format!("{hint}{gap}{key}");
        }
    }
    hint
}
