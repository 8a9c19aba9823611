//! House rules as tests. What the compiler and clippy can check stands in Cargo.toml; here is the rest.

mod layers;
mod prose;
mod source;

use prose::sentences;
use pulldown_cmark::{Event, Parser, Tag};
use source::{Source, root, sources, texts};
use wayside::parts::{Catalog, Kind, TARGET};

/// Lines of a file: it holds one idea.
const LONGEST_FILE: usize = 400;
/// Characters of a line.
const WIDEST_LINE: usize = 120;

fn none(found: Vec<String>) {
    assert_eq!(found, [""; 0]);
}

fn every(sources: &[Source], rule: impl Fn(&Source) -> Vec<String>) -> Vec<String> {
    let with_path = |source: &Source| -> Vec<String> {
        rule(source).into_iter().map(|what| format!("{}:{what}", source.path)).collect()
    };
    sources.iter().flat_map(with_path).collect()
}

/// A file says what it is, is short, and is no wider than a screen. Only a string may be longer: it cannot be broken
/// without hiding what it says.
fn shape(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    if !source.text.starts_with("//!") {
        found.push("1: begins without `//!`".into());
    }
    let lines = source.text.lines().count();
    if lines > LONGEST_FILE {
        found.push(format!("{lines}: more than {LONGEST_FILE} lines"));
    }
    for (line, number) in source.text.lines().zip(1..) {
        let is_comment = line.trim_start().starts_with("//");
        if line.chars().count() > WIDEST_LINE && (is_comment || !line.contains('"')) {
            found.push(format!("{number}: wider than {WIDEST_LINE}"));
        }
    }
    found
}

/// The library tells its caller; only the program prints.
fn prints(source: &Source) -> Vec<String> {
    let is_program = source.module() == Some("cli");
    let macros = ["print", "println", "eprint", "eprintln", "dbg"];
    let at = |at| !is_program && macros.contains(&source.text_at(at)) && source.text_at(at + 1) == "!";
    source.lines_where(at).map(|line| format!("{line}: prints")).collect()
}

/// A thread has a stack of a given size, or the standard library asks the environment for one: `thread` begins them.
fn begins_threads(source: &Source) -> Vec<String> {
    let is_library = !matches!(source.module(), Some("cli" | "serve" | "thread"));
    let harmless = ["scope", "sleep", "yield_now", "available_parallelism", "current", "panicking", "ThreadId"];
    let at = |at: usize| {
        let word = |back: usize| at.checked_sub(back).map_or("", |at| source.text_at(at));
        is_library
            && match source.text_at(at) {
                "thread" => word(2) == "std" && !harmless.contains(&source.text_at(at + 2)),
                "spawn" => word(2) == "scope" && word(1) == ".",
                _ => false,
            }
    };
    source.lines_where(at).map(|line| format!("{line}: begins a thread by itself")).collect()
}

/// No input ends the program: what can fail returns an error.
fn panics(source: &Source) -> Vec<String> {
    let macros = ["panic", "todo", "unimplemented", "unreachable"];
    let at = |at| {
        let word = source.text_at(at);
        let is_method = at > 0 && source.text_at(at - 1) == "." && source.text_at(at + 1) == "(";
        // A method of ours may be called `expect`; the one that panics takes a message.
        is_method && word == "unwrap"
            || is_method && word == "expect" && source.text_at(at + 2).contains('"')
            || macros.contains(&word) && source.text_at(at + 1) == "!"
    };
    source.lines_where(at).map(|line| format!("{line}: can panic")).collect()
}

/// Text that belongs to nobody but its writer: notes to oneself, and names of one workplace.
fn private(path: &str, text: &str) -> Vec<String> {
    // Put together here, so that this file does not hold them.
    let notes = [["TO", "DO"], ["FIX", "ME"], ["XX", "X:"]].map(|parts| parts.concat());
    let places = [
        ["pypi.org", "/simple"],
        ["files.python", "hosted.org"],
        ["index.crates", ".io"],
        ["artifact", "ory"],
        ["\"/wo", "rk/"],
        ["`/wo", "rk/"],
        [" /wo", "rk/"],
        ["/ro", "ot/"],
        ["/tm", "p/w/"],
        ["/home", "/u"],
    ];
    let places = places.map(|parts| parts.concat());
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        for word in notes.iter().chain(&places).filter(|word| line.contains(*word)) {
            found.push(format!("{path}:{number}: {word}"));
        }
    }
    found
}

/// Links of a Markdown text that lead to files, relative to it.
fn links(text: &str) -> Vec<String> {
    let events = Parser::new(text).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.to_string()),
        _ => None,
    });
    let outside = |link: &String| link.contains("://") || link.starts_with("mailto:") || link.starts_with('#');
    let files = events.filter(|link| !outside(link));
    files.map(|link| link.split('#').next().unwrap_or_default().to_owned()).collect()
}

/// Paths that a Markdown text names in backticks.
fn paths(text: &str) -> Vec<String> {
    let codes = Parser::new(text).filter_map(|event| match event {
        Event::Code(code) if code.contains('/') => Some(code.to_string()),
        _ => None,
    });
    codes.filter(|code| code.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))).collect()
}

