//! Questions and answers on the command line: the flags that shape an answer, and how it is shown.

use super::app::App;
use super::args::{positive, subject};
use super::failure::Failure;
use super::style::Style;
use clap::Args;
use std::path::Path;
use wayside::config::Mode;
use wayside::infer::{Finish, Sampling};
use wayside::store::log::{Citation, Source, Words};
use wayside::{Answer, Question, Runtime, Wear};

/// Where help lists the flags that choose tokens.
const TOKENS: &str = "How tokens are chosen";

/// Flags of `ask` and `chat`.
#[derive(Args, Clone, Debug, Default)]
pub struct Answering {
    /// The collection to search; all without
    #[arg(long, value_name = "C")]
    pub collection: Option<String>,
    /// Whom it concerns; kept with the interaction
    #[arg(long, value_name = "ID", value_parser = subject)]
    pub subject: Option<String>,
    /// Do not search the documents; the model speaks freely, and nothing that it says is checked
    #[arg(long)]
    pub no_retrieval: bool,
    /// Whose words the answer is made of: `quote` the documents' own, `write` a model's where they are supported,
    /// `auto` both where it pays [default: the configured way]
    #[arg(long, value_name = "MODE", value_parser = mode)]
    pub mode: Option<Mode>,
    /// The model to answer with [default: the configured one]
    #[arg(long, value_name = "M")]
    pub model: Option<String>,
    /// The adapter it wears: an id, its beginning or a folder; or `none` [default: the promoted one]
    #[arg(long, value_name = "ID")]
    pub adapter: Option<String>,
    /// The longest answer, in tokens [default: the configured one]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub max_tokens: Option<usize>,
    /// Always take the likeliest token
    #[arg(long, help_heading = TOKENS, conflicts_with_all = ["temperature", "top_k", "top_p", "min_p"])]
    pub greedy: bool,
    /// 0 always takes the likeliest token; higher is more varied
    #[arg(long, help_heading = TOKENS, value_name = "T", allow_negative_numbers = true)]
    pub temperature: Option<f32>,
    /// Only this many of the likeliest tokens; 0 means all
    #[arg(long, help_heading = TOKENS, value_name = "K")]
    pub top_k: Option<usize>,
    /// Only the likeliest tokens that share this much probability; 1 means all
    #[arg(long, help_heading = TOKENS, value_name = "P", allow_negative_numbers = true)]
    pub top_p: Option<f32>,
    /// Only tokens at least this likely, relative to the likeliest; 0 means all
    #[arg(long, help_heading = TOKENS, value_name = "P", allow_negative_numbers = true)]
    pub min_p: Option<f32>,
    /// Above 1, tokens that already stand there become less likely
    #[arg(long, help_heading = TOKENS, value_name = "R", allow_negative_numbers = true)]
    pub repetition_penalty: Option<f32>,
    /// Equal seeds give equal answers
    #[arg(long, help_heading = TOKENS, value_name = "S")]
    pub seed: Option<u64>,
    /// A text that ends the answer; may be given several times
    #[arg(long, help_heading = TOKENS, value_name = "TEXT")]
    pub stop: Vec<String>,
}

impl Answering {
    /// The question `text` under these flags, on top of the configured settings.
    pub fn question(&self, runtime: &Runtime, text: &str) -> Result<Question, Failure> {
        let mut question = runtime.question(text);
        question.sampling = self.sampling(question.sampling)?;
        question.collection.clone_from(&self.collection);
        question.subject.clone_from(&self.subject);
        question.retrieval = !self.no_retrieval;
        question.mode = self.mode.unwrap_or(question.mode);
        question.model.clone_from(&self.model);
        question.adapter = wear(self.adapter.as_deref());
        question.max_tokens = self.max_tokens.unwrap_or(question.max_tokens);
        question.stop.clone_from(&self.stop);
        Ok(question)
    }

