//! The committed header is what the code says.

use super::interface;
use std::path::Path;

/// The files of `src/capi` that the header shows, in its order.
const FILES: [&str; 11] =
    ["version", "status", "message", "border", "watch", "handle", "knowledge", "answer", "chat", "learning", "care"];

#[test]
fn the_header_is_up_to_date() {
    let folder = interface();
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
    let header = std::fs::read_to_string(interface().join("wayside.h")).unwrap();
    let mut functions = 0;
    for file in std::fs::read_dir(interface()).unwrap() {
        let path = file.unwrap().path();
        let Some("rs") = path.extension().and_then(|e| e.to_str()) else { continue };
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let Some(rest) = line.strip_prefix("pub extern \"C\" fn ") else { continue };
            let name = rest.split('(').next().unwrap();
            assert!(header.contains(&format!("{name}(")), "{name} of {} is not in the header", path.display());
            functions += 1;
        }
    }
    assert!(functions > 20, "{functions}");
}

#[test]
fn only_the_border_follows_pointers() {
    for file in std::fs::read_dir(interface()).unwrap() {
        let path = file.unwrap().path();
        let is_border = path.ends_with("border.rs") || path.extension().is_none_or(|e| e != "rs");
        let text = if is_border { String::new() } else { std::fs::read_to_string(&path).unwrap() };
        let unsafe_code = text.lines().filter(|line| line.contains("unsafe {") || line.contains("unsafe fn"));
        assert_eq!(unsafe_code.count(), 0, "{}", path.display());
    }
}
