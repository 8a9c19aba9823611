//! Markdown (CommonMark with tables, task lists, footnotes and front matter) to sections of plain text.
//!
//! Emphasis and link targets go; lists, code and tables keep their lines. A bold sentence that opens a paragraph is in
//! effect its heading, and keeps a line to itself.

use super::outline::{Outline, next_marker};
use super::{Parts, SENTENCE_ENDS, html, script, table};
use pulldown_cmark::{Event, MetadataBlockKind, Options, Parser, Tag, TagEnd};

/// Reads the whole of a text.
pub fn read(text: &str) -> Parts {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS;
    let mut reader = Reader::default();
    Parser::new_ext(text, options).for_each(|event| reader.event(event));
    reader.end_block();
    reader.outline.finish(reader.title)
}

#[derive(Default)]
struct Reader {
    outline: Outline,
    /// The title in the front matter.
    title: Option<String>,
    metadata: Option<MetadataBlockKind>,
    /// The finished lines of the block in hand, and the line in hand.
    block: String,
    line: String,
    /// The open lists: the next number of each that counts.
    lists: Vec<Option<u64>>,
    /// What the next line of a list starts with.
    marker: String,
    rows: Vec<Vec<String>>,
    in_code: bool,
    /// Whether a line has just ended within a paragraph.
    soft: bool,
    /// How characters stand above or below the line, where they do.
    raise: Option<fn(char) -> char>,
    /// Whether bold words that open a paragraph are being read.
    opening: bool,
}

impl Reader {
    fn event(&mut self, event: Event<'_>) {
        if std::mem::take(&mut self.soft) {
            self.soft = matches!(event, Event::Text(_));
            if !self.soft {
                self.line.push(' ');
            }
        }
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                // A line's end is a space, but not between signs that are written without.
                if std::mem::take(&mut self.soft) && !script::joins(self.line.chars().next_back(), text.chars().next())
                {
                    self.line.push(' ');
                }
                let raise = self.raise;
                self.line.extend(text.chars().map(|c| raise.map_or(c, |raise| raise(c))));
            }
            Event::InlineHtml(tag) if is_raise(&tag) => self.raise = raise(&tag),
            // Tags within a line only mark; marked-up blocks are read as what they are.
            Event::Html(markup) => self.line.push_str(&markup),
            Event::InlineHtml(tag) if tag.starts_with("<br") => self.line.push('\n'),
            Event::InlineHtml(_) | Event::FootnoteReference(_) => {}
            Event::SoftBreak => self.soft = true,
            Event::HardBreak => self.line.push('\n'),
            Event::Rule => self.end_block(),
            Event::TaskListMarker(done) => self.line.push_str(if done { "[x] " } else { "[ ] " }),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::MetadataBlock(kind) => self.metadata = Some(kind),
            Tag::Heading { .. } | Tag::HtmlBlock => self.flush(),
            Tag::CodeBlock(_) => {
                self.end_block();
                self.in_code = true;
            }
            Tag::List(first) => {
                self.end_line();
                if self.lists.is_empty() {
                    self.end_block();
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.end_line();
                self.marker = next_marker(&mut self.lists);
            }
            Tag::Table(_) => self.flush(),
            Tag::Strong => {
                let above = self.line.is_empty() && self.block.is_empty();
                self.opening = above && self.lists.is_empty() && self.rows.is_empty();
            }
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::MetadataBlock(_) => {
                let matter = std::mem::take(&mut self.line);
                self.title = self.metadata.take().and_then(|kind| declared_title(kind, &matter));
            }
            TagEnd::Heading(level) => {
                let heading = std::mem::take(&mut self.line);
                self.outline.heading(level as u32, &heading);
            }
            TagEnd::HtmlBlock => {
                let markup = std::mem::take(&mut self.line);
                html::read_into(&mut self.outline, &markup);
            }
            TagEnd::CodeBlock => {
                self.end_block();
                self.in_code = false;
            }
            TagEnd::List(_) => {
                self.end_line();
                self.marker.clear();
                self.lists.pop();
                self.end_block();
            }
            TagEnd::Strong => self.end_bold(),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.line);
                if let Some(row) = self.rows.last_mut() {
                    row.push(cell);
                }
            }
            TagEnd::Table => self.outline.block(&table::render(true, &std::mem::take(&mut self.rows))),
            TagEnd::Paragraph | TagEnd::Item | TagEnd::BlockQuote(_) | TagEnd::FootnoteDefinition => self.end_block(),
            _ => {}
        }
    }

    /// Bold words end: a sentence that opened a paragraph keeps a line to itself.
    fn end_bold(&mut self) {
        if std::mem::take(&mut self.opening) && self.line.ends_with(SENTENCE_ENDS) {
            self.line.push('\n');
        }
    }

    /// The line in hand joins the block.
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = if self.in_code { line } else { line.replace("\n ", "\n") };
        let text = if self.in_code { line.trim_matches('\n').trim_end() } else { line.trim() };
        if !text.is_empty() {
            if !self.block.is_empty() {
                self.block.push('\n');
            }
            self.block.push_str(&std::mem::take(&mut self.marker));
            self.block.push_str(text);
        }
    }

    /// A block ends; inside a list that is only a new line.
    fn end_block(&mut self) {
        self.end_line();
        if self.lists.is_empty() {
            self.flush();
        }
    }

    /// Everything in hand becomes a block, lists or not.
    fn flush(&mut self) {
        self.end_line();
        self.outline.block(&std::mem::take(&mut self.block));
    }
}

