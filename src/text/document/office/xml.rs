//! XML as a row of nodes: names without their spaces, text with what its references mean.

use super::package::damaged;
use crate::error::Result;
use crate::text::document::decode;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// How deep elements may stand within elements.
const DEEPEST: usize = 1000;

/// What stands next.
pub enum Node<'a> {
    /// An element begins: its name, and what it says of itself.
    Open(&'a str, &'a Attributes),
    /// Text, as it is meant.
    Text(&'a str),
    /// An element ends.
    Close(&'a str),
}

/// The attributes of an element, by their names without a space's.
#[derive(Default)]
pub struct Attributes(Vec<(String, String)>);

impl Attributes {
    fn of(start: &BytesStart<'_>) -> Self {
        let pair = |a: quick_xml::events::attributes::Attribute<'_>| {
            let value = a.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned();
            Some((a.key.local_name().as_ref().to_string(), value))
        };
        Self(start.html_attributes().with_checks(false).filter_map(|a| pair(a.ok()?)).collect())
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The values of every attribute called `name`, whatever its space.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name` as a number.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.trim().parse().ok()
    }
}

/// Gives every node of `bytes` to `each`. References to anything but characters are left out: nothing unfolds.
pub fn walk(bytes: &[u8], each: &mut dyn FnMut(Node<'_>)) -> Result<()> {
    let text = decode::decode(bytes, true)?;
    let mut reader = Reader::from_str(&text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut depth = 0usize;
    loop {
        match reader.read_event().map_err(|e| damaged().because(e))? {
            Event::Start(start) => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(damaged());
                }
                each(Node::Open(start.local_name().as_ref(), &Attributes::of(&start)));
            }
            Event::Empty(start) => {
                each(Node::Open(start.local_name().as_ref(), &Attributes::of(&start)));
                each(Node::Close(start.local_name().as_ref()));
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                each(Node::Close(end.local_name().as_ref()));
            }
            Event::Text(text) => each(Node::Text(&text)),
            Event::CData(text) => each(Node::Text(&text)),
            Event::GeneralRef(name) => {
                let named = || quick_xml::escape::resolve_predefined_entity(&name).map(str::to_string);
                let meant = name.resolve_char_ref().ok().flatten().map(String::from).or_else(named);
                if let Some(meant) = meant {
                    each(Node::Text(&meant));
                }
            }
            Event::Eof => return Ok(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}
