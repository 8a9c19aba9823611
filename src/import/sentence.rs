//! What sentence-transformers keeps beside an encoder: how its tokens become one vector, and the words before a text.

use super::huggingface::Keys;
use crate::bundle::Pooling;
use crate::error::{Error, Result};
use serde_json::Value as Json;
use std::path::Path;

/// How texts become vectors.
pub(super) struct Sentence {
    pub pooling: Pooling,
    pub query_prefix: String,
    pub passage_prefix: String,
    /// The most tokens of a text, where the folder says it.
    pub longest: Option<usize>,
}

/// Reads it from a folder.
///
/// Errors: `Unsupported` naming a module or a pooling that is not known: a vector without it would be another one.
pub(super) fn sentence(folder: &Path) -> Result<Sentence> {
    let pooling = match modules(folder)? {
        Some(path) => pooling(&Keys::read(&folder.join(path), "config.json")?)?,
        None => {
            log::warn!("{}: nothing says how tokens become one vector; their mean is taken", folder.display());
            Pooling::Mean
        }
    };
    let config = Keys::read(folder, "config_sentence_transformers.json").ok();
    let prompts = config.as_ref().and_then(|c| c.object("prompts"));
    let always = config.as_ref().and_then(|c| c.text("default_prompt_name").ok());
    let prompt = |names: &[&str]| {
        let names = names.iter().copied().chain(always.as_deref());
        let mut said = names.filter_map(|name| prompts.as_ref()?.text(name).ok());
        said.find(|text| !text.is_empty()).unwrap_or_default()
    };
    let limits = Keys::read(folder, "sentence_bert_config.json").ok();
    Ok(Sentence {
        pooling,
        query_prefix: prompt(&["query"]),
        passage_prefix: prompt(&["document", "passage", "corpus"]),
        longest: limits.and_then(|limits| limits.size("max_seq_length").ok()),
    })
}

/// Where the pooling's configuration is; none where the folder has none.
fn modules(folder: &Path) -> Result<Option<String>> {
    let Ok(bytes) = std::fs::read(folder.join("modules.json")) else {
        return Ok(folder.join("1_Pooling/config.json").exists().then(|| "1_Pooling".to_owned()));
    };
    let list: Vec<Json> =
        serde_json::from_slice(&bytes).map_err(|e| Error::corrupt(format!("modules.json is no list: {e}")))?;
    let mut found = None;
    for module in &list {
        let kind = module["type"].as_str().and_then(|kind| kind.rsplit('.').next()).unwrap_or_default();
        match kind {
            "Transformer" | "Normalize" => {}
            "Pooling" => {
                let path = module["path"].as_str().filter(|path| is_plain(path));
                found =
                    Some(path.ok_or_else(|| Error::corrupt("modules.json has a Pooling without a path"))?.to_owned());
            }
            other => {
                return Err(Error::unsupported(format!(
                    "modules.json asks for {other}, which is not known; known are Transformer, Pooling and Normalize"
                )));
            }
        }
    }
    Ok(found)
}

/// Whether a path is one name within its folder.
fn is_plain(path: &str) -> bool {
    Path::new(path).file_name().is_some_and(|name| name == path)
}

fn pooling(config: &Keys) -> Result<Pooling> {
    let named = config.text("pooling_mode").unwrap_or_default();
    let on = |flag: &str| config.flag(flag) == Some(true);
    match (named == "cls" || on("pooling_mode_cls_token"), named == "mean" || on("pooling_mode_mean_tokens")) {
        (true, false) => Ok(Pooling::Cls),
        (false, true) => Ok(Pooling::Mean),
        _ => Err(Error::unsupported(format!(
            "{} asks for a pooling other than mean or cls alone; only these two are known",
            config.file()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    const MODULES: &str = r#"[{"type": "sentence_transformers.models.Transformer", "path": ""},
        {"type": "sentence_transformers.models.Pooling", "path": "2_P"}]"#;

    #[test]
    fn pooling_stands_where_the_modules_say_and_prompts_where_they_are_named() {
        let found = folder(&[
            ("modules.json", MODULES),
            ("2_P/config.json", r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#),
            ("1_Pooling/config.json", r#"{"pooling_mode_mean_tokens": true}"#),
            ("config_sentence_transformers.json", r#"{"prompts": {"query": "ask: ", "corpus": "told: "}}"#),
            ("sentence_bert_config.json", r#"{"max_seq_length": 96}"#),
        ]);
        let found = sentence(found.path()).unwrap();
        assert_eq!((found.pooling, found.longest), (Pooling::Cls, Some(96)));
        assert_eq!((found.query_prefix.as_str(), found.passage_prefix.as_str()), ("ask: ", "told: "));
    }

    #[test]
    fn a_prompt_for_everything_stands_before_what_has_none_of_its_own() {
        let prompts = r#"{"default_prompt_name": "all", "prompts": {"all": "x: ", "query": "q: "}}"#;
        let found = sentence(folder(&[("config_sentence_transformers.json", prompts)]).path()).unwrap();
        assert_eq!((found.query_prefix.as_str(), found.passage_prefix.as_str()), ("q: ", "x: "));
        assert_eq!(found.pooling, Pooling::Mean);
    }

    #[test]
    fn what_would_give_another_vector_is_refused_by_name() {
        let dense = MODULES.replace("Pooling", "Dense");
        let both = r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}"#;
        for (files, word) in [
            (&[("modules.json", dense.as_str())][..], "Dense"),
            (&[("1_Pooling/config.json", r#"{"pooling_mode": "lasttoken"}"#)], "1_Pooling"),
            (&[("modules.json", MODULES), ("2_P/config.json", both)], "mean or cls alone"),
            (&[("modules.json", "{}")], "modules.json"),
        ] {
            let error = sentence(folder(files).path()).err().unwrap().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