/// Whether a tag raises or lowers what follows, or ends that.
fn is_raise(tag: &str) -> bool {
    ["<sup>", "<sub>", "</sup>", "</sub>"].contains(&tag)
}

fn raise(tag: &str) -> Option<fn(char) -> char> {
    match tag {
        "<sup>" => Some(script::raised),
        "<sub>" => Some(script::lowered),
        _ => None,
    }
}

/// The title that front matter declares.
fn declared_title(kind: MetadataBlockKind, matter: &str) -> Option<String> {
    match kind {
        MetadataBlockKind::PlusesStyle => {
            let table: toml::Table = matter.parse().ok()?;
            table.get("title")?.as_str().map(str::to_string)
        }
        // One key on one line is all that is wanted of YAML.
        MetadataBlockKind::YamlStyle => {
            let value = matter.lines().find_map(|line| line.strip_prefix("title:"))?.trim();
            let quoted = ['"', '\''].iter().find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q));
            Some(quoted.unwrap_or(value).to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(markdown: &str) -> Vec<String> {
        read(markdown).1.into_iter().map(|s| format!("{}: {}", s.path.join("/"), s.text)).collect()
    }

    #[test]
    fn titles() {
        assert_eq!(read("---\nlang: en\ntitle: 'Two: words'\n---\n# One\nx").0.as_deref(), Some("Two: words"));
        assert_eq!(read("+++\ntitle = \"Two\"\n+++\nx").0.as_deref(), Some("Two"));
        assert_eq!(read("## A\nx\n\n# One\ny").0.as_deref(), Some("One"));
        assert_eq!(read("One *or* two\n===\nx").0.as_deref(), Some("One or two"));
    }

    #[test]
    fn html_blocks_are_read() {
        let markdown = "<h1 align=center>Tool</h1>\n\n<!-- note -->\n\n<details>\n<summary>More</summary>\n\nA *b*<br>c\n\n</details>\n";
        assert_eq!(texts(markdown), [": More\n\nA b\nc"]);
        assert_eq!(read(markdown).0.as_deref(), Some("Tool"));
    }

    #[test]
    fn loose_lists_stay_together() {
        assert_eq!(texts("- a\n\n  b\n- [x] c\n\n      d\n\nafter"), [": - a\nb\n- [x] c\nd\n\nafter"]);
    }

    #[test]
    fn a_bold_sentence_that_opens_a_paragraph_has_its_own_line() {
        let markdown = "**The hose is cracked.** Stop.\n\n**Why?**\nBecause.\n\n**Bleeding** that lasts. **No.** End.\n\n- **999.** Call.\n\n**All.**";
        let wanted =
            "The hose is cracked.\nStop.\n\nWhy?\nBecause.\n\nBleeding that lasts. No. End.\n\n- 999. Call.\n\nAll.";
        assert_eq!(texts(markdown), [format!(": {wanted}")]);
    }

    #[test]
    fn tables_keep_their_cells() {
        assert_eq!(texts("| a \\| b | `c` |\n|:-|-:|\n| d | |\n"), [": | a \\| b | c |\n| --- | --- |\n| d |  |"]);
    }
}
