//! Who may name whom. The table in ARCHITECTURE.md is read, so that the drawing and the code cannot part.

use super::source::{Source, root};
use std::collections::{BTreeMap, BTreeSet};

/// Pairs that do not name each other although their layers would allow it: whoever builds never runs; search and
/// learning meet in the log alone; programs see the public face.
const WALLS: [(&str, &str); 12] = [
    ("graph", "engine"),
    ("import", "engine"),
    ("rag", "learn"),
    ("learn", "rag"),
    ("cli", "engine"),
    ("cli", "graph"),
    ("cli", "onnx"),
    ("cli", "format"),
    ("serve", "engine"),
    ("serve", "graph"),
    ("serve", "onnx"),
    ("serve", "format"),
];

/// Libraries that one module alone may name.
const OWNED: [(&str, &str); 3] = [("ort", "engine"), ("heed", "store"), ("arroy", "store")];

/// A row of the table.
#[derive(Clone, Debug, Default)]
struct Layer {
    number: u32,
    /// Modules of the same layer that this one may name all the same.
    beside: BTreeSet<String>,
}

/// The table: `| layer | module | beside | one line |`, modules in backticks.
fn layers(text: &str) -> BTreeMap<String, Layer> {
    let mut layers = BTreeMap::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, number, modules, beside, ..] = cells.as_slice() else { continue };
        let Ok(number) = number.parse() else { continue };
        let beside = names(beside);
        for module in names(modules) {
            let old = layers.insert(module.clone(), Layer { number, beside: beside.clone() });
            assert!(old.is_none(), "{module} has two rows");
        }
    }
    layers
}

/// The words in backticks, without slashes and endings.
fn names(cell: &str) -> BTreeSet<String> {
    let words = cell.split('`').skip(1).step_by(2);
    words.map(|word| word.trim_end_matches('/').trim_end_matches(".rs").to_owned()).collect()
}

/// What `lib.rs` lifts to the root, with the module it comes from.
fn lifted(lib: &Source) -> BTreeMap<&str, &str> {
    let mut lifted = BTreeMap::new();
    for at in 0..lib.code.len() {
        if lib.text_at(at) == "pub" && lib.text_at(at + 1) == "use" {
            let module = lib.text_at(at + 2);
            let rest = lib.code.iter().skip(at + 3).map(|token| token.text.as_str()).take_while(|text| *text != ";");
            lifted.extend(rest.map(|name| (name, module)));
        }
    }
    lifted
}

/// Where the code crosses the table.
fn crossings(sources: &[Source], table: &BTreeMap<String, Layer>) -> Vec<String> {
    let lib = sources.iter().find(|source| source.path == "src/lib.rs");
    let lifted = lib.map(lifted).unwrap_or_default();
    let mut crossings = Vec::new();
    for source in sources {
        let Some(module) = source.module() else { continue };
        let Some(own) = table.get(module) else {
            crossings.push(format!("{}: no row for {module} in ARCHITECTURE.md", source.path));
            continue;
        };
        for (name, line) in source.names_at_root() {
            let used = lifted.get(name).copied().unwrap_or(name);
            let Some(other) = table.get(used).filter(|_| used != module) else { continue };
            let allowed = other.number < own.number || other.number == own.number && own.beside.contains(used);
            if !allowed || WALLS.contains(&(module, used)) {
                crossings.push(format!("{}:{line}: {module} names {used}", source.path));
            }
        }
    }
    crossings
}

/// Where a library is named outside the module that owns it.
fn strangers(sources: &[Source]) -> Vec<String> {
    let mut strangers = Vec::new();
    for source in sources {
        for (library, owner) in OWNED {
            if source.module() != Some(owner) {
                let lines = source.lines_where(|at| {
                    source.text_at(at) == library
                        && (source.text_at(at + 1) == "::" || at > 0 && source.text_at(at - 1) == "use")
                });
                strangers.extend(lines.map(|line| format!("{}:{line}: {library} outside {owner}", source.path)));
            }
        }
    }
    strangers
}

#[test]
fn modules_name_only_what_lies_below() {
    let table = layers(&std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap());
    let sources = super::source::sources();
    let gone = |module: &&String| !sources.iter().any(|source| source.module() == Some(module));
    assert_eq!(table.keys().filter(gone).collect::<Vec<_>>(), [""; 0], "rows without a module");
    assert_eq!(crossings(&sources, &table), [""; 0]);
}

#[test]
fn libraries_stay_with_their_owners() {
    assert_eq!(strangers(&super::source::sources()), [""; 0]);
}

#[test]
fn the_rules_see_what_they_forbid() {
    let table = layers(
        "| layer | module | beside | about |\n|--|--|--|--|\n| 0 | `error` | | |\n| 1 | `text/` | | |\n\
         | 2 | `engine/` | | |\n| 2 | `onnx/` | `text`, `engine` | |\n| 3 | `graph/` | | |\n| 8 | `main.rs`, `cli/`, `serve/` | | |",
    );
    let found = |path: &str, text: &str| {
        let lib = Source::new("src/lib.rs", "pub mod graph; pub use graph::{Graph, Op};".into());
        crossings(&[lib, Source::new(path, text.into())], &table).len()
            + strangers(&[Source::new(path, text.into())]).len()
    };
    for (path, bad) in [
        ("src/error.rs", "use crate::text;"),
        ("src/error.rs", "use crate::Graph;"),
        ("src/error.rs", "use super::text::Chunk;"),
        ("src/text/mod.rs", "fn f() { crate::graph::lower() }"),
        ("src/text/a/b.rs", "use super::super::super::engine;"),
        ("src/text/a/mod.rs", "use crate::{error::Error, onnx::{self, check}};"),
        ("src/engine/mod.rs", "use crate::onnx;"),
        ("src/graph/mod.rs", "use crate::engine::Engine;"),
        ("src/main.rs", "use wayside::graph::Op;"),
        ("src/cli/ask.rs", "use wayside::{Op, text};"),
        ("src/serve/ask.rs", "use wayside::engine::Engine;"),
        ("src/unheard.rs", ""),
        ("src/text/mod.rs", "use heed;"),
        ("src/graph/mod.rs", "type S = ort::Session;"),
    ] {
        assert_eq!(found(path, bad), 1, "{path}: {bad}");
    }
    for (path, good) in [
        ("src/text/mod.rs", "use crate::error::Error; // not crate::graph\nconst A: &str = \"crate::graph\";"),
        ("src/text/mod.rs", "#[cfg(test)] mod tests { use crate::graph; use heed::Env; } use crate::error;"),
        ("src/text/mod.rs", "#[cfg(test)] use crate::{graph, engine}; use crate::error;"),
        ("src/text/tests.rs", "use crate::graph;"),
        ("src/text/a.rs", "use super::engine;"),
        ("src/onnx/mod.rs", "use crate::engine;"),
        ("src/engine/mod.rs", "use ort::Session;"),
        ("src/cli/ask.rs", "use crate::graph; use wayside::text;"),
    ] {
        assert_eq!(found(path, good), 0, "{path}: {good}");
    }
}
