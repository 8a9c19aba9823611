//! Chat templates: a conversation as the text a model was trained on. Jinja, as Hugging Face writes it.
//!
//! A template comes from outside, and is a program. What it may cost is bounded: its text (`source`), its values and
//! calls (`guard`), and its work, in proportion to the conversation.

mod guard;
mod source;

use crate::error::{Error, Result};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value, merge_maps};
use minijinja::{Environment, ErrorKind, State, context};
use regex::Regex;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Value as Json, json};
use std::io::{self, Write};
use std::sync::LazyLock;

/// Used where a model brings none and has ChatML's tokens.
const CHATML: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
    {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// Used where a model brings none and has no tokens for turns, as those have that only go on with a text.
const PLAIN: &str = "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}\
    {% if 'Question: ' not in m.content %}Question: {% endif %}{{ m.content }}\n\
    {% elif m.role == 'assistant' %}Answer: {{ m.content }}\n\n{% else %}{{ m.content }}\n\n{% endif %}{% endfor %}\
    {% if add_generation_prompt %}Answer:{% endif %}";

/// `{% generation %}` and its end, by which trainers know what the assistant says. It changes no text.
static GENERATION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\{%(?P<open>[-+]?)\s*(?P<end>end)?generation\s*(?P<close>[-+]?)%\}").ok());

/// A compiled template.
pub struct Template {
    environment: Environment<'static>,
    bos: String,
    eos: String,
    specials: Vec<String>,
    /// Whether instructions must go with the first question, because a system message is refused or passed over.
    folds: bool,
    /// Whether nothing is written without a system message.
    wants: bool,
}

impl Template {
    /// The template of a model that brings none: ChatML where it has that one's tokens, else plain lines.
    pub fn without(has_turns: bool, bos: &str, eos: &str) -> Result<Self> {
        Self::new(if has_turns { CHATML } else { PLAIN }, bos, eos)
    }

    /// Compiles `source`. `bos` and `eos` are the texts of the model's own tokens.
    pub fn new(source: &str, bos: &str, eos: &str) -> Result<Self> {
        let mut environment = Environment::new();
        // As Hugging Face sets Jinja up.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|e| Error::invalid("template syntax").because(e))?);
        guard::install(&mut environment);
        environment.add_function("raise_exception", |state: &State, text: Value| -> Result<Value, minijinja::Error> {
            guard::look(state, &text)?;
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, told(&text)))
        });
        environment.add_function("strftime_now", |state: &State, format: Value| -> Result<String, minijinja::Error> {
            guard::look(state, &format)?;
            let format = format.to_string();
            jiff::fmt::strtime::format(&format, &jiff::Zoned::now())
                .map_err(|e| minijinja::Error::new(ErrorKind::InvalidOperation, e.to_string()))
        });
        environment.add_filter("tojson", tojson);
        environment
            .add_template_owned("chat", source::guarded(&without_generation(source))?)
            .map_err(|e| Error::unsupported(format!("the chat template cannot be read: {}", told(&e))))?;
        let (bos, eos) = (bos.into(), eos.into());
        let mut this = Self { environment, bos, eos, specials: vec![], folds: false, wants: false };
        this.folds = !this.hears_instructions();
        this.wants = !this.folds && this.render(&[json!({"role": "user", "content": "Ask"})], true).is_err();
        Ok(this)
    }

    /// Whether what a system message says is in the text.
    fn hears_instructions(&self) -> bool {
        let said = [json!({"role": "system", "content": "Instruct"}), json!({"role": "user", "content": "Ask"})];
        self.render(&said, true).is_ok_and(|text| text.contains("Instruct"))
    }

    /// Whether a template from outside can be used: it is read, and writes a question.
    pub fn check(source: &str) -> Result<()> {
        let template = Self::new(source, "", "")?;
        let text = template.render(&[json!({"role": "user", "content": "Ask"})], true);
        match text.map_err(|e| Error::unsupported(e.to_string()))? {
            text if text.contains("Ask") => Ok(()),
            _ => Err(Error::unsupported("the model's chat template leaves the question out")),
        }
    }

    /// Keeps these texts out of what messages say: the tokens that end a turn or begin another. What stands in a
    /// document, a record or a question must not.
    pub fn guarding(self, specials: Vec<String>) -> Self {
        Self { specials, ..self }
    }

    /// The text of a conversation; with `open`, ready for the assistant to go on. A model that can think first is
    /// asked not to. Where the template knows no instructions, they stand before the first question; where it wants
    /// some and there are none, they are empty.
    pub fn render(&self, messages: &[impl Serialize], open: bool) -> Result<String> {
        let more = context! { enable_thinking => false };
        match (self.folds, self.wants) {
            (true, _) => self.render_with(&folded(values(messages)?), open, &more),
            (_, true) => self.render_with(&instructed(values(messages)?), open, &more),
            _ => self.render_with(messages, open, &more),
        }
    }

    /// As [`Template::render`], with `more` variables that some templates know: `tools`, `enable_thinking`.
    pub fn render_with(&self, messages: &[impl Serialize], open: bool, more: &impl Serialize) -> Result<String> {
        let messages = self.plain(messages)?;
        // Templates ask whether there are tools by `tools is not none`.
        let more = merge_maps([context! { tools => () }, Value::from(Serde(more))]);
        let values = context! {
            messages => Value::from(Serde(&messages)),
            add_generation_prompt => open,
            bos_token => self.bos.as_str(),
            eos_token => self.eos.as_str(),
            ..more
        };
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(fuel(&messages)));
        let rendered = environment.get_template("chat").and_then(|t| t.render(values));
        rendered
            .map_err(|e| Error::invalid(format!("the model's chat template refuses this conversation: {}", told(&e))))
    }
}

