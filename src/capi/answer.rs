//! Asking, and what people thought of it.

use super::border::{Grows, Json, Text, call, grown, handle};
use super::handle::Handle;
use super::status::Status;
use super::watch::{SayFn, Wish, hearing, wish};
use crate::error::{Error, Result};
use crate::store::log::Rating;
use crate::{Question, Runtime, Wear};
use std::ffi::c_void;

/// For `flags` in wayside_question: documents are not searched and records not looked up; the model answers from what
/// it learnt.
pub const WAYSIDE_QUESTION_NO_RETRIEVAL: u32 = 1;

/// For `flags` in wayside_question: `temperature` counts, not the configured one.
pub const WAYSIDE_QUESTION_TEMPERATURE: u32 = 2;

/// For `flags` in wayside_question: the callback hears whole sentences without marks, each once it is sure, for a voice
/// that reads them.
pub const WAYSIDE_QUESTION_SENTENCES: u32 = 4;

/// A question. Fill it with zeros first, then set `size`, `text`, and what else is wanted. Texts are UTF-8 and are not
/// needed any more once the call has returned.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Asked {
    /// sizeof(wayside_question), by which later versions tell what a program knows of.
    pub size: u32,
    /// Any of WAYSIDE_QUESTION_NO_RETRIEVAL, WAYSIDE_QUESTION_TEMPERATURE and WAYSIDE_QUESTION_SENTENCES.
    pub flags: u32,
    /// The question.
    pub text: Text,
    /// The collection to search; all if null.
    pub collection: Text,
    /// The person served: their records are looked up, and the interaction is kept under them. Nobody if null.
    pub subject: Text,
    /// The model; the configured one if null. A conversation keeps its own.
    pub model: Text,
    /// The adapter it wears: an id or enough of its beginning, the path of a folder with one, or "none"; the promoted
    /// one if null. A conversation keeps its own.
    pub adapter: Text,
    /// Equal seeds give equal answers.
    pub seed: u64,
    /// The longest answer, in tokens; as configured if 0.
    pub max_tokens: u32,
    /// 0 always takes the likeliest token; higher is more varied. See WAYSIDE_QUESTION_TEMPERATURE.
    pub temperature: f32,
}

// SAFETY: numbers and texts, the first number a u32.
unsafe impl Grows for Asked {}

impl Asked {
    /// What C gave, on top of the configured settings.
    pub(super) fn question(given: *const Self, runtime: &Runtime) -> Result<Question> {
        let given = grown(given, "the question")?;
        let known = WAYSIDE_QUESTION_NO_RETRIEVAL | WAYSIDE_QUESTION_TEMPERATURE | WAYSIDE_QUESTION_SENTENCES;
        let unknown = given.flags & !known;
        if unknown != 0 {
            return Err(Error::invalid(format!("the question has flags that nobody knows: {unknown:#x}")));
        }
        let mut question = runtime.question(given.text.required("`text`")?);
        question.collection = given.collection.owned("`collection`")?;
        question.subject = given.subject.owned("`subject`")?;
        question.model = given.model.owned("`model`")?;
        question.adapter = wear(given.adapter)?;
        question.retrieval = given.flags & WAYSIDE_QUESTION_NO_RETRIEVAL == 0;
        question.sampling.seed = given.seed;
        if given.flags & WAYSIDE_QUESTION_TEMPERATURE != 0 {
            question.sampling.temperature = given.temperature;
        }
        if given.max_tokens > 0 {
            question.max_tokens = given.max_tokens as usize;
        }
        Ok(question)
    }

    /// Whether the callback hears whole sentences.
    pub(super) fn by_sentence(given: *const Self) -> Result<bool> {
        Ok(grown(given, "the question")?.flags & WAYSIDE_QUESTION_SENTENCES != 0)
    }
}

/// What a name of an adapter asks for.
pub(super) fn wear(adapter: Text) -> Result<Wear> {
    Ok(match adapter.read("`adapter`")? {
        None => Wear::Promoted,
        Some("none") => Wear::Nothing,
        Some(named) => Wear::Named(named.to_owned()),
    })
}

/// Answers a question from the documents, with citations. `say`, unless null, hears the answer as it is shown: words of
/// a model that speaks freely as they come, others when their sentence is sure; see WAYSIDE_QUESTION_SENTENCES. The
/// interaction is in the log when this returns, one that was stopped as far as it came.
///
/// JSON: {"interaction": the id under which it is in the log, "found": whether something answers, "answer": the text
/// without marks, "sentences": [{"text", "kind": "quote", "written" or "free", "sources": numbers of citations}],
/// "citations": [{"n", "document" or "record", "section", "quote", "score", ...}], "finish": "stop", "length",
/// "context" or "cancelled", "first_token_s", "tokens_per_s", ...}
///
/// Any thread. Answers by one model take turns, token by token.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_ask(
    runtime: Option<&Handle>,
    question: *const Asked,
    say: SayFn,
    user: *mut c_void,
    cancel: Option<&Wish>,
    json: Json,
) -> Status {
    call(|| {
        json.put(|| {
            let runtime = &handle(runtime, "the runtime")?.runtime;
            let (question, whole) = (Asked::question(question, runtime)?, Asked::by_sentence(question)?);
            let cancel = wish(cancel);
            runtime.ask_hearing(&question, &cancel, &mut hearing(whole, say, user, &cancel))
        })
    })
}

/// Says what a person thought of an answer: `rating` is above 0 for good and below 0 for bad. Learning goes by it. An
/// adapter on probation may be rolled back for it. As much of the interaction's id will do as no other begins with.
///
/// JSON: null, or what was rolled back: {"id", "state", "serving", "reasons", ...}
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_rate(runtime: Option<&Handle>, interaction: Text, rating: i32, json: Json) -> Status {
    call(|| {
        json.put(|| {
            let rating = match rating {
                0 => return Err(Error::invalid("a rating of 0 says nothing; good is above it, bad below")),
                1.. => Rating::Up,
                _ => Rating::Down,
            };
            handle(runtime, "the runtime")?.runtime.rate(interaction.required("the interaction")?, rating)
        })
    })
}

/// Keeps what an answer should have been; otherwise as wayside_rate.
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_correct(runtime: Option<&Handle>, interaction: Text, text: Text, json: Json) -> Status {
    call(|| {
        json.put(|| {
            let (interaction, text) = (interaction.required("the interaction")?, text.required("the correction")?);
            handle(runtime, "the runtime")?.runtime.correct(interaction, text)
        })
    })
}
