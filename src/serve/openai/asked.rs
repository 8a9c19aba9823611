//! What requests have in common: which model, whether over documents, how tokens are chosen, and in which form.

use crate::serve::house::House;
use crate::serve::problem::Problem;
use hyper::StatusCode;
use rand::RngExt;
use serde::Deserialize;
use serde_json::Value;
use wayside::Wear;
use wayside::infer::{Finish, Form, Sampling};

/// The name of the model that answers over the documents.
pub const GROUNDED: &str = "wayside";

/// The most texts that end an answer.
const MOST_STOPS: usize = 16;

/// What asks a model for text may say.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    /// The model's name.
    #[serde(default)]
    pub model: String,
    /// Whether documents are searched, whatever the model's name says.
    pub retrieval: Option<bool>,
    /// Whether it comes as it is made.
    pub stream: Option<bool>,
    /// What else streams carry.
    pub stream_options: Option<StreamOptions>,
    /// The longest answer, in tokens.
    pub max_tokens: Option<usize>,
    /// The same, by its newer name.
    pub max_completion_tokens: Option<usize>,
    /// The same, in responses.
    pub max_output_tokens: Option<usize>,
    /// See [`Sampling`].
    pub temperature: Option<f32>,
    /// See [`Sampling`].
    pub top_p: Option<f32>,
    /// See [`Sampling`].
    pub top_k: Option<usize>,
    /// See [`Sampling`].
    pub min_p: Option<f32>,
    /// See [`Sampling`].
    pub repetition_penalty: Option<f32>,
    /// See [`Sampling`].
    pub seed: Option<i64>,
    /// What ends an answer.
    pub stop: Option<Stop>,
    /// How many answers.
    pub n: Option<usize>,
    /// The form of the answer.
    pub response_format: Option<Value>,
    /// Whether the answer of a model alone is kept in the log.
    pub store: Option<bool>,
    /// A penalty that is not known here.
    pub frequency_penalty: Option<f32>,
    /// A penalty that is not known here.
    pub presence_penalty: Option<f32>,
    /// The adapter: an id, or `none`.
    pub adapter: Option<String>,
    /// The collection to search.
    pub collection: Option<String>,
    /// Who is served, as staff says.
    pub subject: Option<String>,
}

/// What else streams carry.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct StreamOptions {
    /// Whether the last event counts tokens.
    #[serde(default)]
    pub include_usage: bool,
}

/// One text, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Stop {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// Which model answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The name that was asked for.
    pub name: String,
    /// The bundle; none is the configured one.
    pub bundle: Option<String>,
    /// Whether documents are searched.
    pub grounded: bool,
}

