//! A home folder for one test, and the program run in it. Parts and models are shared between tests: they are only
//! read.

use crate::{runner, support};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use wayside::import::{Options, import};
use wayside::watch::{Cancel, Quiet};
use wayside::{parts, sample};

/// A home folder, and beside it a folder for documents.
pub struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    /// A home with parts and models.
    pub fn new() -> Self {
        let home = Self::bare();
        fs::create_dir(home.path()).unwrap();
        support::parts();
        symlink(Path::new(env!("CARGO_TARGET_TMPDIR")).join("parts"), home.path().join("parts")).unwrap();
        symlink(models(), home.path().join("models")).unwrap();
        home
    }

    /// A home with parts, and a folder of models that may be added to; the default ones in it are shared.
    pub fn with_models_of_its_own() -> Self {
        let home = Self::new();
        fs::remove_file(home.path().join("models")).unwrap();
        fs::create_dir(home.path().join("models")).unwrap();
        for entry in fs::read_dir(models()).unwrap() {
            let entry = entry.unwrap();
            symlink(entry.path(), home.path().join("models").join(entry.file_name())).unwrap();
        }
        home
    }

    /// A home that does not exist yet.
    pub fn bare() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// A file beside the home, written; its folders are made.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The sample's documents.
    pub fn shop(&self) -> PathBuf {
        let shop = self.dir.path().join("shop");
        sample::SHOP.write(&shop).unwrap();
        shop.join("documents")
    }

    /// The program, ready to run.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = runner::command(env!("CARGO_BIN_EXE_wayside"));
        command.arg("--home").arg(self.path()).args(words);
        command.env_remove("WAYSIDE_HOME").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn start(&self, words: &[&str]) -> Child {
        self.command(words).spawn().unwrap()
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// The one JSON document of a command that must succeed.
    pub fn json(&self, words: &[&str]) -> Value {
        document(words, &self.run(&[&["--json"], words].concat()))
    }

    /// What a command that must fail with `status` says on standard error. Standard output stays empty; for a program,
    /// which says `--json`, it has the error alone.
    pub fn fails(&self, status: i32, words: &[&str]) -> String {
        let output = self.run(words);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{words:?}: {told}");
        if words.contains(&"--json") {
            let error = serde_json::from_slice::<Value>(&output.stdout).unwrap();
            let (kind, message) = (&error["error"]["kind"], error["error"]["message"].as_str().unwrap());
            assert!(kind.is_string() && told.contains(message), "{words:?}: {error} {told}");
        } else {
            assert_eq!(text(&output.stdout), "", "{words:?}");
        }
        assert!(told.contains("error: "), "{words:?}: {told}");
        told
    }
}

/// The one JSON document that a command printed.
pub fn document(words: &[&str], output: &Output) -> Value {
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{words:?}: {e}: {}", text(&output.stdout)))
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A path as a word of the command line.
pub fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The default models, imported once for all tests of this run.
fn models() -> &'static Path {
    static MODELS: OnceLock<PathBuf> = OnceLock::new();
    MODELS.get_or_init(|| {
        let models = Path::new(env!("CARGO_TARGET_TMPDIR")).join("models");
        for name in [parts::LANGUAGE_MODEL, parts::EMBEDDER] {
            import(&support::part(name), &models.join(name), Options::default(), &Quiet, &Cancel::new()).unwrap();
        }
        models
    })
}
