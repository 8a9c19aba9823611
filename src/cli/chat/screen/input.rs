//! The line that is typed, and those before it in this session.

use tui_input::{Input, InputRequest};

/// The input line.
#[derive(Default)]
pub struct Line {
    input: Input,
    /// What was typed before, the latest last.
    earlier: Vec<String>,
    /// Which of them stands in the line; their number: none.
    at: usize,
}

impl Line {
    pub fn edit(&mut self, request: InputRequest) {
        self.input.handle(request);
    }

    pub fn text(&self) -> &str {
        self.input.value()
    }

    pub fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    /// Gives up what is typed.
    pub fn clear(&mut self) {
        self.input.reset();
        self.at = self.earlier.len();
    }

    /// Takes what is typed, and keeps it among what was.
    pub fn take(&mut self) -> String {
        let line = self.input.value_and_reset();
        if !line.trim().is_empty() && self.earlier.last() != Some(&line) {
            self.earlier.push(line.clone());
        }
        self.at = self.earlier.len();
        line
    }

    /// The line before the one that stands there.
    pub fn back(&mut self) {
        self.stand(self.at.checked_sub(1));
    }

    /// The line after it; after the last, an empty one.
    pub fn forth(&mut self) {
        self.stand(Some(self.at + 1));
    }

    fn stand(&mut self, at: Option<usize>) {
        if let Some(at) = at.filter(|at| *at <= self.earlier.len()) {
            self.at = at;
            self.input = self.earlier.get(at).cloned().unwrap_or_default().into();
        }
    }

    /// The columns that are left out at the left so that the cursor stands within `width`, and where it stands then.
    pub fn window(&self, width: u16) -> (u16, u16) {
        let scroll = self.input.visual_scroll(width.saturating_sub(1).into());
        let column = self.input.visual_cursor().saturating_sub(scroll);
        (scroll.try_into().unwrap_or(u16::MAX), column.try_into().unwrap_or(u16::MAX).min(width.saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &mut Line, text: &str) {
        text.chars().for_each(|c| line.edit(InputRequest::InsertChar(c)));
    }

    #[test]
    fn earlier_lines_come_back() {
        let mut line = Line::default();
        for text in ["one", "two", "two", "  "] {
            typed(&mut line, text);
            assert_eq!(line.take(), text);
        }
        let mut stands = |go: fn(&mut Line)| {
            go(&mut line);
            line.text().to_owned()
        };
        assert_eq!([stands(Line::back), stands(Line::back), stands(Line::back)], ["two", "one", "one"]);
        assert_eq!([stands(Line::forth), stands(Line::forth), stands(Line::forth)], ["two", "", ""]);
    }

    #[test]
    fn the_cursor_is_in_view() {
        let mut line = Line::default();
        typed(&mut line, &"word ".repeat(20));
        let (scroll, column) = line.window(40);
        assert!(scroll > 0 && column < 40 && scroll + column == 100, "{scroll} {column}");
        line.edit(InputRequest::GoToStart);
        assert_eq!(line.window(40), (0, 0));
        line.edit(InputRequest::GoToNextWord);
        assert_eq!(line.window(40), (0, 5));
    }
}
