//! EML: who wrote to whom and when, and what; attachments are named.

use crate::error::{Error, Result};
use crate::text::document::outline::Outline;
use crate::text::document::{Format, Parts, decode, html, line, plain};
use mail_parser::{Address, Message, MessageParser, MimeHeaders, PartType};
use std::path::Path;

/// How deep messages may stand in messages.
const DEEPEST: usize = 4;

/// Reads a message with those that it carries.
pub fn read(bytes: &[u8], notes: &mut Vec<String>) -> Result<Parts> {
    let message = MessageParser::default().parse(bytes).ok_or_else(no_mail)?;
    if message.headers().is_empty() || message.from().is_none() && message.subject().is_none() {
        return Err(no_mail());
    }
    let mut outline = Outline::default();
    take(&message, 0, &mut outline, notes);
    let title = message.subject().map(line).filter(|s| !s.is_empty());
    let (_, sections) = outline.finish(title.clone());
    Ok((title, sections))
}

fn no_mail() -> Error {
    Error::corrupt("is not a message that can be read; save it anew from its mail program")
}

fn take(message: &Message<'_>, depth: usize, outline: &mut Outline, notes: &mut Vec<String>) {
    let mut head = Vec::new();
    let named = [("From", message.from()), ("To", message.to()), ("Cc", message.cc())];
    head.extend(named.iter().filter_map(|(name, address)| Some(format!("{name}: {}", people((*address)?)?))));
    head.extend(message.date().map(|date| format!("Date: {}", date.to_rfc3339())));
    head.extend(message.subject().map(|subject| format!("Subject: {}", line(subject))));
    let attached: Vec<String> = message.attachments().filter_map(|a| a.attachment_name().map(line)).collect();
    if !attached.is_empty() {
        head.push(format!("Attachments: {}", attached.join(", ")));
        // Pictures of a signature are not worth a word.
        let documents: Vec<&String> = attached.iter().filter(|a| Format::of(Path::new(a)).is_some()).collect();
        if !documents.is_empty() {
            let names = documents.iter().map(|d| d.as_str()).collect::<Vec<_>>().join(", ");
            notes.push(format!("has attachments that are not read: {names}; save them beside it"));
        }
    }
    outline.block(&head.join("\n"));
    let texts: Vec<_> = message.text_bodies().collect();
    let marked: Vec<_> = message.html_bodies().collect();
    // What both have in common is one text in two forms; the one with tables and lists is better.
    let has_html = marked.iter().any(|part| matches!(part.body, PartType::Html(_)));
    for part in if has_html { marked } else { texts } {
        match &part.body {
            PartType::Html(text) => html::read_into(outline, text),
            PartType::Text(text) => {
                let (_, sections) = plain::read(&text.replace("\r\n", "\n"));
                sections.iter().for_each(|section| outline.block(&section.text));
            }
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                if let Ok(text) = decode::decode(bytes, false) {
                    outline.block(&text);
                }
            }
            _ => {}
        }
    }
    for part in message.attachments() {
        if let PartType::Message(inner) = &part.body
            && depth < DEEPEST
        {
            outline.heading(2, inner.subject().unwrap_or("Attached message"));
            take(inner, depth + 1, outline, notes);
        }
    }
}

/// Who stands in a header.
fn people(address: &Address<'_>) -> Option<String> {
    let one = |a: &mail_parser::Addr<'_>| match (a.name(), a.address()) {
        (Some(name), Some(address)) => Some(format!("{name} <{address}>")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_string()),
        (None, None) => None,
    };
    let all: Vec<String> = address.iter().filter_map(one).collect();
    (!all.is_empty()).then(|| all.join(", "))
}
