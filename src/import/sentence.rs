//! What sentence-transformers keeps beside an encoder: how its tokens become one vector, and the words before a text.

use super::dense::Dense;
use super::huggingface::Keys;
use crate::bundle::Pooling;
use crate::error::{Error, Result};
use crate::watch::Progress;
use serde_json::Value as Json;
use std::path::Path;

/// What all vectors of a model have in common, `[dimensions]`.
pub(super) const CENTRE: &str = "centre";

/// How texts become vectors.
#[derive(Clone, Debug)]
pub(super) struct Sentence {
    pub pooling: Pooling,
    /// The layers behind the pooling.
    pub dense: Vec<Dense>,
    /// Whether the tensor [`CENTRE`] is taken from a text's unit vector.
    pub centred: bool,
    pub query_prefix: String,
    pub passage_prefix: String,
    /// The most tokens of a text, where the folder says it.
    pub longest: Option<usize>,
}

/// Reads it from a folder.
///
/// Errors: `Unsupported` naming a module or a pooling that is not known: a vector without it would be another one.
pub(super) fn sentence(folder: &Path, progress: &dyn Progress) -> Result<Sentence> {
    let mut sentence = prompts(folder);
    let Some((path, dense)) = modules(folder)? else {
        unsaid(&folder.display().to_string(), "put its modules.json and 1_Pooling into the folder", progress);
        return Ok(sentence);
    };
    let config = Keys::read(&folder.join(path), "config.json")?;
    let prompted = !sentence.query_prefix.is_empty() || !sentence.passage_prefix.is_empty();
    if prompted && config.flag("include_prompt") == Some(false) {
        return Err(Error::unsupported(format!(
            "{}: include_prompt is false, which leaves the words before a text out of its vector; only poolings \
             over all tokens are known",
            config.file()
        )));
    }
    sentence.pooling = pooling(&config, !dense.is_empty())?;
    sentence.dense = dense;
    Ok(sentence)
}

/// Tells that nothing says how the tokens of `what` become one vector, and what to do if the mean is wrong.
pub(super) fn unsaid(what: &str, remedy: &str, progress: &dyn Progress) {
    progress.note(&format!(
        "{what}: nothing says how tokens become one vector, so their mean is taken; if the model wants another \
         pooling, {remedy}"
    ));
}

/// The words before a text and the longest text, as a folder says it. The pooling is the mean.
pub(super) fn prompts(folder: &Path) -> Sentence {
    let config = Keys::read(folder, "config_sentence_transformers.json").ok();
    let prompts = config.as_ref().and_then(|c| c.object("prompts"));
    let always = config.as_ref().and_then(|c| c.text("default_prompt_name").ok());
    let prompt = |names: &[&str]| {
        let names = names.iter().copied().chain(always.as_deref());
        let mut said = names.filter_map(|name| prompts.as_ref()?.text(name).ok());
        said.find(|text| !text.is_empty()).unwrap_or_default()
    };
    let limits = Keys::read(folder, "sentence_bert_config.json").ok();
    Sentence {
        pooling: Pooling::Mean,
        dense: vec![],
        centred: false,
        query_prefix: prompt(&["query"]),
        passage_prefix: prompt(&["document", "passage", "corpus"]),
        longest: limits.and_then(|limits| limits.size("max_seq_length").ok()),
    }
}

/// Whether a folder says how a model's tokens become one vector: then it is an embedder.
///
/// Errors: as [`sentence`].
pub(super) fn is_embedder(folder: &Path) -> Result<bool> {
    Ok(modules(folder)?.is_some())
}

/// Where the pooling's configuration is, and the layers behind it; none where the folder has no pooling.
fn modules(folder: &Path) -> Result<Option<(String, Vec<Dense>)>> {
    let Ok(bytes) = std::fs::read(folder.join("modules.json")) else {
        let usual = folder.join("1_Pooling/config.json").exists();
        return Ok(usual.then(|| ("1_Pooling".to_owned(), vec![])));
    };
    let list: Vec<Json> =
        serde_json::from_slice(&bytes).map_err(|e| Error::corrupt(format!("modules.json is no list: {e}")))?;
    let (mut found, mut dense, mut ended) = (None, Vec::new(), false);
    for module in &list {
        let kind = module["type"].as_str().and_then(|kind| kind.rsplit('.').next()).unwrap_or_default();
        let path = || {
            let path = module["path"].as_str().filter(|path| is_plain(path));
            path.ok_or_else(|| Error::corrupt(format!("modules.json has a {kind} without a path")))
        };
        match kind {
            "Transformer" | "Dropout" => {}
            "Normalize" => ended = true,
            "Pooling" => found = Some(path()?.to_owned()),
            "Dense" if found.is_some() && !ended => dense.push(Dense::read(folder, path()?)?),
            "Dense" => {
                return Err(Error::unsupported(
                    "modules.json has a Dense elsewhere than between Pooling and Normalize; only there it is known",
                ));
            }
            other => {
                return Err(Error::unsupported(format!(
                    "modules.json asks for {other}, which is not known; known are Transformer, Pooling, Dense, \
                     Dropout and Normalize"
                )));
            }
        }
    }
    Ok(found.map(|path| (path, dense)))
}