impl Template {
    /// The messages, in which no text is more than text.
    fn plain(&self, messages: &[impl Serialize]) -> Result<Vec<Json>> {
        let mut said = values(messages)?;
        for content in said.iter_mut().filter_map(|message| message.get_mut("content")) {
            if let Json::String(text) = content
                && self.specials.iter().any(|special| text.contains(special))
            {
                *text = defused(text, &self.specials);
            }
        }
        Ok(said)
    }
}

/// What a template may do for a conversation, as the engine counts: an instruction, or 64 bytes of text, is one.
///
/// The dearest templates there are take some hundred for a message and write its text a few times.
fn fuel(messages: &[Json]) -> u64 {
    let bytes: usize = messages.iter().map(|message| message.to_string().len()).sum();
    500_000 + 5_000 * messages.len() as u64 + bytes as u64
}

/// The beginning of what a template, or the engine about it, has to say.
fn told(error: &impl std::fmt::Display) -> String {
    const LONGEST: usize = 300;
    let text = error.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text,
    }
}

fn values(messages: &[impl Serialize]) -> Result<Vec<Json>> {
    let json = |e| Error::invalid("this conversation cannot be written as JSON").because(e);
    messages.iter().map(serde_json::to_value).collect::<Result<_, _>>().map_err(json)
}

/// The messages with a first one of the system's before what the next one says.
fn folded(mut messages: Vec<Json>) -> Vec<Json> {
    let text = |message: &Json| message["content"].as_str().map(str::to_owned);
    if let [first, next, ..] = messages.as_mut_slice()
        && first["role"] == "system"
        && next["role"] == "user"
        && let (Some(instructions), Some(question)) = (text(first), text(next))
    {
        next["content"] = format!("{instructions}\n\n{question}").into();
        messages.remove(0);
    }
    messages
}

/// The messages with one of the system's first.
fn instructed(mut messages: Vec<Json>) -> Vec<Json> {
    if messages.first().is_none_or(|first| first["role"] != "system") {
        messages.insert(0, json!({"role": "system", "content": ""}));
    }
    messages
}

/// A template without the marks of what the assistant says.
fn without_generation(source: &str) -> String {
    let Some(marks) = GENERATION.as_ref() else { return source.to_owned() };
    let kept = marks.replace_all(source, |mark: &regex::Captures| {
        let what = if mark.name("end").is_some() { "endif" } else { "if true" };
        format!("{{%{} {what} {}%}}", &mark["open"], &mark["close"])
    });
    kept.into_owned()
}

/// Python's `json.dumps`: non-ASCII kept, a space after each comma and colon unless `separators` are given, lines with
/// `indent`.
fn tojson(state: &State, value: &Value, options: Kwargs) -> Result<Value, minijinja::Error> {
    guard::look(state, value)?;
    let indent: Option<usize> = options.get("indent")?;
    let separators: Option<Vec<String>> = options.get("separators")?;
    let text = match indent {
        Some(width) => {
            let spaces = " ".repeat(width.min(16));
            written(value, PrettyFormatter::with_indent(spaces.as_bytes()))
        }
        None => match separators.as_deref() {
            Some([item, key]) => written(value, Separators { item, key }),
            Some(_) => {
                return Err(minijinja::Error::new(ErrorKind::InvalidOperation, "tojson takes two separators"));
            }
            None => written(value, Separators { item: ", ", key: ": " }),
        },
    };
    let text = text.map_err(|e| minijinja::Error::new(ErrorKind::BadSerialization, e.to_string()))?;
    Ok(Value::from_safe_string(text))
}

fn written(value: &Value, formatter: impl Formatter) -> serde_json::Result<String> {
    let mut out = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

struct Separators<'a> {
    item: &'a str,
    key: &'a str,
}

impl Formatter for Separators<'_> {
    fn begin_array_value<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(self.item.as_bytes()) }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(self.item.as_bytes()) }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(self.key.as_bytes())
    }
}

/// `text` with a space after the first character of every special token in it.
fn defused(text: &str, specials: &[String]) -> String {
    let mut text = text.to_owned();
    // Taking one apart may put another together, but not many times.
    for _ in 0..=specials.len() {
        let Some(special) = specials.iter().find(|s| s.chars().count() > 1 && text.contains(*s)) else { break };
        let first = special.chars().next().map_or(0, char::len_utf8);
        text = text.replace(special, &format!("{} {}", &special[..first], &special[first..]));
    }
    text
}

#[cfg(test)]
mod tests;
