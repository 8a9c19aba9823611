//! Where documents lie: copies are one thing, what moves is not embedded again, what was passed over is listed.

use super::home::{Home, word};
use serde_json::{Value, json};
use std::fs;

/// Kind and file name of what is on the list.
fn listed(home: &Home) -> Vec<(String, String)> {
    let list = home.json(&["documents", "list", "--skipped"]);
    let row = |r: &Value| {
        assert!(!r["reason"].as_str().unwrap().is_empty() && r["collection"] == "default", "{r}");
        let name = r["document"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        (r["kind"].as_str().unwrap().to_owned(), name)
    };
    list.as_array().unwrap().iter().map(row).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned())).collect()
}

#[test]
fn what_was_passed_over_is_listed_until_it_is_taken_or_gone() {
    let home = Home::new();
    let good = home.file("docs/good.md", "# Lamps\n\nThe lamp burns for nine hours.\n");
    let folder = good.parent().unwrap().to_owned();
    let bad = home.file("docs/bad.md", [0u8, 1, 2, 3]);
    home.file("docs/photo.jpg", [0xff, 0xd8]);
    let other = home.file("other/photo.png", [0x89, b'P']);
    home.json(&["ingest", word(&folder), word(other.parent().unwrap())]);
    let all = pairs(&[(".jpg", "photo.jpg"), (".md", "bad.md"), (".png", "photo.png")]);
    assert_eq!(listed(&home), all);
    // Another ingest of another place changes nothing of it, nor does one that finds the same again.
    home.json(&["ingest", word(&good)]);
    home.json(&["ingest", word(&folder)]);
    assert_eq!(listed(&home), all);
    // One is taken, one is gone.
    fs::write(&bad, "# Pumps\n\nThe pump is loud.\n").unwrap();
    home.json(&["ingest", word(&bad)]);
    assert_eq!(listed(&home), pairs(&[(".jpg", "photo.jpg"), (".png", "photo.png")]));
    fs::remove_file(folder.join("photo.jpg")).unwrap();
    home.json(&["ingest", word(&folder)]);
    assert_eq!(listed(&home), pairs(&[(".png", "photo.png")]));
    // What cannot be seen stays; what is let go of leaves.
    fs::remove_dir_all(other.parent().unwrap()).unwrap();
    home.run(&["ingest", word(other.parent().unwrap())]);
    home.json(&["documents", "remove", word(other.parent().unwrap())]);
    assert!(listed(&home).is_empty());
}

#[test]
fn what_moves_costs_no_embedding_and_a_copy_is_a_further_place() {
    let home = Home::new();
    let lamp = home.file("a/lamp.md", "# Lamps\n\nThe lamp burns for nine hours on one charge.\n");
    home.file("a/pump.csv", "Pump,Price\nWren,49\n");
    let first = home.json(&["ingest", word(lamp.parent().unwrap())]);
    assert_eq!((&first["documents"], &first["reused"]), (&2.into(), &0.into()), "{first}");
    let before = home.json(&["search", "How long does the lamp burn?"])["hits"].take();
    // A folder that moved, known by its new place alone.
    let moved = lamp.parent().unwrap().with_file_name("b");
    fs::rename(lamp.parent().unwrap(), &moved).unwrap();
    let done = home.json(&["ingest", word(&moved)]);
    let counts = ["documents", "reused", "removed", "moved"].map(|key| done[key].as_u64().unwrap());
    assert_eq!(counts, [2, done["chunks"].as_u64().unwrap(), 2, 2], "{done}");
    let after = home.json(&["search", "How long does the lamp burn?"])["hits"].take();
    assert_eq!(after[0]["document"], word(&moved.join("lamp.md")));
    assert!(after.as_array().unwrap().iter().all(|hit| hit["also"] == json!([])), "{after}");
    for key in ["text", "section", "title"] {
        assert_eq!(after[0][key], before[0][key]);
    }
    // A copy of another name, in another collection as well.
    let copy = moved.join("older.md");
    fs::copy(moved.join("lamp.md"), &copy).unwrap();
    for collection in ["default", "other"] {
        let done = home.json(&["ingest", word(&copy), "--collection", collection]);
        assert_eq!((&done["documents"], &done["reused"], &done["moved"]), (&1.into(), &1.into(), &0.into()), "{done}");
    }
    let hits = home.json(&["search", "How long does the lamp burn?"])["hits"].take();
    assert_eq!((&hits[0]["document"], &hits[0]["also"]), (&json!(moved.join("lamp.md")), &json!([copy])), "{hits}");
    assert_eq!(hits.as_array().unwrap().iter().filter(|h| h["text"] == before[0]["text"]).count(), 1, "{hits}");
}

#[test]
fn an_edit_costs_the_passages_that_it_changed() {
    let home = Home::new();
    let part =
        |n: usize, hours: usize| format!("## Part {n}\n\n{}\n\n", format!("Lamp {n} burns {hours} h. ").repeat(80));
    let text = |last: usize| (0..4).map(|n| part(n, if n == 3 { last } else { 9 })).collect::<String>();
    let manual = home.file("manual.md", format!("# Manual\n\n{}", text(9)));
    let first = home.json(&["ingest", word(&manual)]);
    fs::write(&manual, format!("# Manual\n\n{}", text(8))).unwrap();
    let again = home.json(&["ingest", word(&manual)]);
    let (chunks, reused) = (again["chunks"].as_u64().unwrap(), again["reused"].as_u64().unwrap());
    assert_eq!(again["chunks"], first["chunks"]);
    assert!(reused > 0 && reused < chunks, "{again}");
}