/// Whether a path is one name within its folder.
fn is_plain(path: &str) -> bool {
    Path::new(path).file_name().is_some_and(|name| name == path)
}

/// Which one a pooling's configuration asks for; `more` if layers follow, to which the length of a vector matters.
fn pooling(config: &Keys, more: bool) -> Result<Pooling> {
    let mut named = config.on("pooling_mode_");
    named.extend(config.text("pooling_mode").ok());
    named.extend(config.texts("pooling_mode").unwrap_or_default());
    let modes: Vec<&str> =
        named.iter().map(|mode| mode.trim_end_matches("_tokens").trim_end_matches("_token")).collect();
    let mut modes = modes.as_slice();
    while let [one, rest @ ..] = modes
        && rest.first() == Some(one)
    {
        modes = rest;
    }
    match modes {
        ["mean"] => Ok(Pooling::Mean),
        // The mean but for its length.
        ["mean_sqrt_len"] if !more => Ok(Pooling::Mean),
        ["cls"] => Ok(Pooling::Cls),
        ["max"] => Ok(Pooling::Max),
        ["lasttoken"] => Ok(Pooling::Last),
        other => Err(Error::unsupported(format!(
            "{} asks for the pooling {:?}; known are mean, cls, max and lasttoken, each of them alone",
            config.file(),
            other.join(" and ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Quiet;
    use std::fs;
    use std::sync::Mutex;

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
        let found = sentence(found.path(), &Quiet).unwrap();
        assert_eq!((found.pooling, found.longest), (Pooling::Cls, Some(96)));
        assert_eq!((found.query_prefix.as_str(), found.passage_prefix.as_str()), ("ask: ", "told: "));
    }

    #[test]
    fn a_prompt_for_everything_stands_before_what_has_none_of_its_own() {
        let prompts = r#"{"default_prompt_name": "all", "prompts": {"all": "x: ", "query": "q: "}}"#;
        let found = sentence(folder(&[("config_sentence_transformers.json", prompts)]).path(), &Quiet).unwrap();
        assert_eq!((found.query_prefix.as_str(), found.passage_prefix.as_str()), ("q: ", "x: "));
        assert_eq!(found.pooling, Pooling::Mean);
    }

    /// Hears what is told.
    #[derive(Default)]
    struct Told(Mutex<Vec<String>>);

    impl Progress for Told {
        fn note(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }

    #[test]
    fn a_pooling_that_nothing_names_is_told() {
        let modes = [
            ("cls", Pooling::Cls),
            ("mean", Pooling::Mean),
            ("max", Pooling::Max),
            ("lasttoken", Pooling::Last),
            ("mean_sqrt_len_tokens", Pooling::Mean),
        ];
        let told = Told::default();
        for (mode, pooling) in modes {
            let config = format!(r#"{{"pooling_mode": "{mode}"}}"#);
            let found = folder(&[("1_Pooling/config.json", &config)]);
            assert_eq!(sentence(found.path(), &told).unwrap().pooling, pooling);
        }
        assert!(told.0.lock().unwrap().is_empty());
        assert_eq!(sentence(folder(&[]).path(), &told).unwrap().pooling, Pooling::Mean);
        assert!(told.0.lock().unwrap()[0].contains("their mean is taken"));
    }

    #[test]
    fn what_would_give_another_vector_is_refused_by_name() {
        let dense = MODULES.replace("Pooling", "Dense");
        let words = MODULES.replace("Pooling", "WordWeights");
        let both = r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}"#;
        let left_out = r#"{"pooling_mode": "mean", "include_prompt": false}"#;
        let prompts = ("config_sentence_transformers.json", r#"{"prompts": {"query": "ask: "}}"#);
        for (files, word) in [
            (&[("modules.json", dense.as_str())][..], "Dense"),
            (&[("modules.json", words.as_str())], "WordWeights"),
            (&[("1_Pooling/config.json", r#"{"pooling_mode": "weightedmean"}"#)], "weightedmean"),
            (&[("modules.json", MODULES), ("2_P/config.json", both)], "cls and mean"),
            (&[("modules.json", MODULES), ("2_P/config.json", left_out), prompts], "include_prompt"),
            (&[("modules.json", "{}")], "modules.json"),
        ] {
            let error = sentence(folder(files).path(), &Quiet).err().unwrap().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
