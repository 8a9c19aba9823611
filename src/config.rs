//! The configuration file, `config.toml` in the home directory. Every key is optional; an unknown one is an error,
//! since it is most likely a misspelt wish.

mod answer;
mod kernels;
mod language;
mod learn;
mod library;
mod night;
mod records;
mod serve;
mod trust;

pub use answer::{Answer, Mode, Unsupported};
pub use kernels::Kernels;
pub use language::{Language, Phrases};
pub use learn::{Learn, Personal};
pub use library::{RUNTIME_VARIABLE, library_path};
pub use night::Night;
pub use records::Records;
pub use serve::Serve;
pub use trust::Trust;

use crate::device::Device;
use crate::error::{Error, Result};
use crate::parts::LANGUAGE_MODEL;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The name of the file in the home directory.
pub const FILE: &str = "config.toml";

/// The embedder whose choice is left to the languages of the documents.
pub const AUTO: &str = "auto";

/// The default file, with a comment on every key. It parses back to [`Config::default`].
pub const DEFAULT_TEXT: &str = include_str!("config/default.toml");

/// All settings. [`Config::default`] is what an empty file means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The ONNX Runtime library: a path (relative ones start at the home directory), or a bare name for the system's
    /// loader to find. Without it, the part: pulled, or shipped beside the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<PathBuf>,
    /// Whether `ORT_DYLIB_PATH` is looked at. The program's choice, not the file's.
    #[serde(skip)]
    pub environment: bool,
    /// Threads for running models; 0 means one for each physical core or, where there are small ones beside large ones,
    /// for each large one, and then they keep to those. With 1, only live sources start others.
    pub threads: usize,
    /// Which kernels compute on the CPU.
    pub kernels: Kernels,
    /// Whether a language model is refused for which too little memory is free.
    pub memory_check: bool,
    /// What runs models.
    pub device: Device,
    /// Whether the CPU takes over, with a warning, where that does not work.
    pub device_fallback: bool,
    /// The most that each model may take of a GPU's memory, in MiB; 0 means no limit.
    pub device_memory_mb: usize,
    /// The bundle that answers.
    pub model: String,
    /// The bundle that turns text into vectors, or [`AUTO`].
    pub embedder: String,
    /// In which language the house speaks by itself.
    pub language: Language,
    /// What answers are made of.
    pub answer: Answer,
    /// How text is written.
    pub generate: Generate,
    /// How passages are found.
    pub retrieve: Retrieve,
    /// How records of the person served are looked up.
    pub records: Records,
    /// How documents are cut and stored.
    pub ingest: Ingest,
    /// How conversations begin and end.
    pub chat: Chat,
    /// What is learned from the log.
    pub learn: Learn,
    /// When learning runs by itself.
    pub night: Night,
    /// The service on the device.
    pub serve: Serve,
    /// Whose signatures count.
    pub trust: Trust,
}

/// How text is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Generate {
    /// The longest answer, in tokens.
    pub max_tokens: usize,
    /// 0 always takes the likeliest token; higher is more varied.
    pub temperature: f32,
    /// Only this many of the likeliest tokens are drawn from; 0 means all.
    pub top_k: usize,
    /// Only the likeliest tokens that share this much probability; 1 means all.
    pub top_p: f32,
    /// Only tokens at least this likely, relative to the likeliest; 0 means all.
    pub min_p: f32,
    /// Above 1, tokens that already stand in the answer become less likely.
    pub repetition_penalty: f32,
    /// Prompt and answer together, in tokens; a model with a smaller limit keeps its own.
    pub context: usize,
    /// The most tokens guessed ahead and checked in one pass.
    pub draft: usize,
}

/// How passages are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retrieve {
    /// The most passages whose units are weighed.
    pub k: usize,
    /// The most tokens that a model is shown of them.
    pub budget: usize,
    /// Passages less relevant than this (cosine, plus up to 0.3 for shared words) are not weighed.
    pub min_score: f32,
}

/// How documents are cut and stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ingest {
    /// The longest chunk, in tokens.
    pub chunk_tokens: usize,
    /// What a chunk repeats of the one before, in tokens.
    pub overlap_tokens: usize,
    /// Larger documents are skipped with a note, in MiB.
    pub max_document_mb: u64,
    /// The collection for documents that name none.
    pub collection: String,
}