impl Asked {
    /// The model that is meant: `wayside` over the documents, `wayside/NAME` with that model, or a model alone.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn model(&self, house: &House) -> Result<Model, Problem> {
        let (grounded, bundle) = match self.model.strip_prefix(GROUNDED) {
            Some("") => (true, None),
            Some(rest) if rest.starts_with('/') => (true, rest.get(1..)),
            _ => (false, Some(self.model.as_str())),
        };
        let bundle = bundle.filter(|name| *name != house.runtime.config().model);
        if let Some(name) = bundle
            && !names(house)?.iter().any(|known| known == name)
        {
            let known = names(house)?.join("`, `");
            return Err(Problem {
                param: Some("model".into()),
                ..Problem::new(
                    StatusCode::NOT_FOUND,
                    "model_not_found",
                    format!(
                        "there is no model `{}`; ask `{GROUNDED}`, which knows the documents, or `{known}`",
                        self.model
                    ),
                )
            });
        }
        Ok(Model {
            name: self.model.clone(),
            bundle: bundle.map(str::to_owned),
            grounded: self.retrieval.unwrap_or(grounded),
        })
    }

    /// How tokens are chosen: as the house does, but for what is said. Without a seed each answer is drawn anew.
    ///
    /// # Errors
    /// Something that makes no sense, or is not known here.
    pub fn sampling(&self, house: &House) -> Result<Sampling, Problem> {
        let base = house.runtime.sampling();
        if self.n.is_some_and(|n| n != 1) {
            return Err(Problem::invalid("n", "one answer at a time: `n` must be 1"));
        }
        for (name, penalty) in
            [("frequency_penalty", self.frequency_penalty), ("presence_penalty", self.presence_penalty)]
        {
            if penalty.is_some_and(|penalty| penalty != 0.0) {
                return Err(Problem::invalid(name, format!("`{name}` is not known here; `repetition_penalty` is")));
            }
        }
        let penalty = if self.form()?.is_some() { 1.0 } else { base.repetition_penalty };
        let sampling = Sampling {
            temperature: self.temperature.unwrap_or(base.temperature),
            top_p: self.top_p.unwrap_or(base.top_p),
            top_k: self.top_k.unwrap_or(base.top_k),
            min_p: self.min_p.unwrap_or(base.min_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(penalty),
            seed: self.seed.map_or_else(|| rand::rng().random(), i64::cast_unsigned),
        };
        sampling.check()?;
        Ok(sampling)
    }

    /// The most tokens, where it is said.
    ///
    /// # Errors
    /// None at all.
    pub fn most(&self) -> Result<Option<usize>, Problem> {
        match self.max_completion_tokens.or(self.max_output_tokens).or(self.max_tokens) {
            Some(0) => Err(Problem::invalid("max_tokens", "an answer has at least one token")),
            most => Ok(most),
        }
    }

    /// The texts that end an answer.
    ///
    /// # Errors
    /// There are too many.
    pub fn stop(&self) -> Result<Vec<String>, Problem> {
        let stop = match self.stop.clone() {
            None => vec![],
            Some(Stop::One(one)) => vec![one],
            Some(Stop::Several(several)) => several,
        };
        if stop.len() > MOST_STOPS {
            return Err(Problem::invalid("stop", format!("at most {MOST_STOPS} texts can end an answer")));
        }
        Ok(stop.into_iter().filter(|text| !text.is_empty()).collect())
    }

    /// The form of the answer, where it must have one.
    ///
    /// # Errors
    /// One that is not known.
    pub fn form(&self) -> Result<Option<Form>, Problem> {
        self.response_format.as_ref().map_or(Ok(None), form)
    }

    /// What the model wears.
    pub fn wear(&self) -> Wear {
        match self.adapter.as_deref() {
            None => Wear::Promoted,
            Some("none") => Wear::Nothing,
            Some(id) => Wear::Named(id.to_owned()),
        }
    }

    /// Whether it comes as it is made.
    pub fn streams(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    /// Whether a stream's last event counts tokens.
    pub fn counts(&self) -> bool {
        self.stream_options.is_some_and(|options| options.include_usage)
    }
}

/// A form of answers: of OpenAI's, or an expression or a grammar.
pub fn form(format: &Value) -> Result<Option<Form>, Problem> {
    let wrong = |message: &str| Problem::invalid("response_format", message);
    let text = |key: &str| format[key].as_str().map(str::to_owned);
    Ok(match format["type"].as_str() {
        Some("text") => None,
        Some("json_object") => Some(Form::Json),
        Some("json_schema") => {
            let inner = format.get("json_schema").unwrap_or(format);
            let schema = inner.get("schema").filter(|schema| schema.is_object());
            Some(Form::Schema(schema.ok_or_else(|| wrong("`json_schema.schema` must be an object"))?.clone()))
        }
        Some("regex") => Some(Form::Expression(
            text("regex").or_else(|| text("pattern")).ok_or_else(|| wrong("`regex` must be an expression"))?,
        )),
        Some("grammar") => {
            Some(Form::Grammar(text("grammar").ok_or_else(|| wrong("`grammar` must be a grammar in Lark's notation"))?))
        }
        _ => return Err(wrong("`type` must be text, json_object, json_schema, regex or grammar")),
    })
}

/// The language models there are.
///
/// # Errors
/// The folder cannot be read.
pub fn names(house: &House) -> Result<Vec<String>, Problem> {
    let infos = house.runtime.model_infos()?.into_iter().filter_map(|(name, info)| Some((name, info.ok()?)));
    let mut names: Vec<String> = infos.filter(|(_, info)| info.context_mb.is_some()).map(|(name, _)| name).collect();
    // What is configured is fetched when it is first asked for.
    let configured = &house.runtime.config().model;
    if !names.contains(configured) {
        names.insert(0, configured.clone());
    }
    Ok(names)
}

/// Why an answer ended, in the API's words.
pub fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length | Finish::Context | Finish::Cancelled => "length",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn forms_are_read_in_all_their_spellings() {
        let schema = json!({ "type": "object" });
        let wanted = Some(Form::Schema(schema.clone()));
        assert_eq!(
            form(&json!({ "type": "json_schema", "json_schema": { "name": "a", "schema": schema } })).unwrap(),
            wanted
        );
        assert_eq!(form(&json!({ "type": "json_schema", "name": "a", "schema": schema })).unwrap(), wanted);
        assert_eq!(form(&json!({ "type": "text" })).unwrap(), None);
        assert_eq!(form(&json!({ "type": "regex", "regex": "a" })).unwrap(), Some(Form::Expression("a".into())));
        for bad in [json!({}), json!({ "type": "xml" }), json!({ "type": "json_schema" }), json!({ "type": "regex" })] {
            assert!(form(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn stops_are_one_or_several() {
        let asked = |stop: Value| serde_json::from_value::<Asked>(json!({ "stop": stop })).unwrap();
        assert_eq!(asked(json!("a")).stop().unwrap(), ["a"]);
        assert_eq!(asked(json!(["a", ""])).stop().unwrap(), ["a"]);
        assert!(asked(json!(vec!["a"; 17])).stop().is_err());
    }
}
