//! A source file as the rules see it: its lines, and its code as tokens, without comments and without tests.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// A word, a sign, a literal or a bracket; `::` is one.
#[derive(Debug)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// One Rust file.
pub struct Source {
    /// From the root of the repository, with slashes.
    pub path: String,
    pub text: String,
    /// What is compiled into the library or the program: empty for a file of tests.
    pub code: Vec<Token>,
}

impl Source {
    pub fn new(path: &str, text: String) -> Self {
        let mut code = Vec::new();
        if path.starts_with("src/") && !path.contains("/tests/") && !path.ends_with("/tests.rs") {
            let tokens = text.parse().unwrap_or_else(|e| panic!("{path} is no Rust: {e}"));
            flatten(tokens, &mut code);
        }
        Self { path: path.to_owned(), text, code }
    }

    /// The module below the crate's root that the file belongs to; `None` for `lib.rs` and for what is no module.
    pub fn module(&self) -> Option<&str> {
        let path = self.path.strip_prefix("src/")?;
        match path.split_once('/').map_or_else(|| path.strip_suffix(".rs").unwrap_or(path), |(folder, _)| folder) {
            "lib" => None,
            "main" => Some("cli"),
            module => Some(module),
        }
    }

    /// How many `super` lead from the file's module to the crate's root.
    fn depth(&self) -> usize {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        inner.split('/').count()
    }

    /// What the code names at the root of the library: the word after `crate::`, `wayside::` or enough `super::`,
    /// with the line it stands in.
    pub fn names_at_root(&self) -> Vec<(&str, usize)> {
        let is_program = matches!(self.module(), Some("cli" | "serve"));
        let mut names = Vec::new();
        let mut supers = 0;
        for (at, token) in self.code.iter().enumerate() {
            match token.text.as_str() {
                "super" => supers += 1,
                "::" if supers > 0 => {}
                _ => supers = 0,
            }
            let root = match token.text.as_str() {
                "crate" => !is_program,
                "wayside" => is_program,
                "super" => !is_program && supers >= self.depth(),
                _ => false,
            };
            if root && self.text_at(at + 1) == "::" {
                names.extend(self.names_from(at + 2));
            }
        }
        names.retain(|(name, _)| *name != "super");
        names
    }

    /// The word at `at`, or each first word of the group that opens there.
    fn names_from(&self, at: usize) -> Vec<(&str, usize)> {
        let mut names = Vec::new();
        let mut depth = 0;
        for (i, token) in self.code.iter().enumerate().skip(at) {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                word if depth == 0 || depth == 1 && matches!(self.text_at(i - 1), "{" | ",") => {
                    names.push((word, token.line));
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        names
    }

    /// The token at `at`, or nothing past the end.
    pub fn text_at(&self, at: usize) -> &str {
        self.code.get(at).map_or("", |token| &token.text)
    }

    /// The lines at which `is_at` holds for a place in the code.
    pub fn lines_where<'a>(&'a self, is_at: impl Fn(usize) -> bool + 'a) -> impl Iterator<Item = usize> + 'a {
        (0..self.code.len()).filter(move |&at| is_at(at)).map(|at| self.code[at].line)
    }
}

/// The tokens of a stream one after another; an item after `#[cfg(test)]` is left out.
fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    let mut skipping = false;
    while let Some(tree) = trees.next() {
        if skipping {
            // The item ends at its body, or at a semicolon; a `use` may hold braces before that.
            let is_body = matches!(&tree, TokenTree::Group(g) if g.delimiter() == Delimiter::Brace);
            let is_end = matches!(&tree, TokenTree::Punct(p) if p.as_char() == ';');
            let more = matches!(trees.peek(), Some(TokenTree::Punct(p)) if p.as_char() == ';');
            skipping = !(is_end || is_body && !more);
            continue;
        }
        let line = tree.span().start().line;
        let token = |text: &str| Token { text: text.to_owned(), line };
        match tree {
            TokenTree::Group(group) => {
                if group.delimiter() == Delimiter::Bracket && group.stream().to_string().replace(' ', "") == "cfg(test)"
                {
                    into.pop();
                    skipping = true;
                    continue;
                }
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                into.push(token(open));
                flatten(group.stream(), into);
                into.push(Token { text: close.to_owned(), line: group.span_close().start().line });
            }
            TokenTree::Punct(sign) => match into.last_mut() {
                Some(last) if sign.as_char() == ':' && last.text == ":" => last.text = "::".to_owned(),
                _ => into.push(token(&sign.to_string())),
            },
            TokenTree::Ident(word) => into.push(token(&word.to_string())),
            TokenTree::Literal(literal) => into.push(token(&literal.to_string())),
        }
    }
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file that could be committed, by its path from the root: all but git's own and what `.gitignore` names.
pub fn files() -> Vec<(String, PathBuf)> {
    let ignored = std::fs::read_to_string(root().join(".gitignore")).unwrap();
    let ignored: Vec<_> = ignored.lines().map(|line| root().join(line.trim_matches('/'))).collect();
    let kept = |path: &Path| path.file_name().is_none_or(|n| n != ".git") && !ignored.iter().any(|i| i == path);
    let mut files = Vec::new();
    for entry in WalkDir::new(root()).sort_by_file_name().into_iter().filter_entry(|e| kept(e.path())) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            files.push((path, entry.into_path()));
        }
    }
    files
}

/// Every file that is text, with its path.
pub fn texts() -> Vec<(String, String)> {
    files().into_iter().filter_map(|(path, file)| Some((path, std::fs::read_to_string(file).ok()?))).collect()
}

/// Every Rust file.
pub fn sources() -> Vec<Source> {
    let rust = texts().into_iter().filter(|(path, _)| path.ends_with(".rs"));
    rust.map(|(path, text)| Source::new(&path, text)).collect()
}
