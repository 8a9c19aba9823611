//! What stays between a source and this program: words of access out of files and the environment, and lines that
//! nobody else hears.

use super::{Source, Sources};
use crate::error::{Error, Result};
#[cfg(any(feature = "http", feature = "postgres"))]
use std::path::Path;

/// Looks up a variable of the environment. The library never does so by itself: its host may change it meanwhile.
pub type Environment = fn(&str) -> Option<String>;

impl Sources {
    /// Puts what the environment says in the place of `${NAME}` in headers and connections.
    ///
    /// Errors: `NotFound`, naming the variable, where it is not set or nobody may look.
    pub fn fill(mut self, environment: Option<Environment>) -> Result<Self> {
        for (name, source) in self.iter_mut() {
            for value in source.words() {
                *value = filled(value, environment).map_err(|e| e.context(format!("[source.{name}]")))?;
            }
        }
        Ok(self)
    }
}

/// A value with its variables filled in. A file's name is taken as it stands.
fn filled(value: &str, environment: Option<Environment>) -> Result<String> {
    let (mut filled, mut rest) = (String::new(), value);
    while let Some((before, after)) = rest.split_once("${").filter(|_| !value.starts_with('@')) {
        let Some((name, after)) = after.split_once('}') else { break };
        let set = environment.and_then(|look| look(name)).filter(|set| !set.is_empty());
        let set = set.ok_or_else(|| {
            let why = if environment.is_some() { "is not set" } else { "is not handed to the library" };
            Error::not_found(format!(
                "the variable {name} {why}; set it, or write the value into a file and name it @FILE"
            ))
        })?;
        filled.push_str(before);
        filled.push_str(set.trim());
        rest = after;
    }
    Ok(filled + rest)
}

impl Source {
    /// A value of the declaration, or what the file holds that it names.
    #[cfg(any(feature = "http", feature = "postgres"))]
    pub(super) fn secret(value: &str) -> Result<String> {
        let Some(file) = value.strip_prefix('@') else { return Ok(value.to_owned()) };
        let text =
            crate::durable::read_text(Path::new(file)).map_err(|e| Error::io(format!("cannot read {file}"), e))?;
        Ok(text.trim().to_owned())
    }
}

/// Whether what is said to this service stays between the two: over TLS, or on this machine.
pub(super) fn is_private(url: &str) -> bool {
    let local = |url: &str| {
        let host = url.split(['/', '?', '#']).next().unwrap_or_default();
        // What stands before an `@` is a name and a password, and the host comes after; a backslash is a slash to some.
        if host.contains(['@', '\\']) {
            return false;
        }
        let host = host.strip_prefix('[').map_or_else(|| host.split(':').next(), |rest| rest.split(']').next());
        host.is_some_and(|host| ["localhost", "127.0.0.1", "::1"].contains(&host))
    };
    url.starts_with("https://") || url.strip_prefix("http://").is_some_and(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_asked_in_the_clear() {
        for url in ["https://a.example", "http://localhost:80/x", "http://127.0.0.1", "http://[::1]:8080"] {
            assert!(is_private(url), "{url}");
        }
        for url in [
            "http://a.example",
            "http://localhost.example",
            "http://127.0.0.1.example/",
            "ftp://localhost",
            "",
            "http://localhost:80@a.example",
            "http://localhost\\@a.example",
            "http://[::1]@a.example",
        ] {
            assert!(!is_private(url), "{url}");
        }
    }

    #[test]
    fn variables_are_filled_in_and_missing_ones_named() {
        let look: Environment = |name| (name == "TOKEN").then(|| "s3cret\n".to_owned());
        assert_eq!(filled("Bearer ${TOKEN}", Some(look)).unwrap(), "Bearer s3cret");
        for plain in ["Bearer $x", "@/a/${TOKEN}", "${TOKEN"] {
            assert_eq!(filled(plain, Some(look)).unwrap(), plain);
        }
        assert!(filled("${NONE}", Some(look)).unwrap_err().to_string().contains("NONE is not set"));
        assert!(filled("${TOKEN}", None).unwrap_err().to_string().contains("not handed"));
    }
}
