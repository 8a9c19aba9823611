//! A template's text: what of Jinja a chat template may use, and where its values are looked at.
//!
//! An engine counts the work of a template (`Environment::set_fuel`) but not how deep its code or its values are
//! nested, and both are walked by recursion: too deep is the end of the process. So code is held to limits before it is
//! compiled. And behind each tag that gives a name a value stands another that looks at that value (see `guard`).

use super::guard::LOOK;
use crate::error::{Error, Result};

/// Bytes of a template; the longest there are have some 20,000.
const LONGEST: usize = 256 << 10;
/// Characters between `{%` and `%}`, strings not counted: what may stand in one expression.
const LONGEST_TAG: usize = 1_500;
/// Blocks within blocks, each `elif` of a chain counted.
const DEEPEST: usize = 100;
/// The tags of Jinja that chat templates are made of.
const KNOWN: [&str; 11] =
    ["if", "elif", "else", "endif", "for", "endfor", "set", "endset", "macro", "endmacro", "break"];

/// What is between two marks.
struct Tag<'s> {
    /// All of it, marks too.
    whole: &'s str,
    /// The inside, without marks and signs.
    inside: &'s str,
    /// The sign before the closing mark, if there is one.
    sign: &'s str,
}

/// The source to compile. Errors: Unsupported for one that is beyond a limit.
pub(super) fn guarded(source: &str) -> Result<String> {
    if source.len() > LONGEST {
        return Err(beyond(&format!("it has {} bytes, and {LONGEST} are allowed", source.len())));
    }
    let mut guarded = String::with_capacity(source.len() * 2);
    // What each open block gives a value to when it ends (only a set does), and how deep it is: one and its `elif`s.
    let mut open: Vec<(Vec<String>, usize)> = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).chain(rest.find("{#")).min() {
        let (text, from) = rest.split_at(at);
        guarded.push_str(text);
        if from.starts_with("{#") {
            let end = from.find("#}").map_or(from.len(), |end| end + 2);
            guarded.push_str(&from[..end]);
            rest = &from[end..];
            continue;
        }
        let tag = tag(from)?;
        rest = &from[tag.whole.len()..];
        if multiplies(tag.inside) {
            return Err(beyond("it multiplies what may be a list"));
        }
        let word = tag.inside.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if from.starts_with("{{") {
            guarded.push_str(tag.whole);
            continue;
        }
        let mut values = Vec::new();
        match word {
            "raw" => {
                let end = end_of_raw(rest).unwrap_or(rest.len());
                guarded.push_str(tag.whole);
                guarded.push_str(&rest[..end]);
                rest = &rest[end..];
                continue;
            }
            "continue" => {}
            "for" if outside_strings(tag.inside).contains("recursive") => {
                return Err(beyond("a loop in it is recursive"));
            }
            "set" => match target(tag.inside) {
                (names, true) => values = names,
                (names, false) => open.push((names, 1)),
            },
            "macro" => {
                values = parameters(tag.inside);
                open.push((Vec::new(), 1));
            }
            "if" => open.push((Vec::new(), 1)),
            "for" => {
                values = loop_names(tag.inside);
                open.push((Vec::new(), 1));
            }
            "elif" => open.iter_mut().last().into_iter().for_each(|(_, depth)| *depth += 1),
            word if word.starts_with("end") && KNOWN.contains(&word) => values = open.pop().unwrap_or_default().0,
            word if KNOWN.contains(&word) => {}
            word => return Err(beyond(&format!("it uses {{% {word} %}}, which no chat template needs"))),
        }
        if open.iter().map(|(_, depth)| depth).sum::<usize>() > DEEPEST {
            return Err(beyond("its blocks are nested too deep"));
        }
        push(&mut guarded, &tag, &values);
    }
    guarded.push_str(rest);
    Ok(guarded)
}

/// Writes a tag, and behind it one that looks at the values. The last of them has the sign, so that the text around
/// stays as it was.
fn push(guarded: &mut String, tag: &Tag, values: &[String]) {
    if values.is_empty() {
        return guarded.push_str(tag.whole);
    }
    let without = tag.whole.len() - 2 - tag.sign.len();
    guarded.push_str(&tag.whole[..without]);
    let names = values.join(", ");
    let sign = tag.sign;
    guarded.push_str(&format!("%}}{{% if {LOOK}({names}) %}}{{% endif {sign}%}}"));
}

