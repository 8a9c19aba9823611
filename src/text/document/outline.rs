//! Builds sections while a reader walks a document: headings open them, blocks of text fill them.

use super::{Parts, Section, line};

/// Lists deeper than this are not indented further.
const DEEPEST_INDENT: usize = 8;

/// What stands before the next item of the innermost of `lists`; each is the next number of one that counts.
pub fn next_marker(lists: &mut [Option<u64>]) -> String {
    let indent = "  ".repeat(lists.len().saturating_sub(1).min(DEEPEST_INDENT));
    match lists.last_mut() {
        Some(Some(number)) => {
            let marker = format!("{indent}{number}. ");
            *number = number.saturating_add(1);
            marker
        }
        _ => format!("{indent}- "),
    }
}

/// The sections so far, and the headings that stand above what comes next.
#[derive(Default)]
pub struct Outline {
    /// The open headings, outermost first, each with its level. Levels grow along it.
    open: Vec<(u32, String)>,
    /// The text since the last heading.
    text: String,
    /// Whether the innermost heading still has nothing under it.
    bare: bool,
    /// The first heading of level 1.
    title: Option<String>,
    sections: Vec<Section>,
}

impl Outline {
    /// A heading: it closes the headings of its own level and deeper ones. Level 1 is the highest.
    pub fn heading(&mut self, level: u32, text: &str) {
        let heading = line(text);
        if heading.is_empty() {
            return;
        }
        self.close(level);
        if level <= 1 && self.title.is_none() {
            self.title = Some(heading.clone());
        }
        self.open.truncate(self.open.partition_point(|(l, _)| *l < level));
        self.open.push((level, heading));
        self.bare = true;
    }

    /// A paragraph, a list, a table: anything that a blank line parts from its neighbours.
    pub fn block(&mut self, text: &str) {
        let text = text.trim_matches('\n').trim_end();
        if text.trim_start().is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.text.push_str(text);
        self.bare = false;
    }

    /// The title of the document and its sections. `title`: the one it declares, if it does.
    pub fn finish(mut self, title: Option<String>) -> Parts {
        self.close(0);
        let title = title.map(|t| line(&t)).filter(|t| !t.is_empty()).or(self.title);
        if let Some(title) = &title {
            if self.sections.iter().all(|s| s.path.first().is_none_or(|first| first == title)) {
                self.sections.iter_mut().for_each(|section| drop(section.path.drain(..1.min(section.path.len()))));
            }
            // What only says the title again is not worth a place, unless it is all there is.
            if self.sections.len() > 1 {
                self.sections.retain(|section| !section.path.is_empty() || section.text != *title);
            }
        }
        (title, self.sections)
    }

    /// Ends the section in hand, before a heading of `level`.
    fn close(&mut self, level: u32) {
        let mut text = std::mem::take(&mut self.text);
        // A heading with nothing at all under it is still something that the document says.
        if let Some((innermost, heading)) = self.open.last()
            && self.bare
            && level <= *innermost
        {
            text.clone_from(heading);
        }
        self.bare = false;
        if !text.is_empty() {
            let path = self.open.iter().map(|(_, heading)| heading.clone()).collect();
            self.sections.push(Section { path, place: None, text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(sections: &[Section]) -> Vec<String> {
        sections.iter().map(|s| format!("{}: {}", s.path.join("/"), s.text)).collect()
    }

    #[test]
    fn headings_nest_by_level() {
        let mut outline = Outline::default();
        outline.block("before");
        for (level, heading) in [(2, "A"), (4, "B"), (3, "C"), (2, " D \n d "), (2, "")] {
            outline.heading(level, heading);
            outline.block(&heading.to_lowercase());
        }
        let (title, sections) = outline.finish(None);
        assert_eq!(title, None);
        assert_eq!(paths(&sections), [": before", "A: a", "A/B: b", "A/C: c", "D d:  d \n d"]);
    }

    #[test]
    fn the_title_is_not_repeated_in_the_paths() {
        let mut outline = Outline::default();
        outline.block("Guide");
        outline.heading(1, "Guide");
        outline.heading(2, "Empty");
        outline.heading(2, "Use");
        outline.block("one");
        outline.block("\n\ntwo\n");
        let (title, sections) = outline.finish(None);
        assert_eq!(title.as_deref(), Some("Guide"));
        assert_eq!(paths(&sections), ["Empty: Empty", "Use: one\n\ntwo"]);
    }

    #[test]
    fn a_declared_title_wins() {
        let mut outline = Outline::default();
        outline.heading(1, "Guide");
        outline.block("one");
        let (title, sections) = outline.finish(Some("Handbook".into()));
        assert_eq!(title.as_deref(), Some("Handbook"));
        assert_eq!(paths(&sections), ["Guide: one"]);
    }
}