    fn sampling(&self, configured: Sampling) -> Result<Sampling, Failure> {
        let base = if self.greedy { Sampling::greedy() } else { configured };
        let sampling = Sampling {
            temperature: self.temperature.unwrap_or(base.temperature),
            top_k: self.top_k.unwrap_or(base.top_k),
            top_p: self.top_p.unwrap_or(base.top_p),
            min_p: self.min_p.unwrap_or(base.min_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(base.repetition_penalty),
            seed: self.seed.unwrap_or(base.seed),
        };
        sampling.check().map_err(Failure::words)?;
        Ok(sampling)
    }
}

/// A way of answering, by its name.
pub fn mode(name: &str) -> Result<Mode, String> {
    match name {
        "auto" => Ok(Mode::Auto),
        "quote" => Ok(Mode::Quote),
        "write" => Ok(Mode::Write),
        _ => Err("auto, quote or write".into()),
    }
}

/// What `--adapter` asks for: what was promoted where it is not given, nothing where it is `none`.
pub fn wear(named: Option<&str>) -> Wear {
    match named {
        None => Wear::Promoted,
        Some("none") => Wear::Nothing,
        Some(named) => Wear::Named(named.to_owned()),
    }
}

/// Shows what follows an answer whose text was streamed: where it comes from, and what it took.
pub fn show(app: &App, answer: &Answer, seconds: f64) {
    app.line("");
    if !answer.citations.is_empty() {
        app.line("");
        answer.citations.iter().for_each(|c| app.line(&source(c)));
    }
    if answer.sentences.iter().any(|sentence| sentence.kind == Words::Free) {
        app.line("");
        app.line(&app.style.dim("(the model's own words; nothing in the documents says so)"));
    }
    answer.notes.iter().for_each(|note| app.note(&format!("note: {note}")));
    if app.verbose {
        let cited = |c: &&Citation| answer.citations.iter().all(|d| d.n != c.n);
        let others = answer.hits.iter().filter(cited);
        others.for_each(|c| app.line(&app.style.dim(&format!("looked at: {} ({:.2})", source(c), c.score))));
    }
    app.line("");
    app.line(&app.style.dim(&summary(answer, seconds)));
}

/// `[1] wren.md, Wren > Cleaning`; `[orders #1042] 2026-01-03` of a record.
pub fn source(citation: &Citation) -> String {
    let mark = citation.mark();
    match &citation.source {
        Source::Record { date, .. } => {
            format!("[{mark}] {}", date.as_deref().unwrap_or_default()).trim_end().to_owned()
        }
        Source::Passage { document, section, page, .. } => {
            let name = Path::new(document).file_name().map(|n| n.to_string_lossy().into_owned());
            let page = page.map(|page| format!(", p. {page}")).unwrap_or_default();
            let section = if section.is_empty() { String::new() } else { format!(", {section}") };
            format!("[{mark}] {}{page}{section}", name.as_ref().unwrap_or(document))
        }
    }
}

/// What ended an answer, where it was not the model.
pub fn ended(finish: Finish) -> Option<&'static str> {
    match finish {
        Finish::Stop => None,
        Finish::Length => Some("cut at --max-tokens"),
        Finish::Context => Some("cut at the model's limit"),
        Finish::Cancelled => Some("stopped"),
    }
}

fn summary(answer: &Answer, seconds: f64) -> String {
    let ended = ended(answer.finish).map(|why| format!(", {why}")).unwrap_or_default();
    let Answer { interaction, prompt_tokens, answer_tokens, .. } = answer;
    if *prompt_tokens == 0 {
        let why = if answer.found { "quoted" } else { "nothing found" };
        return format!("{interaction}: {why}, no model was asked, {seconds:.1} s");
    }
    format!("{interaction}: {prompt_tokens} + {answer_tokens} tokens, {seconds:.1} s{ended}")
}

/// A question as it stands above its answer in a transcript.
pub fn asked(style: Style, question: &str) -> String {
    style.bold(&format!("> {question}"))
}
