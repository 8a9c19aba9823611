//! Changing settings: one line of `config.toml`, the rest as it was.

use super::Runtime;
use crate::config::{Config, FILE};
use crate::durable;
use crate::error::{Error, Result};
use std::fs;
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

    /// Puts an item into the file, if the file is a good one with it.
    pub(super) fn change(&self, key: &str, item: Item) -> Result<()> {
        let path = self.home().join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(Error::io(format!("cannot read {}", path.display()), e)),
        };
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

#[cfg(test)]
mod tests {
    use super::*;

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