/// How conversations begin and end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chat {
    /// House instructions, put before every conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// A conversation at a terminal ends and is wiped after so many seconds without a key; 0 means never.
    pub idle_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            runtime: None,
            environment: true,
            threads: 0,
            kernels: Kernels::Auto,
            memory_check: true,
            device: Device::Cpu,
            device_fallback: true,
            device_memory_mb: 0,
            model: LANGUAGE_MODEL.into(),
            embedder: AUTO.into(),
            language: Language::default(),
            answer: Answer::default(),
            generate: Generate::default(),
            retrieve: Retrieve::default(),
            records: Records::default(),
            ingest: Ingest::default(),
            chat: Chat::default(),
            learn: Learn::default(),
            night: Night::default(),
            serve: Serve::default(),
            trust: Trust::default(),
        }
    }
}

impl Default for Generate {
    fn default() -> Self {
        Self {
            max_tokens: 256,
            temperature: 0.0,
            top_k: 40,
            top_p: 0.95,
            min_p: 0.05,
            repetition_penalty: 1.1,
            context: 2048,
            draft: 7,
        }
    }
}

impl Default for Retrieve {
    fn default() -> Self {
        Self { k: 8, budget: 700, min_score: 0.2 }
    }
}

impl Default for Ingest {
    fn default() -> Self {
        Self { chunk_tokens: 200, overlap_tokens: 30, max_document_mb: 16, collection: "default".into() }
    }
}

impl Default for Chat {
    fn default() -> Self {
        Self { system: None, idle_seconds: 180 }
    }
}

impl Config {
    /// Reads `config.toml` of a home directory; without the file, the defaults.
    ///
    /// # Errors
    /// Invalid, naming the line and the key; I/O if the file is there and cannot be read.
    pub fn load(home: &Path) -> Result<Self> {
        let path = home.join(FILE);
        let text = match crate::durable::read_text(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(Error::io(format!("cannot read {}", path.display()), e)),
        };
        let mut config = Self::parse(&text).map_err(|e| e.context(path.display()))?;
        config.runtime = config.runtime.map(|p| if library::is_bare(&p) { p } else { home.join(p) });
        config.learn.personal.iter_mut().for_each(|records| records.file = home.join(&records.file));
        Ok(config)
    }

    /// Reads a configuration and checks its ranges.
    ///
    /// # Errors
    /// Invalid, naming the line and the key.
    pub fn parse(text: &str) -> Result<Self> {
        const REMEDY: &str = "`wayside config` prints a valid file";
        let config: Self = toml::from_str(text).map_err(|e| {
            let place = e.span().and_then(|span| place(text, span.start)).unwrap_or_default();
            Error::invalid(format!("{place}{}; {REMEDY}", e.message().replace('\n', ", ")))
        })?;
        config.check().map_err(|what| Error::invalid(format!("{what}; {REMEDY}")))?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let Self { generate, retrieve, ingest, .. } = self;
        let rules = [
            ("`model` must not be empty", !self.model.is_empty()),
            ("`embedder` must not be empty", !self.embedder.is_empty()),
            ("`threads` must be at most 1024", self.threads <= 1024),
            ("`generate.max_tokens` must be at least 1", generate.max_tokens >= 1),
            ("`generate.temperature` must be between 0 and 10", (0.0..=10.0).contains(&generate.temperature)),
            ("`generate.top_p` must be above 0 and at most 1", generate.top_p > 0.0 && generate.top_p <= 1.0),
            ("`generate.min_p` must be at least 0 and below 1", (0.0..1.0).contains(&generate.min_p)),
            (
                "`generate.repetition_penalty` must be between 0.1 and 10",
                (0.1..=10.0).contains(&generate.repetition_penalty),
            ),
            ("`generate.context` must be at least 64", generate.context >= 64),
            ("`generate.draft` must be at most 15", generate.draft <= 15),
            ("`retrieve.k` must be between 1 and 100", (1..=100).contains(&retrieve.k)),
            ("`retrieve.min_score` must be between -1 and 1", (-1.0..=1.0).contains(&retrieve.min_score)),
            ("`ingest.chunk_tokens` must be between 16 and 8192", (16..=8192).contains(&ingest.chunk_tokens)),
            (
                "`ingest.overlap_tokens` must be at most half of `ingest.chunk_tokens`",
                ingest.overlap_tokens <= ingest.chunk_tokens / 2,
            ),
            (
                "`ingest.max_document_mb` must be between 1 and 1048576",
                (1..=1_048_576).contains(&ingest.max_document_mb),
            ),
            ("`ingest.collection` must not be empty", !ingest.collection.is_empty()),
            ("`chat.idle_seconds` must be at most 86400", self.chat.idle_seconds <= 86_400),
        ];
        let extra = self
            .learn
            .rules()
            .into_iter()
            .chain(self.night.rules())
            .chain(self.records.rules())
            .chain(self.answer.rules())
            .chain(self.serve.rules())
            .chain(self.trust.rules());
        match rules.into_iter().chain(extra).find(|(_, holds)| !holds) {
            Some((rule, _)) => Err((*rule).to_owned()),
            None => Ok(()),
        }
    }
}

