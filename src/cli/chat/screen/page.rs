//! The conversation in lines, and which of them are in view.

use textwrap::Options;

/// What a part of the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Question,
    Answer,
    /// Where an answer comes from, and whatever else is said beside.
    Aside,
    /// A passage that was asked for.
    Passage,
}

/// A line of the conversation.
#[derive(Debug)]
pub struct Row {
    pub kind: Kind,
    pub text: String,
}

/// The conversation. It shows its end, until somebody scrolls back; then the same lines stay in view.
#[derive(Default)]
pub struct Page {
    parts: Vec<(Kind, String)>,
    /// The parts, wrapped to `width`.
    rows: Vec<Row>,
    width: usize,
    /// Where the last part begins in the rows.
    last: usize,
    /// The first row in view; none: the end is.
    top: Option<usize>,
    height: usize,
}

impl Page {
    pub fn push(&mut self, kind: Kind, text: impl Into<String>) {
        self.parts.push((kind, text.into()));
        self.last = self.rows.len();
        self.wrap(self.parts.len() - 1);
        if kind == Kind::Question {
            self.top = None;
        }
    }

    /// Appends to the answer that is under way, or begins it.
    pub fn say(&mut self, piece: &str) {
        match self.parts.last_mut() {
            Some((Kind::Answer, text)) => {
                text.push_str(piece);
                self.rows.truncate(self.last);
                self.wrap(self.parts.len() - 1);
            }
            _ => self.push(Kind::Answer, piece),
        }
    }

    /// Takes passages out again; says whether there were any.
    pub fn fold(&mut self) -> bool {
        let before = self.parts.len();
        self.parts.retain(|(kind, _)| *kind != Kind::Passage);
        self.wrap_all();
        self.parts.len() < before
    }

    /// The rows in view on so many lines of such a width.
    pub fn view(&mut self, width: u16, height: u16) -> &[Row] {
        self.height = usize::from(height).max(1);
        if self.width != usize::from(width) {
            self.width = width.into();
            self.wrap_all();
        }
        let top = self.top().min(self.rows.len());
        &self.rows[top..self.rows.len().min(top + self.height)]
    }

    /// Scrolls by a screen less one line, towards the beginning.
    pub fn back(&mut self) {
        self.scroll(self.top().saturating_sub(self.page()));
    }

    /// The same towards the end.
    pub fn forth(&mut self) {
        self.scroll(self.top() + self.page());
    }

    /// Whether there is more below what is in view.
    pub fn is_behind(&self) -> bool {
        self.top.is_some()
    }

    fn scroll(&mut self, top: usize) {
        self.top = (top < self.end()).then_some(top);
    }

    fn page(&self) -> usize {
        self.height.saturating_sub(1).max(1)
    }

    /// The first row in view when the end is.
    fn end(&self) -> usize {
        self.rows.len().saturating_sub(self.height)
    }

    fn top(&self) -> usize {
        self.top.unwrap_or(usize::MAX).min(self.end())
    }

    fn wrap_all(&mut self) {
        self.rows.clear();
        for part in 0..self.parts.len() {
            self.last = self.rows.len();
            self.wrap(part);
        }
    }

    fn wrap(&mut self, part: usize) {
        // Before it was shown for the first time nobody knows how wide it is.
        let Some((kind, text)) = self.parts.get(part).filter(|_| self.width > 0) else { return };
        let (first, next) = match kind {
            Kind::Question => ("> ", "  "),
            Kind::Answer => ("", ""),
            Kind::Aside => ("  ", "  "),
            Kind::Passage => ("    ", "    "),
        };
        let row = |text: &str| Row { kind: *kind, text: text.to_owned() };
        if *kind == Kind::Question && part > 0 {
            self.rows.push(row(""));
        }
        let options = Options::new(self.width).initial_indent(first).subsequent_indent(next);
        let lines = text.trim_end().lines().flat_map(|line| textwrap::wrap(line, &options));
        self.rows.extend(lines.map(|line| row(&line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(page: &mut Page, width: u16, height: u16) -> Vec<String> {
        page.view(width, height).iter().map(|row| row.text.clone()).collect()
    }

    #[test]
    fn parts_are_wrapped_to_the_width_they_are_shown_in() {
        let mut page = Page::default();
        page.push(Kind::Question, "How long does it take to charge?");
        page.say("It takes");
        page.say(" three hours.\n\nOr four.");
        page.push(Kind::Aside, "[1] moth.md");
        let narrow =
            ["> How long does it", "  take to charge?", "It takes three", "hours.", "", "Or four.", "  [1] moth.md"];
        assert_eq!(shown(&mut page, 18, 9), narrow);
        assert_eq!(shown(&mut page, 80, 9)[..2], ["> How long does it take to charge?", "It takes three hours."]);
        assert_eq!(shown(&mut page, 18, 2), narrow[5..]);
        page.push(Kind::Question, "Why?");
        assert_eq!(shown(&mut page, 18, 3), ["  [1] moth.md", "", "> Why?"]);
    }

    #[test]
    fn what_was_scrolled_to_stays_in_view() {
        let mut page = Page::default();
        (0..10).for_each(|n| page.push(Kind::Aside, n.to_string()));
        assert_eq!(shown(&mut page, 20, 4), ["  6", "  7", "  8", "  9"]);
        page.back();
        assert!(page.is_behind());
        page.say("more");
        assert_eq!(shown(&mut page, 20, 4), ["  3", "  4", "  5", "  6"]);
        (0..5).for_each(|_| page.back());
        assert_eq!(shown(&mut page, 20, 4)[0], "  0");
        (0..5).for_each(|_| page.forth());
        assert_eq!(shown(&mut page, 20, 4)[3], "more");
        assert!(!page.is_behind());
        page.back();
        page.push(Kind::Question, "one's own question is seen");
        assert!(!page.is_behind());
    }

    #[test]
    fn passages_fold_away() {
        let mut page = Page::default();
        page.say("Yes.");
        page.push(Kind::Passage, "because");
        assert_eq!(shown(&mut page, 20, 4), ["Yes.", "    because"]);
        assert!(page.fold() && !page.fold());
        assert_eq!(shown(&mut page, 20, 4), ["Yes."]);
        page.say(" Indeed.");
        assert_eq!(shown(&mut page, 1, 4).len(), 4, "any width will do");
        assert_eq!(shown(&mut page, 0, 0).len(), 0);
    }
}