/// Versions that `text` gives to parts, and that are not the catalogue's: "package 1.2.3", or "ONNX Runtime 1.2.3".
fn outdated(text: &str, catalog: &Catalog) -> Vec<String> {
    let is_inner = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let words: Vec<&str> = text.split(|c| !is_inner(c)).map(|word| word.trim_matches('.')).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let is_version =
        |word: &str| word.matches('.').count() == 2 && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let mut found = Vec::new();
    for pair in words.windows(2).filter(|pair| is_version(pair[1])) {
        let named: Vec<_> = catalog
            .of_target(TARGET)
            .filter(|p| pair[0] == p.name || pair[0] == p.package || pair[0] == "Runtime" && p.kind == Kind::Runtime)
            .collect();
        if !named.is_empty() && named.iter().all(|part| part.version != pair[1]) {
            found.push(format!("{} {}", pair[0], pair[1]));
        }
    }
    found
}

#[test]
fn files_are_short_and_say_what_they_are() {
    none(every(&sources(), shape));
}

#[test]
fn the_library_never_prints() {
    none(every(&sources(), prints));
}

#[test]
fn threads_have_stacks_of_a_given_size() {
    none(every(&sources(), begins_threads));
}

#[test]
fn nothing_panics() {
    none(every(&sources(), panics));
}

#[test]
fn nothing_private_is_committed() {
    let texts = texts().into_iter().filter(|(path, _)| path != "Cargo.lock");
    none(texts.flat_map(|(path, text)| private(&path, &text)).collect());
}

#[test]
fn links_lead_somewhere() {
    let is_document = |path: &str| path.ends_with(".md") && !path.starts_with("tests/fixtures");
    let mut broken = Vec::new();
    for (path, text) in texts().into_iter().filter(|(path, _)| is_document(path)) {
        let folder = root().join(&path);
        let folder = folder.parent().unwrap();
        broken.extend(links(&text).into_iter().filter(|l| !folder.join(l).exists()).map(|l| format!("{path}: {l}")));
    }
    none(broken);
}

#[test]
fn the_map_shows_what_is_there() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let is_there = |path: &String| root().join(path).exists() || root().join("src").join(path).exists();
    none(paths(&text).into_iter().filter(|path| !is_there(path)).collect());
}

/// What people read, by its path: all Markdown but the history and what tests are fed with.
fn documents() -> Vec<(String, String)> {
    let is_one = |path: &str| path.ends_with(".md") && !path.contains("fixtures") && path != "CHANGELOG.md";
    texts().into_iter().filter(|(path, _)| is_one(path) && !path.starts_with("src/")).collect()
}

#[test]
fn prose_names_the_versions_that_are_pulled() {
    let catalog = Catalog::builtin().unwrap();
    none(documents().iter().flat_map(|(_, text)| outdated(text, &catalog)).collect());
}

#[test]
fn prose_is_short() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.lines().count() <= 150, "the README says what it is; docs/ says the rest");
    let mut all = Vec::new();
    for (path, text) in documents() {
        let counts = sentences(&text);
        let mean = counts.iter().sum::<usize>() as f64 / counts.len().max(1) as f64;
        assert!(counts.len() < 10 || mean <= 20.0, "{path}: {mean:.1} words a sentence");
        all.extend(counts);
    }
    let mean = all.iter().sum::<usize>() as f64 / all.len() as f64;
    let long = all.iter().filter(|count| **count > 35).count() as f64 / all.len() as f64;
    assert!(mean <= 18.0 && long <= 0.05, "{mean:.1} words a sentence, {:.1} % over 35", 100.0 * long);
}

#[test]
fn the_changelog_knows_this_version() {
    let changelog = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(changelog.contains(concat!("## ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn the_rules_see_what_they_forbid() {
    let wide = "x".repeat(121);
    for (bad, rule) in [
        ("fn f() {}", shape as fn(&Source) -> Vec<String>),
        (&format!("//! A\n// {wide}"), shape),
        (&format!("//! A\n// \"{wide}\""), shape),
        (&format!("//! A{}", "\n".repeat(401)), shape),
        ("fn f() { println!() }", prints),
        ("fn f() { g(dbg!(1)) }", prints),
        ("fn f() { std::thread::spawn(g); }", begins_threads),
        ("fn f() { std::thread::scope(|scope| scope.spawn(g)); }", begins_threads),
        ("use std::thread; fn f() { thread::Builder::new(); }", begins_threads),
        ("fn f() { a.unwrap(); }", panics),
        ("fn f() { a.expect(\"b\"); }", panics),
        ("fn f() { if a { unreachable!() } }", panics),
    ] {
        assert_eq!(rule(&Source::new("src/text/a.rs", bad.into())).len(), 1, "{bad}");
    }
    let good = "//! println!() is forbidden\nfn f() { a.unwrap_or(1); b.expect(2); let s = \"panic!\"; }
        #[cfg(test)]\nmod tests { fn f() { a.unwrap(); println!(); } }";
    for rule in [shape, prints, panics, begins_threads] {
        assert_eq!(rule(&Source::new("src/text/a.rs", good.into())), [""; 0]);
    }
    assert_eq!(private("a", &format!("// {}: later", ["TO", "DO"].concat())).len(), 1);
    assert_eq!(links("[a](b.md#c) ![d](e.png) [f](https://g) [h](#i) `[j](k)`"), ["b.md", "e.png"]);
    assert_eq!(paths("`a/b.rs` `a/<name>/` `c.rs` [d](e/f)"), ["a/b.rs"]);
    let catalog = Catalog::builtin().unwrap();
    assert_eq!(outdated("ONNX Runtime 0.1.2, `onnxruntime` 0.1.3. onnxruntime-genai 0.1.4", &catalog).len(), 2);
}
