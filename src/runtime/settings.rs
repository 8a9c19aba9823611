//! Changing settings: one line of `config.toml`, the rest as it was.

use super::Runtime;
use crate::config::{Config, FILE};
use crate::durable;
use crate::error::{Error, Result};
use std::fs;
use std::path::Path;
use toml_edit::{DocumentMut, Item, Table, Value, value};

impl Runtime {
    /// Sets `key`, with its section before a dot, to `text`: a value of TOML's, or a text. It holds from the next start
    /// on.
    ///
    /// # Errors
    /// Invalid where there is no such key or the value makes no sense for it; then nothing is changed.
    pub fn set(&self, key: &str, text: &str) -> Result<()> {
        let value = text.parse::<Value>().map_or_else(|_| value(text), Item::Value);
        self.change(key, value)
    }

    /// Makes `text` the settings' file where the file still says `before`, nothing standing for none.
    ///
    /// # Errors
    /// Invalid where it makes no sense; busy where somebody else changed the file meanwhile. Then nothing is changed.
    pub fn replace_settings(home: &Path, before: Option<&str>, text: &str) -> Result<()> {
        let path = home.join(FILE);
        Config::parse(text)?;
        durable::create_dir(home)?;
        if settings_text(home)?.as_deref() != before {
            return Err(Error::busy(format!("somebody else has changed {} meanwhile", path.display())));
        }
        durable::write(&path, text.as_bytes())
    }

    /// Puts an item into the file, if the file is a good one with it.
    pub(super) fn change(&self, key: &str, item: Item) -> Result<()> {
        let path = self.home().join(FILE);
        let text = settings_text(self.home())?.unwrap_or_default();
        let mut document: DocumentMut =
            text.parse().map_err(|e| Error::invalid(format!("{} cannot be read: {e}", path.display())))?;
        let (section, name) = key.split_once('.').map_or((None, key), |(section, name)| (Some(section), name));
        let table = match section {
            None => document.as_table_mut(),
            Some(section) => {
                let table = document.entry(section).or_insert_with(|| Item::Table(Table::new())).as_table_mut();
                table.ok_or_else(|| Error::invalid(format!("{section:?} is no section of settings")))?
            }
        };
        table.insert(name, item);
        let text = document.to_string();
        Config::parse(&text).map_err(|e| e.context(path.display()))?;
        durable::create_dir(self.home())?;
        durable::write(&path, text.as_bytes())
    }
}

/// What the settings' file of a home says; nothing where there is none.
///
/// # Errors
/// It cannot be read.
pub fn settings_text(home: &Path) -> Result<Option<String>> {
    let path = home.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(format!("cannot read {}", path.display()), e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_by_a_good_one_that_was_made_from_it() {
        let home = tempfile::tempdir().unwrap();
        Runtime::replace_settings(home.path(), None, "threads = 1\n").unwrap();
        let wrong = Runtime::replace_settings(home.path(), Some("threads = 1\n"), "thread = 2\n").unwrap_err();
        assert!(wrong.to_string().contains("line 1"), "{wrong}");
        let late = Runtime::replace_settings(home.path(), Some("threads = 7\n"), "threads = 2\n").unwrap_err();
        assert_eq!(late.kind(), crate::ErrorKind::Busy);
        assert_eq!(settings_text(home.path()).unwrap().unwrap(), "threads = 1\n");
    }

    #[test]
    fn a_setting_is_changed_and_the_rest_stays() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(FILE);
        fs::write(&path, "# mine\nthreads = 1\n[answer]\n# theirs\ncertainty = 0.4\n").unwrap();
        let runtime = Runtime::open(home.path()).unwrap();
        runtime.set("answer.mode", "quote").unwrap();
        runtime.set("generate.max_tokens", "12").unwrap();
        runtime.set("chat.system", "Be brief: 2 words.").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("# mine") && text.contains("# theirs") && text.contains("mode = \"quote\""), "{text}");
        let config = Config::load(home.path()).unwrap();
        assert_eq!((config.threads, config.generate.max_tokens), (1, 12));
        assert_eq!(config.chat.system.as_deref(), Some("Be brief: 2 words."));
        for (key, value) in [("answer.mood", "good"), ("threads", "many"), ("answer.certainty", "7"), ("", "1")] {
            assert!(runtime.set(key, value).is_err(), "{key}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "nothing was changed");
    }
}
