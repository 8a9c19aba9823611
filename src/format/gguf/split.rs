//! GGUF files that were split for upload: `NAME-00001-of-00003.gguf` and so on.

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// All parts of the file that `path` belongs to, in order; `path` alone where its name is no part's.
///
/// Errors: `NotFound` naming the first part that is missing.
pub fn parts(path: &Path) -> Result<Vec<PathBuf>> {
    let Some((stem, count)) = path.file_name().and_then(|name| part(name.to_str()?)) else {
        return Ok(vec![path.to_owned()]);
    };
    let named = |n: usize| path.with_file_name(format!("{stem}-{n:05}-of-{count:05}.gguf"));
    let parts: Vec<PathBuf> = (1..=count).map(named).collect();
    match parts.iter().find(|part| !part.is_file()) {
        Some(missing) => Err(Error::not_found(format!(
            "{} is one of {count} parts of a split file, and {} is missing; fetch it, too",
            path.display(),
            missing.display()
        ))),
        None => Ok(parts),
    }
}

/// Whether a file's name is that of another part than the first.
pub fn goes_on(name: &str) -> bool {
    part(name).is_some() && !name.contains("-00001-of-")
}

/// The name before the number, and how many parts there are.
fn part(name: &str) -> Option<(&str, usize)> {
    let (rest, count) = name.strip_suffix(".gguf")?.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let five = |digits: &str| if digits.len() == 5 { digits.parse::<usize>().ok() } else { None };
    let (number, count) = (five(number)?, five(count)?);
    (1..=count).contains(&number).then_some((stem, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_part_is_one() {
        assert_eq!(part("qwen-q4-00002-of-00003.gguf"), Some(("qwen-q4", 3)));
        assert!(goes_on("qwen-q4-00002-of-00003.gguf") && !goes_on("qwen-q4-00001-of-00003.gguf"));
        assert!(!goes_on("best-of-all.gguf"));
        for name in
            ["qwen.gguf", "a-1-of-2.gguf", "a-00004-of-00003.gguf", "a-00000-of-00003.gguf", "a-00001-of-00002.bin"]
        {
            assert_eq!(part(name), None, "{name}");
        }
    }

    #[test]
    fn a_missing_part_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a-00001-of-00002.gguf");
        std::fs::write(&path, "").unwrap();
        let error = parts(&path).unwrap_err().to_string();
        assert!(error.contains("a-00002-of-00002.gguf is missing"), "{error}");
        std::fs::write(folder.path().join("a-00002-of-00002.gguf"), "").unwrap();
        assert_eq!(parts(&path).unwrap().len(), 2);
        assert_eq!(parts(Path::new("x.gguf")).unwrap(), [Path::new("x.gguf")]);
    }
}