/// The tag at the beginning of `from`.
fn tag(from: &str) -> Result<Tag<'_>> {
    let (open, close) = (&from[..2], if from.starts_with("{{") { "}}" } else { "%}" });
    let (mut quote, mut escaped, mut counted) = (None, false, 0);
    for (at, c) in from.char_indices().skip(2) {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if from[at..].starts_with(close) && !is_brace_of_map(from, at, open) => {
                let inside = &from[2..at];
                let body = inside.strip_suffix(['-', '+']).unwrap_or(inside);
                let sign = &inside[body.len()..];
                let inside = body.strip_prefix(['-', '+']).unwrap_or(body).trim();
                return Ok(Tag { whole: &from[..at + 2], inside, sign });
            }
            None => counted += 1,
        }
        if counted > LONGEST_TAG {
            return Err(beyond("an expression in it is too long"));
        }
    }
    Err(Error::unsupported(format!("the chat template cannot be read: a {open} is never closed")))
}

/// Whether the first of two closing braces closes a map within the expression, as in `{{ {"a": {}} }}`.
fn is_brace_of_map(from: &str, at: usize, open: &str) -> bool {
    if open != "{{" {
        return false;
    }
    let inside = outside_strings(&from[2..at]);
    inside.matches('{').count() > inside.matches('}').count()
}

/// Where the raw text ends, before its end tag.
fn end_of_raw(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].find("{%").map(|at| from + at) {
        let inside = text[at + 2..].trim_start_matches(['-', '+']).trim_start();
        if inside.starts_with("endraw") {
            // The end tag itself says nothing: it is taken along.
            return text[at..].find("%}").map(|end| at + end + 2);
        }
        from = at + 2;
    }
    None
}

/// The names that a `set` gives values to, and whether it does so at once.
fn target(inside: &str) -> (Vec<String>, bool) {
    let after = &inside["set".len()..];
    let plain = outside_strings(after);
    let equals = plain.find('=');
    // `set x | upper` gives the value of a block, and names no more than one.
    let end = equals.or_else(|| plain.find('|')).unwrap_or(plain.len());
    let names = plain[..end].split([',', '(', ')']).filter_map(|name| name.trim().split('.').next());
    (names.map(str::trim).filter(|name| is_name(name)).map(str::to_owned).collect(), equals.is_some())
}

/// The names that a loop gives values to.
fn loop_names(inside: &str) -> Vec<String> {
    let named = inside["for".len()..].split(" in ").next().unwrap_or_default();
    named.split([',', '(', ')']).map(str::trim).filter(|name| is_name(name)).map(str::to_owned).collect()
}

/// Whether anything but a text that stands there is multiplied, or a list is spread over a call's arguments. A list
/// that is multiplied costs nothing until it is written out, so nothing else would notice.
fn multiplies(inside: &str) -> bool {
    let (mut quote, mut escaped, mut before, mut stars) = (None, false, ' ', 0);
    for c in inside.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None => {
                if stars == 1 && c != '*' && before != '"' {
                    return true;
                }
                if c == '*' {
                    stars += 1;
                    continue;
                }
                stars = 0;
                if c == '"' || c == '\'' {
                    (quote, before) = (Some(c), '"');
                } else if !c.is_whitespace() {
                    before = c;
                }
            }
        }
    }
    false
}

/// The names of a macro's parameters.
fn parameters(inside: &str) -> Vec<String> {
    let plain = outside_strings(inside);
    let (mut depth, mut expected, mut names) = (0, false, Vec::new());
    let mut name = String::new();
    for c in plain.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        match c {
            '(' | ',' if depth == 1 => (expected, name) = (true, String::new()),
            c if expected && (c.is_alphanumeric() || c == '_') => name.push(c),
            c if expected && c.is_whitespace() && name.is_empty() => {}
            _ => expected = false,
        }
        if !expected && is_name(&name) {
            names.push(std::mem::take(&mut name));
        }
    }
    names
}

fn is_name(text: &str) -> bool {
    let starts = |c: char| c.is_alphabetic() || c == '_';
    text.starts_with(starts) && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Code without what stands in its strings.
fn outside_strings(code: &str) -> String {
    let (mut quote, mut escaped) = (None, false);
    let outside = code.chars().filter(|c| match quote {
        Some(_) if escaped => {
            escaped = false;
            false
        }
        Some(_) if *c == '\\' => {
            escaped = true;
            false
        }
        Some(q) => {
            if *c == q {
                quote = None;
            }
            false
        }
        None if *c == '"' || *c == '\'' => {
            quote = Some(*c);
            false
        }
        None => true,
    });
    outside.collect()
}

fn beyond(why: &str) -> Error {
    Error::unsupported(format!("the chat template is beyond what is run here: {why}"))
}
