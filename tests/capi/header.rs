//! The committed header is what the code says.

use crate::tidy::root;
use std::path::Path;

/// The files of `src/capi` that the header shows, in its order.
const FILES: [&str; 11] =
    ["version", "status", "message", "border", "watch", "handle", "knowledge", "answer", "chat", "learning", "care"];

#[test]
fn the_header_is_up_to_date() {
    let folder = root().join("src/capi");
    let mut builder = cbindgen::Builder::new()
        .with_config(cbindgen::Config::from_file(folder.join("cbindgen.toml").to_str().unwrap()).unwrap());
    for file in FILES {
        builder = builder.with_src(folder.join(file).with_extension("rs"));
    }
    let mut bytes = Vec::new();
    builder.generate().unwrap().write(&mut bytes);
    let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wayside.h");
    std::fs::write(&fresh, &bytes).unwrap();
    let committed = std::fs::read(folder.join("wayside.h")).unwrap_or_default();
    let remedy = format!("src/capi/wayside.h is stale: cp {} src/capi/wayside.h", fresh.display());
    assert!(committed == bytes, "{remedy}");
}

#[test]
fn every_file_with_a_function_is_in_the_header() {
    let header = std::fs::read_to_string(root().join("src/capi/wayside.h")).unwrap();
    let mut functions = 0;
    for (path, text) in crate::tidy::texts().iter().filter(|(path, _)| path.starts_with("src/capi/")) {
        for line in text.lines().filter(|line| line.starts_with("pub extern \"C\" fn ")) {
            let name = line.trim_start_matches("pub extern \"C\" fn ").split('(').next().unwrap();
            assert!(header.contains(&format!("{name}(")), "{name} of {path} is not in the header");
            functions += 1;
        }
    }
    assert!(functions > 20, "{functions}");
}