/// "line N (`its text`): " for a byte offset.
fn place(text: &str, offset: usize) -> Option<String> {
    let before = text.get(..offset)?;
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    let line: String = text.get(start..)?.lines().next().unwrap_or_default().trim().chars().take(80).collect();
    let number = before.matches('\n').count() + 1;
    Some(if line.is_empty() { format!("line {number}: ") } else { format!("line {number} (`{line}`): ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use proptest::prelude::*;

    #[test]
    fn the_default_text_means_the_defaults_and_names_every_key() {
        let text = DEFAULT_TEXT;
        assert_eq!(Config::parse(text).unwrap(), Config::default());
        assert_eq!(Config::parse("").unwrap(), Config::default());
        let left_out = ["runtime", "system", "[[learn", "file", "subject", "columns"];
        let filled = left_out.iter().fold(text.to_owned(), |text, key| text.replace(&format!("# {key}"), key));
        let config = Config::parse(&filled).unwrap();
        assert!(config.runtime.is_some() && config.chat.system.is_some() && config.learn.personal.len() == 1);
        let all = toml::Table::try_from(&config).unwrap();
        assert_eq!(keys(&toml::from_str(&filled).unwrap()), keys(&all), "a key is missing in the text");
    }

    fn keys(table: &toml::Table) -> Vec<String> {
        let nested = |(key, value): (&String, &toml::Value)| match value {
            toml::Value::Table(table) => keys(table).iter().map(|k| format!("{key}.{k}")).collect(),
            _ => vec![key.clone()],
        };
        let mut keys: Vec<String> = table.iter().flat_map(nested).collect();
        keys.sort();
        keys
    }

    #[test]
    fn a_wrong_key_is_named_with_its_line() {
        for (text, line, key) in [
            ("threads = 2\nthread = 3\n", "line 2", "thread"),
            ("[generate]\n\nmax_token = 3\n", "line 3", "max_token"),
            ("[generate]\nmax_tokens = \"many\"\n", "line 2", "max_tokens"),
            ("[retrieve]\nk = -1\n", "line 2", "k = -1"),
            ("threads = \n", "line 1", "threads"),
            ("threads = 1\ndevice = \"gpu\"\n", "line 2", "tensorrt"),
            ("[retrieve]\nk = 0\n", "", "retrieve.k"),
            ("[generate]\ntemperature = nan\n", "", "generate.temperature"),
            ("[chat]\nidle_seconds = 90000\n", "", "chat.idle_seconds"),
            ("[ingest]\nchunk_tokens = 32\n", "", "ingest.overlap_tokens"),
        ] {
            let error = Config::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let message = error.to_string();
            assert!(message.contains(line) && message.contains(key) && message.contains("wayside config"), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn a_home_is_read() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(Config::load(home.path()).unwrap(), Config::default());
        let file = home.path().join(FILE);
        std::fs::write(&file, "runtime = \"lib/ort.so\"\n[chat]\nsystem = \"Be brief.\"").unwrap();
        let config = Config::load(home.path()).unwrap();
        assert_eq!(config.runtime, Some(home.path().join("lib/ort.so")));
        assert_eq!(config.chat.system.as_deref(), Some("Be brief."));
        std::fs::write(&file, "runtime = \"libonnxruntime.so\"").unwrap();
        assert_eq!(Config::load(home.path()).unwrap().runtime, Some("libonnxruntime.so".into()));
        std::fs::write(&file, "nonsense").unwrap();
        assert!(Config::load(home.path()).unwrap_err().to_string().contains(FILE));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(\\PC|\n){0,200}", key in "[a-z_]{1,12}", value in "\\PC{0,12}") {
            let _ = Config::parse(&text);
            let _ = Config::parse(&format!("{key} = {value}\n[generate]\n{key} = {value}"));
        }
    }
}
